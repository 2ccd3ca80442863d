"""Steps that are one matrix product a block: dense layers, pointwise and standard convolutions.

    pointwise     pixels x channels                   @  channels x filters      the block itself is the matrix
    convolution   pixels x (kernel rows x cols x C)   @  (the same) x filters    the windows are copied side by side
    dense         images x features                   @  features x units        workers share the units

The copy of the windows is kh * kw times as large as the image: for a whole image it would go out to memory and come
back. For a block of rows it stays in the cache.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from xnp.engine.inference.blocks import Block, Scratch
from xnp.engine.inference.frame import frame
from xnp.engine.inference.kernels import Kernels
from xnp.engine.inference.step import Call, Shape
from xnp.layers import Dense, Leaf
from xnp.shapes import Window


class Product(Kernels):
    """A dense layer, (N, I) @ (I, O): a block holds some of the columns."""

    what = "dense"
    layer: Dense

    def __init__(self, layer: Dense, reads: tuple[int, ...], writes: int, shape: Shape, dtype: np.dtype) -> None:
        super().__init__(layer, reads, writes, shape, dtype)
        self.w = np.empty(layer.specs["kernel"].shape, dtype)

    def set(self, kernel: np.ndarray) -> None:
        """Round."""
        self.w[...] = kernel

    def most(self) -> int:
        """All: a product that is cut gets slower."""
        return 10**9

    def products(self, x: np.ndarray, y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give one product."""
        yield partial(np.matmul, x[block.images], self.w[:, block.rows], out=y)


class Convolution(Kernels):
    """A standard convolution, in one group or several."""

    shares_rows = True

    def __init__(
        self, layer: Leaf, window: Window, reads: tuple[int, ...], writes: int, shape: Shape, dtype: np.dtype
    ) -> None:
        super().__init__(layer, reads, writes, shape, dtype)
        kh, kw, C, O = (1, 1, *layer.specs["kernel"].shape)[-4:]
        self.window, self.groups, self.C = window, getattr(layer, "groups", 1), C
        self.w = np.empty((kh * kw * C, O), dtype)
        self.gathers = window.kernel != (1, 1) or window.stride != (1, 1) or window.padding != ((0, 0), (0, 0))
        self.frames = window.kernel != (1, 1)

    @property
    def what(self) -> str:
        """Kernel, stride, groups."""
        (kh, kw), stride = self.window.kernel, self.window.stride
        every = f" / {stride[0]}" if stride[0] == stride[1] else f" / {stride[0]}x{stride[1]}"
        groups = f" in {self.groups} groups" if self.groups > 1 else ""
        return f"conv {kh}x{kw}{'' if stride == (1, 1) else every}{groups}"

    def set(self, kernel: np.ndarray) -> None:
        """Round: (kh, kw, C, O) -> (kh * kw * C, O)."""
        self.w[...] = kernel.reshape(self.w.shape)

    def row_size(self) -> int:
        """Count the windows' numbers, or the output's."""
        return self.shape[1] * max(self.shape[2], len(self.w) * self.gathers)

    def products(self, x: np.ndarray, y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Gather the windows of each group, multiply."""
        if self.gathers:
            x, calls = frame(x, self.window, block, scratch, relu=self.relu_first)
            yield from calls
        else:
            x = block.of(x)
        O, rows, y = self.shape[-1] // self.groups, block.rows.stop - block.rows.start, y.reshape(-1, self.shape[-1])
        seen = looked_at(x, self.window, rows) if self.gathers else x
        windows = scratch.take(*seen.shape[:-1], self.C if self.gathers else 0)
        for g in range(self.groups):
            segment, of_group = slice(g * self.C, (g + 1) * self.C), slice(g * O, (g + 1) * O)
            if self.gathers:
                yield partial(np.copyto, windows, seen[..., segment])
                matrix = windows.reshape(-1, len(self.w))[block.pixels]
            else:
                matrix = x[..., segment].reshape(-1, len(self.w))
            yield partial(np.matmul, matrix, self.w[:, of_group], out=y[:, of_group])


def looked_at(x: np.ndarray, window: Window, rows: int) -> np.ndarray:
    """Show what each window of a frame sees: (n, rows, W', kh, kw, C). A view, nothing is copied."""
    (sh, sw), (dh, dw), (n, down, across, c) = window.stride, window.dilation, x.strides
    shape = (len(x), rows, window.output[1], *window.kernel, x.shape[3])
    strides = (n, sh * down, sw * across, dh * down, dw * across, c)
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
