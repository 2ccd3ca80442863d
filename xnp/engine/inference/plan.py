"""The plan: the steps of a network, where each value lies, and the list of calls that each worker goes through.

Two ways to share the work, both exact:

    alone       each worker has images of its own, and memory of its own        nobody waits for anybody
    together    all share the rows of the same images, step by step             all wait after each step

A large batch is cut into chunks whose values take little memory; each worker runs its chunks alone. What is left over,
a single image often, is done together.
"""

from collections.abc import Callable

import numpy as np

from xnp.engine.inference.arena import Life, arrange
from xnp.engine.inference.blocks import Scratch, aligned, split
from xnp.engine.inference.kernels import Kernels
from xnp.engine.inference.lower import Lowering
from xnp.engine.inference.step import Call, Step
from xnp.graph import trace
from xnp.layers import Layer
from xnp.tables import table

CHUNK = 8 * 1024 * 1024  # bytes that the values of one chunk may take at a time


class Plan:
    """What does not depend on the batch: steps, folded kernels, offsets.

    Parameters
    ----------
    model : Layer
        Built.
    workers : int
    """

    def __init__(self, model: Layer, workers: int) -> None:
        calls = trace(model)
        assert model.input_shape is not None
        self.dtype, self.workers = np.dtype(model.dtype), workers
        self._lowering = Lowering(calls, model.input_shape, self.dtype)
        self.steps = self._lowering.steps
        lives = self._lives()
        self.offsets, self.image_bytes = arrange(lives)
        self.apart_bytes = sum(life.size for life in lives.values())  # if no two shared memory
        self.chunk = max(1, CHUNK // self.image_bytes)
        self._arenas: dict[int, np.ndarray] = {}  # of each worker: the values of a chunk
        self._scratch: dict[int, np.ndarray] = {}
        self._programs: dict[tuple[int, int | None], Program] = {}
        self.fold()

    def fold(self) -> None:
        """Read the model's arrays into the kernels. The calls hold the kernels, so they see the new numbers."""
        for step in self.steps:
            step.refold()

    def program(self, images: int, alone: int | None, wait: Callable[[], None]) -> "Program":
        """Give what runs a number of images, by one worker or (None) by all together. Made once for each number."""
        key = images, alone
        if key not in self._programs:
            self._programs[key] = Program(self, images, alone, wait)
        return self._programs[key]

    def values(self, images: int, owner: int) -> dict[int, np.ndarray]:
        """Give all values for a number of images, as views of a worker's arena."""
        arena = self._arenas.get(owner)
        if arena is None:
            arena = self._arenas[owner] = empty(self.chunk * self.image_bytes)
        values = {}
        for value, shape in self._lowering.shapes.items():
            home = self._lowering.home(value)
            if home in self.offsets:
                start, size = self.offsets[home] * images, int(np.prod(shape)) * images * self.dtype.itemsize
                values[value] = arena[start : start + size].view(self.dtype).reshape(images, *shape)
        return values

    def scratch(self, worker: int, nbytes: int) -> np.ndarray:
        """Give a worker's scratch memory, at least so many bytes."""
        buffer = self._scratch.get(worker)
        if buffer is None or buffer.nbytes < nbytes:
            buffer = self._scratch[worker] = empty(nbytes)
        return buffer

    @property
    def output(self) -> int:
        """The value that the network answers."""
        return self._lowering.output

    def _lives(self) -> dict[int, Life]:
        """Find from where to where each value is needed. The output is written by the last step."""
        home, shapes = self._lowering.home, self._lowering.shapes
        first = {0: -1} | {step.writes: place for place, step in enumerate(self.steps)}
        last = dict(first)
        for place, step in enumerate(self.steps):
            for value in step.all_reads():
                last[home(value)] = place
        sizes = {value: aligned(int(np.prod(shapes[value])) * self.dtype.itemsize) for value in first}
        return {value: Life(sizes[value], first[value], last[value]) for value in first}

    def __str__(self) -> str:
        rows = [
            (f"{place}", step.path or "model", described(step), "x".join(map(str, step.shape)), step.form)
            for place, step in enumerate(self.steps, 1)
        ]
        megabytes = self.image_bytes / 1e6
        apart = self.apart_bytes / 1e6
        return (
            f"{table(('step', 'layer', 'what it does', 'gives', 'form'), rows)}\n"
            f"{self.workers} workers; buffers for an image: {megabytes:.1f} MB, not the {apart:.1f} MB of all values; "
            f"chunks of {self.chunk}\n"
            f"allocated: {sum(a.nbytes for a in (*self._arenas.values(), *self._scratch.values())) / 1e6:.1f} MB"
        )


class Program:
    """The calls of each worker for a number of images, and the arrays where images go in and answers come out."""

    def __init__(self, plan: Plan, images: int, alone: int | None, wait: Callable[[], None]) -> None:
        values = plan.values(images, alone or 0)
        self.x, self.y = values[0], values[plan.output]
        workers = range(plan.workers) if alone is None else [alone]
        self.calls: dict[int, list[Call]] = {}
        for place, worker in enumerate(workers):
            # once to see how much scratch memory the largest block takes, once for good
            measure = Scratch(plan.dtype)
            bound(plan.steps, values, place, len(workers), measure, wait)
            scratch = Scratch(plan.dtype, plan.scratch(worker, measure.peak))
            self.calls[worker] = bound(plan.steps, values, place, len(workers), scratch, wait)


def bound(
    steps: list[Step],
    values: dict[int, np.ndarray],
    worker: int,
    workers: int,
    scratch: Scratch,
    wait: Callable[[], None],
) -> list[Call]:
    """List the calls of one worker; after each step it waits for the others, if there are any."""
    calls: list[Call] = []
    images = len(values[0])
    for step in steps:
        for block in split(images, step.extent, workers, step.most(), step.width())[worker]:
            calls += step.bind(values, block, scratch)
        if workers > 1:
            calls.append(wait)
    return calls


def empty(nbytes: int) -> np.ndarray:
    """Allocate bytes that begin at a cache line."""
    buffer = np.empty(nbytes + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + nbytes]


def described(step: Step) -> str:
    """Say what a step does, from its first operation to its last."""
    parts = [step.what]
    if isinstance(step, Kernels):
        if step.relu_first:
            parts.insert(0, "relu")
        parts += ["norm folded"] * len(step.norms)
    return ", ".join(part for part in (*parts, *(tail.what for tail in step.tail)) if part)
