"""Files as Keras writes them, made by h5py and zipfile: of one small network with a skip, and of any description."""

import json
import zipfile
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest

from xnp.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePool2D,
    MaxPool2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)

# Keras' description: class, name, options, and what is read; in Keras' order, with the addition's main path first.
CONV = {"strides": [1, 1], "padding": "same", "dilation_rate": [1, 1], "use_bias": False, "activation": "linear"}
NORM = {"axis": -1, "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}
NETWORK = [
    ("InputLayer", "image", {"batch_shape": [None, 8, 8, 3]}, []),
    ("Conv2D", "first", CONV | {"filters": 4, "kernel_size": [3, 3]}, ["image"]),
    ("BatchNormalization", "first_bn", NORM, ["first"]),
    ("Activation", "first_act", {"activation": "relu"}, ["first_bn"]),
    ("SeparableConv2D", "sep", CONV | {"filters": 6, "kernel_size": [3, 3], "depth_multiplier": 1}, ["first_act"]),
    ("BatchNormalization", "sep_bn", NORM, ["sep"]),
    ("Conv2D", "conv2d", CONV | {"filters": 6, "kernel_size": [1, 1], "strides": [2, 2]}, ["first_act"]),
    ("MaxPooling2D", "sep_pool", {"pool_size": [3, 3], "strides": [2, 2], "padding": "same"}, ["sep_bn"]),
    ("BatchNormalization", "batch_normalization", NORM, ["conv2d"]),
    ("Add", "sum", {}, ["sep_pool", "batch_normalization"]),
    ("GlobalAveragePooling2D", "pool", {"keepdims": False}, ["sum"]),
    ("Dense", "predictions", {"units": 5, "use_bias": True, "activation": "softmax"}, ["pool"]),
]
VARIABLES = {  # of each class, in Keras' order: array and its shape, from the options and the channels that come in
    "Conv2D": ("kernel", "bias"),
    "DepthwiseConv2D": ("kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Dense": ("kernel", "bias"),
}
SHAPES = {  # of the network above, without bias
    "first": [(3, 3, 3, 4)],
    "first_bn": [(4,)] * 4,
    "sep": [(3, 3, 4, 1), (1, 1, 4, 6)],
    "sep_bn": [(6,)] * 4,
    "conv2d": [(1, 1, 4, 6)],
    "batch_normalization": [(6,)] * 4,
    "predictions": [(6, 5), (5,)],
}
PATHS = {  # Keras' layer -> the model's
    "first": "stem/conv",
    "first_bn": "stem/norm",
    "sep": "block/sep",
    "sep_bn": "block/norm",
    "conv2d": "block/skip/conv",
    "batch_normalization": "block/skip/norm",
    "predictions": "classifier",
}
CLASS = {  # the class, as Keras 3 writes it
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "SeparableConv2D": "separable_conv2d",
    "BatchNormalization": "batch_normalization",
    "Dense": "dense",
}


def model(dtype=np.float32):
    """Build the network in the library's words: logits, with a dropout that Keras' has not."""
    main = Sequential(sep=SeparableConv2D(6, 3, use_bias=False), norm=BatchNorm(), pool=MaxPool2D(3, 2))
    skip = Sequential(conv=Conv2D(6, 1, stride=2, use_bias=False), norm=BatchNorm())
    return Sequential(
        stem=Sequential(conv=Conv2D(4, 3, use_bias=False), norm=BatchNorm(), relu=ReLU()),
        block=Residual(main, skip),
        pool=GlobalAveragePool2D(),
        dropout=Dropout(0.5),
        classifier=Dense(5),
    ).build((8, 8, 3), dtype=dtype)


def drawn(shapes=SHAPES, dtype=np.float32):
    """Draw all tensors: layer -> list."""
    rng = np.random.default_rng(0)
    return {name: [rng.uniform(0.5, 1.5, shape).astype(dtype) for shape in those] for name, those in shapes.items()}


def description(network=NETWORK, keras=3):
    """Write a description as Keras 3 or Keras 2 does."""
    layers = []
    for kind, name, options, reads in network:
        if keras == 3:
            tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [r, 0, 0]}} for r in reads]
            nodes = [{"args": tensors if len(reads) == 1 else [tensors], "kwargs": {}}] if reads else []
        else:
            nodes = [[[r, 0, 0, {}] for r in reads]] if reads else []
        layers.append({"class_name": kind, "name": name, "config": {"name": name, **options}, "inbound_nodes": nodes})
    first, last = [network[0][1], 0, 0], [network[-1][1], 0, 0]
    ends = (
        {"input_layers": first, "output_layers": last}
        if keras == 3
        else {"input_layers": [first], "output_layers": [last]}
    )
    return {
        "class_name": "Functional" if keras == 3 else "Model",
        "config": {"name": "model", "layers": layers, **ends},
    }


def legacy(file, tensors, network=NETWORK, suffix=":0", config=None):
    """Fill an h5py group as Keras 2 does: whole, if there is a description."""
    group = file
    if config is not None:
        file.attrs["model_config"] = config if isinstance(config, str | bytes) else json.dumps(config)
        group = file.create_group("model_weights")
    group.attrs["layer_names"] = np.array([name.encode() for _, name, _, _ in network])
    group.attrs["backend"] = b"tensorflow"
    for kind, name, _, _ in network:
        inside, names = group.create_group(name), []
        for variable, array in zip(VARIABLES.get(kind, ()), tensors.get(name, ()), strict=False):
            names.append(f"{name}/{variable}{suffix}")
            inside[names[-1]] = array
        inside.attrs["weight_names"] = np.array([n.encode() for n in names])


def keras3(file, tensors, network=NETWORK, named=True):
    """Fill an h5py file as Keras 3 does."""
    counts = {}
    for kind, name, _, _ in network:
        key = CLASS.get(kind, kind.lower())
        number = counts.get(key, 0)
        counts[key] = number + 1
        group = file.create_group(f"layers/{key}_{number}/vars" if number else f"layers/{key}/vars")
        if named:
            group.attrs["name"] = name
        for place, array in enumerate(tensors.get(name, ())):
            group[str(place)] = array
    file.create_group("vars")


def archive(path, weights, config, compression=zipfile.ZIP_STORED):
    """Write a .keras file."""
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", config if isinstance(config, str | bytes) else json.dumps(config))
        file.writestr("model.weights.h5", weights)
    return path


@pytest.fixture
def made(tmp_path):
    """Give what makes files: `made.write(kind)` writes a whole good one."""
    h5py = pytest.importorskip("h5py")

    def write(kind, tensors=None, network=NETWORK, config=None, more=None):
        """Write a file of a kind: "keras", "whole", "old", "weights". `more(file)` may change the HDF5 file."""
        tensors = drawn() if tensors is None else tensors
        path = tmp_path / {"keras": "m.keras", "whole": "m.h5", "old": "w.h5", "weights": "m.weights.h5"}[kind]
        target = BytesIO() if kind == "keras" else path
        with h5py.File(target, "w") as file:
            if kind == "whole":
                legacy(file, tensors, network, config=config or description(network, keras=2))
            elif kind == "old":
                legacy(file, tensors, network)
            else:
                keras3(file, tensors, network)
            if more is not None:
                more(file)
        return archive(path, target.getvalue(), config or description(network)) if kind == "keras" else path

    names = {"NETWORK": NETWORK, "CONV": CONV, "NORM": NORM, "SHAPES": SHAPES, "PATHS": PATHS, "VARIABLES": VARIABLES}
    functions = {f.__name__: f for f in (model, drawn, description, legacy, keras3, archive, write)}
    return SimpleNamespace(folder=tmp_path, **names, **functions)
