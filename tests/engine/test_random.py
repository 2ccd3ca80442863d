"""Small random networks: nests of layers that nobody has thought of, in the engine and plain.

Images are small, so the sizes at which the engine changes its ways are drawn too: blocks of one channel, tiles for
rows of any width.
"""

import numpy as np
import pytest

from xnp.engine import plan
from xnp.engine.nodes import stencils
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

LARGEST = 40  # channels, rows or columns


class Draw:
    """Draws layers for a growing network; the seed fixes them all."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def one_of(self, *choices):
        """Draw one of the arguments, as it is."""
        return choices[self.rng.integers(len(choices))]

    def network(self) -> Layer:
        """Draw and build images' layers, then, for most, layers of rows."""
        shape = tuple(int(self.rng.integers(1, n)) for n in (10, 12, 7))
        body, _ = self.chain(shape, depth=3, longest=6)
        end = self.one_of((), (Flatten(),), (GlobalAveragePool2D(),))
        rows = [self.layer_of_rows() for _ in range(self.rng.integers(5))] if end else []
        return Sequential(body, *end, *rows).build(shape, dtype=np.float64)

    def chain(self, shape, depth, longest=3, keep=False):
        """Draw layers that follow each other; give them, and the shape behind them. `keep`: as many pixels."""
        layers = []
        for _ in range(self.rng.integers(longest + 1)):
            layer, shape = self.piece(shape, depth, keep)
            layers.append(layer)
        return Sequential(*layers), shape

    def piece(self, shape, depth, keep):
        """Draw a layer, or a container of some."""
        kind = self.one_of("layer", "layer", "layer", "chain", "branches", "residual") if depth else "layer"
        if kind == "chain":
            return self.chain(shape, depth - 1, keep=keep)
        if kind == "branches":
            branches = [self.chain(shape, depth - 1, keep=True) for _ in range(self.one_of(1, 2, 3))]
            return Parallel(*(layer for layer, _ in branches)), (*shape[:2], sum(C for _, (_, _, C) in branches))
        if kind == "residual":
            return self.residual(shape, depth, keep)
        while True:
            layer = self.layer(keep)
            try:
                after = layer.plan(shape)[1].output_shape[1:]
            except ValueError:  # a window that does not fit
                continue
            if max(after) <= LARGEST:
                return layer, after

    def residual(self, shape, depth, keep):
        """Draw a main path, then a skip that gives the same shape."""
        main, (H, W, C) = self.chain(shape, depth - 1, keep=True)
        if shape == (H, W, C) and self.one_of(True, False):
            return Residual(main), shape
        stride = 1 if keep else self.one_of(1, 2)
        last = self.one_of(Conv2D(3, 3, stride=stride), MaxPool2D(3, stride), AveragePool2D(2, stride))
        C = 3 if isinstance(last, Conv2D) else C
        skip = self.one_of(
            PointwiseConv2D(C, stride=stride),
            Sequential(Conv2D(C, 1, stride=stride, use_bias=False), BatchNorm()),
            Sequential(ReLU(), Conv2D(C, 3, stride=stride)),
        )
        return Residual(Sequential(main, last), skip), (-(-H // stride), -(-W // stride), C)

    def layer(self, keep) -> Layer:
        """Draw one operation on images."""
        kernel = self.one_of(1, 2, 3, 4, (2, 3), (3, 1), (1, 4), (5, 3))
        stride = 1 if keep else self.one_of(1, 1, 2, 3, (1, 2), (3, 2), (2, 1))
        padding = "same" if keep else self.one_of("same", "same", "valid", 1, 2)
        window = {"stride": stride, "padding": padding}
        options = window | {"dilation": self.one_of(1, 1, 2, (1, 3), (2, 1)), "use_bias": self.one_of(True, False)}
        filters, m = int(self.rng.integers(1, 7)), self.one_of(1, 1, 2, 3)
        activation = self.one_of(None, "relu", "elu")
        makes = (
            lambda: Conv2D(filters, kernel, **options),
            lambda: DepthwiseConv2D(kernel, depth_multiplier=m, **options),
            lambda: SeparableConv2D(filters, kernel, depth_multiplier=m, activation=activation, **options),
            lambda: SeparableConv2D(filters, 3),
            lambda: PointwiseConv2D(filters, stride=stride),
            lambda: GroupedConv2D(2 * filters, kernel, groups=self.one_of(1, 2), **options),
            lambda: MaxPool2D(kernel, **window),
            lambda: MaxPool2D(kernel, **window),
            lambda: AveragePool2D(kernel, **window),
            lambda: SeparableConv2D(2, 3) if keep else ZeroPadding2D(((1, 0), (0, 2))),
            lambda: BatchNorm(momentum=0.5),
            lambda: BatchNorm(eps=0.1),
            ReLU,
            ReLU,
            lambda: ELU(0.7),
            lambda: Dropout(0.4),
        )
        return self.one_of(*makes)()

    def layer_of_rows(self) -> Layer:
        """Draw one operation on rows, or a few."""
        return self.one_of(
            Dense(3),
            Dense(5, use_bias=False),
            BatchNorm(),
            ReLU(),
            Dropout(0.3),
            Softmax(),
            Residual(Sequential(ReLU(), Residual(BatchNorm()))),
            Parallel(Dense(2), Sequential(), ReLU()),
        )


def assert_equal(seed, equal_to_plain, monkeypatch):
    draw = Draw(seed)
    batches = tuple(int(n) for n in draw.rng.integers(1, 5, 3))
    for module, name, value in (
        (plan, "BLOCK", draw.one_of(512 * 1024, 1000, 1)),
        (stencils, "WIDE", draw.one_of(40, 1)),
        (stencils, "NARROW", draw.one_of(16, 0, 100)),
        (stencils, "PANEL", draw.one_of(256 * 1024, 1)),
    ):
        monkeypatch.setattr(module, name, value)
    equal_to_plain(
        lambda: Draw(seed).network(),
        batches=batches,
        workers=draw.one_of(1, 2, 3),
        by_processes=seed % 6 == 0,
        training=draw.one_of(True, False, None),
        seed=seed,
    )


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed, equal_to_plain, monkeypatch):
    assert_equal(seed, equal_to_plain, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(10))
def test_hundreds_of_random_networks(hundred, equal_to_plain, monkeypatch):
    for seed in range(100 * hundred, 100 * (hundred + 1)):
        assert_equal(seed, equal_to_plain, monkeypatch)
