"""Pointwise convolution and dense layer: one matrix product, its columns shared among the workers.

    y = w.T @ x          (Co, P) = (Co, Ci) @ (Ci, P)          P = H * W * N columns; a dense layer has N
    dw = x @ dy.T        (Ci, Co), a sum over the columns: each worker sums over its own, then the sums are added
    dx = w @ dy          (Ci, P)

BLAS does it as fast as the processor can multiply. Nearly half of the whole step is spent here, and well spent.
"""

import numpy as np

from xnp.engine.nodes.shared_kernel import SharedKernel
from xnp.engine.tensors import Block


class Pointwise(SharedKernel):
    """y = w.T @ x + b, for all pixels at once."""

    split = "columns"
    form = "matrix product"

    def forward(self, block: Block, training: bool) -> None:
        """One matrix product."""
        y = self.y.value.columns(block)
        np.matmul(self.w.T, self.x.value.columns(block), out=y)
        if self.b is not None:
            y += self.b[:, None]

    def backward(self, block: Block) -> None:
        """Two matrix products. dx may take the place of x: dw has been found then, and the columns are ours alone."""
        dy = self.y.gradient.columns(block)
        np.matmul(self.x.value.columns(block), dy.T, out=self.dws[block.worker])
        if self.b is not None:
            dy.sum(axis=1, out=self.dbs[block.worker])
        if self.x.wanted:
            np.matmul(self.w, dy, out=self.x.gradient.columns(block))
