"""Who runs a model: the engine, several times as fast, or the model itself, whose every line can be stepped through.

Both take and give the same arrays, and the gradients and moving statistics end up in the model, whoever has run it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import numpy as np

from xnp.layers import Layer

EngineName = Literal["fast", "plain"]
ENGINES: tuple[EngineName, ...] = ("fast", "plain")


class Runner(Protocol):
    """What training asks of a network."""

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Compute the logits."""

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Compute the gradients of all parameters."""


class Predictor(Protocol):
    """What evaluation asks of a network."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Compute the logits."""


@contextmanager
def training_runner(model: Layer, batch_size: int, engine: EngineName, workers: int | None) -> Iterator[Runner]:
    """Open who trains the model, with batches of up to `batch_size` images."""
    if engine == "plain":
        yield model
        return
    from xnp.engine import Engine  # not at the top: it needs more than NumPy

    with Engine(model, batch_size, workers, input_gradient=False) as fast:
        yield fast


@contextmanager
def inference_runner(model: Layer, engine: EngineName, workers: int | None) -> Iterator[Predictor]:
    """Open who asks the model, as it is now, for its opinion."""
    if engine == "plain":
        yield model
        return
    from xnp.engine import Inference

    with Inference(model, workers=workers) as fast:
        yield fast


def check_engine(function: str, engine: str, workers: int | None) -> None:
    """Refuse, by name, what is no engine, and workers where there are none."""
    if engine not in ENGINES:
        raise ValueError(f"{function}: engine is {engine!r}; it must be one of {', '.join(map(repr, ENGINES))}")
    if workers is not None and (engine == "plain" or workers < 1):
        wanted = 'the engine "plain" has none' if engine == "plain" else "it must be 1 or more"
        raise ValueError(f"{function}: workers is {workers}; {wanted}")


def threads_of(engine: EngineName, workers: int | None) -> int | None:
    """Give how many workers a run will have; None where BLAS alone decides."""
    if engine == "plain":
        return None
    from xnp.engine.team import usable_cores

    return len(usable_cores()) if workers is None else workers
