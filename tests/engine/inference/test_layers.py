"""Every layer with odd sizes, strides, paddings, dilations, groups and multipliers is what the model computes."""

import numpy as np
import pytest

from xnp import ops
from xnp.engine.inference import Inference
from xnp.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GroupedConv2D,
    Layer,
    Leaf,
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
from xnp.layers.base import Spec
from xnp.layers.initializers import ones

ALONE = {
    "conv": lambda: Conv2D(5, 3),
    "conv, stride": lambda: Conv2D(5, (3, 2), stride=(2, 3), padding="valid"),
    "conv, dilation": lambda: Conv2D(4, 3, dilation=(1, 2), padding=1),
    "conv, wide padding": lambda: Conv2D(4, 2, padding=4),
    "conv, wide padding and stride": lambda: Conv2D(4, 2, stride=3, padding=5),
    "conv, no bias": lambda: Conv2D(4, 4, use_bias=False),
    "conv, 1x1": lambda: Conv2D(4, 1),
    "conv, 1x1 and stride": lambda: Conv2D(4, 1, stride=2),
    "conv, 1x1 and padding": lambda: Conv2D(4, 1, padding=1),
    "conv, as large as the image": lambda: Conv2D(4, (9, 7), padding="valid"),
    "grouped": lambda: GroupedConv2D(6, 3, groups=2),
    "grouped, stride": lambda: GroupedConv2D(9, (2, 3), groups=3, stride=2, padding=1, dilation=(2, 1)),
    "grouped, 1x1": lambda: GroupedConv2D(6, 1, groups=3),
    "grouped, one channel each": lambda: GroupedConv2D(12, 3, groups=6),
    "depthwise": lambda: DepthwiseConv2D(3),
    "depthwise, multiplier": lambda: DepthwiseConv2D(3, depth_multiplier=3),
    "depthwise, stride": lambda: DepthwiseConv2D((2, 3), depth_multiplier=2, stride=(1, 2), padding="valid"),
    "depthwise, rows in strides": lambda: DepthwiseConv2D(3, stride=(2, 1)),
    "depthwise, dilation": lambda: DepthwiseConv2D((3, 2), dilation=(2, 3), padding=2, use_bias=False),
    "pointwise": lambda: PointwiseConv2D(4),
    "pointwise, stride": lambda: PointwiseConv2D(4, stride=(2, 3), use_bias=False),
    "separable": lambda: SeparableConv2D(5, 3, use_bias=False),
    "separable, relu": lambda: SeparableConv2D(5, 3, activation="relu", depth_multiplier=2),
    "separable, elu": lambda: SeparableConv2D(5, (3, 2), activation="elu", stride=2, padding="valid"),
    "separable, dilation": lambda: SeparableConv2D(5, 3, dilation=2, padding=1),
    "norm": lambda: BatchNorm(),
    "relu": lambda: ReLU(),
    "elu": lambda: ELU(0.7),
    "softmax": lambda: Softmax(),
    "dropout": lambda: Dropout(0.5),
    "max pool": lambda: MaxPool2D(),
    "max pool, valid": lambda: MaxPool2D((2, 3), (1, 2), padding="valid"),
    "max pool, padding": lambda: MaxPool2D((4, 2), 1, padding=1),
    "max pool, gaps": lambda: MaxPool2D(1, 3),
    "average pool": lambda: AveragePool2D(3, 1),
    "average pool, padding": lambda: AveragePool2D((4, 3), (3, 2), padding=1),
    "average pool, valid": lambda: AveragePool2D(2, (2, 1), padding="valid"),
    "global average": lambda: GlobalAveragePool2D(),
    "zero padding": lambda: ZeroPadding2D(((1, 2), (0, 3))),
    "flatten": lambda: Flatten(),
    "nothing": lambda: Sequential(),
}

TOGETHER = {
    "norm behind norm": lambda: Sequential(Conv2D(4, 3), BatchNorm(), BatchNorm(), ReLU()),
    "norm behind relu": lambda: Sequential(Conv2D(4, 3), ReLU(), BatchNorm()),
    "norm behind pool": lambda: Sequential(MaxPool2D(), BatchNorm(), ELU()),
    "norm behind add": lambda: Sequential(Residual(Conv2D(6, 3)), BatchNorm(), ReLU(), Conv2D(3, 1)),
    "norm behind multiplier": lambda: Sequential(DepthwiseConv2D(3, depth_multiplier=2), BatchNorm()),
    "norm behind groups": lambda: Sequential(GroupedConv2D(6, 3, groups=2), BatchNorm()),
    "norm behind separable": lambda: Sequential(SeparableConv2D(4, 3), BatchNorm(), ReLU()),
    "norm behind dropout": lambda: Sequential(Conv2D(4, 3), Dropout(0.3), BatchNorm(), Dropout(0.1)),
    "norm of a value that two read": lambda: Sequential(Conv2D(4, 3), Residual(Sequential(BatchNorm(), ReLU()))),
    "relu before two": lambda: Sequential(ReLU(), Parallel(DepthwiseConv2D(3), Conv2D(2, 3))),
    "relu of a value that two read": lambda: Residual(Sequential(ReLU(), SeparableConv2D(6, 3))),
    "relu before a 1x1": lambda: Residual(Sequential(ReLU(), PointwiseConv2D(6))),
    "relu before a view": lambda: Residual(Sequential(ReLU(), Conv2D(6, 3, padding="valid"), ZeroPadding2D(1))),
    "norm and relu before a conv": lambda: Residual(Sequential(BatchNorm(), ReLU(), Conv2D(6, 3))),
    "relu before a pool": lambda: Residual(Sequential(ReLU(), MaxPool2D(3, 1))),
    "x + x": lambda: Residual(Sequential()),
    "relu(x) + x": lambda: Residual(ReLU()),
    "skip alone": lambda: Residual(Sequential(), Conv2D(6, 3)),
    "both the same way": lambda: Residual(ReLU(), ELU()),
    "residual in residual": lambda: Residual(Sequential(Residual(Conv2D(6, 3)), ReLU(), Conv2D(6, 3))),
    "flat residual": lambda: Residual(Sequential(Conv2D(6, 3), Flatten()), Sequential(Flatten(), Dropout(0.2))),
    "flat both": lambda: Sequential(Flatten(), Residual(ReLU(), Dense(9 * 7 * 6))),
    "flat residual, late": lambda: Residual(Sequential(Conv2D(6, 1), Flatten()), Sequential(Flatten(), Dense(378))),
    "parallel of one": lambda: Parallel(Sequential()),
    "parallel with x twice": lambda: Parallel(Sequential(), Sequential(), ReLU()),
    "parallel rows": lambda: Sequential(Flatten(), Parallel(Dense(5), Dense(3), Sequential()), BatchNorm(), Dense(4)),
    "head": lambda: Sequential(GlobalAveragePool2D(), Dense(7), BatchNorm(), ReLU(), Dense(4), Softmax()),
    "head by flattening": lambda: Sequential(Conv2D(3, 3), Flatten(), ReLU(), Dropout(0.5), Dense(4), Softmax()),
    "softmax of pixels": lambda: Sequential(Conv2D(4, 1), Softmax(), ReLU(), ZeroPadding2D(1), Conv2D(2, 3)),
}


@pytest.mark.parametrize("name", [*ALONE, *TOGETHER])
def test_what_the_model_computes(name, randomized, agree):
    layer: Layer = (ALONE | TOGETHER)[name]()
    agree(randomized(layer, (9, 7, 6)))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 8, 3), (8, 1, 3), (2, 3, 3)])
def test_images_of_a_pixel_or_a_line(shape, randomized, agree):
    layers = [Conv2D(4, 3), BatchNorm(), ReLU(), MaxPool2D(), SeparableConv2D(5, 3), AveragePool2D(3, 2)]
    agree(randomized(Sequential(*layers), shape))


@pytest.mark.parametrize("channels", [1, 100, 700])
def test_few_and_many_channels(channels, randomized, agree):
    """Runs of a depthwise convolution are many pixels, some pixels and a rest, one pixel."""
    layers = [DepthwiseConv2D(3), BatchNorm(), ReLU(), SeparableConv2D(3, 3), BatchNorm()]
    agree(randomized(Sequential(*layers), (5, 23, channels)), batches=(1, 2))


@pytest.mark.parametrize(
    "make", [lambda: SeparableConv2D(520, 3), lambda: Conv2D(520, 2), lambda: PointwiseConv2D(520)]
)
def test_rows_that_workers_share(make, randomized, agree):
    """With many channels, shares end within rows."""
    layers = [make(), BatchNorm(), Residual(Sequential(ReLU(), make())), ELU()]
    agree(randomized(Sequential(*layers), (3, 5, 4)), batches=(1, 2, 7))


def test_a_layer_of_rows(randomized, agree):
    agree(randomized(Sequential(Dense(6), BatchNorm(), ReLU(), Dense(3)), (5,)))


def test_small_blocks(randomized, agree, monkeypatch):
    """Blocks of a row or two: each has neighbours above and below."""
    monkeypatch.setattr("xnp.engine.inference.step.BUDGET", 4000)
    layers = [Conv2D(6, 3, stride=2, padding=1), MaxPool2D(3, 1), Residual(Sequential(ReLU(), SeparableConv2D(6, 3)))]
    agree(randomized(Sequential(*layers), (21, 17, 3)))


def test_small_chunks(randomized, agree, monkeypatch):
    monkeypatch.setattr("xnp.engine.inference.plan.CHUNK", 20_000)
    layers = [Conv2D(6, 3), BatchNorm(), MaxPool2D(), Residual(Sequential(ReLU(), SeparableConv2D(6, 3)))]
    agree(randomized(Sequential(*layers), (11, 9, 3)), batches=(1, 7, 13))


def test_a_stranger_runs_its_own_operation(randomized, agree):
    class Rectifier(Leaf):
        op, axes = ops.elu, ""

        def options(self):
            return {"alpha": 2.0}

    model = randomized(Sequential(Conv2D(3, 3), Rectifier()), (6, 5, 2))
    agree(model)
    with Inference(model, 1) as inference:
        assert [step.form for step in inference.plan.steps] == ["fast", "plain"]
        assert "elu" in str(inference.plan)
        assert "plain" in str(inference.plan)


def test_a_stranger_with_arrays_is_folded_too(randomized):
    class Mixer(Leaf):
        op = ops.pointwise_conv2d

        def arrays(self, input_shape):
            return {"kernel": Spec((input_shape[2], 2), ones)}

    model = randomized(Sequential(ReLU(), Mixer()), (4, 5, 3))
    x = np.random.default_rng(2).normal(size=(3, 4, 5, 3))
    with Inference(model, 2) as inference:
        before = inference.forward(x)
        np.testing.assert_allclose(before, model.forward(x))
        model.parameters()["2/kernel"][...] = 3.0
        np.testing.assert_array_equal(inference.forward(x), before)
        inference.fold()
        np.testing.assert_allclose(inference.forward(x), 3 * before)


def test_a_stranger_with_a_forward_of_its_own_is_refused():
    class Twice(ReLU):
        def forward(self, x, training=False):
            return 2 * super().forward(x)

    with pytest.raises(TypeError, match="Inference: 1 is a Twice, which has a forward of its own"):
        Inference(Sequential(Twice()).build((3, 3, 1)))


def test_nan_is_seen():
    """As in the model: a ReLU or a pool that hid it would hide a training that has gone wrong."""
    x = np.ones((1, 4, 4, 1), np.float32)
    x[0, 1, 1] = np.nan
    for layer in (ReLU(), MaxPool2D(), ELU(), DepthwiseConv2D(3)):
        model = layer.build((4, 4, 1))
        with Inference(model, 1) as inference:
            np.testing.assert_array_equal(np.isnan(inference.forward(x)), np.isnan(model.forward(x)))
