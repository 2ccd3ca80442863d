"""Inference: a model's forward, as `forward(x)` computes it, by a plan of its own and several times as fast."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from xnp import checks
from xnp.engine.inference.plan import Plan
from xnp.engine.team import Team
from xnp.layers import Layer


class Inference:
    """Runs a model forward. Batch norms are folded into the kernels: these are copies, the model is never changed.

    Parameters
    ----------
    model : Layer
        Built, of any layers and containers of the library.
    workers : int, optional
        Threads; as many as there are cores, if not given.

    Raises
    ------
    ValueError
        A model that is not built; a number of workers below 1.
    TypeError
        A layer whose forward is its own.

    Examples
    --------
    >>> from xnp import models
    >>> model = models.tiny_xception()
    >>> x = np.random.default_rng(0).normal(size=(5, 32, 32, 3)).astype(np.float32)
    >>> with Inference(model) as inference:
    ...     logits = inference.forward(x)
    >>> bool(np.allclose(logits, model.forward(x), atol=1e-4))
    True
    """

    def __init__(self, model: Layer, workers: int | None = None) -> None:
        self.model, self._team = model, Team(workers)
        self.workers, self._closed = self._team.workers, False
        self.plan = Plan(model, self.workers)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Compute the output of any number of images.

        Parameters
        ----------
        x : (N, H, W, C) array
            Of the model's shape and dtype.

        Returns
        -------
        array (N, classes), or of the shape that the model gives: a new one

        Raises
        ------
        ValueError
            Images of another shape.
        TypeError
            Another dtype than the model's.
        RuntimeError
            After `close`.
        """
        self._check(x)
        if self._closed:
            raise RuntimeError("Inference: it was closed; make a new one")
        y = np.empty((len(x), *self.model.output_shape), self.plan.dtype)
        jobs: list[list[Callable[[], object]]] = [[] for _ in range(self.workers)]
        each = len(x) // self.workers
        for worker in range(self.workers):
            for part in pieces(worker * each, (worker + 1) * each, self.plan.chunk):
                self._alone(jobs, worker, x[part], y[part])
        for part in pieces(self.workers * each, len(x), self.plan.chunk):
            self._together(jobs, x[part], y[part])
        self._team.run(lambda worker: go_through(jobs[worker]))
        return y

    def fold(self) -> None:
        """Read the model's arrays again, after they have changed."""
        self.plan.fold()

    def close(self) -> None:
        """Let the workers go. A second time does nothing."""
        self._closed = True
        self._team.close()

    def __enter__(self) -> "Inference":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _alone(self, jobs: list[list[Callable[[], object]]], worker: int, x: np.ndarray, y: np.ndarray) -> None:
        """Give images to one worker."""
        program = self.plan.program(len(x), worker, self._team.wait)
        jobs[worker] += [partial(np.copyto, program.x, x), *program.calls[worker], partial(np.copyto, y, program.y)]

    def _together(self, jobs: list[list[Callable[[], object]]], x: np.ndarray, y: np.ndarray) -> None:
        """Give images to all workers. The first one brings them and takes the answers away."""
        program = self.plan.program(len(x), None, self._team.wait)
        for worker, job in enumerate(jobs):
            if worker == 0:
                job.append(partial(np.copyto, program.x, x))
            job += [self._team.wait, *program.calls[worker]]
        jobs[0].append(partial(np.copyto, y, program.y))

    def _check(self, x: np.ndarray) -> None:
        """Refuse, by name, what the model does not take."""
        shape = self.model.input_shape
        assert shape is not None
        checks.rank("Inference", "x", x, "N H W C" if len(shape) == 3 else "N I")
        if x.shape[1:] != shape:
            wanted = ", ".join(map(str, shape))
            raise ValueError(f"Inference: x has shape {x.shape}; it must be (N, {wanted})")
        if x.dtype != self.plan.dtype:
            raise TypeError(f"Inference: x is {x.dtype} but the model is {self.plan.dtype}; they must be the same")


def pieces(start: int, stop: int, most: int) -> list[slice]:
    """Cut a range into equal pieces, as few as possible."""
    count = -(-(stop - start) // most)
    edges = [start + (stop - start) * k // max(count, 1) for k in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


def go_through(calls: list[Callable[[], object]]) -> None:
    """Do one after the other."""
    for call in calls:
        call()
