"""Layers with kernels: the convolutions and the dense layer, each an operation of `xnp.ops` with its parameters.

All take and give batches: images (N, H, W, C) or rows (N, C). `kernel_size`, `stride` and `dilation` are an
integer or a pair (height, width); `padding` is "same", "valid" or an integer (see `xnp.shapes`); `initializer` is
"glorot_uniform" or "he_normal" (see `xnp.layers.initializers`). The arrays' names are the ends of their paths.
"""

from typing import Any

import numpy as np

from xnp import checks, ops
from xnp.count import Row
from xnp.layers.base import Leaf, Shape, Spec
from xnp.layers.initializers import Initializer, kernel, zeros
from xnp.ops.separable_conv2d import Activation
from xnp.shapes import Padding, Pair, pair


class Conv2D(Leaf):
    """Standard convolution. Arrays: kernel (kh, kw, C, filters), bias (filters,)."""

    op = ops.conv2d

    def __init__(
        self,
        filters: int,
        kernel_size: Pair,
        *,
        stride: Pair = 1,
        padding: Padding = "same",
        dilation: Pair = 1,
        use_bias: bool = True,
        initializer: Initializer = "glorot_uniform",
    ) -> None:
        checks.positive("Conv2D", filters=filters)
        self.filters, self.kernel_size, self.use_bias, self.initializer = filters, kernel_size, use_bias, initializer
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe kernel and bias."""
        (kh, kw), C = pair("Conv2D", "kernel_size", self.kernel_size), input_shape[2]
        draw = kernel(self.initializer, kh * kw * C, kh * kw * self.filters)
        return {"kernel": Spec((kh, kw, C, self.filters), draw)} | bias(self.use_bias, self.filters)

    def options(self) -> dict[str, Any]:
        """Give stride, padding and dilation."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}


class GroupedConv2D(Leaf):
    """Convolution by segments of the channels. Arrays: kernel (kh, kw, C / groups, filters), bias (filters,)."""

    op = ops.grouped_conv2d

    def __init__(
        self,
        filters: int,
        kernel_size: Pair,
        *,
        groups: int,
        stride: Pair = 1,
        padding: Padding = "same",
        dilation: Pair = 1,
        use_bias: bool = True,
        initializer: Initializer = "glorot_uniform",
    ) -> None:
        checks.positive("GroupedConv2D", filters=filters, groups=groups)
        self.filters, self.kernel_size, self.use_bias, self.initializer = filters, kernel_size, use_bias, initializer
        self.groups, self.stride, self.padding, self.dilation = groups, stride, padding, dilation

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe kernel and bias."""
        (kh, kw), C = pair("GroupedConv2D", "kernel_size", self.kernel_size), input_shape[2]
        if C % self.groups or self.filters % self.groups:
            raise ValueError(
                f"GroupedConv2D: groups is {self.groups} but there are {C} channels in and {self.filters} out; "
                "groups must divide both"
            )
        draw = kernel(self.initializer, kh * kw * C // self.groups, kh * kw * self.filters // self.groups)
        return {"kernel": Spec((kh, kw, C // self.groups, self.filters), draw)} | bias(self.use_bias, self.filters)

    def options(self) -> dict[str, Any]:
        """Give groups, stride, padding and dilation."""
        return {"groups": self.groups, "stride": self.stride, "padding": self.padding, "dilation": self.dilation}


class DepthwiseConv2D(Leaf):
    """Convolution of each channel by itself. Arrays: kernel (kh, kw, C, m), bias (C * m,), m the depth multiplier."""

    op = ops.depthwise_conv2d

    def __init__(
        self,
        kernel_size: Pair,
        *,
        depth_multiplier: int = 1,
        stride: Pair = 1,
        padding: Padding = "same",
        dilation: Pair = 1,
        use_bias: bool = True,
        initializer: Initializer = "glorot_uniform",
    ) -> None:
        checks.positive("DepthwiseConv2D", depth_multiplier=depth_multiplier)
        self.kernel_size, self.depth_multiplier = kernel_size, depth_multiplier
        self.use_bias, self.initializer = use_bias, initializer
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe kernel and bias."""
        (kh, kw), C, m = pair("DepthwiseConv2D", "kernel_size", self.kernel_size), input_shape[2], self.depth_multiplier
        draw = kernel(self.initializer, kh * kw, kh * kw * m)
        return {"kernel": Spec((kh, kw, C, m), draw)} | bias(self.use_bias, C * m)

    def options(self) -> dict[str, Any]:
        """Give stride, padding and dilation."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}


class PointwiseConv2D(Leaf):
    """1x1 convolution. Arrays: kernel (C, filters), bias (filters,)."""

    op = ops.pointwise_conv2d

    def __init__(
        self, filters: int, *, stride: Pair = 1, use_bias: bool = True, initializer: Initializer = "glorot_uniform"
    ) -> None:
        checks.positive("PointwiseConv2D", filters=filters)
        self.filters, self.stride, self.use_bias, self.initializer = filters, stride, use_bias, initializer

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe kernel and bias."""
        draw = kernel(self.initializer, input_shape[2], self.filters)
        return {"kernel": Spec((input_shape[2], self.filters), draw)} | bias(self.use_bias, self.filters)

    def options(self) -> dict[str, Any]:
        """Give the stride."""
        return {"stride": self.stride}


class SeparableConv2D(Leaf):
    """Depthwise, then pointwise. Arrays: depthwise (kh, kw, C, m), pointwise (C * m, filters), bias (filters,)."""

    op = ops.separable_conv2d

    def __init__(
        self,
        filters: int,
        kernel_size: Pair,
        *,
        depth_multiplier: int = 1,
        stride: Pair = 1,
        padding: Padding = "same",
        dilation: Pair = 1,
        activation: Activation = None,
        use_bias: bool = True,
        initializer: Initializer = "glorot_uniform",
    ) -> None:
        checks.positive("SeparableConv2D", filters=filters, depth_multiplier=depth_multiplier)
        self.filters, self.kernel_size, self.depth_multiplier = filters, kernel_size, depth_multiplier
        self.use_bias, self.initializer = use_bias, initializer
        self.stride, self.padding, self.dilation, self.activation = stride, padding, dilation, activation

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe the two kernels and the bias."""
        (kh, kw), C, m = pair("SeparableConv2D", "kernel_size", self.kernel_size), input_shape[2], self.depth_multiplier
        return {
            "depthwise": Spec((kh, kw, C, m), kernel(self.initializer, kh * kw, kh * kw * m)),
            "pointwise": Spec((C * m, self.filters), kernel(self.initializer, C * m, self.filters)),
        } | bias(self.use_bias, self.filters)

    def options(self) -> dict[str, Any]:
        """Give stride, padding, dilation and the activation between the halves."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "activation": self.activation,
        }

    def rows(self, input_shape: Shape) -> tuple[list[Row], Shape]:
        """Count the operation on one image; tell the bias from the activation between the halves."""
        [row], output_shape = super().rows(input_shape)
        biases = int(np.prod(output_shape)) if self.use_bias else 0
        return [
            row._replace(elementwise={"bias": biases, "activation": row.elementwise["bias"] - biases})
        ], output_shape


class Dense(Leaf):
    """Every output reads every input. Arrays: kernel (I, units), bias (units,)."""

    op, axes = ops.dense, "I"

    def __init__(self, units: int, *, use_bias: bool = True, initializer: Initializer = "glorot_uniform") -> None:
        checks.positive("Dense", units=units)
        self.units, self.use_bias, self.initializer = units, use_bias, initializer

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe kernel and bias."""
        draw = kernel(self.initializer, input_shape[0], self.units)
        return {"kernel": Spec((input_shape[0], self.units), draw)} | bias(self.use_bias, self.units)


def bias(use_bias: bool, size: int) -> dict[str, Spec]:
    """Describe the bias, where there is one."""
    return {"bias": Spec((size,), zeros)} if use_bias else {}
