"""Rows of kernels and of maps: each row is its layer's, in its own scale, and the words say what is seen."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes

from xnp import inside, models
from xnp.viz import kernels_by_layer, maps_by_block


def shown(axes: Axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def test_kernels_are_the_first_of_each_layer():
    weights = {"a": random(3, 3, 2, 2), "b": 10 * random(2, 3, 9, 1)}
    figure = kernels_by_layer(weights, count=5)
    assert len(figure.axes) == 4 + 5
    for k, axes in enumerate(figure.axes[:4]):
        np.testing.assert_array_equal(shown(axes), weights["a"][:, :, k // 2, k % 2])
    for k, axes in enumerate(figure.axes[4:]):
        np.testing.assert_array_equal(shown(axes), weights["b"][:, :, k, 0])
        assert axes.get_xlabel() == str(k)
        strokes = axes.collections[0].get_offsets()
        assert len(strokes) == (weights["b"][:, :, k, 0] < 0).sum()


def test_each_row_has_its_own_scale():
    figure = kernels_by_layer({"a": np.full((1, 1, 1, 1), 2.0), "b": np.full((1, 1, 2, 1), -5.0)})
    assert [axes.images[0].get_clim() for axes in figure.axes] == [(-2, 2), (-5, 5), (-5, 5)]


def test_maps_are_the_strongest_of_each_block():
    y = np.zeros((1, 2, 2, 4))
    y[0, 0, 0] = [1, -3, 2, 0]
    figure = maps_by_block({"stem": y, "pool": np.ones((1, 4))}, count=3)
    assert [axes.get_xlabel() for axes in figure.axes] == ["1", "2", "0"]
    for axes, k in zip(figure.axes, (1, 2, 0), strict=True):
        np.testing.assert_array_equal(shown(axes), y[0, ..., k])
    said = "stem: 4 maps of 2x2, from −3 to 2, 2 nowhere above zero."
    assert figure.alt == f"The strongest feature maps of 1 block, up to 3 each. {said}"


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_white_is_zero(sign: float) -> None:
    y = np.zeros((1, 2, 2, 1))
    y[0, 0, 0, 0] = sign
    picture = maps_by_block({"a": y}).axes[0].images[0]
    assert picture.cmap(picture.norm(0.0)) == pytest.approx((1, 1, 1, 1), abs=0.01)


@pytest.mark.slow
def test_a_whole_network_fits(look: Callable) -> None:
    model = models.tiny_xception(weights="cifar10")
    x = random(1, 32, 32, 3).astype(np.float32)
    look(maps_by_block(inside.feature_maps(model, x)))
    look(kernels_by_layer({leaf.path: leaf.array("depthwise") for leaf in model.leaves() if "depthwise" in leaf.specs}))
    look(maps_by_block({"tall": random(1, 8, 4, 3), "wide": random(1, 4, 8, 30)}))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: kernels_by_layer({}), "kernels_by_layer: weights holds nothing to draw"),
        (lambda: kernels_by_layer({"a": random(3, 3, 4)}), "kernels_by_layer: weights['a'] has shape (3, 3, 4)"),
        (lambda: kernels_by_layer({"a": random(3, 3, 4, 1)}, count=0), "kernels_by_layer: count is 0"),
        (lambda: maps_by_block({"pool": random(1, 4)}), "maps_by_block: maps holds nothing to draw"),
        (lambda: maps_by_block({"a": random(2, 3, 3, 4)}), "maps_by_block: maps['a'] has shape (2, 3, 3, 4)"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(draw: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        draw()
