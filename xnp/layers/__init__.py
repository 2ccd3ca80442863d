"""Layers: an operation with its parameters; and the containers that make networks of them.

>>> import numpy as np
>>> model = Sequential(conv=Conv2D(16, 3), relu=ReLU(), pool=GlobalAveragePool2D(), classifier=Dense(10))
>>> model = model.build((8, 8, 3), seed=0)
>>> model.forward(np.zeros((2, 8, 8, 3), np.float32)).shape
(2, 10)
>>> {path: array.shape for path, array in model.parameters().items()}
{'conv/kernel': (3, 3, 3, 16), 'conv/bias': (16,), 'classifier/kernel': (16, 10), 'classifier/bias': (10,)}
"""

from xnp.layers.base import Layer, Leaf
from xnp.layers.containers import Parallel, Residual, Sequential
from xnp.layers.with_kernels import (
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GroupedConv2D,
    PointwiseConv2D,
    SeparableConv2D,
)
from xnp.layers.without_kernels import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    ReLU,
    Softmax,
    ZeroPadding2D,
)

__all__ = [
    "ELU",
    "AveragePool2D",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePool2D",
    "GroupedConv2D",
    "Layer",
    "Leaf",
    "MaxPool2D",
    "Parallel",
    "PointwiseConv2D",
    "ReLU",
    "Residual",
    "SeparableConv2D",
    "Sequential",
    "Softmax",
    "ZeroPadding2D",
]
