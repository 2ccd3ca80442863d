"""Pools, in two passes: down the columns, then along the rows.

    3x3 maximum         3 maxima of whole rows           then 3 maxima of neighbours
    a b c               |                                max(a d g), max(b e h), max(c f i)
    d e f               v max(a d g) max(b e h) ...      -> one number
    g h i

The largest of nine is the largest of three threes: 6 comparisons instead of 9, and the first 3 run over whole rows.
A sum is the same, so the average pool runs by the same code, with + for max, and a division by the real pixels.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from xnp.engine.inference.blocks import Block, Scratch
from xnp.engine.inference.step import Call, Shape, Step
from xnp.shapes import Window, pad


class Pool(Step):
    """A pool by maximum or mean."""

    def __init__(
        self,
        path: str,
        window: Window,
        x_shape: Shape,
        reads: tuple[int, ...],
        writes: int,
        shape: Shape,
        dtype: np.dtype,
        *,
        mean: bool,
    ) -> None:
        super().__init__(path, reads, writes, shape, dtype)
        self.window, self.mean = window, mean
        self.padded = x_shape[1] + sum(window.padding[1])  # pixels across
        self.join: np.ufunc = np.add if mean else np.maximum
        self.neutral = 0.0 if mean else -np.inf
        self.share = np.ones((*window.output, 1), dtype)  # 1 / how many real pixels each window has
        if mean:
            real = window.view(pad(np.ones((1, *x_shape[:2], 1), dtype), window.padding))
            self.share /= real.sum(axis=(-2, -1))[0]

    @property
    def what(self) -> str:
        """Kind, size and stride."""
        (kh, kw), (sh, sw) = self.window.kernel, self.window.stride
        return f"{'average' if self.mean else 'max'} pool {kh}x{kw} / {sh if sh == sw else f'{sh}x{sw}'}"

    def row_size(self) -> int:
        """Count the numbers of a joined row and of those that go into it."""
        return self.padded * self.shape[2] * (1 + self.window.stride[0])

    def calls(self, xs: list[np.ndarray], y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Join rows into scratch memory, columns into y."""
        (top, _), (left, _) = self.window.padding
        (sh, sw), (H, W, C) = self.window.stride, xs[0].shape[1:]
        images, rows, across, _ = y.shape
        joined = scratch.take(images, rows, self.padded, C)
        yield partial(joined.fill, self.neutral)  # what the padding answers
        inside = joined[:, :, left : left + W]
        for i in range(self.window.kernel[0]):
            offset = i - top  # output row p reads row p * sh + offset: only where the image has it
            start = max(block.rows.start, -(offset // sh))
            stop = min(block.rows.stop, (H - 1 - offset) // sh + 1)
            if start < stop:
                row = xs[0][block.images, start * sh + offset : (stop - 1) * sh + offset + 1 : sh]
                target = inside[:, start - block.rows.start : stop - block.rows.start]
                yield partial(self.join, target, row, out=target)
        columns = [joined[:, :, j : j + sw * (across - 1) + 1 : sw] for j in range(self.window.kernel[1])]
        yield partial(np.copyto, y, columns[0])
        for column in columns[1:]:
            yield partial(self.join, y, column, out=y)
        if self.mean:
            yield partial(np.multiply, y, self.share[block.rows], out=y)


class GlobalAverage(Step):
    """The mean of each channel: a row of 1 / (H * W) times the matrix of pixels by channels."""

    what = "global average"

    def __init__(
        self, path: str, x_shape: Shape, reads: tuple[int, ...], writes: int, shape: Shape, dtype: np.dtype
    ) -> None:
        super().__init__(path, reads, writes, shape, dtype)
        pixels = x_shape[0] * x_shape[1]
        self.share = np.full((1, pixels), 1 / pixels, dtype)

    def calls(self, xs: list[np.ndarray], y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give one product for each image."""
        pixels = xs[0].reshape(len(xs[0]), -1, xs[0].shape[-1])[block.images, :, block.rows]
        yield partial(np.matmul, self.share, pixels, out=y[:, np.newaxis])
