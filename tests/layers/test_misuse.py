"""Layers used in the wrong way: each mistake is an error that says where and what."""

import re

import numpy as np
import pytest

from xnp.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GroupedConv2D,
    Layer,
    MaxPool2D,
    PointwiseConv2D,
    ReLU,
    SeparableConv2D,
    Sequential,
)


def test_backward_before_forward_is_an_error(expected):
    layer = expected.make().build(expected.input_shape, path="here")
    with pytest.raises(RuntimeError, match=r"^here.*: backward was called before forward$"):
        layer.backward(np.ones((3, *expected.output_shape), np.float32))


def test_backward_before_forward_names_the_class_where_there_is_no_path(expected):
    layer = expected.make().build(expected.input_shape)
    named = "[a-z]+|" if isinstance(layer, Sequential) else ""  # its last layer complains, and has a path
    with pytest.raises(RuntimeError, match=rf"^({named}{type(layer).__name__}): backward was called before forward$"):
        layer.backward(np.ones((3, *expected.output_shape), np.float32))


def test_a_layer_that_is_not_built_is_an_error(expected):
    message = r"^\w+: the layer knows no shapes yet; call build\(input_shape\) first$"
    with pytest.raises(RuntimeError, match=message):
        expected.make().forward(np.ones((3, *expected.input_shape), np.float32))
    with pytest.raises(RuntimeError, match=message):
        expected.make().forward(np.ones((3, *expected.input_shape), np.float32), training=True)
    for ask in (Layer.parameters, Layer.gradients, Layer.state, Layer.generators):
        with pytest.raises(RuntimeError, match=message):
            ask(expected.make())
    with pytest.raises(RuntimeError, match="backward was called before forward"):
        expected.make().backward(np.ones((3, *expected.output_shape), np.float32))
    assert repr(expected.make()) == f"{type(expected.make()).__name__}: not built yet"


def test_a_layer_used_twice_is_an_error():
    relu = ReLU()
    with pytest.raises(ValueError, match=r'^ReLU: the layer is in use already, as "net/first"; make a new one$'):
        Sequential(first=relu, second=relu).build((3,), path="net")
    net = Sequential(ReLU()).build((3,))
    with pytest.raises(ValueError, match=r"^Sequential: the layer is in use already"):
        net.build((3,))


MISFITS = {
    "Dense on images": (Dense(2), (5, 6, 3), "Dense takes (I) for one image but gets (5, 6, 3)"),
    "Conv2D on rows": (Conv2D(2, 3), (6,), "Conv2D takes (H, W, C) for one image but gets (6,)"),
    "MaxPool2D on rows": (MaxPool2D(), (6,), "MaxPool2D takes (H, W, C) for one image but gets (6,)"),
    "kernel too large": (Conv2D(2, 7, padding="valid"), (5, 6, 3), "conv2d: the kernel covers 7 pixels along H"),
    "stride of 0": (Conv2D(2, 3, stride=0), (5, 6, 3), "conv2d: stride is 0; it must be a positive integer"),
    "padding": (Conv2D(2, 3, padding="full"), (5, 6, 3), 'conv2d: padding is "full"; it must be'),
    "kernel_size": (Conv2D(2, (3, 3, 3)), (5, 6, 3), "Conv2D: kernel_size is (3, 3, 3); it must be a positive"),
    "groups, of the channels out": (
        GroupedConv2D(4, 3, groups=3),
        (5, 6, 3),
        "GroupedConv2D: groups is 3 but there are 3 channels in and 4 out; groups must divide both",
    ),
    "groups, of the channels in": (
        GroupedConv2D(6, 3, groups=3),
        (5, 6, 4),
        "GroupedConv2D: groups is 3 but there are 4 channels in and 6 out; groups must divide both",
    ),
    "activation": (
        SeparableConv2D(4, 3, activation="tanh"),
        (5, 6, 3),
        "separable_conv2d: activation is 'tanh'; it must be None, 'relu' or 'elu'",
    ),
    "initializer": (Conv2D(2, 3, initializer="zero"), (5, 6, 3), 'initializer is "zero"; it must be "glorot_uniform"'),
    "an axis of 0": (ReLU(), (5, 0), "input_shape is (5, 0); it must be positive integers, without the batch axis"),
    "half a pixel": (Conv2D(2, 3), (5.5, 6, 3), "input_shape is (5.5, 6, 3); it must be positive integers"),
    "no axis": (ReLU(), (), "input_shape is (); it must be positive integers"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_layer_that_does_not_fit_is_refused_with_its_path(name):
    layer, input_shape, message = MISFITS[name]
    with pytest.raises(ValueError, match="^" + re.escape(f"exit/3: {message}")):
        layer.build(input_shape, path="exit/3")
    with pytest.raises(ValueError, match=r"^\w"):  # no path: the message starts with a name all the same
        layer.build(input_shape)


def test_a_misfit_deep_in_a_network_is_found_by_its_path():
    with pytest.raises(ValueError, match=r"^exit/1/top: Dense takes \(I\) for one image but gets \(5, 6, 4\)$"):
        Sequential(exit=Sequential(Sequential(conv=Conv2D(4, 3), top=Dense(2)))).build((5, 6, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "ReLU: seed is -1; it must be an integer, 0 or more"),
        ({"seed": 1.0}, "ReLU: seed is 1.0; it must be an integer, 0 or more"),
        ({"dtype": np.int32}, "ReLU: dtype is int32; it must be float32 or float64"),
        ({"dtype": np.complex128}, "ReLU: dtype is complex128; it must be float32 or float64"),
    ],
)
def test_build_refuses_by_name(options, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        ReLU().build((3,), **options)


NUMBERS = {
    "Conv2D: filters is 0; it must be a positive integer": lambda: Conv2D(0, 3),
    "GroupedConv2D: groups is 0; it must be": lambda: GroupedConv2D(4, 3, groups=0),
    "GroupedConv2D: filters is -4; it must be": lambda: GroupedConv2D(-4, 3, groups=2),
    "DepthwiseConv2D: depth_multiplier is 0; it must be": lambda: DepthwiseConv2D(3, depth_multiplier=0),
    "PointwiseConv2D: filters is 2.5; it must be": lambda: PointwiseConv2D(2.5),
    "SeparableConv2D: filters is True; it must be": lambda: SeparableConv2D(True, 3),
    "SeparableConv2D: depth_multiplier is 0;": lambda: SeparableConv2D(4, 3, depth_multiplier=0),
    "Dense: units is 0; it must be a positive integer": lambda: Dense(0),
    "Dropout: rate is 1.0; it must be at least 0 and less than 1": lambda: Dropout(1.0),
    "BatchNorm: momentum is -0.1; it must be at least 0 and less than 1": lambda: BatchNorm(momentum=-0.1),
}


@pytest.mark.parametrize("message", NUMBERS)
def test_a_bad_number_is_refused_where_the_layer_is_made(message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        NUMBERS[message]()
