"""Keras' layers in the library's words: one function a layer.

What only training reads is passed over: initialisers, regularisers, constraints, what is frozen. So is Keras' dtype:
the network computes in its own. An option that changes the outputs is expressed or refused.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any

from xnp import layers
from xnp.layers import Layer

JOINS = ("Add", "Concatenate")  # these become containers


def translate(kind: str, options: dict[str, Any]) -> list[Layer]:
    """Make the layers that do what one of Keras' layers does: itself, and its activation.

    Parameters
    ----------
    kind : str
        Keras' class.
    options : dict
        Its config.

    Raises
    ------
    ValueError
        There is no such layer here, or an option that it has not.
    """
    if kind not in LAYERS:
        raise ValueError(f"there is no {kind} here; known are {', '.join(sorted([*LAYERS, *JOINS]))}")
    only(options, data_format=("channels_last", None))
    return LAYERS[kind](options)


def only(options: dict[str, Any], **allowed: tuple) -> None:
    """Refuse options that have another value than those allowed. One that is not there is fine."""
    for name, values in allowed.items():
        if name in options and options[name] not in values:
            raise ValueError(f"{name} is {options[name]!r}; expected {' or '.join(map(repr, values))}")


def window(options: dict[str, Any]) -> dict[str, Any]:
    """Say how a kernel slides."""
    return {
        "stride": pair(options["strides"]),
        "padding": options["padding"],
        "dilation": pair(options.get("dilation_rate", 1)),
        "use_bias": options["use_bias"],
    }


def pair(value: Any) -> Any:
    """Turn JSON's list into a tuple."""
    return tuple(value) if isinstance(value, list) else value


def number(options: dict[str, Any], name: str) -> float:
    """Read an option that must be a number."""
    if not isinstance(options[name], int | float) or not isfinite(options[name]):
        raise ValueError(f"{name} is {options[name]!r}; expected a number")
    return float(options[name])


def activations(name: Any) -> list[Layer]:
    """Make the layer of an activation that is given by name, if it does anything."""
    known: dict[str, list[Callable[[], Layer]]]
    known = {"linear": [], "relu": [layers.ReLU], "elu": [layers.ELU], "softmax": [layers.Softmax]}
    name = "linear" if name is None else name
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"activation is {name!r}; expected {', '.join(known)}")
    return [make() for make in known[name]]


def with_activation(layer: Layer, options: dict[str, Any]) -> list[Layer]:
    """Put a layer's activation behind it."""
    return [layer, *activations(options.get("activation"))]


def conv2d(options: dict[str, Any]) -> list[Layer]:
    """Make a standard convolution, or a grouped one."""
    size, groups = pair(options["kernel_size"]), options.get("groups", 1)
    if groups == 1:
        layer: Layer = layers.Conv2D(options["filters"], size, **window(options))
    else:
        layer = layers.GroupedConv2D(options["filters"], size, groups=groups, **window(options))
    return with_activation(layer, options)


def depthwise_conv2d(options: dict[str, Any]) -> list[Layer]:
    """Make a depthwise convolution."""
    size, multiplier = pair(options["kernel_size"]), options["depth_multiplier"]
    return with_activation(layers.DepthwiseConv2D(size, depth_multiplier=multiplier, **window(options)), options)


def separable_conv2d(options: dict[str, Any]) -> list[Layer]:
    """Make a separable convolution. Keras' activation comes behind both halves."""
    size, multiplier = pair(options["kernel_size"]), options["depth_multiplier"]
    layer = layers.SeparableConv2D(options["filters"], size, depth_multiplier=multiplier, **window(options))
    return with_activation(layer, options)


def dense(options: dict[str, Any]) -> list[Layer]:
    """Make a dense layer."""
    return with_activation(layers.Dense(options["units"], use_bias=options["use_bias"]), options)


def batch_norm(options: dict[str, Any]) -> list[Layer]:
    """Make a batch norm. Without scale its gamma stays 1, without center its beta stays 0."""
    only(options, renorm=(False, None), virtual_batch_size=(None,))
    return [layers.BatchNorm(options["momentum"], number(options, "epsilon"))]


def relu(options: dict[str, Any]) -> list[Layer]:
    """Make a ReLU. There is none with a bound, a slope, or a threshold."""
    only(options, max_value=(None,), negative_slope=(0, None), threshold=(0, None))
    return [layers.ReLU()]


def pool(make: Callable[..., Layer]) -> Callable[[dict[str, Any]], list[Layer]]:
    """Make the function of a pool."""

    def pool(options: dict[str, Any]) -> list[Layer]:
        """Make a pool. Without strides, the windows touch."""
        stride = options["pool_size"] if options["strides"] is None else options["strides"]
        return [make(pair(options["pool_size"]), pair(stride), padding=options["padding"])]

    return pool


def global_average_pool2d(options: dict[str, Any]) -> list[Layer]:
    """Make a global average pool."""
    only(options, keepdims=(False, None))
    return [layers.GlobalAveragePool2D()]


def zero_padding2d(options: dict[str, Any]) -> list[Layer]:
    """Make a frame of zeros: an integer, a pair (rows, columns), or both sides of each."""
    padding = options["padding"]
    if isinstance(padding, int):
        return [layers.ZeroPadding2D(padding)]
    rows, columns = (pair(side) if isinstance(side, list) else (side, side) for side in padding)
    return [layers.ZeroPadding2D((rows, columns))]


def dropout(options: dict[str, Any]) -> list[Layer]:
    """Make a dropout."""
    only(options, noise_shape=(None,))
    return [layers.Dropout(options["rate"])]


LAYERS: dict[str, Callable[[dict[str, Any]], list[Layer]]] = {
    "Activation": lambda options: activations(options["activation"]),
    "AveragePooling2D": pool(layers.AveragePool2D),
    "BatchNormalization": batch_norm,
    "Conv2D": conv2d,
    "Dense": dense,
    "DepthwiseConv2D": depthwise_conv2d,
    "Dropout": dropout,
    "ELU": lambda options: [layers.ELU(number(options, "alpha"))],
    "Flatten": lambda options: [layers.Flatten()],
    "GlobalAveragePooling2D": global_average_pool2d,
    "MaxPooling2D": pool(layers.MaxPool2D),
    "ReLU": relu,
    "SeparableConv2D": separable_conv2d,
    "Softmax": lambda options: [layers.Softmax()],
    "ZeroPadding2D": zero_padding2d,
}
