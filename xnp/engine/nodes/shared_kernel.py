"""Nodes whose workers use the same kernel: each finds its part of dw, and the parts are added up at the end."""

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Memory, Tensor


class SharedKernel(Node):
    """A matrix w and perhaps a bias b, the layer's own arrays, shared by workers that have different columns or rows.

    If all added to one dw, the last bits would depend on who comes first.
    """

    needs_x = True

    def __init__(
        self,
        path: str,
        x: Tensor,
        *,
        shape: tuple[int, ...],
        w: np.ndarray,
        dw: np.ndarray,
        b: np.ndarray | None = None,
        db: np.ndarray | None = None,
    ) -> None:
        super().__init__(path, x, shape=shape)
        self.w, self.dw, self.b, self.db = w, dw, b, db  # (K, Co), (Co,)

    def allocate(self, memory: Memory, dtype: np.dtype, workers: int) -> None:
        """Take a dw and a db for each worker that has something to do."""
        super().allocate(memory, dtype, workers)
        self.busy = min(workers, self.extent)
        self.dws = memory.array(f"{self.path} dw of each worker", (self.busy, *self.w.shape), dtype)
        self.dbs = memory.array(f"{self.path} db of each worker", (self.busy, self.w.shape[1]), dtype)

    def collect(self) -> None:
        """Add the workers' parts."""
        np.add.reduce(self.dws, out=self.dw)
        if self.db is not None:
            np.add.reduce(self.dbs, out=self.db)
