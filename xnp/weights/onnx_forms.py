"""What each layer is in ONNX: an operator or two, and the layer's arrays in ONNX's order of axes.

    layer                              operators                  kernel of xnp -> weights of ONNX
    Conv2D, GroupedConv2D              Conv                       (kh, kw, C / g, O) -> (O, C / g, kh, kw)
    DepthwiseConv2D                    Conv, a group a channel    (kh, kw, C, m)     -> (C * m, 1, kh, kw)
    PointwiseConv2D                    Conv, 1x1                  (C, O)             -> (O, C, 1, 1)
    SeparableConv2D                    the last two, with Relu or Elu between them where there is one
    Dense                              Gemm                       (I, O), as it is
    BatchNorm                          BatchNormalization, with the moving statistics
    MaxPool2D, AveragePool2D           MaxPool (pads with -inf), AveragePool (does not count what it pads)
    GlobalAveragePool2D                GlobalAveragePool, Flatten
    ZeroPadding2D                      Pad
    ReLU, ELU, Softmax                 Relu, Elu, Softmax
    Flatten                            Transpose to (N, H, W, C), Flatten: in the order of xnp's memory
    Dropout                            nothing

ONNX has a word for "same" too (auto_pad), and calls it deprecated. So all padding is written in numbers: top, left,
bottom, right, as `xnp.shapes` computes them.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from xnp import layers
from xnp.layers import Leaf
from xnp.layers.base import join
from xnp.ops import zero_padding2d
from xnp.shapes import Pair, Window, pair, slide
from xnp.weights.onnx_graph import Graph

Form: TypeAlias = Callable[[Graph, Any, str], str]  # (graph, layer, name of x) -> name of y; images are (N, C, H, W)


def conv2d(graph: Graph, layer: layers.Conv2D, x: str) -> str:
    """Convolve space and channels at once."""
    kernel = layer.array("kernel").transpose(3, 2, 0, 1)
    return convolve(graph, layer, x, "kernel", kernel, lay(layer, layer.kernel_size), bias=layer.use_bias)


def grouped_conv2d(graph: Graph, layer: layers.GroupedConv2D, x: str) -> str:
    """Convolve each segment by itself: xnp and ONNX put the outputs of a group side by side."""
    kernel, window = layer.array("kernel").transpose(3, 2, 0, 1), lay(layer, layer.kernel_size)
    return convolve(graph, layer, x, "kernel", kernel, window, groups=layer.groups, bias=layer.use_bias)


def depthwise_conv2d(graph: Graph, layer: layers.DepthwiseConv2D, x: str) -> str:
    """Convolve each channel by itself."""
    return depthwise(graph, layer, x, "kernel", bias=layer.use_bias)


def pointwise_conv2d(graph: Graph, layer: layers.PointwiseConv2D, x: str) -> str:
    """Mix the channels of each pixel."""
    kernel = layer.array("kernel").T[:, :, None, None]
    return convolve(graph, layer, x, "kernel", kernel, lay(layer, 1), bias=layer.use_bias)


def separable_conv2d(graph: Graph, layer: layers.SeparableConv2D, x: str) -> str:
    """Convolve each channel, activate if that is asked for, mix the channels."""
    x = depthwise(graph, layer, x, "depthwise", bias=False)
    if layer.activation == "relu":
        x = graph.node("Relu", join(layer.path, "relu"), x)
    elif layer.activation == "elu":
        x = graph.node("Elu", join(layer.path, "elu"), x, alpha=1.0)
    kernel, once = layer.array("pointwise").T[:, :, None, None], slide(layer.path, (1, 1, 1, 1), (1, 1))
    return convolve(graph, layer, x, "pointwise", kernel, once, bias=layer.use_bias)


def depthwise(graph: Graph, layer: Any, x: str, name: str, *, bias: bool) -> str:
    """Make a convolution with one group a channel: the outputs of channel c are c * m to c * m + m - 1, as in xnp."""
    kh, kw, C, m = layer.array(name).shape
    kernel = layer.array(name).transpose(2, 3, 0, 1).reshape(C * m, 1, kh, kw)
    return convolve(graph, layer, x, name, kernel, lay(layer, layer.kernel_size), groups=C, bias=bias)


def convolve(
    graph: Graph, layer: Leaf, x: str, name: str, kernel: np.ndarray, window: Window, *, groups: int = 1, bias: bool
) -> str:
    """Make one Conv of a layer's array `name`, which comes as (O, C / groups, kh, kw)."""
    arrays = [graph.weight(layer, name, kernel)]
    if bias:
        arrays.append(graph.weight(layer, "bias"))
    path = layer.path if name == "kernel" else join(layer.path, name)
    options = {"dilations": window.dilation, "group": groups, **positions(window)}
    return graph.node("Conv", path, x, *arrays, **options)


def dense(graph: Graph, layer: layers.Dense, x: str) -> str:
    """Multiply, add: x (N, I) @ kernel (I, O) + bias."""
    return graph.node("Gemm", layer.path, x, *(graph.weight(layer, name) for name in layer.specs))


def batch_norm(graph: Graph, layer: layers.BatchNorm, x: str) -> str:
    """Normalise by the moving statistics. ONNX takes the four arrays in the order that xnp has them in."""
    arrays = (graph.weight(layer, name) for name in layer.specs)
    return graph.node("BatchNormalization", layer.path, x, *arrays, epsilon=float(layer.eps))


def max_pool2d(graph: Graph, layer: layers.MaxPool2D, x: str) -> str:
    """Keep the largest pixel. ONNX too pads with -inf: padding never wins."""
    return graph.node("MaxPool", layer.path, x, **positions(lay(layer, layer.size)))


def average_pool2d(graph: Graph, layer: layers.AveragePool2D, x: str) -> str:
    """Answer the mean, and tell ONNX not to count the padding."""
    return graph.node("AveragePool", layer.path, x, count_include_pad=0, **positions(lay(layer, layer.size)))


def global_average_pool2d(graph: Graph, layer: layers.GlobalAveragePool2D, x: str) -> str:
    """ONNX keeps the two axes of the image, with one pixel: take them away."""
    pooled = graph.node("GlobalAveragePool", join(layer.path, "pool"), x)
    return graph.node("Flatten", layer.path, pooled)


def pad(graph: Graph, layer: layers.ZeroPadding2D, x: str) -> str:
    """Frame with zeros: ONNX wants a number before each of N, C, H, W, then one behind each."""
    (top, bottom), (left, right) = zero_padding2d.read(layer.padding)
    return graph.node("Pad", layer.path, x, graph.constant(layer, "pads", [0, 0, top, left, 0, 0, bottom, right]))


def flatten(graph: Graph, layer: layers.Flatten, x: str) -> str:
    """Put the channels last first: numbers that lie side by side in xnp do so here."""
    assert layer.input_shape is not None
    return graph.node("Flatten", layer.path, graph.channels_last(layer.path, x, layer.input_shape))


def lay(layer: Any, kernel: Pair) -> Window:
    """Lay a layer's windows over its input."""
    options = {name: getattr(layer, name) for name in ("stride", "padding", "dilation") if hasattr(layer, name)}
    return slide(layer.label, (1, *layer.input_shape), pair(layer.label, "kernel size", kernel), **options)


def positions(window: Window) -> dict[str, Any]:
    """Say where windows stand, as ONNX says it."""
    (top, bottom), (left, right) = window.padding
    return {"kernel_shape": window.kernel, "strides": window.stride, "pads": [top, left, bottom, right]}


FORMS: dict[type[Leaf], Form] = {
    layers.Conv2D: conv2d,
    layers.GroupedConv2D: grouped_conv2d,
    layers.DepthwiseConv2D: depthwise_conv2d,
    layers.PointwiseConv2D: pointwise_conv2d,
    layers.SeparableConv2D: separable_conv2d,
    layers.Dense: dense,
    layers.BatchNorm: batch_norm,
    layers.MaxPool2D: max_pool2d,
    layers.AveragePool2D: average_pool2d,
    layers.GlobalAveragePool2D: global_average_pool2d,
    layers.ZeroPadding2D: pad,
    layers.ReLU: lambda graph, layer, x: graph.node("Relu", layer.path, x),
    layers.ELU: lambda graph, layer, x: graph.node("Elu", layer.path, x, alpha=float(layer.alpha)),
    layers.Softmax: lambda graph, layer, x: graph.node("Softmax", layer.path, x, axis=1),
    layers.Flatten: flatten,
    layers.Dropout: lambda graph, layer, x: x,
}
