"""Depthwise convolution: a stencil for each channel, and for its gradient the same one turned round.

    y[c, p, q]   = sum over (i, j) of w[i, j, c] * x[c, p + i * d - top, q + j * d - left]         d the dilation
    dx[c, r, s]  = sum over (i, j) of w[i, j, c] * dy[c, r - i * d + top, s - j * d + left]
    dw[i, j, c]  = sum over (p, q) of dy[c, p, q] * x[c, p + i * d - top, q + j * d - left]

How such a sum is made fast is told in `stencils.py`.
"""

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.nodes.stencils import Stencil, Tiles, stencil
from xnp.engine.tensors import Block, Tensor
from xnp.shapes import Window


class Depthwise(Node):
    """Stride 1; any padding, dilation and multiplier. w is (kh, kw, C, m); output channel c * m + q comes from c."""

    needs_x = True

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
        C, H, W, N = x.shape
        self.m = w.shape[3]
        super().__init__(path, x, shape=(C * self.m, *window.output, N))
        self.w, self.dw, self.b, self.db = w, dw, b, db
        reads = [window.position(0, 0, i, j) for i, j in window.offsets()]
        turned = [(-row, -column) for row, column in reads]
        self.there: Stencil = stencil(reads, (H, W), window.output, w.dtype)
        self.back: Stencil = stencil(turned, window.output, (H, W), w.dtype)
        self.form = "stencil by tiles" if isinstance(self.there, Tiles) else "stencil by bands"

    def forward(self, block: Block, training: bool) -> None:
        """Apply the stencil of each channel's m kernels."""
        x, y = self.x.value[block], self._by_input(self.y.value[block])
        for q in range(self.m):
            self.there.apply(self._weights(block, q), x, y[:, q], self, block)
        if self.b is not None:
            y += self.b.reshape(-1, self.m, 1, 1, 1)[block.start : block.stop]

    def backward(self, block: Block) -> None:
        """Find dw first: dx may take the place of x."""
        x, dy, dx = self.x.value[block], self._by_input(self.y.gradient[block]), self.x.gradient[block]
        for q in range(self.m):
            slopes = self.there.slopes(x, dy[:, q], self, block)
            self.dw[:, :, block.start : block.stop, q] = slopes.T.reshape(*self.dw.shape[:2], -1)
        if self.db is not None:
            self.db.reshape(-1, self.m)[block.start : block.stop] = dy.sum(axis=(2, 3, 4))
        self.back.apply(self._weights(block, 0), dy[:, 0], dx, self, block)
        for q in range(1, self.m):
            more = self.scratch(block, "more dx", dx.shape)
            self.back.apply(self._weights(block, q), dy[:, q], more, self, block)
            dx += more

    def _by_input(self, y: np.ndarray) -> np.ndarray:
        """Show outputs by the channel that they come from: (n, m, H', W', N)."""
        return y.reshape(-1, self.m, *y.shape[1:])

    def _weights(self, block: Block, q: int) -> np.ndarray:
        """Give the block's kernels: (n, kh * kw)."""
        return self.w[:, :, block.start : block.stop, q].reshape(-1, block.stop - block.start).T
