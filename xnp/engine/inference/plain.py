"""Steps that move numbers or run an operation of the library as it is."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from xnp.engine.inference.blocks import Block, Scratch
from xnp.engine.inference.step import Call, Shape, Step
from xnp.layers import Leaf


class Concatenate(Step):
    """Branches side by side: each is copied to its channels."""

    what = "concatenate"

    def calls(self, xs: list[np.ndarray], y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give one copy for each branch; of rows of features, a block may hold only some."""
        start, rows = 0, block.rows
        for x in xs:
            stop = start + x.shape[-1]
            if y.ndim > 2:
                yield partial(np.copyto, y[..., start:stop], block.of(x))
            elif (first := max(start, rows.start)) < (last := min(stop, rows.stop)):
                part = x[block.images, first - start : last - start]
                yield partial(np.copyto, y[:, first - rows.start : last - rows.start], part)
            start = stop


class Plain(Step):
    """A layer that has no fast form: the operation's own forward, on whole images.

    The layer's forward is not called: it would overwrite what the layer keeps for its backward.
    """

    form = "plain"

    def __init__(self, layer: Leaf, reads: tuple[int, ...], writes: int, shape: Shape, dtype: np.dtype) -> None:
        super().__init__(layer.path, reads, writes, shape, dtype)
        self.layer = layer
        self.arrays: list[np.ndarray] = []

    @property
    def what(self) -> str:
        """Name the operation."""
        return self.layer.op.__name__.rpartition(".")[2]

    @property
    def extent(self) -> int:
        """Give 1: an image is not cut."""
        return 1

    def fold(self) -> None:
        """Copy the arrays."""
        self.arrays = [self.layer.array(name).copy() for name in self.layer.specs]

    def bind(self, values: dict[int, np.ndarray], block: Block, scratch: Scratch) -> Iterator[Call]:
        """Take all rows of the block's images."""
        whole = Block(block.images, slice(0, self.shape[0]))
        yield from super().bind(values, whole, scratch)

    def calls(self, xs: list[np.ndarray], y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give one call."""
        yield partial(self.run, xs[0][block.images], y)

    def run(self, x: np.ndarray, y: np.ndarray) -> None:
        """Run the operation, and forget what it keeps for backward."""
        y[...] = self.layer.op.forward(x, *self.arrays, **self.layer.options())[0]
