"""What the engine has no fast form for: the layer itself does it, in its own layout."""

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Tensor
from xnp.layers import Leaf


class Plain(Node):
    """Turn x to (N, H, W, C), let the layer run, turn its answer back. One worker does it; the others wait."""

    split = "alone"
    form = "the layer itself"

    def __init__(self, path: str, x: Tensor, layer: Leaf) -> None:
        *_, C = layer.output_shape
        super().__init__(path, x, shape=(C, *layer.output_shape[:-1], x.shape[-1]))
        self.layer = layer

    def forward(self, block: Block, training: bool) -> None:
        """Run the layer's forward; it keeps what it needs."""
        from_library(self.layer.forward(to_library(self.x.value.whole()), training), out=self.y.value.whole())

    def backward(self, block: Block) -> None:
        """Run the layer's backward; it fills its own gradients."""
        from_library(self.layer.backward(to_library(self.y.gradient.whole())), out=self.x.gradient.whole())

    @property
    def kind(self) -> str:
        """The layer's."""
        return type(self.layer).__name__


def to_library(x: np.ndarray) -> np.ndarray:
    """(C, H, W, N) -> (N, H, W, C), or (F, N) -> (N, F): a copy."""
    return np.ascontiguousarray(np.moveaxis(x, (-1, 0), (0, -1)))


def from_library(x: np.ndarray, *, out: np.ndarray) -> None:
    """Write (N, H, W, C) into (C, H, W, N), or (N, F) into (F, N)."""
    np.copyto(out, np.moveaxis(x, (-1, 0), (0, -1)))
