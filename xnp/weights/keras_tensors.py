"""Which tensor of a file is which array of which layer: the names that Keras gives, in each of its formats.

    .h5           model_weights/conv/.../kernel:0       by name; attributes list the layers and their tensors in order
                  conv/.../kernel:0                     the same, where the file holds weights alone
    .weights.h5,
    and in .keras layers/conv2d_3/vars/0                class and number, in Keras' order of the layers; then the number
                                                        of the array in the layer

Every tensor of a file is part of a layer, or one of those that are no weights: the optimizer's, and a dropout's seed.
"""

import re
from typing import Any, NamedTuple

from xnp.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GroupedConv2D,
    Leaf,
    PointwiseConv2D,
    SeparableConv2D,
)
from xnp.weights.hdf5 import Tensor, text, texts
from xnp.weights.keras_config import Architecture

CLASSES: dict[type[Leaf], str] = {  # as .weights.h5 writes them
    Conv2D: "conv2d",
    GroupedConv2D: "conv2d",
    PointwiseConv2D: "conv2d",
    DepthwiseConv2D: "depthwise_conv2d",
    SeparableConv2D: "separable_conv2d",
    Dense: "dense",
    BatchNorm: "batch_normalization",
}
ARRAYS = {  # of each class, in the order in which Keras numbers them
    "conv2d": ("kernel", "bias"),
    "depthwise_conv2d": ("kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "dense": ("kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
OPTIONAL = {"bias": "use_bias", "gamma": "scale", "beta": "center"}  # the option of the layer that can leave it out
OLD_NAMES = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}  # Keras 1
NAMES = sorted({*OLD_NAMES, *(name for names in ARRAYS.values() for name in names)}, key=len, reverse=True)
NAME = re.compile(rf"(?:^|.*_)({'|'.join(NAMES)})$")  # the longest first: "depthwise_kernel" is no "kernel"


class Stored(NamedTuple):
    """The tensors of one layer."""

    name: str  # of the layer in Keras; in .weights.h5 alone, class and number
    kind: str  # the class, or "" where the file does not say it
    tensors: dict[str, Tensor]  # by Keras' name of the array


def legacy(root: Any, found: dict[str, Tensor]) -> list[Stored]:
    """List the layers that have tensors, in the order of the file, which is Keras' order.

    Parameters
    ----------
    root : h5py.Group
        With the attribute "layer_names".
    found : dict of str to Tensor
        All tensors of the file.
    """
    if "backend" in root.attrs and text(root, "backend") == "theano":
        raise ValueError("the file was written with Theano, whose kernels are turned; expected another backend")
    left = {name: tensor for name, tensor in found.items() if not name.startswith("optimizer_weights/")}
    layers = []
    for layer in texts(root, "layer_names"):
        arrays: dict[str, Tensor] = {}
        for name in texts(root[layer], "weight_names"):
            path = f"{root.name}/{layer}/{name}".strip("/")
            if path not in left:
                raise ValueError(f"{path} is missing; the file lists it")
            arrays[array_name(path, arrays)] = left.pop(path)
        if arrays:
            layers.append(Stored(layer, "", arrays))
    refuse_more(left)
    return layers


def array_name(path: str, others: dict[str, Tensor]) -> str:
    """Read which array a path of the old format means: "conv/kernel:0", "conv_W:0"."""
    match = NAME.match(path.rsplit("/", 1)[-1].removesuffix(":0"))
    name = match[1] if match else ""
    name = OLD_NAMES.get(name, name)
    if not name or name in others:
        raise ValueError(f"{path} is no array that is known here; known are {', '.join(NAMES)}, one of each in a layer")
    return name


def keras3(found: dict[str, Tensor], architecture: Architecture | None) -> list[Stored]:
    """List the layers that have tensors, class by class, each class in Keras' order.

    Parameters
    ----------
    found : dict of str to Tensor
        All tensors of the file.
    architecture : Architecture, optional
        Tells the layers' names and which arrays of a batch norm are there. None: the file holds weights alone.
    """
    left = {
        name: tensor
        for name, tensor in found.items()
        if not name.startswith("optimizer/") and "/seed_generator/" not in name
    }
    names = names_by_key(architecture)
    layers = []
    for key in sorted({name.split("/")[1] for name in left if re.match("layers/[^/]+/vars/", name)}, key=split):
        kind = split(key)[0]
        if kind not in ARRAYS:
            continue  # `refuse_more` will name its tensors
        place = f"layers/{key}/vars"
        if architecture is not None:
            if key not in names:
                raise ValueError(f"{place} holds extra tensors: the description has no such layer")
            gone = absent(architecture.nodes[names[key]].options)
            arrays = [array for array in ARRAYS[kind] if array not in gone]
        else:
            arrays = list(ARRAYS[kind])
        numbered = {array: f"{place}/{number}" for number, array in enumerate(arrays)}
        stored = {array: left.pop(name) for array, name in numbered.items() if name in left}
        layers.append(Stored(names.get(key, key), kind, stored))
    refuse_more(left)
    return layers


def absent(options: dict[str, Any]) -> set[str]:
    """Name the arrays that a layer of these options does not have."""
    return {array for array, option in OPTIONAL.items() if not options.get(option, True)}


def names_by_key(architecture: Architecture | None) -> dict[str, str]:
    """Count the layers of each class in the order of the description: "conv2d_3" -> its name."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for node in architecture.nodes.values() if architecture else ():
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", node.kind)).lower()
        number = counts.get(kind, 0)
        names[f"{kind}_{number}" if number else kind] = node.name
        counts[kind] = number + 1
    return names


def split(key: str) -> tuple[str, int]:
    """Split "conv2d_3" into class and number; "conv2d" is number 0."""
    match = re.fullmatch(r"(.*?)_([0-9]{1,9})", key)
    return (match[1], int(match[2])) if match else (key, 0)


def refuse_more(left: dict[str, Tensor]) -> None:
    """Refuse a file with tensors that nothing here reads."""
    for name, tensor in left.items():
        raise ValueError(
            f"{name}, shape {tensor.shape}, is an extra tensor: of no layer that is known here ({len(left)} in all)"
        )
