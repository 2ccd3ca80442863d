"""An ONNX graph while it grows: nodes in their order, arrays by name.

In ONNX every value has a name: a node reads some and writes one. Arrays have the names that xnp gives them, such as
`stem/conv1/kernel`. A node, and what it writes, is called after its layer and its number, `stem/conv1:2`: so no two
share a name, whatever the layers are called.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xnp.layers import Leaf
from xnp.layers.base import Shape, join


class Graph:
    """Nodes and arrays. Values are names; images between the nodes are (N, C, H, W).

    Raises
    ------
    ModuleNotFoundError
        The package onnx is not installed.
    """

    def __init__(self) -> None:
        try:
            import onnx
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "export_onnx needs the package onnx; it comes with the extra of that name:  "
                'python -m pip install -e ".[onnx]"'
            ) from error
        self.onnx: Any = onnx
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []

    def node(self, operator: str, path: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; give the name of what it writes."""
        y = f"{path}:{len(self.nodes) + 1}"
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [y], name=y, **attributes))
        return y

    def weight(self, layer: Leaf, name: str, array: np.ndarray | None = None) -> str:
        """Add an array of a layer, in other axes where it is given; give its name."""
        array = layer.array(name) if array is None else array
        return self._add(layer, name, np.ascontiguousarray(array, np.float32))

    def constant(self, layer: Leaf, name: str, numbers: Sequence[int]) -> str:
        """Add whole numbers that an operator takes as an input; give their name."""
        return self._add(layer, name, np.array(numbers, np.int64))

    def channels_first(self, path: str, x: str, shape: Shape) -> str:
        """Put the axis of the channels behind N: (N, H, W, C) -> (N, C, H, W). `shape` is that of one image."""
        axes = len(shape)
        return x if axes == 1 else self._transpose(path, x, [0, axes, *range(1, axes)])

    def channels_last(self, path: str, x: str, shape: Shape) -> str:
        """Put it behind all others again: (N, C, H, W) -> (N, H, W, C). `shape` is that of one image, channels last."""
        axes = len(shape)
        return x if axes == 1 else self._transpose(path, x, [0, *range(2, axes + 1), 1])

    def finish(self, x: str, y: str) -> None:
        """Let what the last node writes be called y. Without any node y is x, the input."""
        if self.nodes:
            self.nodes[-1].output[0] = y
        else:
            self.nodes.append(self.onnx.helper.make_node("Identity", [x], [y], name=y))

    def _transpose(self, path: str, x: str, perm: list[int]) -> str:
        return self.node("Transpose", join(path, "transpose"), x, perm=perm)

    def _add(self, layer: Leaf, name: str, array: np.ndarray) -> str:
        self.arrays.append(self.onnx.numpy_helper.from_array(array, join(layer.path, name)))
        return self.arrays[-1].name
