"""Kernels and feature maps: every channel is there, in one scale, and the words say what is seen."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from xnp.viz import feature_maps, fingerprints, kernels, save


def shown(axes: Axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def strokes(axes: Axes) -> set[tuple[int, int]]:
    """Row and column of each stroke."""
    return {(int(y), int(x)) for x, y in np.asarray(axes.collections[0].get_offsets())}


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def test_kernels_stand_in_the_order_of_the_output_channels():
    w = random(3, 3, 5, 2)
    figure = kernels(w)
    assert len(figure.axes) == 10
    for number, axes in enumerate(figure.axes):
        np.testing.assert_array_equal(shown(axes), w[:, :, number // 2, number % 2])
        assert axes.get_xlabel() == str(number)


def test_kernels_share_one_scale_about_zero():
    w = random(3, 3, 4, 1)
    limits = {axes.images[0].get_clim() for axes in kernels(w).axes}
    assert limits == {(-np.abs(w).max(), np.abs(w).max())}


def test_a_stroke_marks_each_number_below_zero():
    w = random(3, 3, 4, 1)
    for c, axes in enumerate(kernels(w).axes):
        assert strokes(axes) == set(map(tuple, np.argwhere(w[:, :, c, 0] < 0).tolist()))


def test_words_say_how_many_kernels_and_signs():
    w = np.array([-2.0, 3, 0, 1]).reshape(2, 2, 1, 1)
    assert kernels(w, name="first").alt == "first, 1 kernel of 2x2 numbers, from −2 to 3: 2 above zero, 1 below."


def test_feature_maps_show_each_channel_of_the_image():
    y = np.abs(random(1, 6, 4, 20))
    figure = feature_maps(y)
    assert len(figure.axes) == 20
    for c, axes in enumerate(figure.axes):
        np.testing.assert_array_equal(shown(axes), y[0, ..., c])
        assert axes.images[0].get_clim() == (0, y.max())


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_white_is_zero(sign: float) -> None:
    y = np.zeros((4, 4, 2))
    y[0, 0, 0] = sign
    for axes in feature_maps(y).axes:
        picture = axes.images[0]
        assert picture.cmap(picture.norm(0.0)) == pytest.approx((1, 1, 1, 1), abs=0.01)


def test_words_count_the_silent_maps():
    y = np.zeros((4, 4, 3))
    y[1, 1, 2], y[0, 0, 1] = 2, -1
    assert feature_maps(y, name="stem").alt == "stem, 3 maps of 4x4, from −1 to 2. 2 of them are nowhere above zero."


def test_fingerprints_put_the_channels_of_a_class_together(look: Callable) -> None:
    means = np.array([[0.0, 3, 1, 0], [2, 1, 0, 5]])
    figure = fingerprints(means, ("cat", "dog"))
    (axes,) = figure.axes
    drawn = np.reshape(axes.collections[0].get_array(), (2, 4))
    np.testing.assert_array_equal(drawn, means[:, [1, 2, 0, 3]])
    assert axes.yaxis_inverted()
    assert figure.alt == "Means of 4 channels in 2 classes, from 0 to 5. Channels largest in: cat 2, dog 2."
    look(figure)
    look(fingerprints(np.abs(random(10, 160)), [f"horizontal stripes, agree, number {n}" for n in range(10)]))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 16, 17, pytest.param(160, marks=pytest.mark.slow)])
def test_texts_fit(channels: int, look: Callable) -> None:
    look(kernels(random(3, 3, channels, 1), name="the kernels of a layer with a long name"))
    look(feature_maps(random(8, 8, channels), name="the maps of a layer with a long name"))


def test_all_zero_can_be_drawn(tmp_path: Path) -> None:
    save(kernels(np.zeros((3, 3, 2, 1))), tmp_path / "a.png")
    save(feature_maps(np.zeros((3, 3, 2))), tmp_path / "b.png")


@pytest.mark.parametrize(("means", "names"), [(np.zeros((2, 4)), "abc"), (-np.ones((2, 4)), "ab")])
def test_bad_means_are_refused_by_name(means: np.ndarray, names: str) -> None:
    with pytest.raises(ValueError, match="fingerprints: means has 2 rows"):
        fingerprints(means, names)


def test_bad_arrays_are_refused_by_name():
    with pytest.raises(ValueError, match=re.escape("kernels: w has shape (3, 3, 4); it must be (kh, kw, C, m)")):
        kernels(np.zeros((3, 3, 4)))
    with pytest.raises(ValueError, match=re.escape("feature_maps: y has shape (3, 3); it must be (H, W, C)")):
        feature_maps(np.zeros((3, 3)))
    with pytest.raises(ValueError, match=re.escape("feature_maps: y has shape (2, 3, 3, 4); it must be of one image")):
        feature_maps(np.zeros((2, 3, 3, 4)))
