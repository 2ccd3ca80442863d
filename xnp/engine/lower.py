"""From the library's calls to the engine's nodes: which fast form serves which layer.

A layer that is not listed here is run by itself, as a `Plain` node: slower, and right all the same.
"""

from collections import Counter
from typing import Any

import numpy as np

from xnp import layers, shapes
from xnp.engine import nodes
from xnp.engine.tensors import Tensor
from xnp.graph import Call, trace
from xnp.layers import Layer, Leaf


def lower(model: Layer, batch: int) -> tuple[list[nodes.Node], Tensor, Tensor]:
    """Turn a built model into nodes for a batch of this size.

    Returns
    -------
    nodes, in an order in which they can run
    x, y : Tensor
        The network's input and output.
    """
    calls = trace(model)
    assert model.input_shape is not None
    reads = Counter(value for call in calls for value in call.reads)
    found: list[nodes.Node] = []
    names: dict[int, list[Tensor]] = {}  # of each value: as many tensors as it has readers

    def write(value: int, tensor: Tensor) -> None:
        if reads[value] > 1:
            fork = nodes.Fork(tensor.path, tensor, names=reads[value])
            found.append(fork)
            names[value] = list(fork.outputs)
        else:
            names[value] = [tensor]

    *image, channels = model.input_shape
    x = Tensor("input", (channels, *image, batch), None)
    write(0, x)
    for call in calls:
        made = make(call, [names[value].pop(0) for value in call.reads])
        found += made
        write(call.writes, made[-1].y)
    (y,) = names[calls[-1].writes if calls else 0]
    return found, x, y


def make(call: Call, inputs: list[Tensor]) -> list[nodes.Node]:
    """Make the nodes of one call, one after the other."""
    x, path = inputs[0], call.path
    match call.what:
        case "add":
            return [nodes.Add(path, *inputs, shape=x.shape)]
        case "concatenate":
            return [nodes.Concatenate(path, *inputs, shape=(sum(t.shape[0] for t in inputs), *x.shape[1:]))]
        case layers.SeparableConv2D() as layer if fast_depthwise(layer):
            return separable(layer, x)
        case layers.DepthwiseConv2D() as layer if fast_depthwise(layer):
            return [depthwise(layer, x, "kernel", **bias(layer))]
        case layers.PointwiseConv2D() as layer:
            return pointwise(layer, x, "kernel", shapes.pair(path, "stride", layer.stride), **bias(layer))
        case layers.Conv2D() as layer:
            window = slide(layer, x, layer.array("kernel"))
            if window.kernel == (1, 1) and window.padding == ((0, 0), (0, 0)):
                return pointwise(layer, x, "kernel", window.stride, **bias(layer))
            w, dw = matrix(layer, "kernel")
            return [nodes.Convolution(path, x, window=window, w=w, dw=dw, **bias(layer))]
        case layers.Dense() as layer:
            return pointwise(layer, x, "kernel", (1, 1), **bias(layer))
        case layers.BatchNorm() as layer:
            return [nodes.BatchNorm(path, x, layer)]
        case layers.ReLU():
            return [nodes.ReLU(path, x, shape=x.shape)]
        case layers.ELU() as layer:
            return [nodes.ELU(path, x, alpha=layer.alpha)]
        case layers.MaxPool2D() as layer:
            _, H, W, N = x.shape
            size = shapes.pair(path, "size", layer.size)
            window = shapes.slide_pool(path, (N, H, W, x.shape[0]), size, stride=layer.stride, padding=layer.padding)
            return [nodes.MaxPool(path, x, window=window)]
        case layers.GlobalAveragePool2D():
            return [nodes.GlobalAveragePool(path, x)]
        case layers.Flatten():
            return [nodes.Flatten(path, x)]
        case Leaf() as layer:
            return [nodes.Plain(path, x, layer)]
    raise AssertionError(call)


def separable(layer: layers.SeparableConv2D, x: Tensor) -> list[nodes.Node]:
    """Depthwise, the activation if there is one, pointwise."""
    made: list[nodes.Node] = [depthwise(layer, x, "depthwise", b=None, db=None)]
    if layer.activation == "relu":
        made.append(nodes.ReLU(f"{layer.path}/relu", made[-1].y, shape=made[-1].y.shape))
    elif layer.activation == "elu":
        made.append(nodes.ELU(f"{layer.path}/elu", made[-1].y, alpha=1.0))
    return made + pointwise(layer, made[-1].y, "pointwise", (1, 1), **bias(layer))


def depthwise(layer: Leaf, x: Tensor, name: str, **bias: Any) -> nodes.Node:
    """Make the node of a kernel (kh, kw, C, m)."""
    w, dw = layer.array(name), layer.gradient(name)
    path = f"{layer.path}/{name}" if name == "depthwise" else layer.path
    return nodes.Depthwise(path, x, window=slide(layer, x, w), w=w, dw=dw, **bias)


def pointwise(layer: Leaf, x: Tensor, name: str, stride: tuple[int, int], **bias: Any) -> list[nodes.Node]:
    """Make the node of a kernel (Ci, Co); with a stride, keep only the pixels that it reads first."""
    path = f"{layer.path}/{name}" if name == "pointwise" else layer.path
    made: list[nodes.Node] = []
    if stride != (1, 1):
        made.append(nodes.Thin(path, x, stride=stride))
        x = made[0].y
    w, dw = matrix(layer, name)
    return [*made, nodes.Pointwise(path, x, shape=(w.shape[1], *x.shape[1:]), w=w, dw=dw, **bias)]


def fast_depthwise(layer: Any) -> bool:
    """Say whether there is a fast form: for stride 1 alone."""
    return shapes.pair(layer.path, "stride", layer.stride) == (1, 1)


def slide(layer: Any, x: Tensor, kernel: np.ndarray) -> shapes.Window:
    """Lay the layer's windows over x."""
    C, H, W, N = x.shape
    options = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    return shapes.slide(layer.path, (N, H, W, C), kernel.shape[:2], **options)


def matrix(layer: Leaf, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Show a kernel and its gradient as matrices (kh * kw * Ci, Co). Views: what is written to them, the layer has."""
    w, dw = layer.array(name), layer.gradient(name)
    return w.reshape(-1, w.shape[-1]), dw.reshape(-1, w.shape[-1])


def bias(layer: Any) -> dict[str, np.ndarray | None]:
    """Give the layer's bias and its gradient, or None for both."""
    if not layer.use_bias:
        return {"b": None, "db": None}
    return {"b": layer.array("bias"), "db": layer.gradient("bias")}
