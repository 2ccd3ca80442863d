"""Where ways part and meet: fork, add, concatenate."""

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Tensor


class Fork(Node):
    """One value under several names. Backward is the sum rule: what was read k times has k gradients, which add up."""

    in_place = True
    form = "no copy"

    def __init__(self, path: str, x: Tensor, *, names: int) -> None:
        super().__init__(path, x, shape=x.shape)
        self.outputs = tuple(Tensor(path, x.shape, self) for _ in range(names))
        self.y = self.outputs[0]

    def forward(self, block: Block, training: bool) -> None:
        """Do nothing: the names share x's place."""

    def backward(self, block: Block) -> None:
        """Add the gradients of all names."""
        dx = self.x.gradient[block]
        first, second, *others = (tensor.gradient[block] for tensor in self.outputs)
        np.add(first, second, out=dx)
        for dy in others:
            dx += dy


class Add(Node):
    """y = a + b; both get dy."""

    in_place = True
    form = "in place"

    def forward(self, block: Block, training: bool) -> None:
        """Add."""
        a, b = self.inputs
        np.add(a.value[block], b.value[block], out=self.y.value[block])

    def backward(self, block: Block) -> None:
        """Hand dy on. Copied, where a and b must not share it: whoever gets it may write over it."""
        for tensor in self.inputs:
            if tensor.gradient is not self.y.gradient:
                np.copyto(tensor.gradient[block], self.y.gradient[block])


class Concatenate(Node):
    """The branches' channels one after the other: y[: C1] = a, y[C1 : C1 + C2] = b, ..."""

    split = "columns"
    form = "copy"

    def forward(self, block: Block, training: bool) -> None:
        """Copy each branch to its channels."""
        for tensor, part in self._parts(self.y.value.columns(block)):
            np.copyto(part, tensor.value.columns(block))

    def backward(self, block: Block) -> None:
        """Copy each branch's channels of dy back."""
        for tensor, part in self._parts(self.y.gradient.columns(block)):
            np.copyto(tensor.gradient.columns(block), part)

    def _parts(self, matrix: np.ndarray) -> list[tuple[Tensor, np.ndarray]]:
        ends = np.cumsum([tensor.shape[0] for tensor in self.inputs])
        return list(zip(self.inputs, np.split(matrix, ends[:-1]), strict=True))
