"""A step of the plan: one value is computed from others, block by block.

A step does not compute when it is asked: it gives *calls*, NumPy functions with all their arguments and with `out=`.

    partial(np.matmul, x, w, out=y)    partial(np.add, y, b, out=y)    partial(np.maximum, y, 0, out=y)

They are made once, for a number of images. To run the network is to go through the list: no shape is looked at, no
memory is asked for, nothing of Python stands between two calls.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from xnp.engine.inference.blocks import BUDGET, Block, Scratch
from xnp.engine.inference.tails import Tail

Call = Callable[[], object]
Shape = tuple[int, ...]  # of one image


class Step(ABC):
    """What computes one value: its main part, then the tail of small operations that follow in place."""

    form = "fast"

    def __init__(self, path: str, reads: tuple[int, ...], writes: int, shape: Shape, dtype: np.dtype) -> None:
        self.path, self.reads, self.writes, self.shape, self.dtype = path, reads, writes, shape, dtype
        self.tail: list[Tail] = []

    @property
    @abstractmethod
    def what(self) -> str:
        """What the main part does, for the plan's table."""

    @abstractmethod
    def calls(self, xs: list[np.ndarray], y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give the calls that compute one block.

        Parameters
        ----------
        xs : list of arrays
            The values that are read, whole: a block may look at its neighbours' rows.
        y : array
            The block to be written: `block.of(value)`.
        block : Block
        scratch : Scratch
            For what nobody else reads.
        """

    def fold(self) -> None:  # noqa: B027  most have nothing to read
        """Read the layers' arrays again. Arrays that calls hold are overwritten, never replaced."""

    @property
    def extent(self) -> int:
        """How many rows an image has, to be shared among workers."""
        return self.shape[0]

    def most(self) -> int:
        """How many rows at a time keep the scratch within its budget."""
        return max(1, BUDGET // (self.row_size() * self.dtype.itemsize))

    def row_size(self) -> int:
        """Count the numbers that one row needs in the cache."""
        return prod(self.shape[1:])

    def width(self) -> int:
        """How many parts a row has, if it can be shared by two workers."""
        return 1

    def bind(self, values: dict[int, np.ndarray], block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give all calls of a block: main part, then tail."""
        scratch.clear()
        y = block.of(values[self.writes])
        yield from self.calls([values[value] for value in self.reads], y, block, scratch)
        for tail in self.tail:
            yield from tail.calls(y, y, values, block, scratch)

    def refold(self) -> None:
        """Fold the main part and the tail."""
        self.fold()
        for tail in self.tail:
            tail.fold()

    def all_reads(self) -> list[int]:
        """Name all values that are read, the tail's among them."""
        return [*self.reads, *(tail.value for tail in self.tail if tail.value is not None)]


class Elementwise(Step):
    """Operations that cannot be the tail of another step: the first one reads x and writes y, the others follow."""

    what = ""

    def calls(self, xs: list[np.ndarray], y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give none: all is tail."""
        return iter(())

    def bind(self, values: dict[int, np.ndarray], block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give the calls of the tail."""
        scratch.clear()
        x, y = block.of(values[self.reads[0]]), block.of(values[self.writes])
        for tail in self.tail:
            yield from tail.calls(x, y, values, block, scratch)
            x = y
