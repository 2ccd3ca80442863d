"""Layers without kernels: normalisation, dropout, activations, pools, and the two that only move numbers."""

from typing import Any

import numpy as np

from xnp import checks, ops
from xnp.layers.base import Leaf, Shape, Spec, generator, join
from xnp.layers.initializers import ones, zeros
from xnp.shapes import Cost, Padding, Pair, Sides


class BatchNorm(Leaf):
    """Normalises each channel: by the batch in training, by the moving statistics else.

    Arrays, all (C,): gamma and beta are trained; moving_mean and moving_variance follow the batches,
    moving = momentum * moving + (1 - momentum) * batch, at each training forward. The variance is the biased one.
    """

    op, axes, elementwise = ops.batch_norm_inference, "", "batch_norm"

    def __init__(self, momentum: float = 0.99, eps: float = 1e-3) -> None:
        checks.fraction("BatchNorm", "momentum", momentum)
        self.momentum, self.eps = momentum, eps

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe scale, shift and moving statistics."""
        C = input_shape[-1:]
        return {
            "gamma": Spec(C, ones),
            "beta": Spec(C, zeros),
            "moving_mean": Spec(C, zeros, trainable=False),
            "moving_variance": Spec(C, ones, trainable=False),
        }

    def options(self) -> dict[str, Any]:
        """Give eps."""
        return {"eps": self.eps}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Normalise; in training, let the moving statistics follow."""
        if not training:
            return super().forward(x)
        self._ready()
        y, cache = ops.batch_norm.forward(x, self.array("gamma"), self.array("beta"), eps=self.eps)
        for name, statistic in (("moving_mean", cache.mean), ("moving_variance", cache.var)):
            moving = self.array(name)
            moving *= self.momentum
            moving += (1 - self.momentum) * statistic
        self._ran = ops.batch_norm, cache
        return y


class Dropout(Leaf):
    """Sets numbers to 0 with probability `rate` in training; else passes all. Draws from a generator of its own."""

    op, axes, elementwise = ops.dropout, "", "dropout"
    rng: np.random.Generator

    def __init__(self, rate: float) -> None:
        checks.fraction("Dropout", "rate", rate)
        self.rate = rate

    def options(self) -> dict[str, Any]:
        """Give the rate."""
        return {"rate": self.rate}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Drop in training; else keep everything, as a mask of ones would."""
        self._ready()
        if training:
            y, cache = ops.dropout.forward(x, self.rng, rate=self.rate)
        else:
            y, cache = x, ops.dropout.Cache(np.ones_like(x))
        self._ran = ops.dropout, cache
        return y

    def _connect(self, input_shape: Shape) -> Shape:
        self.rng = generator(self.seed, join(self.path, "rng"))
        return super()._connect(input_shape)


class ReLU(Leaf):
    """Negative numbers become 0."""

    op, axes, elementwise = ops.relu, "", "activation"


class ELU(Leaf):
    """Negative numbers bend towards -alpha."""

    op, axes, elementwise = ops.elu, "", "activation"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def options(self) -> dict[str, Any]:
        """Give alpha."""
        return {"alpha": self.alpha}


class Softmax(Leaf):
    """Logits become probabilities, over the last axis."""

    op, axes, elementwise = ops.softmax, "", "activation"


class MaxPool2D(Leaf):
    """Every window keeps its largest pixel."""

    op, elementwise = ops.max_pool2d, "pool"

    def __init__(self, size: Pair = 3, stride: Pair = 2, *, padding: Padding = "same") -> None:
        self.size, self.stride, self.padding = size, stride, padding

    def options(self) -> dict[str, Any]:
        """Give size, stride and padding."""
        return {"size": self.size, "stride": self.stride, "padding": self.padding}


class AveragePool2D(Leaf):
    """Every window answers the mean of its real pixels."""

    op, elementwise = ops.average_pool2d, "pool"

    def __init__(self, size: Pair, stride: Pair, *, padding: Padding = "same") -> None:
        self.size, self.stride, self.padding = size, stride, padding

    def options(self) -> dict[str, Any]:
        """Give size, stride and padding."""
        return {"size": self.size, "stride": self.stride, "padding": self.padding}


class GlobalAveragePool2D(Leaf):
    """(H, W, C) becomes (C,): the mean of each channel."""

    op, elementwise = ops.global_average_pool2d, "pool"


class ZeroPadding2D(Leaf):
    """A frame of zeros: an integer, or ((top, bottom), (left, right))."""

    op = ops.zero_padding2d

    def __init__(self, padding: Sides | int) -> None:
        self.padding = padding

    def options(self) -> dict[str, Any]:
        """Give the padding."""
        return {"padding": self.padding}


class Flatten(Leaf):
    """(H, W, C) becomes (H * W * C,), in the order of memory. It computes nothing, so it has no operation."""

    axes = ""
    _input: tuple[Shape, np.dtype] | None = None  # shape and dtype of the last one

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Put all axes of an image into one."""
        self._ready()
        self._input = x.shape, x.dtype
        return x.reshape(len(x), -1)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Give the axes back."""
        if self._input is None:
            raise RuntimeError(f"{self.label}: backward was called before forward")
        shape, dtype = self._input
        checks.upstream(self.label, dy, (shape[0], int(np.prod(shape[1:]))), dtype)
        return dy.reshape(shape)

    def plan(self, input_shape: Shape) -> tuple[dict[str, Spec], Cost]:
        """Count nothing; the shape alone changes."""
        return {}, Cost((1, int(np.prod(input_shape))), 0, 0, 0)
