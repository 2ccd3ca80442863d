r"""Depthwise convolution as banded matrix products.

One output row of one channel needs kh rows of the image: W pixels each, and behind each pixel its N images. In the
layout (C, H, W, N) these rows lie one behind the other: a matrix (kh * W, N). To convolve it is to multiply it from
the left with a matrix that has the kernel's weights on its diagonals and 0 elsewhere; here kernel 3 and W = 4, "same":

                    row above      row itself     row below
    y[0]   =        b c . .        e f . .        h i . .
    y[1]            a b c .        d e f .        g h i .           @   x     (3 W, N)
    y[2]            . a b c        . d e f        . g h i
    y[3]            . . a b        . . d e        . . g h

    band (W', kh * W)

Two thirds or more of these products multiply zeros. It pays all the same: a matrix product does ten times as many
multiplications a second as a loop that must fetch each pixel nine times.

    y[c, p]  = band[c] @ x[c, rows of window p]               neighbouring windows share rows: nothing is copied
    dx[c, r] = turned[c] @ dy[c, windows that read row r]                the kernel turned by 180 degrees
    dw[c]    = (sum over p of dy[c, p] @ x[c, rows of p].T), on the diagonals that belong to each weight

Where rows are wide, that last product computes too much beside the diagonals: there each of the kernel's weights is one
dot product of dy with the x that it has met.
"""

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Memory, Tensor
from xnp.shapes import Window

WIDE = 16  # columns; from more on, dw by dot products is quicker


class Depthwise(Node):
    """Stride 1; any padding, dilation and multiplier. kernel is (kh, kw, C, m), output channel c * m + q."""

    needs_x = True
    form = "banded matrix products"

    def __init__(
        self,
        path: str,
        x: Tensor,
        *,
        window: Window,
        kernel: np.ndarray,
        gradient: np.ndarray,
        b: np.ndarray | None,
        db: np.ndarray | None,
    ) -> None:
        C, _, _, N = x.shape
        self.m = kernel.shape[3]
        super().__init__(path, x, shape=(C * self.m, *window.output, N))
        self.window, self.kernel, self.gradient, self.b, self.db = window, kernel, gradient, b, db
        self.reach = (window.kernel[0] - 1) * window.dilation[0] + 1  # rows from a window's first to its last
        self.top = window.padding[0][0]

    def allocate(self, memory: Memory, dtype: np.dtype, workers: int) -> None:
        """Make the patterns of ones by which a kernel becomes a band: (kh * kw, W' * reach * W)."""
        super().allocate(memory, dtype, workers)
        (kh, kw), (_, W), (_, across) = self.window.kernel, self.x.shape[1:3], self.window.output
        pattern = np.zeros((kh, kw, across, self.reach, W), dtype)
        for i, j in self.window.offsets():
            for q in range(across):
                column = self.window.position(0, q, i, j)[1]
                if 0 <= column < W:
                    pattern[i, j, q, i * self.window.dilation[0], column] = 1
        self.pattern = pattern.reshape(kh * kw, -1)
        turned = pattern[:, :, :, ::-1].transpose(0, 1, 4, 3, 2)  # (kh, kw, W, reach, W'), the window's last row first
        self.turned = np.ascontiguousarray(turned).reshape(kh * kw, -1)

    def forward(self, block: Block, training: bool) -> None:
        """Multiply every window's rows with the band."""
        x, y = self.x.value[block], self.outputs_of(self.y.value[block])
        bands = (self._weights(block) @ self.pattern).reshape(len(x), self.m, y.shape[3], -1)
        for q in range(self.m):
            band_product(bands[:, q], x, y[:, q], first=-self.top, reach=self.reach)
        if self.b is not None:
            y += self.b[block.start * self.m : block.stop * self.m].reshape(len(x), self.m, 1, 1, 1)

    def backward(self, block: Block) -> None:
        """Find dw first: dx may take the place of x."""
        x, dy, dx = self.x.value[block], self.outputs_of(self.y.gradient[block]), self.x.gradient[block]
        for q in range(self.m):
            dw = self._by_dots(x, dy[:, q]) if x.shape[2] > WIDE else self._by_bands(block, x, dy[:, q])
            self.gradient[:, :, block.start : block.stop, q] = dw
        if self.db is not None:
            self.db[block.start * self.m : block.stop * self.m] = dy.sum(axis=(2, 3, 4)).ravel()
        turned = (self._weights(block) @ self.turned).reshape(len(x), self.m, x.shape[2], -1)
        first = self.top + 1 - self.reach
        band_product(turned[:, 0], dy[:, 0], dx, first=first, reach=self.reach)
        for q in range(1, self.m):
            more = self.scratch(block, "more dx", dx.shape)
            band_product(turned[:, q], dy[:, q], more, first=first, reach=self.reach)
            dx += more

    def outputs_of(self, y: np.ndarray) -> np.ndarray:
        """Show the outputs by the channel that they come from: (n, m, H', W', N)."""
        return y.reshape(-1, self.m, *y.shape[1:])

    def _weights(self, block: Block) -> np.ndarray:
        """Give the kernels of a block: (n, m, kh * kw)."""
        kernel = self.kernel[:, :, block.start : block.stop]
        return np.moveaxis(kernel.reshape(-1, *kernel.shape[2:]), 0, -1)

    def _by_bands(self, block: Block, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """Sum the products (W', N) @ (N, reach * W) over all windows, and pick the diagonals."""
        n, H, W, _ = x.shape
        down, across = dy.shape[1:3]
        products = self.scratch(block, "products", (n, down, across, self.reach * W))
        start, stop = inside(H, down, -self.top, self.reach)
        if start < stop:
            rows = all_rows(x, start - self.top, stop - start, self.reach)
            np.matmul(dy[:, start:stop], rows.transpose(0, 1, 3, 2), out=products[:, start:stop])
        for p in (*range(start), *range(stop, down)):
            low, high, there = there_of(p - self.top, self.reach, H)
            products[:, p] = 0
            if low < high:
                rows = x[:, low:high].reshape(n, -1, x.shape[3])
                np.matmul(
                    dy[:, p], rows.transpose(0, 2, 1), out=products[:, p, :, there * W : (there + high - low) * W]
                )
        total = np.add.reduce(products, axis=1).reshape(n, -1)  # (n, W' * reach * W)
        return (self.pattern @ total.T).reshape(*self.window.kernel, n)

    def _by_dots(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """dw[i, j] = dot product of dy with the pixels that offset (i, j) reads."""
        n, H, W, _ = x.shape
        down, across = dy.shape[1:3]
        (dh, dv), ((top, _), (left, _)) = self.window.dilation, self.window.padding
        dw = np.zeros((*self.window.kernel, n), x.dtype)
        for i, j in self.window.offsets():
            row, column = i * dh - top, j * dv - left  # of the pixel that window (0, 0) reads
            p0, p1, q0, q1 = max(-row, 0), min(H - row, down), max(-column, 0), min(W - column, across)
            if p0 < p1 and q0 < q1:
                read = x[:, p0 + row : p1 + row, q0 + column : q1 + column]
                met = dy[:, p0:p1, q0:q1]
                # (n, rows, columns * N): runs as long as the row
                dots = np.vecdot(read.reshape(n, p1 - p0, -1), met.reshape(n, p1 - p0, -1))
                dw[i, j] = dots.sum(axis=1)
        return dw


def band_product(bands: np.ndarray, x: np.ndarray, y: np.ndarray, *, first: int, reach: int) -> None:
    """Write y[:, p] = bands @ x[:, first + p : first + p + reach], rows outside of x being 0.

    Parameters
    ----------
    bands : (n, W', reach * W) array
    x : (n, H, W, N) array
    y : (n, H', W', N) array
        Written to.
    first : int
        The first row that y's first row needs; below 0 in the padding.
    reach : int
        How many rows one row of y needs.
    """
    n, H, W, N = x.shape
    down = y.shape[1]
    start, stop = inside(H, down, first, reach)
    if start < stop:
        np.matmul(bands[:, None], all_rows(x, start + first, stop - start, reach), out=y[:, start:stop])
    for p in (*range(start), *range(stop, down)):  # windows that the border cuts: some rows of the band have no x
        low, high, there = there_of(p + first, reach, H)
        if low < high:
            np.matmul(bands[:, :, there * W : (there + high - low) * W], x[:, low:high].reshape(n, -1, N), out=y[:, p])
        else:
            y[:, p] = 0


def inside(H: int, down: int, first: int, reach: int) -> tuple[int, int]:
    """Give the range of windows whose rows first + p ... first + p + reach - 1 are all in the image."""
    start = min(max(-first, 0), down)
    return start, max(min(H - reach - first + 1, down), start)


def there_of(row: int, reach: int, H: int) -> tuple[int, int, int]:
    """Of rows row ... row + reach - 1, say which are in the image (low, high), and how many are missing before them."""
    low, high = max(row, 0), min(row + reach, H)
    return low, high, low - row


def all_rows(x: np.ndarray, first: int, count: int, reach: int) -> np.ndarray:
    """Show `reach` rows of x, from each of `count` first ones on, as (n, count, reach * W, N). They overlap: a view."""
    n, _, W, N = x.shape
    by_channel, by_row, by_column, by_image = x.strides
    shape, strides = (n, count, reach * W, N), (by_channel, by_row, by_column, by_image)
    return np.ndarray(shape, x.dtype, x, first * by_row, strides)
