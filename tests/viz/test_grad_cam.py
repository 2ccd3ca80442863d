"""Grad-CAM's picture: all maps in one scale, each number on its part of the image, the image seen through them."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from xnp.viz import grad_cam

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)
MAPS = {"cat": np.array([[0.0, 2.0, 1.0]]), "dog": np.array([[0.5, 0.0, 0.0]])}


def test_every_map_stands_above_the_image_seen_through_it():
    first, *others = grad_cam(IMAGE, MAPS).axes
    np.testing.assert_array_equal(first.images[0].get_array(), IMAGE)
    for cam, plain, through in zip(MAPS.values(), others[::2], others[1::2], strict=True):
        np.testing.assert_array_equal(plain.images[1].get_array(), cam)
        np.testing.assert_array_equal(through.images[0].get_array(), IMAGE)
        veil = through.images[1].get_array()
        np.testing.assert_allclose(veil[..., 3], 1 - cam / 2)
        np.testing.assert_array_equal(veil[..., :3], 1)
        for image in (plain.images[1], through.images[1]):
            assert tuple(image.get_extent()) == (-0.5, 11.5, 7.5, -0.5)


def test_maps_share_one_scale_from_zero():
    _, *others = grad_cam(IMAGE, MAPS).axes
    assert [axes.images[1].get_clim() for axes in others[::2]] == [(0, 2), (0, 2)]


def test_words_say_where_each_map_is_largest():
    assert grad_cam(IMAGE, {**MAPS, "ship": np.zeros((2, 2))}).alt == (
        "Grad-CAM for one image. cat: from 0 to 2, most at row 0, column 1 of 1x3. "
        "dog: from 0 to 0.5, most at row 0, column 0 of 1x3. ship: 0 everywhere."
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(32, 32), (32, 64), (64, 32), (4, 64), (64, 4)])
def test_nothing_is_cut_off_or_overlaps(size: tuple[int, int], look: Callable) -> None:
    image = np.zeros((*size, 3), np.uint8)
    look(grad_cam(image, {"an automobile, 34\xa0%, which is a long caption": np.eye(4), "dog": np.zeros((4, 4))}))
    look(grad_cam(image[..., :1], {"dog": np.zeros((4, 4))}))


@pytest.mark.parametrize(
    ("image", "maps", "error", "message"),
    [
        (IMAGE, {}, ValueError, "grad_cam: maps is empty"),
        (IMAGE, {"a": -np.ones((2, 2))}, ValueError, "grad_cam: maps['a'] has -1; it must be finite"),
        (IMAGE, {"a": np.full((2, 2), np.nan)}, ValueError, "grad_cam: maps['a'] has nan"),
        (IMAGE, {"a": np.ones((1, 2, 2))}, ValueError, "grad_cam: maps['a'] has shape (1, 2, 2); it must be (H, W)"),
        (IMAGE[None], MAPS, ValueError, "grad_cam: image has shape (1, 8, 12, 3); it must be (H, W, C)"),
        (IMAGE / 255, MAPS, TypeError, "grad_cam: image is float64; it must be uint8"),
        (IMAGE[..., :2], MAPS, ValueError, "grad_cam: image has 2 channels; it must have 1 or 3"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(image, maps, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        grad_cam(image, maps)
