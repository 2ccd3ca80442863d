"""Tails: operations on each number by itself. They run in place on a block that a step has just written.

A pass over memory for a ReLU would cost as much as to fetch all numbers and put them back. On a block that is still in
the cache it costs a tenth of a nanosecond a number.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from xnp.engine.inference.blocks import Block, Scratch
from xnp.layers import BatchNorm

LONG = 512  # numbers in a row from which a loop's start costs little


class PerChannel:
    """One number for each channel, repeated along the image's width, so that NumPy's inner loops are long.

        bias of 3 channels, images 4 wide      a b c a b c a b c a b c

    Parameters
    ----------
    shape : (H, W, C) or (F,)
        Of the value that meets the numbers.
    dtype : dtype
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        C, self._features = shape[-1], len(shape) == 1
        self.array = np.zeros(C * shape[-2] if len(shape) > 1 and C < LONG else C, dtype)
        self._by_channel = self.array.reshape(-1, C)

    def set(self, numbers: np.ndarray) -> None:
        """Change the numbers, (C,), in place."""
        self._by_channel[...] = numbers

    def call(self, ufunc: np.ufunc, x: np.ndarray, y: np.ndarray, block: Block) -> Callable[[], object]:
        """Give the call that lets the block x meet the numbers, and writes y."""
        if self._features:
            return partial(ufunc, x, self.array[block.rows], out=y)
        size = len(self.array)
        return partial(ufunc, x.reshape(-1, size), self.array, out=y.reshape(-1, size))


class Tail(ABC):
    """One such operation."""

    value: int | None = None  # that it reads besides

    @property
    @abstractmethod
    def what(self) -> str:
        """Its name, for the plan's table."""

    @abstractmethod
    def calls(
        self, x: np.ndarray, y: np.ndarray, values: dict[int, np.ndarray], block: Block, scratch: Scratch
    ) -> Iterator[Callable[[], object]]:
        """Give the calls that turn x into y; the two may be one array."""

    def fold(self) -> None:  # noqa: B027  most have nothing to read
        """Read the layer's arrays again."""


class Relu(Tail):
    """Negative numbers become 0."""

    what = "relu"

    def calls(
        self, x: np.ndarray, y: np.ndarray, values: dict[int, np.ndarray], block: Block, scratch: Scratch
    ) -> Iterator[Callable[[], object]]:
        """Give the one call."""
        yield partial(np.maximum, x, y.dtype.type(0), out=y)


class Elu(Tail):
    """Negative numbers bend towards -alpha: max(x, 0) + alpha * (exp(min(x, 0)) - 1), one of the two is 0."""

    what = "elu"

    def __init__(self, alpha: float) -> None:
        self.alpha = float(alpha)

    def calls(
        self, x: np.ndarray, y: np.ndarray, values: dict[int, np.ndarray], block: Block, scratch: Scratch
    ) -> Iterator[Callable[[], object]]:
        """Give five calls."""
        below, zero = scratch.take(*x.shape), y.dtype.type(0)
        yield partial(np.minimum, x, zero, out=below)
        yield partial(np.expm1, below, out=below)
        yield partial(np.multiply, below, y.dtype.type(self.alpha), out=below)
        yield partial(np.maximum, x, zero, out=y)
        yield partial(np.add, y, below, out=y)


class Norm(Tail):
    """Batch norm behind a step without kernels, which could take it up: one shift, one scale, one shift.

    The mean is subtracted first, as the layer does it: where it is large, y = x * scale + shift would lose digits.
    """

    what = "norm"

    def __init__(self, layer: BatchNorm, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.layer = layer
        self.mean, self.scale, self.beta = (PerChannel(shape, dtype) for _ in range(3))

    def fold(self) -> None:
        """Read the four arrays."""
        mean, scale, beta = norm(self.layer)
        self.mean.set(mean)
        self.scale.set(scale)
        self.beta.set(beta)

    def calls(
        self, x: np.ndarray, y: np.ndarray, values: dict[int, np.ndarray], block: Block, scratch: Scratch
    ) -> Iterator[Callable[[], object]]:
        """Give three calls."""
        yield self.mean.call(np.subtract, x, y, block)
        yield self.scale.call(np.multiply, y, y, block)
        yield self.beta.call(np.add, y, y, block)


class Add(Tail):
    """Another value comes in: the end of a residual connection."""

    def __init__(self, value: int, path: str) -> None:
        self.value, self.path = value, path

    @property
    def what(self) -> str:
        """Name the sum."""
        return f"add ({self.path})"

    def calls(
        self, x: np.ndarray, y: np.ndarray, values: dict[int, np.ndarray], block: Block, scratch: Scratch
    ) -> Iterator[Callable[[], object]]:
        """Give the one call."""
        assert self.value is not None
        yield partial(np.add, x, block.of(values[self.value]), out=y)


def norm(layer: BatchNorm) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a batch norm as y = (x - mean) * scale + beta, each (C,), in float64."""
    gamma, beta, mean, variance = (
        layer.array(name).astype(np.float64) for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return mean, gamma / np.sqrt(variance + layer.eps), beta
