"""The table of layers: one or more of every kind, with what is expected of it written out."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from xnp import ops
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

Shape = tuple[int, ...]


class Expected(NamedTuple):
    """A layer, and what it should be once it is built."""

    make: Callable[[], Layer]
    input_shape: Shape
    output_shape: Shape
    arrays: dict[str, Shape] = {}  # noqa: RUF012  path -> shape, in order
    op: ModuleType | None = None  # what forward(training=False) should run ...
    options: dict[str, Any] = {}  # noqa: RUF012  ... and how; None where there is no such operation


LAYERS: dict[str, Expected] = {
    "Conv2D": Expected(
        lambda: Conv2D(5, (3, 2), stride=(2, 1), padding="valid", dilation=(1, 2)),
        (7, 8, 3),
        (3, 6, 5),
        {"kernel": (3, 2, 3, 5), "bias": (5,)},
        ops.conv2d,
        {"stride": (2, 1), "padding": "valid", "dilation": (1, 2)},
    ),
    "Conv2D without bias": Expected(
        lambda: Conv2D(4, 2, use_bias=False), (5, 6, 3), (5, 6, 4), {"kernel": (2, 2, 3, 4)}, ops.conv2d
    ),
    "GroupedConv2D": Expected(
        lambda: GroupedConv2D(6, (2, 3), groups=2, stride=2, padding=1, dilation=(2, 1)),
        (7, 8, 4),
        (4, 4, 6),
        {"kernel": (2, 3, 2, 6), "bias": (6,)},
        ops.grouped_conv2d,
        {"groups": 2, "stride": 2, "padding": 1, "dilation": (2, 1)},
    ),
    "GroupedConv2D without bias": Expected(
        lambda: GroupedConv2D(4, 1, groups=4, use_bias=False),
        (3, 4, 4),
        (3, 4, 4),
        {"kernel": (1, 1, 1, 4)},
        ops.grouped_conv2d,
        {"groups": 4},
    ),
    "DepthwiseConv2D": Expected(
        lambda: DepthwiseConv2D((3, 2), depth_multiplier=2, stride=(1, 2), padding="valid", dilation=(2, 1)),
        (7, 8, 3),
        (3, 4, 6),
        {"kernel": (3, 2, 3, 2), "bias": (6,)},
        ops.depthwise_conv2d,
        {"stride": (1, 2), "padding": "valid", "dilation": (2, 1)},
    ),
    "DepthwiseConv2D without bias": Expected(
        lambda: DepthwiseConv2D(3, use_bias=False),
        (5, 6, 3),
        (5, 6, 3),
        {"kernel": (3, 3, 3, 1)},
        ops.depthwise_conv2d,
    ),
    "PointwiseConv2D": Expected(
        lambda: PointwiseConv2D(5, stride=(2, 3)),
        (5, 6, 3),
        (3, 2, 5),
        {"kernel": (3, 5), "bias": (5,)},
        ops.pointwise_conv2d,
        {"stride": (2, 3)},
    ),
    "PointwiseConv2D without bias": Expected(
        lambda: PointwiseConv2D(5, use_bias=False), (5, 6, 3), (5, 6, 5), {"kernel": (3, 5)}, ops.pointwise_conv2d
    ),
    "SeparableConv2D": Expected(
        lambda: SeparableConv2D(
            5, (2, 3), depth_multiplier=2, stride=(2, 1), padding=2, dilation=(1, 2), activation="elu"
        ),
        (6, 5, 3),
        (5, 5, 5),
        {"depthwise": (2, 3, 3, 2), "pointwise": (6, 5), "bias": (5,)},
        ops.separable_conv2d,
        {"stride": (2, 1), "padding": 2, "dilation": (1, 2), "activation": "elu"},
    ),
    "SeparableConv2D without bias": Expected(
        lambda: SeparableConv2D(4, 3, use_bias=False),
        (5, 6, 3),
        (5, 6, 4),
        {"depthwise": (3, 3, 3, 1), "pointwise": (3, 4)},
        ops.separable_conv2d,
    ),
    "Dense": Expected(lambda: Dense(4), (6,), (4,), {"kernel": (6, 4), "bias": (4,)}, ops.dense),
    "Dense without bias": Expected(lambda: Dense(4, use_bias=False), (6,), (4,), {"kernel": (6, 4)}, ops.dense),
    "BatchNorm": Expected(
        lambda: BatchNorm(momentum=0.8, eps=0.01),
        (4, 5, 3),
        (4, 5, 3),
        {"gamma": (3,), "beta": (3,), "moving_mean": (3,), "moving_variance": (3,)},
        ops.batch_norm_inference,
        {"eps": 0.01},
    ),
    "BatchNorm of rows": Expected(
        lambda: BatchNorm(),
        (6,),
        (6,),
        {"gamma": (6,), "beta": (6,), "moving_mean": (6,), "moving_variance": (6,)},
        ops.batch_norm_inference,
        {"eps": 1e-3},
    ),
    "Dropout": Expected(lambda: Dropout(0.5), (4, 5, 3), (4, 5, 3)),
    "ReLU": Expected(lambda: ReLU(), (4, 5, 3), (4, 5, 3), op=ops.relu),
    "ELU": Expected(lambda: ELU(alpha=0.7), (6,), (6,), op=ops.elu, options={"alpha": 0.7}),
    "Softmax": Expected(lambda: Softmax(), (6,), (6,), op=ops.softmax),
    "MaxPool2D": Expected(
        lambda: MaxPool2D((3, 2), (2, 1), padding=1),
        (5, 6, 3),
        (3, 7, 3),
        op=ops.max_pool2d,
        options={"size": (3, 2), "stride": (2, 1), "padding": 1},
    ),
    "MaxPool2D of the paper": Expected(
        lambda: MaxPool2D(),
        (5, 6, 3),
        (3, 3, 3),
        op=ops.max_pool2d,
        options={"size": 3, "stride": 2, "padding": "same"},
    ),
    "AveragePool2D": Expected(
        lambda: AveragePool2D((2, 3), (1, 2), padding="valid"),
        (5, 6, 3),
        (4, 2, 3),
        op=ops.average_pool2d,
        options={"size": (2, 3), "stride": (1, 2), "padding": "valid"},
    ),
    "GlobalAveragePool2D": Expected(lambda: GlobalAveragePool2D(), (4, 5, 3), (3,), op=ops.global_average_pool2d),
    "ZeroPadding2D": Expected(
        lambda: ZeroPadding2D(((1, 2), (0, 3))),
        (4, 5, 3),
        (7, 8, 3),
        op=ops.zero_padding2d,
        options={"padding": ((1, 2), (0, 3))},
    ),
    "Flatten": Expected(lambda: Flatten(), (4, 5, 3), (60,)),
    "Sequential": Expected(
        lambda: Sequential(
            conv=Conv2D(4, 3, use_bias=False),
            pool=MaxPool2D(),
            norm=BatchNorm(),
            relu=ReLU(),
            flat=Flatten(),
            top=Dense(2),
        ),
        (5, 6, 3),
        (2,),
        {
            "conv/kernel": (3, 3, 3, 4),
            "norm/gamma": (4,),
            "norm/beta": (4,),
            "norm/moving_mean": (4,),
            "norm/moving_variance": (4,),
            "top/kernel": (36, 2),
            "top/bias": (2,),
        },
    ),
    "Residual of the identity": Expected(
        lambda: Residual(Sequential(sep=SeparableConv2D(3, 3), drop=Dropout(0.3))),
        (4, 5, 3),
        (4, 5, 3),
        {"sep/depthwise": (3, 3, 3, 1), "sep/pointwise": (3, 3), "sep/bias": (3,)},
    ),
    "Residual with a skip": Expected(
        lambda: Residual(Sequential(Conv2D(4, 3), MaxPool2D()), Sequential(conv=Conv2D(4, 1, stride=2))),
        (5, 6, 3),
        (3, 3, 4),
        {"1/kernel": (3, 3, 3, 4), "1/bias": (4,), "skip/conv/kernel": (1, 1, 3, 4), "skip/conv/bias": (4,)},
    ),
    "Parallel": Expected(
        lambda: Parallel(PointwiseConv2D(2), ReLU(), deep=Sequential(ELU(), Conv2D(4, 3))),
        (4, 5, 3),
        (4, 5, 9),
        {"1/kernel": (3, 2), "1/bias": (2,), "deep/2/kernel": (3, 3, 3, 4), "deep/2/bias": (4,)},
    ),
    "Parallel of one": Expected(
        lambda: Parallel(only=Dense(2)), (6,), (2,), {"only/kernel": (6, 2), "only/bias": (2,)}
    ),
}


@pytest.fixture(params=LAYERS)
def expected(request: pytest.FixtureRequest) -> Expected:
    """Give each entry of the table in turn."""
    return LAYERS[request.param]


@pytest.fixture(params=[name for name, entry in LAYERS.items() if entry.op is not None])
def of_one_op(request: pytest.FixtureRequest) -> Expected:
    """Give each entry that is one operation."""
    return LAYERS[request.param]


@pytest.fixture
def all_expected() -> dict[str, Expected]:
    """Give the whole table."""
    return LAYERS


@pytest.fixture
def stir() -> Callable[[Layer], Layer]:
    """Give a function that adds random numbers to the arrays that start at 0 or 1."""

    def stir(layer: Layer) -> Layer:
        rng = np.random.default_rng(7)
        for array in layer.state().values():
            if array.ndim == 1:
                array += rng.uniform(-0.5, 0.5, array.shape)  # a variance stays above 0
        return layer

    return stir
