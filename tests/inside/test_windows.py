"""What the windows reach: the rule of the size, the borders, and that nothing else moves the place."""

import re

import numpy as np
import pytest

from xnp import models
from xnp.inside import Extent, possible_field
from xnp.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePool2D,
    GroupedConv2D,
    Parallel,
    PointwiseConv2D,
    Residual,
    SeparableConv2D,
    Sequential,
    ZeroPadding2D,
)

SMOOTH = {  # without ReLU or max pooling: every pixel that a window reaches moves the place
    "one convolution": lambda: [Conv2D(2, 3)],
    "strides": lambda: [Conv2D(2, (3, 5), stride=(2, 1), padding="valid"), SeparableConv2D(2, 3, stride=2)],
    "dilation": lambda: [DepthwiseConv2D(3, dilation=2), Conv2D(2, 2, dilation=(1, 3), padding=1)],
    "pools": lambda: [AveragePool2D(3, 2), AveragePool2D(2, 2, padding="valid")],
    "pixels": lambda: [PointwiseConv2D(4, stride=2), ELU(), BatchNorm(), GroupedConv2D(2, 3, groups=2)],
    "a frame": lambda: [ZeroPadding2D(((2, 0), (1, 2))), Conv2D(2, 3, padding="valid")],
    "two ways": lambda: [Residual(Sequential(Conv2D(2, 3), ELU(), Conv2D(2, 3)), Conv2D(2, 1))],
    "branches": lambda: [Parallel(Conv2D(1, (1, 5)), Conv2D(1, (5, 1))), Conv2D(1, 2)],
}


@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("name", SMOOTH)
def test_the_rectangle_holds_just_the_pixels_that_move_the_place(name, where):
    model = Sequential(*SMOOTH[name]()).build((9, 10, 2), dtype=np.float64)
    H, W, _ = model.output_shape
    row, column = position = {"first": (0, 0), "middle": (H // 2, W // 2), "last": (H - 1, W - 1)}[where]
    x = np.random.default_rng(0).normal(size=(9, 10, 2))
    moved = np.repeat(x[None], 90, axis=0)  # one image for each pixel that is changed
    moved[np.arange(90), np.arange(90) // 10, np.arange(90) % 10] += 1
    change = np.abs(model.forward(moved) - model.forward(x[None]))[:, row, column].sum(axis=-1).reshape(9, 10)
    rows, columns = np.flatnonzero(change.any(axis=1)), np.flatnonzero(change.any(axis=0))
    at = str(len(model.children))
    assert possible_field(model, at, position) == Extent(rows[0], columns[0], rows[-1], columns[-1])


def test_the_papers_network_follows_the_rule():
    model = models.xception()
    sizes = {
        at: possible_field(model, at).size for at in ("stem", "entry/1", "entry/2", "entry/3", "middle/1", "middle/2")
    }
    assert sizes == {
        "stem": (7, 7),
        "entry/1": (19, 19),
        "entry/2": (43, 43),
        "entry/3": (91, 91),
        "middle/1": (187, 187),
        "middle/2": (283, 283),
    }
    assert possible_field(model, "exit") == Extent(0, 0, 298, 298)
    assert model.children["stem"].children["conv1"]._arrays == {}  # nothing was drawn


def test_a_part_within_a_block_has_a_field_too():
    assert possible_field(models.tiny_xception(), "entry/1/norm1", (8, 8)).size == (9, 9)
    assert possible_field(models.tiny_xception(), "entry/1/skip", (4, 4)).size == (5, 5)


def test_a_place_that_sees_only_padding_is_refused():
    model = Sequential(frame=ZeroPadding2D(4), conv=Conv2D(2, 3)).build((5, 5, 1))
    with pytest.raises(ValueError, match=re.escape('possible_field: place (0, 0) of "conv" sees only padding')):
        possible_field(model, "conv", (0, 0))
    assert possible_field(model, "conv", (3, 4)) == Extent(0, 0, 0, 1)


@pytest.mark.parametrize(
    ("at", "position", "message"),
    [
        ("conv", (5, 0), 'possible_field: position is (5, 0); "conv" has 5 rows, 5 columns'),
        ("conv", (0, -1), 'possible_field: position is (0, -1); "conv" has'),
        ("pool", None, "possible_field: at is 'pool', whose output is (2,); it must be maps (H, W, C)"),
        ("con", None, "possible_field: at is 'con'; the model has no part of this name"),
    ],
)
def test_no_such_place(at, position, message):
    model = Sequential(conv=Conv2D(2, 3), pool=GlobalAveragePool2D()).build((5, 5, 1))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        possible_field(model, at, position)
