"""The engine and the plain network compute the same, in float64: every model, every layer with every option."""

import numpy as np
import pytest

from xnp import models
from xnp.engine import plan
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
from xnp.models import inception


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("workers", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_tiny_xception(workers, training, equal_to_plain):
    def make():
        return models.tiny_xception((20, 20, 3), dtype=np.float64)

    equal_to_plain(make, batches=(5, 3, 1), workers=workers, training=training, by_processes=True)


@pytest.mark.parametrize("size", [(17, 21), (16, 43)])  # rows of more than 40 pixels have forms of their own
def test_tiny_xception_of_odd_sizes(size, equal_to_plain):
    equal_to_plain(lambda: models.tiny_xception((*size, 3), dtype=np.float64), batches=(3, 1), workers=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "size"), [(models.small_xception, 32), (models.small_xception, 45), (models.xception, 71)]
)
@pytest.mark.parametrize("training", [True, False])
def test_the_larger_models(make, size, training, equal_to_plain):
    equal_to_plain(
        lambda: make((size, size, 3), dtype=np.float64),
        batches=(2, 1),
        workers=2,
        training=training,
        by_processes=True,
    )


MODULES = {
    "canonical": lambda: inception.canonical(2),
    "reduction": lambda: inception.reduction(1.3),
    "simplified": lambda: inception.simplified(8, 4),
    "segmented": lambda: inception.segmented(8, 4),
    "extreme": lambda: inception.extreme(8),
    "depthwise first": lambda: inception.depthwise_first(8),
    "pointwise first": lambda: inception.pointwise_first(8),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("workers", [1, 3])
def test_the_modules_of_inception(name, workers, equal_to_plain):
    equal_to_plain(lambda: MODULES[name]().build((7, 6, 5), dtype=np.float64), workers=workers)


PADDINGS = ("same", "valid", 1)
LAYERS = {
    **{f"conv {k} {s} {p} {d}": (lambda k=k, s=s, p=p, d=d: Conv2D(4, k, stride=s, padding=p, dilation=d))
       for k, s, d in ((1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (2, 3, 1), (3, 1, 2), ((2, 3), (1, 2), 1))
       for p in PADDINGS},
    "conv larger than the image": lambda: Conv2D(3, (9, 10), dilation=(2, 1)),
    "conv that reads little": lambda: Conv2D(3, 2, stride=(5, 4), padding=2, dilation=3, use_bias=False),
    **{f"depthwise {k} {s} {p} {d} {m}": (
        lambda k=k, s=s, p=p, d=d, m=m: DepthwiseConv2D(k, stride=s, padding=p, dilation=d, depth_multiplier=m))
       for k, s, d, m in ((3, 1, 1, 1), (3, 1, 1, 3), (2, 1, 2, 2), (1, 1, 1, 1), (3, 2, 1, 1), ((3, 2), 1, (1, 2), 1))
       for p in PADDINGS},
    "depthwise larger than the image": lambda: DepthwiseConv2D((9, 10), dilation=(2, 1), use_bias=False),
    **{f"separable {a} {m} {b}": (
        lambda a=a, m=m, b=b: SeparableConv2D(4, 3, activation=a, depth_multiplier=m, use_bias=b))
       for a in (None, "relu", "elu") for m in (1, 2) for b in (True, False)},
    "separable with a stride": lambda: SeparableConv2D(4, 3, stride=2, activation="relu"),
    "separable that is wider after": lambda: SeparableConv2D(4, (2, 3), padding=2, dilation=(2, 1)),
    "grouped": lambda: GroupedConv2D(6, 3, groups=3, stride=2),
    "pointwise": lambda: PointwiseConv2D(7),
    "pointwise with a stride": lambda: PointwiseConv2D(7, stride=(2, 3), use_bias=False),
    **{f"max pool {k} {s} {p}": (lambda k=k, s=s, p=p: MaxPool2D(k, s, padding=p))
       for k, s in ((3, 2), (2, 2), (3, 1), (1, 1), (1, 2), (2, 3), (4, 3), ((2, 3), (1, 2))) for p in PADDINGS
       if p != 1 or k != 1},
    **{f"average pool {k} {s} {p}": (lambda k=k, s=s, p=p: AveragePool2D(k, s, padding=p))
       for k, s in ((3, 2), (2, 3), ((1, 3), (1, 2))) for p in ("same", "valid")},
    "global average pool": GlobalAveragePool2D,
    "zero padding": lambda: ZeroPadding2D(((1, 0), (2, 1))),
    "batch norm": lambda: BatchNorm(momentum=0.5, eps=0.1),
    "relu": ReLU,
    "elu": lambda: ELU(0.7),
    "dropout": lambda: Dropout(0.4),
    "softmax": Softmax,
    "flatten": Flatten,
    "nothing": Sequential,
    "dense": lambda: Sequential(Flatten(), Dense(5), BatchNorm(), ReLU(), Dropout(0.3), Dense(3), Softmax()),
    "dense without a bias": lambda: Sequential(GlobalAveragePool2D(), Dense(5, use_bias=False)),
    "residual of a relu": lambda: Residual(ReLU()),
    "residual of nothing": lambda: Residual(Sequential()),
    "residual of nothing twice": lambda: Residual(Sequential(), Sequential()),
    "residual of two norms": lambda: Residual(BatchNorm(), BatchNorm()),
    "residual of a pointwise": lambda: Residual(PointwiseConv2D(6)),
    "residual that halves": lambda: Residual(
        Sequential(ReLU(), SeparableConv2D(5, 3), BatchNorm(), MaxPool2D(3, 2)),
        Sequential(Conv2D(5, 1, stride=2), BatchNorm())),
    "residual of residuals": lambda: Residual(Residual(Sequential(ReLU(), Residual(SeparableConv2D(6, 3))))),
    "branches": lambda: Parallel(Sequential(), PointwiseConv2D(2), Parallel(ReLU(), Conv2D(3, 3)), MaxPool2D(3, 1)),
    "branches that are the same": lambda: Parallel(Sequential(), Sequential(), Sequential()),
    "one branch": lambda: Parallel(PointwiseConv2D(2)),
    "branches of rows": lambda: Sequential(Flatten(), Parallel(Dense(2), Sequential(), ReLU()), BatchNorm()),
    "norm, relu, norm": lambda: Sequential(BatchNorm(), ReLU(), BatchNorm()),
    "norm after norm": lambda: Sequential(BatchNorm(), BatchNorm()),
    "norm, elu, pool": lambda: Sequential(BatchNorm(), ELU(), MaxPool2D(2, 2), GlobalAveragePool2D()),
    "conv, relu, norm": lambda: Sequential(Conv2D(5, 3), ReLU(), BatchNorm(), PointwiseConv2D(4)),
    "relu, conv": lambda: Sequential(ReLU(), PointwiseConv2D(4), ReLU(), Conv2D(3, 3), ELU()),
    "relu after relu": lambda: Sequential(ReLU(), ReLU(), ELU(), ReLU()),
    "pool, norm, pool": lambda: Sequential(MaxPool2D(), BatchNorm(), MaxPool2D()),
    "add, norm": lambda: Sequential(Residual(SeparableConv2D(6, 3)), BatchNorm(), Residual(BatchNorm())),
    "norm that is read three times": lambda: Sequential(
        BatchNorm(), Parallel(ReLU(), Residual(Sequential(BatchNorm(), DepthwiseConv2D(3))))),
    "dropout between": lambda: Sequential(DepthwiseConv2D(3), Dropout(0.5), BatchNorm(), ReLU(), GroupedConv2D(4, 1,
                                          groups=2)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer(name, equal_to_plain, monkeypatch):
    def make():
        return LAYERS[name]().build((7, 8, 6), dtype=np.float64)

    equal_to_plain(make, workers=2)
    monkeypatch.setattr(plan, "BLOCK", 1)  # each channel is a block
    equal_to_plain(make, batches=(1, 2))


@pytest.mark.parametrize("width", [16, 17, 39, 40, 45])
def test_rows_of_every_form(width, equal_to_plain):
    equal_to_plain(lambda: SeparableConv2D(4, 3).build((4, width, 5), dtype=np.float64), batches=(2, 1))

    def make():
        return DepthwiseConv2D((3, 5), padding=2, dilation=(1, 2)).build((6, width, 3), dtype=np.float64)

    equal_to_plain(make)
