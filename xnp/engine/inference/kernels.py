"""Steps with kernels: what they share. Batch norm disappears into the numbers of its convolution.

    conv            y = sum of x * w + b
    norm            z = (y - mean) * scale + beta,     scale = gamma / sqrt(variance + eps)
    together        z = sum of x * (w * scale) + ((b - mean) * scale + beta)

At inference mean and variance are constants, so each output channel has one scale and one shift. The scale moves into
the channel's kernel, the shift into its bias: batch norm is there, and costs nothing.

The kernels are computed in float64 and rounded once.
"""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from xnp.engine.inference.blocks import Block, Scratch
from xnp.engine.inference.step import Call, Shape, Step
from xnp.engine.inference.tails import LONG, PerChannel, norm
from xnp.layers import BatchNorm, Leaf


class Kernels(Step):
    """A step of a layer with kernels, and of the batch norms right behind it."""

    frames = False  # whether it copies what it reads anyway, so that a ReLU before it costs nothing
    shares_rows = False  # whether two workers can share a row: each multiplies only its pixels
    kernel = "kernel"  # the array whose outputs the batch norms scale

    def __init__(self, layer: Leaf, reads: tuple[int, ...], writes: int, shape: Shape, dtype: np.dtype) -> None:
        super().__init__(layer.path, reads, writes, shape, dtype)
        self.layer = layer
        self.norms: list[BatchNorm] = []
        self.relu_first = False
        self.bias = PerChannel(shape, dtype)

    @abstractmethod
    def products(self, x: np.ndarray, y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give the calls that compute one block without its bias."""

    @abstractmethod
    def set(self, kernel: np.ndarray) -> None:
        """Take the folded kernel (..., O), in float64."""

    def read(self, name: str) -> np.ndarray:
        """Give a kernel as (..., O) in float64, a copy."""
        return self.layer.array(name).astype(np.float64)

    def fold(self) -> None:
        """Multiply the scales of the batch norms into the kernel, their shifts into the bias."""
        kernel, b = self.read(self.kernel), np.zeros(self.shape[-1])
        if "bias" in self.layer.specs:
            b += self.layer.array("bias")
        for layer in self.norms:
            mean, scale, beta = norm(layer)
            kernel *= scale
            b = (b - mean) * scale + beta
        self.set(kernel)
        self.bias.set(b)

    def width(self) -> int:
        """Share rows, where it is possible and no bias is repeated along them."""
        return self.shape[1] if self.shares_rows and self.shape[-1] >= LONG else 1

    def calls(self, xs: list[np.ndarray], y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Give the products, then the bias if there is one."""
        yield from self.products(xs[0], y, block, scratch)
        if "bias" in self.layer.specs or self.norms:
            yield self.bias.call(np.add, y, y, block)
