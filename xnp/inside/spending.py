"""Where time and memory go when a network runs forward, operation by operation.

    image --- conv1 --- norm1 --- relu1 --- ...
              1.2 ms    0.4 ms    0.1 ms            a stopwatch beside each
              64 kB     64 kB     64 kB             and the size of what it puts out

These are the operations of `xnp.ops`, as they can be read; `xnp bench --parts` asks the same of the engine. What a
training keeps for its backward is of the size of these outputs.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np

from xnp import checks, ops
from xnp.count import count
from xnp.graph import Call, trace
from xnp.layers import Layer, Leaf


class Spent(NamedTuple):
    """What one operation cost, for all images of the batch together."""

    path: str
    kind: str  # class of the layer, or "Add", "Concatenate"
    macs: int
    seconds: float  # the median
    bytes: int  # of the output; 0 where that is the input itself, seen otherwise


def time_and_memory(model: Layer, x: np.ndarray, *, rounds: int = 5) -> list[Spent]:
    """Run a model forward, operation by operation, and measure each.

    Parameters
    ----------
    model : Layer
        Built. It runs as in use, not as in training.
    x : (N, H, W, C) array
        Images as the model takes them.
    rounds : int
        How often all of it is run; one more at the start is not counted.

    Returns
    -------
    list of Spent
        In the order in which the operations run. The times are those of this machine and this moment.

    Raises
    ------
    ValueError
        A model that is not built, images that do not fit it, no round.
    """
    checks.positive("time_and_memory", rounds=rounds)
    calls = trace(model)
    rows = {row.path: row for row in count(model, x.shape[1:]).rows}
    turns = [run(calls, x) for _ in range(1 + rounds)][1:]
    return [
        Spent(
            call.path,
            rows[call.path].kind,
            len(x) * rows[call.path].macs,
            median(turn[k][0] for turn in turns),
            turns[-1][k][1],
        )
        for k, call in enumerate(calls)
    ]


def run(calls: list[Call], x: np.ndarray) -> list[tuple[float, int]]:
    """Run all calls once; give seconds and bytes of each."""
    values, measured = {0: x}, []
    for call in calls:
        inputs, forward = [values[value] for value in call.reads], forward_of(call)
        start = perf_counter()
        y = forward(*inputs)
        seconds = perf_counter() - start
        values[call.writes] = y
        measured.append((seconds, 0 if any(np.may_share_memory(y, array) for array in inputs) else y.nbytes))
    return measured


def forward_of(call: Call) -> Callable[..., np.ndarray]:
    """Give what runs a call: the layer, or the operation that joins two ways."""
    if isinstance(call.what, Leaf):
        return call.what.forward
    op = {"add": ops.add, "concatenate": ops.concatenate}[call.what]
    return lambda *inputs: op.forward(*inputs)[0]
