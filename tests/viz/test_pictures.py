"""Pictures with captions: the right words below the right picture."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xnp.viz import pictures


def images(N: int, C: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (N, 8, 6, C), np.uint8)


def test_each_picture_has_its_words():
    data = images(7)
    figure = pictures(data, list("abcdefg"))
    assert [axes.get_xlabel() for axes in figure.axes] == list("abcdefg")
    for axes, image in zip(figure.axes, data, strict=True):
        np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), image)
    assert figure.alt == "7 pictures: a; b; c; d; e; f; g."


@pytest.mark.slow
@pytest.mark.parametrize("N", [1, 5, 12])
@pytest.mark.parametrize("C", [1, 3])
def test_texts_fit(N: int, C: int, look: Callable) -> None:
    look(pictures(images(N, C), [f"horizontal stripes, agree, number {n}" for n in range(N)]))


@pytest.mark.parametrize(
    ("data", "captions", "error", "message"),
    [
        (np.zeros((2, 8, 8, 3)), "ab", TypeError, "pictures: images is float64; it must be uint8"),
        (images(2, 2), "ab", ValueError, "pictures: images has 2 channels; it must have 1 or 3"),
        (images(2), "abc", ValueError, "pictures: captions has 3 texts but there are 2 images"),
        (images(2)[0], "ab", ValueError, "pictures: images has shape (8, 6, 3); it must be (N, H, W, C)"),
    ],
)
def test_bad_argument_is_refused_by_name(data: Any, captions: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        pictures(data, captions)
