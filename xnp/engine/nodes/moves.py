"""Nodes that compute nothing: every second pixel, and all axes in one."""

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Tensor


class Thin(Node):
    """Keep each s-th row and column: what a 1x1 convolution with a stride reads. The others get no gradient."""

    form = "copy"

    def __init__(self, path: str, x: Tensor, *, stride: tuple[int, int]) -> None:
        C, H, W, N = x.shape
        self.index = (slice(None), slice(None, None, stride[0]), slice(None, None, stride[1]))
        super().__init__(path, x, shape=(C, -(-H // stride[0]), -(-W // stride[1]), N))

    def forward(self, block: Block, training: bool) -> None:
        """Copy."""
        np.copyto(self.y.value[block], self.x.value[block][self.index])

    def backward(self, block: Block) -> None:
        """Copy back, between zeros."""
        dx = self.x.gradient[block]
        dx[...] = 0
        dx[self.index] = self.y.gradient[block]


class Flatten(Node):
    """(C, H, W, N) -> (H * W * C, N), in the order of the library's layout: it is the order of a dense layer's rows."""

    split = "alone"
    form = "copy"

    def __init__(self, path: str, x: Tensor) -> None:
        *axes, N = x.shape
        super().__init__(path, x, shape=(int(np.prod(axes)), N))

    def forward(self, block: Block, training: bool) -> None:
        """Channels become the innermost of an image's axes."""
        x, y = self.x.value.whole(), self.y.value.whole()
        np.copyto(y.reshape(*x.shape[1:-1], len(x), -1), np.moveaxis(x, 0, -2))

    def backward(self, block: Block) -> None:
        """And the outermost again."""
        dx, dy = self.x.gradient.whole(), self.y.gradient.whole()
        np.copyto(np.moveaxis(dx, 0, -2), dy.reshape(*dx.shape[1:-1], len(dx), -1))
