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

from collections.abc import Iterator

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Memory, Tensor
from xnp.shapes import Window


class Convolution(Node):
    """Any stride, padding and dilation. w is (kh * kw * Ci, Co): the layer's kernel, its axes joined."""

    split = "rows"
    needs_x = True
    overwrites_x = False  # other rows' windows still read it
    form = "gather a row, matrix product"

    def __init__(
        self,
        path: str,
        x: Tensor,
        *,
        window: Window,
        w: np.ndarray,
        dw: np.ndarray,
        b: np.ndarray | None,
        db: np.ndarray | None,
    ) -> None:
        super().__init__(path, x, shape=(w.shape[1], *window.output, x.shape[3]))
        self.window, self.w, self.dw, self.b, self.db = window, w, dw, b, db
        self.reads = list(self._reads())

    @property
    def extent(self) -> int:
        """Rows of y."""
        return self.y.shape[1]

    def allocate(self, memory: Memory, dtype: np.dtype, workers: int) -> None:
        """Take a dw and a db for each worker that has rows."""
        super().allocate(memory, dtype, workers)
        busy = min(workers, self.extent)
        self.dws = memory.array(f"{self.path} dw of each worker", (busy, *self.w.shape), dtype)
        self.dbs = memory.array(f"{self.path} db of each worker", (busy, self.w.shape[1]), dtype)
        self.busy = busy

    def forward(self, block: Block, training: bool) -> None:
        """Gather and multiply, row by row."""
        x, y = self.x.value.whole(), self.y.value.whole()
        for p in range(block.start, block.stop):
            row = y[:, p].reshape(len(y), -1)
            np.matmul(self.w.T, self._gather(block, x, p), out=row)
            if self.b is not None:
                row += self.b[:, None]

    def backward(self, block: Block) -> None:
        """Gather again for dw; then dx, if it is wanted: an image has no use for a gradient."""
        x, dy = self.x.value.whole(), self.y.gradient.whole()
        dw, product = self.dws[block.worker], self.scratch(block, "dw of a row", self.w.shape)
        dw[...] = 0
        for p in range(block.start, block.stop):
            np.matmul(self._gather(block, x, p), dy[:, p].reshape(len(dy), -1).T, out=product)
            dw += product
        if self.b is not None:
            dy[:, block.start : block.stop].sum(axis=(1, 2, 3), out=self.dbs[block.worker])
        if self.x.wanted:
            self._backward_to_x(block)

    def collect(self) -> None:
        """Add the workers' sums."""
        np.add.reduce(self.dws, out=self.dw)
        if self.db is not None:
            np.add.reduce(self.dbs, out=self.db)

    def _backward_to_x(self, block: Block) -> None:
        """Find this worker's rows of dx: what each window that reads one of them gives it."""
        dy, dx = self.y.gradient.whole(), self.x.gradient.whole()
        first, last = (share * dx.shape[1] // self.busy for share in (block.worker, block.worker + 1))
        dx[:, first:last] = 0
        for p in range(dy.shape[1]):
            if any(first <= self._row(p, i) < last for i, _, _, _ in self.reads):
                self._give_back(block, dy, dx, p, range(first, last))

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

    def _columns(self, block: Block, name: str) -> np.ndarray:
        """(kh, kw, Ci, W', N)."""
        Ci, _, _, N = self.x.shape
        return self.scratch(block, name, (*self.window.kernel, Ci, self.window.output[1], N))

    def _gather(self, block: Block, x: np.ndarray, p: int) -> np.ndarray:
        """Copy what the windows of row p read: (kh * kw * Ci, W' * N)."""
        columns = self._columns(block, "columns")
        for i, j, windows, pixels in self.reads:
            row, part = self._row(p, i), columns[i, j]
            if 0 <= row < x.shape[1]:
                part[:, : windows.start] = 0
                part[:, windows] = x[:, row, pixels]
                part[:, windows.stop :] = 0
            else:
                part[...] = 0
        return columns.reshape(len(self.w), -1)

    def _give_back(self, block: Block, dy: np.ndarray, dx: np.ndarray, p: int, ours: range) -> None:
        """Add what the windows of row p give to our rows of dx."""
        columns = self._columns(block, "columns")
        np.matmul(self.w, dy[:, p].reshape(len(dy), -1), out=columns.reshape(len(self.w), -1))
        for i, j, windows, pixels in self.reads:
            if (row := self._row(p, i)) in ours:
                dx[:, row, pixels] += columns[i, j][:, windows]
