"""Activations: number by number, so in any layout."""

import numpy as np

from xnp.engine.nodes.node import Node, by_block, rows
from xnp.engine.tensors import Block, Memory, Tensor


class ReLU(Node):
    """y = max(x, 0); dx = dy where y > 0."""

    needs_y = True
    in_place = True
    form = "in place"

    def forward(self, block: Block, training: bool) -> None:
        """Take the larger of x and 0. A row of zeros, and not the number 0, for which NumPy has slower code."""
        x, y, zeros = self._forward_views(block)
        np.maximum(x, zeros, out=y)

    def backward(self, block: Block) -> None:
        """Let dy pass where y is positive."""
        dy, y, dx, positive = self._backward_views(block)
        np.greater(y, 0, out=positive)
        np.multiply(dy, positive, out=dx)

    def allocate(self, memory: Memory, dtype: np.dtype, workers: int) -> None:
        """Take a row of zeros, as long as one channel."""
        super().allocate(memory, dtype, workers)
        self.zeros = memory.array("zeros", (int(np.prod(self.x.shape[1:])),), dtype)
        self.zeros[...] = 0

    @by_block
    def _forward_views(self, block: Block) -> tuple[np.ndarray, ...]:
        x, y = rows(self.x.value[block]), rows(self.y.value[block])
        return x, y, self.zeros[: x.shape[1]]

    @by_block
    def _backward_views(self, block: Block) -> tuple[np.ndarray, ...]:
        y = self.y.value[block]
        return self.y.gradient[block], y, self.x.gradient[block], self.scratch(block, "mask", y.shape, bool)


class ELU(Node):
    """y = x where x > 0, else alpha * (exp(x) - 1); dx = dy there, else dy * (y + alpha)."""

    needs_y = True
    in_place = True
    form = "in place"

    def __init__(self, path: str, x: Tensor, *, alpha: float) -> None:
        super().__init__(path, x, shape=x.shape)
        self.alpha = alpha

    def forward(self, block: Block, training: bool) -> None:
        """Add max(x, 0) and alpha * expm1(min(x, 0)): one of the two is 0."""
        x, y = self.x.value[block], self.y.value[block]
        bent = np.minimum(x, 0, out=self.scratch(block, "bent", x.shape))
        np.expm1(bent, out=bent)
        bent *= self.alpha
        np.maximum(x, 0, out=y)
        y += bent

    def backward(self, block: Block) -> None:
        """Multiply dy by the slope: 1, and y + alpha on the bent side."""
        dy, y, dx = self.y.gradient[block], self.y.value[block], self.x.gradient[block]
        slope = np.add(y, self.alpha, out=self.scratch(block, "bent", y.shape))
        slope[np.greater(y, 0, out=self.scratch(block, "mask", y.shape, bool))] = 1
        np.multiply(dy, slope, out=dx)
