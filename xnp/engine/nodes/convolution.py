"""Standard convolution: for one row of outputs at a time, gather what all its windows read, and multiply once.

    columns   (kh * kw * Ci, W' * N)    for each offset of the kernel, the pixels it reads in this row of windows
    y[:, p]   = w.T @ columns           (Co, W' * N) = (Co, kh * kw * Ci) @ (kh * kw * Ci, W' * N)
    dw        = sum over p of columns @ dy[:, p].T
    dcolumns  = w @ dy[:, p], each row added back to where it was read

One row, and not the whole image: its columns fit into the cache, and are used up before they would have to be written
to memory. In the layout (C, H, W, N) an offset reads W' * N numbers that lie side by side: to gather is to copy.

The workers share the rows: in forward the rows of y, on the way back the rows of dx. A row of dx gets something from
each window that reads it. So at the border between two workers both compute these windows' dcolumns, and each keeps
its own rows.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from xnp.engine.nodes.node import by_block, rows
from xnp.engine.nodes.shared_kernel import SharedKernel
from xnp.engine.tensors import Block, Tensor
from xnp.shapes import Window


class Convolution(SharedKernel):
    """Any stride, padding and dilation. w is (kh * kw * Ci, Co): the layer's kernel, its axes joined."""

    split = "rows"
    overwrites_x = False  # other rows' windows still read it
    form = "gather a row, matrix product"

    def __init__(self, path: str, x: Tensor, *, window: Window, w: np.ndarray, **others: Any) -> None:
        super().__init__(path, x, shape=(w.shape[1], *window.output, x.shape[3]), w=w, **others)
        self.window = window
        self.reads = list(self._reads())

    @property
    def extent(self) -> int:
        """Rows of y."""
        return self.y.shape[1]

    def forward(self, block: Block, training: bool) -> None:
        """Gather and multiply, row by row."""
        for columns, y, _ in self._gathered(block):
            np.matmul(self.w.T, columns, out=y)
            if self.b is not None:
                y += self.b[:, None]

    def backward(self, block: Block) -> None:
        """Gather again for dw; then dx, if it is wanted: an image has no use for a gradient."""
        dw, product = self.dws[block.worker], self.scratch(block, "dw of a row", self.w.shape)
        dw[...] = 0
        for columns, _, dy in self._gathered(block):
            np.matmul(columns, dy.T, out=product)
            np.add(dw, product, out=dw)
        if self.b is not None:
            dy_rows = self.y.gradient.whole()[:, block.start : block.stop]
            dy_rows.sum(axis=(1, 2, 3), out=self.dbs[block.worker])
        if self.x.wanted:
            self._backward_to_x(block)

    def _backward_to_x(self, block: Block) -> None:
        """Find this worker's rows of dx: what each window that reads one of them gives it."""
        dx, columns, windows = self._returns(block)
        dx[...] = 0
        for dy, shares in windows:
            np.matmul(self.w, dy, out=columns)
            for pixels, share in shares:
                np.add(pixels, share, out=pixels)

    def _gathered(self, block: Block) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield, row by row, what its windows read, the row of y, and that of dy. All rows share the first's memory."""
        columns, gaps, gathers = self._gathers(block)
        for gap in gaps:
            gap[...] = 0
        for gather, (y, dy) in zip(gathers, self._rows(block), strict=True):
            gather()
            yield columns, y, dy

    @by_block
    def _rows(self, block: Block) -> list[tuple[np.ndarray, np.ndarray]]:
        """Give the block's rows of y and of dy, each as a matrix (Co, W' * N)."""
        y, dy = self.y.value.whole(), self.y.gradient.whole()
        return [(rows(y[:, p]), rows(dy[:, p])) for p in range(block.start, block.stop)]

    @by_block
    def _gathers(self, block: Block) -> tuple[np.ndarray, list[np.ndarray], list[Callable[[], None]]]:
        """Give memory for what the windows of one row read, its gaps, and for each row of y the function that fills it.

        The memory is (kh * kw * Ci, W' * N). A gap is where windows reach over the image at its sides: always 0.
        """
        x, (columns, matrix) = self.x.value.whole(), self._columns(block)
        gaps = [
            gap
            for i, j, windows, _ in self.reads
            for gap in (columns[i, j][:, : windows.start], columns[i, j][:, windows.stop :])
            if gap.size
        ]

        def gathering(p: int) -> Callable[[], None]:
            above_or_below, copies = [], []
            for i, j, windows, pixels in self.reads:
                row, part = self._row(p, i), columns[i, j][:, windows]
                if 0 <= row < x.shape[1]:
                    copies.append((part, x[:, row, pixels]))
                else:
                    above_or_below.append(part)

            def gather() -> None:
                for part in above_or_below:
                    part[...] = 0
                for part, read in copies:
                    np.copyto(part, read)

            return gather

        return matrix, gaps, [gathering(p) for p in range(block.start, block.stop)]

    @by_block
    def _returns(self, block: Block) -> tuple[np.ndarray, np.ndarray, list[Any]]:
        """Give our rows of dx, memory for dcolumns, and each row of dy that concerns us, with what goes where."""
        dy, dx, (columns, matrix) = self.y.gradient.whole(), self.x.gradient.whole(), self._columns(block)
        first, last = (share * dx.shape[1] // self.busy for share in (block.worker, block.worker + 1))
        windows = []
        for p in range(dy.shape[1]):
            shares = [
                (dx[:, row, pixels], columns[i, j][:, windows_across])
                for i, j, windows_across, pixels in self.reads
                if first <= (row := self._row(p, i)) < last
            ]
            if shares:
                windows.append((rows(dy[:, p]), shares))
        return dx[:, first:last], matrix, windows

    def _columns(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Take memory for what the windows of one row read: as (kh, kw, Ci, W', N), and as a matrix."""
        Ci, _, _, N = self.x.shape
        columns = self.scratch(block, "columns", (*self.window.kernel, Ci, self.window.output[1], N))
        return columns, columns.reshape(len(self.w), -1)

    def _reads(self) -> Iterator[tuple[int, int, slice, slice]]:
        """Give for each offset (i, j) the windows across whose pixel is in the image, and these pixels."""
        W, across, step = self.x.shape[2], self.window.output[1], self.window.stride[1]
        for i, j in self.window.offsets():
            inside = [q for q in range(across) if 0 <= self.window.position(0, q, i, j)[1] < W]
            q0, q1 = (inside[0], inside[-1] + 1) if inside else (0, 0)
            column = self.window.position(0, q0, i, j)[1] if inside else 0
            yield i, j, slice(q0, q1), slice(column, column + max(step * (q1 - q0 - 1) + 1, 0), step)

    def _row(self, p: int, i: int) -> int:
        return self.window.position(p, 0, i, 0)[0]
