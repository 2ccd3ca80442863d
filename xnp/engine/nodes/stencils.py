"""Stencils: each output pixel is a sum of pixels at fixed offsets, each with a weight of its own channel.

A depthwise convolution with stride 1 is one: y[p, q] = sum over t of weight[t] * x[p + row[t], q + column[t]], x being
0 outside of the image. The gradient of x is another, with the same weights, and all offsets turned round.

Bands. One output row of one channel needs some rows of the image: W pixels each, and behind each pixel its N images. In
the layout (C, H, W, N) these rows lie one behind the other: a matrix (rows * W, N). To sum with weights is to multiply
it from the left with a matrix that has the weights on its diagonals and 0 elsewhere. For kernel 3, W = 4, "same":

                    row above      row itself     row below
    y[0]   =        b c . .        e f . .        h i . .
    y[1]            a b c .        d e f .        g h i .           @   x     (3 W, N)
    y[2]            . a b c        . d e f        . g h i
    y[3]            . . a b        . . d e        . . g h

    the band: (W', 3 W)

Two thirds or more of these products multiply zeros. It pays all the same: a matrix product does ten times as many
multiplications a second as a loop that must fetch each pixel nine times. And nothing is copied: the rows of the next
window are the same memory, one row further.

Tiles. A band grows with the square of the row. So wide rows are cut into tiles of 8 outputs. What a tile needs is no
longer one piece of memory, so it is copied to where it is.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block

WIDE = 40  # columns; from here on tiles win: a band costs 6 W operations an output, a tile and its copy always the same
NARROW = 16  # columns; up to here the weights' gradients are quicker by bands than by dot products
TILE = 8  # outputs
PANEL = 256 * 1024  # bytes of tiles at a time: with their outputs they stay in the cache

Offsets = list[tuple[int, int]]  # (row, column) of each weight's pixel, seen from the output pixel


def stencil(offsets: Offsets, size: tuple[int, int], out: tuple[int, int], dtype: np.dtype) -> "Stencil":
    """Choose the form for images of `size` and outputs of size `out`, (height, width)."""
    return (Tiles if max(size[1], out[1]) >= WIDE else Bands)(offsets, size, out, dtype)


class Stencil(ABC):
    """What both forms know: which rows and columns one output needs."""

    def __init__(self, offsets: Offsets, size: tuple[int, int], out: tuple[int, int], dtype: np.dtype) -> None:
        rows, columns = zip(*offsets, strict=True)
        self.offsets, self.size, self.out = offsets, size, out
        self.first, self.left = min(rows), min(columns)
        self.reach = max(rows) - self.first + 1  # rows from the first to the last that one output row needs
        self.span = max(columns) - self.left + 1
        self.pattern = self._pattern(dtype)

    @abstractmethod
    def apply(self, weights: np.ndarray, x: np.ndarray, y: np.ndarray, node: Node, block: Block) -> None:
        """Write y.

        Parameters
        ----------
        weights : (n, T) array
            Of each channel, T offsets.
        x : (n, H, W, N) array
        y : (n, H', W', N) array
        node, block
            Give scratch memory.
        """

    def slopes(self, x: np.ndarray, dy: np.ndarray, node: Node, block: Block) -> np.ndarray:
        """Give the gradients of the weights, (n, T): of each, the dot product of dy with the pixels that it has met."""
        n, (H, W), (down, across) = len(x), self.size, self.out
        result = np.zeros((n, len(self.offsets)), x.dtype)
        for t, (row, column) in enumerate(self.offsets):
            p0, p1, q0, q1 = max(-row, 0), min(H - row, down), max(-column, 0), min(W - column, across)
            if p0 < p1 and q0 < q1:
                met = x[:, p0 + row : p1 + row, q0 + column : q1 + column].reshape(n, p1 - p0, -1)
                by = dy[:, p0:p1, q0:q1].reshape(n, p1 - p0, -1)  # (n, rows, columns * N): runs as long as a row
                result[:, t] = np.vecdot(met, by).sum(axis=1)
        return result

    @abstractmethod
    def _pattern(self, dtype: np.dtype) -> np.ndarray:
        """Say, as ones, where each weight stands in the matrix: (T, all its entries)."""


class Bands(Stencil):
    """Whole rows: (W', reach * W) @ (reach * W, N)."""

    def apply(self, weights: np.ndarray, x: np.ndarray, y: np.ndarray, node: Node, block: Block) -> None:
        """Multiply the rows of every window with the band."""
        n, _, W, N = x.shape
        bands = (weights @ self.pattern).reshape(n, self.out[1], -1)
        start, stop = self._inside()
        if start < stop:
            np.matmul(bands[:, None], self._windows(x, start, stop), out=y[:, start:stop])
        for p in (*range(start), *range(stop, self.out[0])):  # the border cuts these: a part of the band has no x
            low, high, skipped = self._cut(p)
            if low < high:
                part = bands[:, :, skipped * W : (skipped + high - low) * W]
                np.matmul(part, x[:, low:high].reshape(n, -1, N), out=y[:, p])
            else:
                y[:, p] = 0

    def slopes(self, x: np.ndarray, dy: np.ndarray, node: Node, block: Block) -> np.ndarray:
        """Sum the products (W', N) @ (N, reach * W) over all windows, and pick each weight's diagonals.

        Most of what is multiplied is thrown away; as long as rows are narrow, it is quicker than dot products.
        """
        n, _, W, _ = x.shape
        if W > NARROW:
            return super().slopes(x, dy, node, block)
        products = node.scratch(block, "products", (n, *self.out, self.reach * W))
        start, stop = self._inside()
        if start < stop:
            windows = self._windows(x, start, stop).transpose(0, 1, 3, 2)
            np.matmul(dy[:, start:stop], windows, out=products[:, start:stop])
        for p in (*range(start), *range(stop, self.out[0])):
            low, high, skipped = self._cut(p)
            products[:, p] = 0
            if low < high:
                rows = x[:, low:high].reshape(n, -1, x.shape[3]).transpose(0, 2, 1)
                np.matmul(dy[:, p], rows, out=products[:, p, :, skipped * W : (skipped + high - low) * W])
        return np.add.reduce(products, axis=1).reshape(n, -1) @ self.pattern.T

    def _pattern(self, dtype: np.dtype) -> np.ndarray:
        W, across = self.size[1], self.out[1]
        pattern = np.zeros((len(self.offsets), across, self.reach, W), dtype)
        for t, (row, column) in enumerate(self.offsets):
            for q in range(max(-column, 0), min(W - column, across)):
                pattern[t, q, row - self.first, q + column] = 1
        return pattern.reshape(len(self.offsets), -1)

    def _inside(self) -> tuple[int, int]:
        """Give the range of output rows all of whose rows are in the image."""
        start = min(max(-self.first, 0), self.out[0])
        return start, max(min(self.size[0] - self.reach - self.first + 1, self.out[0]), start)

    def _cut(self, p: int) -> tuple[int, int, int]:
        """Of the rows that output row p needs, give those in the image, and how many are missing before them."""
        low, high = max(p + self.first, 0), min(p + self.first + self.reach, self.size[0])
        return low, high, low - p - self.first

    def _windows(self, x: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Show the rows of each window as a matrix: (n, windows, reach * W, N). Windows overlap: a view, no copy."""
        n, _, W, N = x.shape
        by_channel, by_row, by_column, by_image = x.strides
        shape, strides = (n, stop - start, self.reach * W, N), (by_channel, by_row, by_column, by_image)
        return as_strided(x[:, start + self.first :], shape, strides)


class Tiles(Stencil):
    """Tiles of 8 outputs: (8, reach * (8 + span - 1)) @ (the same, N)."""

    def apply(self, weights: np.ndarray, x: np.ndarray, y: np.ndarray, node: Node, block: Block) -> None:
        """Frame a channel with zeros; copy some rows of tiles; multiply them."""
        N, (H, W), (down, across) = x.shape[3], self.size, self.out
        tiles, width = -(-across // TILE), TILE + self.span - 1
        matrices = (weights @ self.pattern).reshape(len(x), TILE, -1)
        above, before = max(-self.first, 0), max(-self.left, 0)
        height = max(down + self.first + self.reach - 1, H) + above
        framed = node.scratch(block, "framed", (height, max(tiles * TILE + self.left + self.span - 1, W) + before, N))
        framed[...] = 0
        at_once = max(1, PANEL // (tiles * self.reach * width * N * x.itemsize))
        panel = node.scratch(block, "panel", (at_once, tiles, self.reach, width, N))
        sums = node.scratch(block, "sums", (at_once, tiles, TILE, N))
        by_row, by_column, by_image = framed.strides
        strides = (by_row, TILE * by_column, by_row, by_column, by_image)
        for c in range(len(x)):
            framed[above : above + H, before : before + W] = x[c]
            for p in range(0, down, at_once):
                count = min(at_once, down - p)
                origin = framed[p + self.first + above :, self.left + before :]
                np.copyto(panel[:count], as_strided(origin, (count, *panel.shape[1:]), strides))
                np.matmul(matrices[c], panel[:count].reshape(count, tiles, -1, N), out=sums[:count])
                y[c, p : p + count] = sums[:count].reshape(count, -1, N)[:, :across]

    def _pattern(self, dtype: np.dtype) -> np.ndarray:
        pattern = np.zeros((len(self.offsets), TILE, self.reach, TILE + self.span - 1), dtype)
        for t, (row, column) in enumerate(self.offsets):
            for q in range(TILE):
                pattern[t, q, row - self.first, q + column - self.left] = 1
        return pattern.reshape(len(self.offsets), -1)
