"""Max pooling: what its padding is, who wins a tie, and what it does with numbers that are none."""

import numpy as np
import pytest

from xnp.ops import max_pool2d
from xnp.shapes import slide_pool


def image(*rows, dtype=np.float64):
    return np.array(rows, dtype)[np.newaxis, :, :, np.newaxis]


def pool(x, **options):
    y, cache = max_pool2d.forward(x, **options)
    return y[0, :, :, 0], max_pool2d.backward(np.ones_like(y), cache)[0, :, :, 0]


@pytest.mark.parametrize("padding", ["same", 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_padding_never_wins(padding, dtype):
    """It is -inf: with 0, every window of these negative images would answer 0."""
    x = -1 - np.random.default_rng(0).random((2, 5, 6, 3)).astype(dtype)
    y, cache = max_pool2d.forward(x, size=3, stride=2, padding=padding)
    assert y.max() < -1
    assert y.dtype == dtype
    dy = np.ones_like(y)
    assert max_pool2d.backward(dy, cache).sum() == dy.sum()  # nothing of the gradient went into the padding


def test_a_pixel_collects_from_all_windows_that_it_wins():
    x = image([1, 2, 3], [4, 9, 5], [6, 7, 8])
    y, dx = pool(x, size=2, stride=1, padding="valid")
    np.testing.assert_array_equal(y, [[9, 9], [9, 9]])
    np.testing.assert_array_equal(dx, [[0, 0, 0], [0, 4, 0], [0, 0, 0]])


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_a_tie_goes_to_the_first_pixel_row_by_row(value):
    y, dx = pool(image([value, value], [value, value]), size=2, stride=2)
    np.testing.assert_array_equal(y, [[value]])
    np.testing.assert_array_equal(dx, [[1, 0], [0, 0]])


def test_the_first_is_the_first_of_the_equal_ones():
    _, dx = pool(image([1, 7, 7], [7, 0, 2], [7, 1, 7]), size=3, stride=1, padding="valid")
    np.testing.assert_array_equal(dx, [[0, 1, 0], [0, 0, 0], [0, 0, 0]])


def test_in_a_tie_at_the_border_a_real_pixel_wins():
    """Padding stands before the first pixel here, and is looked at first."""
    _, dx = pool(image([5, 5], [5, 5]), size=3, stride=2, padding=1)
    np.testing.assert_array_equal(dx, [[1, 0], [0, 0]])


def test_a_window_with_nan_answers_nan():
    x = image([1, 2, 3], [4, np.nan, 6], [7, 8, 9], [1, 1, 1])
    y, _ = pool(x, size=2, stride=1, padding="valid")
    assert np.isnan(y).tolist() == [[True, True], [True, True], [False, False]]
    np.testing.assert_array_equal(y[2], [8, 9])


def test_infinities_are_numbers_like_others():
    y, dx = pool(image([-np.inf, 1], [np.inf, np.inf]), size=2, stride=2)
    np.testing.assert_array_equal(y, [[np.inf]])
    np.testing.assert_array_equal(dx, [[0, 0], [1, 0]])


def test_a_window_of_more_than_256_places_remembers_its_winner():
    """One byte would not be enough to tell them apart."""
    x = np.zeros((1, 20, 20, 1))
    x[0, 19, 18, 0] = 1
    y, cache = max_pool2d.forward(x, size=20, stride=1, padding="valid")
    np.testing.assert_array_equal(max_pool2d.backward(np.ones_like(y), cache), x)


def test_the_pool_of_xception_halves_and_pads_at_the_bottom_right():
    assert max_pool2d.forward(np.zeros((1, 74, 37, 2)))[0].shape == (1, 37, 19, 2)
    assert slide_pool("test", (1, 74, 37, 2), 3, stride=2, padding="same").padding == ((0, 1), (1, 1))
