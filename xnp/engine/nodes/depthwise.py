"""Depthwise convolution: a stencil for each channel, and for its gradient the same one turned round.

    y[c, p, q]   = sum over (i, j) of w[i, j, c] * x[c, p + i * d - top, q + j * d - left]         d the dilation
    dx[c, r, s]  = sum over (i, j) of w[i, j, c] * dy[c, r - i * d + top, s - j * d + left]
    dw[i, j, c]  = sum over (p, q) of dy[c, p, q] * x[c, p + i * d - top, q + j * d - left]

How such a sum is made fast is told in `stencils.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from xnp.engine.nodes.node import Node, by_block
from xnp.engine.nodes.stencils import Stencil, Tiles, stencil
from xnp.engine.tensors import Block, Memory, Tensor
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

    def allocate(self, memory: Memory, dtype: np.dtype, workers: int) -> None:
        """Take what the stencils give as gradients of the weights: (C, m, kh * kw), one row for each kernel."""
        super().allocate(memory, dtype, workers)
        kh, kw, C, m = self.w.shape
        self.slopes = memory.array(f"{self.path} slopes", (C, m, kh * kw), dtype)

    def forward(self, block: Block, training: bool) -> None:
        """Apply the stencil of each channel's m kernels."""
        sums, y, b = self._forward_views(block)
        for add_up in sums:
            add_up()
        if b is not None:
            np.add(y, b, out=y)

    def backward(self, block: Block) -> None:
        """Find dw first: dx may take the place of x."""
        slopes, (first, *others), dy, db, dx, more = self._backward_views(block)
        for find, found in slopes:
            np.copyto(found, find())
        if db is not None:
            dy.sum(axis=(2, 3, 4), out=db)
        first()
        for add_up in others:
            add_up()
            np.add(dx, more, out=dx)

    def collect(self) -> None:
        """Turn the slopes round: (C, m, kh * kw) -> (kh, kw, C, m)."""
        kh, kw, C, m = self.w.shape
        np.copyto(self.dw, self.slopes.reshape(C, m, kh, kw).transpose(2, 3, 0, 1))

    @by_block
    def _forward_views(self, block: Block) -> tuple[list[Callable[[], None]], np.ndarray, np.ndarray | None]:
        x, y, ours = self.x.value[block], self._by_input(self.y.value[block]), slice(block.start, block.stop)
        sums = [self._sum(self.there, block, q, x, y[:, q]) for q in range(self.m)]
        return sums, y, None if self.b is None else self.b.reshape(-1, self.m, 1, 1, 1)[ours]

    @by_block
    def _backward_views(self, block: Block) -> tuple[Any, ...]:
        x, dy, dx = self.x.value[block], self._by_input(self.y.gradient[block]), self.x.gradient[block]
        ours, take = slice(block.start, block.stop), partial(self.scratch, block)
        slopes = [(self.there.sloping(x, dy[:, q], take), self.slopes[ours, q]) for q in range(self.m)]
        more = take("more dx", dx.shape) if self.m > 1 else dx  # the first kernel writes dx, others add to it
        sums = [self._sum(self.back, block, q, dy[:, q], more if q else dx) for q in range(self.m)]
        return slopes, sums, dy, None if self.db is None else self.db.reshape(-1, self.m)[ours], dx, more

    def _by_input(self, y: np.ndarray) -> np.ndarray:
        """Show outputs by the channel that they come from: (n, m, H', W', N)."""
        return y.reshape(-1, self.m, *y.shape[1:])

    def _sum(self, stencil: Stencil, block: Block, q: int, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
        """Make the function that applies a stencil with the weights that the q-th kernels have by then."""
        take = partial(self.scratch, block)
        kernels = self.w[:, :, block.start : block.stop, q].transpose(2, 0, 1)  # (n, kh, kw)
        copy, apply = take("weights", kernels.shape), stencil.summing(x, y, take)
        weights = copy.reshape(len(copy), -1)  # (n, kh * kw)

        def add_up() -> None:
            np.copyto(copy, kernels)
            apply(weights)

        return add_up
