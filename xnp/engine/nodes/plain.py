"""What the engine has no fast form for: the layer itself does it, in its own layout."""

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Tensor, from_library, to_library
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
