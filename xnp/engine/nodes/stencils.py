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
from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

WIDE = 40  # columns; from here on tiles win: a band costs 6 W operations an output, a tile and its copy always the same
NARROW = 16  # columns; up to here the weights' gradients are quicker by bands than by dot products
TILE = 8  # outputs
PANEL = 256 * 1024  # bytes of tiles at a time: with their outputs they stay in the cache

Offsets = list[tuple[int, int]]  # (row, column) of each weight's pixel, seen from the output pixel
Take = Callable[..., np.ndarray]  # take(name, shape) gives scratch memory


def stencil(offsets: Offsets, size: tuple[int, int], out: tuple[int, int], dtype: np.dtype) -> "Stencil":
    """Choose the form for images of `size` and outputs of size `out`, (height, width)."""
    return (Tiles if max(size[1], out[1]) >= WIDE else Bands)(offsets, size, out, dtype)


class Stencil(ABC):
    """What both forms know: which rows and columns one output needs.

    `summing` and `sloping` are told where the numbers lie, once, and give functions to be called at each step.
    """

    def __init__(self, offsets: Offsets, size: tuple[int, int], out: tuple[int, int], dtype: np.dtype) -> None:
        rows, columns = zip(*offsets, strict=True)
        self.offsets, self.size, self.out = offsets, size, out
        self.first, self.left = min(rows), min(columns)
        self.reach = max(rows) - self.first + 1  # rows from the first to the last that one output row needs
        self.span = max(columns) - self.left + 1
        self.pattern = self._pattern(dtype)

    @abstractmethod
    def summing(self, x: np.ndarray, y: np.ndarray, take: Take) -> Callable[[np.ndarray], None]:
        """Make the function that writes y, given weights.

        Parameters
        ----------
        x : (n, H, W, N) array
        y : (n, H', W', N) array
        take
            Gives scratch memory.

        Returns
        -------
        function of an (n, T) array
            The weights: of each channel, T offsets.
        """

    def sloping(self, x: np.ndarray, dy: np.ndarray, take: Take) -> Callable[[], np.ndarray]:
        """Make the function that gives the weights' gradients, (n, T): dot products of dy with pixels."""
        n, (H, W), (down, across) = len(x), self.size, self.out
        dots = take("dots", (n, len(self.offsets), down))
        meetings = []
        for t, (row, column) in enumerate(self.offsets):
            p0, p1, q0, q1 = max(-row, 0), min(H - row, down), max(-column, 0), min(W - column, across)
            if p0 < p1 and q0 < q1:
                met = x[:, p0 + row : p1 + row, q0 + column : q1 + column].reshape(n, p1 - p0, -1)
                by = dy[:, p0:p1, q0:q1].reshape(n, p1 - p0, -1)  # (n, rows, columns * N): runs as long as a row
                meetings.append((met, by, dots[:, t, p0:p1]))

        def slopes() -> np.ndarray:
            dots[...] = 0
            for met, by, dot in meetings:
                np.vecdot(met, by, out=dot)
            return np.add.reduce(dots, axis=2)

        return slopes

    @abstractmethod
    def _pattern(self, dtype: np.dtype) -> np.ndarray:
        """Say, as ones, where each weight stands in the matrix: (T, all its entries)."""


class Bands(Stencil):
    """Whole rows: (W', reach * W) @ (reach * W, N)."""

    def summing(self, x: np.ndarray, y: np.ndarray, take: Take) -> Callable[[np.ndarray], None]:
        """Multiply the rows of every window with the band."""
        bands = take("bands", (len(x), self.pattern.shape[1]))
        by_row = bands.reshape(len(x), 1, self.out[1], -1)
        products = [(by_row[..., part], panel, y[:, p]) for part, panel, p in self._panels(x)]
        unreached = [y[:, p] for p in range(self.out[0]) if self._cut(p)[0] >= self._cut(p)[1]]

        def apply(weights: np.ndarray) -> None:
            np.matmul(weights, self.pattern, out=bands)
            for band, panel, y_rows in products:
                np.matmul(band, panel, out=y_rows)
            for y_row in unreached:
                y_row[...] = 0

        return apply

    def sloping(self, x: np.ndarray, dy: np.ndarray, take: Take) -> Callable[[], np.ndarray]:
        """Sum the products (W', N) @ (N, reach * W) over all windows, and pick each weight's diagonals.

        Most of what is multiplied is thrown away; as long as rows are narrow, it is quicker than dot products.
        """
        n, _, W, _ = x.shape
        if W > NARROW:
            return super().sloping(x, dy, take)
        sums = take("sums", (n, self.out[1], self.reach * W))
        products = []
        for part, panel, p in self._panels(x):
            dy_rows, into = dy[:, p], sums[..., part]
            product = take("products", (*dy_rows.shape[:3], panel.shape[2]))
            products.append((dy_rows, panel.transpose(0, 1, 3, 2), product, into))
        flat = sums.reshape(n, -1)

        def slopes() -> np.ndarray:
            sums[...] = 0
            for dy_rows, panel, product, into in products:
                np.matmul(dy_rows, panel, out=product)
                np.add(into, np.add.reduce(product, axis=1), out=into)
            return flat @ self.pattern.T

        return slopes

    def _pattern(self, dtype: np.dtype) -> np.ndarray:
        W, across = self.size[1], self.out[1]
        pattern = np.zeros((len(self.offsets), across, self.reach, W), dtype)
        for t, (row, column) in enumerate(self.offsets):
            for q in range(max(-column, 0), min(W - column, across)):
                pattern[t, q, row - self.first, q + column] = 1
        return pattern.reshape(len(self.offsets), -1)

    def _panels(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray, slice]]:
        """Give: a part of the band, the rows of x that it meets, as (n, windows, rows * W, N), for which rows of y.

        Windows overlap: a view of x, no copy. At the border a part of the band has no x.
        """
        n, _, W, N = x.shape
        start = min(max(-self.first, 0), self.out[0])
        stop = max(min(self.size[0] - self.reach - self.first + 1, self.out[0]), start)
        if start < stop:
            by_channel, by_row, by_column, by_image = x.strides
            shape, strides = (n, stop - start, self.reach * W, N), (by_channel, by_row, by_column, by_image)
            yield slice(None), as_strided(x[:, start + self.first :], shape, strides), slice(start, stop)
        for p in (*range(start), *range(stop, self.out[0])):
            low, high, skipped = self._cut(p)
            if low < high:
                part = slice(skipped * W, (skipped + high - low) * W)
                yield part, x[:, low:high].reshape(n, 1, -1, N), slice(p, p + 1)

    def _cut(self, p: int) -> tuple[int, int, int]:
        """Of the rows that output row p needs, give those in the image, and how many are missing before them."""
        low, high = max(p + self.first, 0), min(p + self.first + self.reach, self.size[0])
        return low, high, low - p - self.first


class Tiles(Stencil):
    """Tiles of 8 outputs: (8, reach * (8 + span - 1)) @ (the same, N)."""

    def summing(self, x: np.ndarray, y: np.ndarray, take: Take) -> Callable[[np.ndarray], None]:
        """Frame a channel with zeros; copy some rows of tiles; multiply them."""
        N, (H, W), (down, across) = x.shape[3], self.size, self.out
        tiles, width = -(-across // TILE), TILE + self.span - 1
        above, before = max(-self.first, 0), max(-self.left, 0)
        height = max(down + self.first + self.reach - 1, H) + above
        framed = take("framed", (height, max(tiles * TILE + self.left + self.span - 1, W) + before, N))
        inside = framed[above : above + H, before : before + W]
        at_once = max(1, PANEL // (tiles * self.reach * width * N * x.itemsize))
        panel = take("panel", (at_once, tiles, self.reach, width, N))
        sums = take("tiles", (at_once, tiles, TILE, N))
        by_row, by_column, by_image = framed.strides
        strides = (by_row, TILE * by_column, by_row, by_column, by_image)
        moves = []
        for p in range(0, down, at_once):
            count = min(at_once, down - p)
            origin = framed[p + self.first + above :, self.left + before :]
            reads = as_strided(origin, (count, *panel.shape[1:]), strides)
            matrices, products = panel[:count].reshape(count, tiles, -1, N), sums[:count]
            moves.append((reads, panel[:count], matrices, products, products.reshape(count, -1, N)[:, :across], p))

        def apply(weights: np.ndarray) -> None:
            matrices = (weights @ self.pattern).reshape(len(x), TILE, -1)
            framed[...] = 0
            for x_channel, y_channel, matrix in zip(x, y, matrices, strict=True):
                np.copyto(inside, x_channel)
                for reads, copy, panels, products, result, p in moves:
                    np.copyto(copy, reads)
                    np.matmul(matrix, panels, out=products)
                    y_channel[p : p + len(result)] = result

        return apply

    def _pattern(self, dtype: np.dtype) -> np.ndarray:
        pattern = np.zeros((len(self.offsets), TILE, self.reach, TILE + self.span - 1), dtype)
        for t, (row, column) in enumerate(self.offsets):
            for q in range(TILE):
                pattern[t, q, row - self.first, q + column - self.left] = 1
        return pattern.reshape(len(self.offsets), -1)
