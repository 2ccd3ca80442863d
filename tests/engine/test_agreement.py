"""The engine and the plain network compute the same: outputs, every gradient, moving statistics, in float64.

All scratch memory, and all memory of values, is filled with NaN before each call: a number that is read before it was
written in this call cannot hide.
"""

import numpy as np
import pytest

from xnp import models
from xnp.engine import Engine
from xnp.engine.tensors import Memory
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


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """Fill memory with NaN when it is allocated (zero, where NaN cannot be)."""

    def poison(self, name, shape, dtype, allocate):
        size = int(np.prod(shape)) * dtype.itemsize
        if name not in self.pieces or self.pieces[name].nbytes < size:
            self.pieces[name] = allocate(size)
            self.pieces[name][...] = 0xFF  # a NaN in float32 and float64, and True
        return self.pieces[name][:size].view(dtype).reshape(shape)

    monkeypatch.setattr(Memory, "_piece", poison)


def randomize(model, seed=1):
    """Draw what would else be 0 or 1, so that nothing cancels."""
    rng = np.random.default_rng(seed)
    for path, array in model.state().items():
        if path.endswith("variance"):
            array[...] = rng.uniform(0.5, 2, array.shape)
        elif array.ndim == 1:
            array[...] = rng.normal(path.endswith("gamma"), 0.5, array.shape)
    return model


def apart(found, expected):
    """Give the relative distance of two arrays."""
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    return np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-12)


def assert_same(make, *, batches=(3,), workers=1, training=True, seed=0):
    """Run both, twice through all batches, and compare everything."""
    plain, fast = randomize(make()), randomize(make())
    rng = np.random.default_rng(seed)
    with Engine(fast, max(batches), workers) as engine:
        for n in batches * 2:
            x = rng.normal(size=(n, *plain.input_shape))
            expected = plain.forward(x, training)
            found = engine.forward(x, training)
            assert apart(found, expected) < 1e-10
            dy = rng.normal(size=expected.shape)
            assert apart(engine.backward(dy), plain.backward(dy)) < 1e-10
            for path, gradient in plain.gradients().items():
                # a gradient that is 0 in exact arithmetic (of what a batch norm takes away) has only rounding
                small = 1e-10 * np.linalg.norm(dy) * gradient.size**0.5
                difference = np.linalg.norm(fast.gradients()[path] - gradient)
                assert difference <= 1e-10 * np.linalg.norm(gradient) + small, path
            for path, array in plain.state().items():
                assert apart(fast.state()[path], array) < 1e-10, path


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_tiny_xception(workers, training):
    make = lambda: models.tiny_xception(dtype=np.float64)  # noqa: E731
    assert_same(make, batches=(5, 2, 1) if not training else (5, 3), workers=workers, training=training)


@pytest.mark.parametrize("size", [(17, 21), (32, 19)])
def test_tiny_xception_of_odd_sizes(size):
    assert_same(lambda: models.tiny_xception((*size, 3), dtype=np.float64), workers=2)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "size"), [(models.small_xception, 32), (models.xception, 71)])
@pytest.mark.parametrize("training", [True, False])
def test_the_larger_models(make, size, training):
    assert_same(
        lambda: make((size, size, 3), dtype=np.float64), batches=(2, 1)[: 1 + (not training)], training=training
    )


MODULES = {
    "canonical": lambda: inception.canonical(4),
    "simplified": lambda: inception.simplified(8, 4),
    "segmented": lambda: inception.segmented(8, 4),
    "extreme": lambda: inception.extreme(8),
    "depthwise first": lambda: inception.depthwise_first(8),
    "pointwise first": lambda: inception.pointwise_first(8),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("workers", [1, 2])
def test_the_modules_of_inception(name, workers):
    for training in (True, False):
        make = lambda: Sequential(MODULES[name](), GlobalAveragePool2D()).build((7, 6, 5), dtype=np.float64)  # noqa: E731
        assert_same(make, workers=workers, training=training)


PADDINGS = ("same", "valid", 1)
LAYERS = {
    **{f"conv {k} {s} {p} {d}": (lambda k=k, s=s, p=p, d=d: Conv2D(4, k, stride=s, padding=p, dilation=d))
       for k, s, d in ((1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (2, 3, 1), (3, 1, 2), ((2, 3), (1, 2), 1))
       for p in PADDINGS},
    **{f"depthwise {k} {s} {p} {d} {m}": (
        lambda k=k, s=s, p=p, d=d, m=m: DepthwiseConv2D(k, stride=s, padding=p, dilation=d, depth_multiplier=m))
       for k, s, d, m in ((3, 1, 1, 1), (3, 1, 1, 3), (2, 1, 2, 2), (1, 1, 1, 1), (3, 2, 1, 1), ((3, 2), 1, (1, 2), 1))
       for p in PADDINGS},
    **{f"separable {a} {m} {b}": (
        lambda a=a, m=m, b=b: SeparableConv2D(4, 3, activation=a, depth_multiplier=m, use_bias=b))
       for a in (None, "relu", "elu") for m in (1, 2) for b in (True, False)},
    "separable with a stride": lambda: SeparableConv2D(4, 3, stride=2),
    "grouped": lambda: GroupedConv2D(6, 3, groups=3),
    "pointwise": lambda: PointwiseConv2D(7),
    "pointwise with a stride": lambda: PointwiseConv2D(7, stride=(2, 3)),
    **{f"max pool {k} {s} {p}": (lambda k=k, s=s, p=p: MaxPool2D(k, s, padding=p))
       for k, s in ((3, 2), (2, 2), (3, 1), (1, 1), (2, 3), (4, 3), ((2, 3), (1, 2))) for p in PADDINGS
       if p != 1 or k != 1},
    "average pool": lambda: AveragePool2D(3, 2),
    "global average pool": GlobalAveragePool2D,
    "zero padding": lambda: ZeroPadding2D(((1, 0), (2, 1))),
    "batch norm": BatchNorm,
    "relu": ReLU,
    "elu": lambda: ELU(0.7),
    "dropout": lambda: Dropout(0.4),
    "flatten": Flatten,
    "nothing": Sequential,
    "dense": lambda: Sequential(Flatten(), Dense(5), BatchNorm(), ReLU(), Dense(3), Softmax()),
    "dense without a bias": lambda: Sequential(GlobalAveragePool2D(), Dense(5, use_bias=False)),
    "residual of a relu": lambda: Residual(ReLU()),
    "residual of nothing": lambda: Residual(Sequential()),
    "residual of a pointwise": lambda: Residual(PointwiseConv2D(6)),
    "residual of residuals": lambda: Residual(Residual(Sequential(ReLU(), Residual(SeparableConv2D(6, 3))))),
    "branches": lambda: Parallel(Sequential(), PointwiseConv2D(2), Parallel(ReLU(), Conv2D(3, 3)), MaxPool2D(3, 1)),
    "one branch": lambda: Parallel(PointwiseConv2D(2)),
    "norm, relu, norm": lambda: Sequential(BatchNorm(), ReLU(), BatchNorm()),
    "conv, relu, norm": lambda: Sequential(Conv2D(5, 3), ReLU(), BatchNorm(), PointwiseConv2D(4)),
    "relu, conv": lambda: Sequential(ReLU(), PointwiseConv2D(4), ReLU(), Conv2D(3, 3), ELU()),
    "pool, norm, pool": lambda: Sequential(MaxPool2D(), BatchNorm(), MaxPool2D()),
    "add, norm": lambda: Sequential(Residual(SeparableConv2D(6, 3)), BatchNorm(), Residual(BatchNorm())),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("workers", [1, 2])
def test_each_layer(name, workers):
    assert_same(lambda: LAYERS[name]().build((7, 8, 6), dtype=np.float64), workers=workers)


@pytest.mark.parametrize("width", [16, 17, 40, 45])
def test_rows_of_every_form(width):
    make = lambda: SeparableConv2D(4, 3).build((4, width, 5), dtype=np.float64)  # noqa: E731
    assert_same(make, batches=(2, 1))
    make = lambda: DepthwiseConv2D((3, 5), padding=2, dilation=(1, 2)).build((6, width, 3), dtype=np.float64)  # noqa: E731
    assert_same(make)


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed):
    def make():
        rng = np.random.default_rng(seed)
        return Sequential(*(random_layer(rng, depth=2) for _ in range(rng.integers(1, 6)))).build(
            (5, 6, 4), dtype=np.float64
        )

    assert_same(make, batches=(3, 2), workers=1 + seed % 3, training=bool(seed % 4), seed=seed)


def random_layer(rng, depth):
    """Draw a layer that keeps 5x6 pixels and 4 channels, with layers inside."""
    leaves = (
        BatchNorm, ReLU, ELU, lambda: Conv2D(4, 3), lambda: PointwiseConv2D(4), lambda: SeparableConv2D(4, 3),
        lambda: DepthwiseConv2D(3), lambda: MaxPool2D(3, 1), lambda: SeparableConv2D(4, 3, activation="relu"),
        lambda: AveragePool2D(3, 1), lambda: Dropout(0.3),
    )  # fmt: skip
    kind = rng.integers(4) if depth else 0
    inside = lambda: Sequential(*(random_layer(rng, depth - 1) for _ in range(rng.integers(0, 4))))  # noqa: E731
    if kind == 2:
        return Residual(inside(), inside() if rng.integers(2) else None)
    if kind == 3:
        return Sequential(Parallel(*(inside() for _ in range(rng.integers(1, 4)))), PointwiseConv2D(4))
    return leaves[rng.integers(len(leaves))]() if kind == 0 else inside()
