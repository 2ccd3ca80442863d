"""Is a backward right? Its gradients are compared with slopes that are measured by running forward alone.

    op        gradient  cases  central difference  complex step
                               below 1e-07         below 1e-12
    add       da        3      9.2e-11             4.3e-17       ok
    conv2d    dx        17     3.1e-10             1.9e-16       ok

One operation: `check` moves each number of each array by itself. The dy is random. A dy of ones would hide mistakes:
with it the dx of batch normalisation is 0, and so is its part that comes from the variance, be it right or wrong.

A network: it has too many numbers for that. `check_model` moves all numbers of an array together, in a random
direction d, and compares two numbers: the measured slope of the loss along d, and sum(gradient * d).
A gradient that is wrong somewhere agrees with a random direction by luck alone.

Corners: next to relu's 0, a measured slope is a mixture of two, and proves nothing. The cases keep away from corners.
A network has so many relus that a direction will cross one now and then; this is noticed, and another one is drawn.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xnp.cases import CASES, Case, random_like
from xnp.differences import central_difference, complex_step, count_kinks, kink, relative_error
from xnp.layers import Layer
from xnp.models import tiny_xception
from xnp.ops import softmax_cross_entropy

if TYPE_CHECKING:
    from xnp.engine import Engine

__all__ = ["Result", "central_difference", "check", "check_model", "complex_step", "kink", "run", "table"]

TOLERANCES = {"central difference": 1e-7, "complex step": 1e-12, "directional": 1e-6}
STEP = 1e-5  # along a direction of length 1: ten times the usual, for the loss of a deep network is rounded more
TRIES = 8  # directions for one array; each time with half the step


class Result(NamedTuple):
    """One gradient, compared once."""

    op: str
    gradient: str
    case: str
    method: str  # a key of TOLERANCES
    error: float  # see `differences.relative_error`
    kinks: int = 0  # corners that were met

    @property
    def passed(self) -> bool:
        """Whether the error is within the method's tolerance. An error that is not a number is not."""
        return self.error <= TOLERANCES[self.method]


def check(case: Case) -> list[Result]:
    """Compare every gradient of one call: by central difference, and by complex step where the call is analytic.

    Returns
    -------
    list of Result
        Where a gradient fails, `kinks` says at how many of its numbers there is a corner.
    """
    y, cache = case.forward()
    dy = random_like(y)
    results = []
    for name, found in case.backward(dy.copy(), cache).items():
        x = case.arrays[name]
        if x is None:
            continue
        f = case.as_function_of(name)
        error = relative_error(found, central_difference(f, x, dy))
        result = Result(case.op_name, f"d{name}", case.name, "central difference", error)
        results.append(result if result.passed else result._replace(kinks=count_kinks(f, x, dy)))
        if case.analytic:
            error = relative_error(found, complex_step(case.cast(np.complex128).as_function_of(name), x, dy))
            results.append(result._replace(method="complex step", error=error))
    return results


def run() -> list[Result]:
    """Check every case of every operation, and `tiny_xception` as a whole."""
    model, rng = tiny_xception(dtype=np.float64), np.random.default_rng(0)
    x, labels = rng.normal(size=(4, 32, 32, 3)), rng.integers(10, size=4)
    results = [result for case in CASES for result in check(case)]
    return results + check_model(model, x, labels, name="tiny_xception")


def check_model(
    model: "Layer | Engine",
    x: np.ndarray,
    labels: np.ndarray,
    *,
    name: str = "model",
    training: bool = True,
    seed: int = 0,
) -> list[Result]:
    """Compare the gradients of a whole network with slopes of its loss, each along a random direction.

    Parameters
    ----------
    model : Layer or Engine
        Built in float64, ending in logits. It is left as it was: parameters, moving statistics and generators.
        An engine's forward and backward are checked in place of its model's.
    x : (N, ...) float64 array
    labels : (N,) integer array
        For the loss, `softmax_cross_entropy`.
    name : str
        The network's, for the results.
    training : bool
        Which forward to check: with the statistics of the batch, or with the moving ones.
    seed : int
        Of the directions.

    Returns
    -------
    list of Result
        One for the input, one for each array of parameters, one for all parameters together.
        `gradient` names the part of the network, `case` the array's path, `kinks` counts the directions that
        crossed a corner and were drawn again.

    Raises
    ------
    ValueError
        An x that is not float64.
    """
    if x.dtype != np.float64:
        raise ValueError(f"check_model: x is {x.dtype}; slopes are measured in float64, the model must have it too")
    x, rng = x.copy(), np.random.default_rng(seed)
    state = {path: array.copy() for path, array in model.state().items()}
    draws = {path: generator.bit_generator.state for path, generator in model.generators().items()}

    def forward() -> tuple[np.ndarray, Any]:
        for path, generator in model.generators().items():
            generator.bit_generator.state = draws[path]  # every forward drops the same numbers
        return softmax_cross_entropy.forward(model.forward(x, training=training), labels)

    try:
        _, cache = forward()
        dx = model.backward(softmax_cross_entropy.backward(1.0, cache))
        parameters, gradients = model.parameters(), model.gradients()
        targets = {path: (path.split("/")[0], [array], [gradients[path]]) for path, array in parameters.items()}
        if dx is not None:  # an engine may have been told to leave it out
            targets["x"] = "input", [x], [dx]
        targets["all"] = "all parameters", list(parameters.values()), list(gradients.values())
        results = []
        for path, (part, arrays, slopes) in targets.items():
            error, kinks = along(lambda: float(forward()[0]), arrays, slopes, rng)
            results.append(Result(name, part, path, "directional", error, kinks))
        return results
    finally:
        for path, array in model.state().items():
            array[...] = state[path]
        for path, generator in model.generators().items():
            generator.bit_generator.state = draws[path]


def along(
    loss: Callable[[], float], arrays: list[np.ndarray], gradients: list[np.ndarray], rng: np.random.Generator
) -> tuple[float, int]:
    """Compare gradients with the loss's slope along one direction: the error, and the corners that were met on the way.

    `loss` reads the arrays; they are moved in place, and put back.
    """
    starts = [array.copy() for array in arrays]
    for kinks in range(TRIES):
        direction = [rng.normal(size=array.shape) for array in arrays]
        length = np.sqrt(sum(np.square(d).sum() for d in direction))
        direction = [d / length for d in direction]
        line, step = partial(loss_at, loss, arrays, starts, direction), STEP / 2**kinks  # smaller steps meet fewer
        measured = (line(step) - line(-step)) / (2 * step)
        found = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True))
        error = relative_error(found, measured)
        at_corner = not error <= TOLERANCES["directional"] and kink(line, step)
        line(0.0)
        if not at_corner:
            return error, kinks
    return error, TRIES


def loss_at(
    loss: Callable[[], float],
    arrays: list[np.ndarray],
    starts: list[np.ndarray],
    direction: list[np.ndarray],
    t: float,
) -> float:
    """Give the loss t further along a direction. At t = 0 the arrays have exactly their first numbers again."""
    for array, start, d in zip(arrays, starts, direction, strict=True):
        array[...] = start + t * d
    return loss()


def table(results: Iterable[Result]) -> str:
    """Write one line for each gradient: the worst error that each method found, and whether all are small enough."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.op, result.gradient), []).append(result)
    used = {result.method for group in groups.values() for result in group}
    methods = [method for method in TOLERANCES if method in used]
    rows = [
        ["op", "gradient", "cases", *methods],
        ["", "", "", *(f"below {TOLERANCES[method]:.0e}" for method in methods)],
    ]
    for (op, gradient), group in groups.items():
        row = [op, gradient, str(len({result.case for result in group}))]
        for method in methods:
            errors = [result.error for result in group if result.method == method]
            row.append(f"{np.max(errors):.1e}" if errors else "-")
        rows.append(row)
    verdicts = ["", "", *map(verdict, groups.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(f"{line}  {end}".rstrip() for line, end in zip(lines, verdicts, strict=True))


def verdict(group: list[Result]) -> str:
    """Say "ok", or where the first failure is; and how many corners were met."""
    failed, kinks = [result for result in group if not result.passed], sum(result.kinks for result in group)
    text = f"FAILED {len(failed)} of {len(group)}, the first in {failed[0].case}" if failed else "ok"
    return f"{text} (corners met: {kinks})" if kinks else text
