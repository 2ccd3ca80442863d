"""What a layer is called in a drawing: read from the layer itself, so that no drawing can contradict its model.

>>> from xnp.layers import Conv2D, SeparableConv2D
>>> words(Conv2D(32, 3, stride=2).build((299, 299, 3)))
'conv 3x3, 32, stride 2'
>>> size((147, 147, 64)), size((1000,))
('147x147x64', '1000')
"""

from xnp.layers import Dropout, Layer, Residual
from xnp.layers.base import Leaf
from xnp.layers.containers import chain
from xnp.shapes import pair

NAMES = {
    "Conv2D": "conv",
    "GroupedConv2D": "grouped conv",
    "DepthwiseConv2D": "depthwise",
    "PointwiseConv2D": "conv",
    "SeparableConv2D": "separable",
    "MaxPool2D": "max pool",
    "AveragePool2D": "average pool",
    "GlobalAveragePool2D": "global average pool",
    "BatchNorm": "BN",
    "Dense": "dense",
    "Dropout": "dropout",
    "Flatten": "flatten",
    "Softmax": "softmax",
}


def words(leaf: Leaf) -> str:
    """Name an operation: what it is, how many channels come out, how its window moves."""
    filters = [str(leaf.output_shape[-1])] if hasattr(leaf, "filters") or hasattr(leaf, "units") else []
    return ", ".join([title(leaf), *filters, *moves(leaf)])


def title(leaf: Leaf) -> str:
    """Name an operation and its window."""
    name = NAMES.get(kind(leaf), kind(leaf))
    if window := window_of(leaf):
        name += " " + size(window)
    return f"{name} {leaf.rate:g}" if isinstance(leaf, Dropout) else name


def moves(leaf: Leaf) -> list[str]:
    """Say stride, dilation and padding, where they are not 1, 1 and "same"."""
    said = []
    for name in ("stride", "dilation"):
        step = pair("moves", name, getattr(leaf, name, 1))
        if step != (1, 1):
            said.append(f"{name} {step[0] if step[0] == step[1] else size(step)}")
    padding = getattr(leaf, "padding", "same")
    return said if padding == "same" else [*said, padding if padding == "valid" else f"padding {padding}"]


def window_of(leaf: Leaf) -> tuple[int, int] | None:
    """Give height and width of what the operation reads at once, where it has a window."""
    if kind(leaf) == "PointwiseConv2D":
        return 1, 1
    side = getattr(leaf, "kernel_size", getattr(leaf, "size", None))
    return None if side is None else pair("window_of", "size", side)


def kind(leaf: Leaf) -> str:
    """Give the name of the layer's class."""
    return type(leaf).__name__


def size(shape: tuple[int, ...]) -> str:
    """Write a shape as 147x147x64."""
    return "x".join(map(str, shape))


def outline(layer: Layer) -> tuple:
    """Describe shapes and operations without their names: equal for blocks that are built alike."""
    if isinstance(layer, Residual):
        return ("residual", outline(layer.main), layer.skip and outline(layer.skip))
    return tuple((words(step), step.input_shape) if isinstance(step, Leaf) else outline(step) for step in chain(layer))
