"""Which nodes serve which layer."""

import numpy as np
import pytest

from xnp.engine.lower import lower
from xnp.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GroupedConv2D,
    MaxPool2D,
    Parallel,
    PointwiseConv2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
    Softmax,
    ZeroPadding2D,
)

FORMS = {
    "conv": (Conv2D(4, 3, stride=2), "Convolution"),
    "conv 1x1": (Conv2D(4, 1), "Pointwise"),
    "conv 1x1 with a stride": (Conv2D(4, 1, stride=2), "Thin Pointwise"),
    "conv 1x1 with padding": (Conv2D(4, 1, padding=1), "Convolution"),
    "pointwise": (PointwiseConv2D(4), "Pointwise"),
    "pointwise with a stride": (PointwiseConv2D(4, stride=(1, 2)), "Thin Pointwise"),
    "depthwise": (DepthwiseConv2D(3, dilation=2, padding=1), "Depthwise"),
    "depthwise with a stride": (DepthwiseConv2D(3, stride=(1, 2)), "DepthwiseConv2D"),
    "separable": (SeparableConv2D(4, 3), "Depthwise Pointwise"),
    "separable with relu": (SeparableConv2D(4, 3, activation="relu"), "Depthwise ReLU Pointwise"),
    "separable with elu": (SeparableConv2D(4, 3, activation="elu"), "Depthwise ELU Pointwise"),
    "separable with a stride": (SeparableConv2D(4, 3, stride=2), "SeparableConv2D"),
    "grouped": (GroupedConv2D(3, 3, groups=3), "GroupedConv2D"),
    "max pool": (MaxPool2D(), "MaxPool"),
    "average pool": (AveragePool2D(2, 2), "AveragePool2D"),
    "global average pool": (GlobalAveragePool2D(), "GlobalAveragePool"),
    "zero padding": (ZeroPadding2D(1), "ZeroPadding2D"),
    "batch norm": (BatchNorm(), "BatchNorm"),
    "relu": (ReLU(), "ReLU"),
    "elu": (ELU(), "ELU"),
    "dropout": (Dropout(0.5), "Dropout"),
    "softmax": (Softmax(), "Softmax"),
    "flatten": (Flatten(), "Flatten"),
    "residual": (Residual(ReLU()), "Fork ReLU Add"),
    "branches": (Parallel(ReLU(), Sequential(), ELU()), "Fork ReLU ELU Concatenate"),
    "one branch": (Parallel(ReLU()), "ReLU Concatenate"),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_of_each_layer(name):
    layer, kinds = FORMS[name]
    nodes, x, y = lower(layer.build((4, 5, 3)), 2)
    assert " ".join(node.kind for node in nodes) == kinds
    assert x.shape == (3, 4, 5, 2)
    assert y is nodes[-1].y
    assert y.shape == (layer.output_shape[-1], *layer.output_shape[:-1], 2)


def test_a_value_that_is_read_three_times_has_three_names():
    nodes, x, _ = lower(Residual(Residual(ReLU())).build((2, 2, 1)), 1)
    fork = nodes[0]
    assert x.reader is fork
    assert [tensor.reader.kind for tensor in fork.outputs] == ["ReLU", "Add", "Add"]
    assert all(tensor.writer is fork for tensor in fork.outputs)


def test_the_nodes_have_the_layers_own_arrays():
    model = Sequential(conv=Conv2D(4, 3), norm=BatchNorm()).build((3, 3, 2))
    conv, norm = lower(model, 1)[0]
    arrays, gradients = model.state(), model.gradients()
    assert norm.gamma is arrays["norm/gamma"]
    assert norm.moving_variance is arrays["norm/moving_variance"]
    assert norm.dbeta is gradients["norm/beta"]
    assert conv.b is arrays["conv/bias"]
    assert np.shares_memory(conv.w, arrays["conv/kernel"])
    assert np.shares_memory(conv.dw, gradients["conv/kernel"])
