"""Augmentation: what each function may return, how often it returns it, and what it must leave alone."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from xnp.data.augment import compose, cutout, flip, pad_and_crop

FUNCTIONS = [flip, pad_and_crop, cutout, compose(flip, pad_and_crop, cutout)]


def batch(N: int = 12, dtype: type = np.uint8) -> np.ndarray:
    """Images of 6x7 pixels, all above zero: a zero in a result was put there."""
    return np.random.default_rng(1).integers(1, 256, (N, 6, 7, 3)).astype(dtype)


# What every function keeps.


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_shape_and_dtype_are_kept(function: Callable, dtype: type) -> None:
    y = function(batch(dtype=dtype), np.random.default_rng(0))
    assert y.shape == (12, 6, 7, 3)
    assert y.dtype == dtype
    assert y.flags.c_contiguous


@pytest.mark.parametrize("function", FUNCTIONS)
def test_batch_is_never_written_to(function: Callable) -> None:
    x = batch()
    x.flags.writeable = False
    y = function(x, np.random.default_rng(0))
    np.testing.assert_array_equal(x, batch())
    assert (y != x).any()
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("function", [partial(pad_and_crop, padding=0), partial(cutout, size=0)])
def test_zero_pixels_change_nothing_but_give_a_new_array(function: Callable) -> None:
    x = batch()
    y = function(x, np.random.default_rng(0))
    np.testing.assert_array_equal(x, y)
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_seed_decides(function: Callable) -> None:
    first, again, other = (function(batch(), np.random.default_rng(seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_generator_moves_on(function: Callable) -> None:
    rng = np.random.default_rng(0)
    assert (function(batch(), rng) != function(batch(), rng)).any()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_image_has_its_own_luck(function: Callable) -> None:
    same = np.repeat(batch(1), 50, axis=0)
    y = function(same, np.random.default_rng(0))
    assert len({image.tobytes() for image in y}) > 1


@pytest.mark.parametrize("function", FUNCTIONS)
def test_non_contiguous_batches_are_taken(function: Callable) -> None:
    x = np.asfortranarray(batch())[:, ::-1]
    expected = function(np.ascontiguousarray(x), np.random.default_rng(0))
    np.testing.assert_array_equal(function(x, np.random.default_rng(0)), expected)


# What each one does.


def test_flip_mirrors_whole_images_about_half_of_the_time() -> None:
    x = batch(1000)
    y = flip(x, np.random.default_rng(0))
    kept = (y == x).all(axis=(1, 2, 3))
    mirrored = (y == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ mirrored).all()
    assert 430 <= mirrored.sum() <= 570  # 500, and four standard deviations of 16


@pytest.mark.parametrize("padding", [1, 2, 9])
def test_crop_is_a_window_of_the_padded_image_and_every_window_is_drawn(padding: int) -> None:
    x = batch(1)
    N = 40 * (2 * padding + 1) ** 2
    y = pad_and_crop(np.repeat(x, N, axis=0), np.random.default_rng(0), padding=padding)
    padded = np.zeros((6 + 2 * padding, 7 + 2 * padding, 3), np.uint8)
    padded[padding:-padding, padding:-padding] = x[0]
    places = range(2 * padding + 1)
    windows = {padded[top : top + 6, left : left + 7].tobytes() for top in places for left in places}
    assert {image.tobytes() for image in y} == windows


def test_crop_places_are_equally_likely_and_independent() -> None:
    marked = np.zeros((9000, 3, 3, 1), np.uint8)
    marked[:, 1, 1] = 1  # one bright pixel: where it lands is how the image moved
    _, rows, columns, _ = np.nonzero(pad_and_crop(marked, np.random.default_rng(0), padding=1))
    counts = np.bincount(rows * 3 + columns, minlength=9)
    assert counts.sum() == 9000
    assert (abs(counts - 1000) < 130).all()  # four standard deviations of 30, and a little


def test_default_padding_is_four() -> None:
    dots = np.zeros((2000, 9, 9, 1), np.uint8)
    dots[:, 4, 4] = 1
    _, rows, columns, _ = np.nonzero(pad_and_crop(dots, np.random.default_rng(0)))
    assert len(rows) == 2000
    assert set(rows) == set(columns) == set(range(9))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 20])
def test_cutout_is_one_square_cut_at_the_border_and_every_centre_is_drawn(size: int) -> None:
    x = batch(1)
    y = cutout(np.repeat(x, 2000, axis=0), np.random.default_rng(0), size=size)
    expected = set()
    for row in range(6):
        for column in range(7):
            image = x[0].copy()
            top, left = row - size // 2, column - size // 2
            image[max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = 0
            expected.add(image.tobytes())
    assert {image.tobytes() for image in y} == expected


def test_cutout_centres_are_equally_likely_and_independent() -> None:
    ones = np.ones((9000, 3, 3, 1), np.uint8)
    _, rows, columns, _ = np.nonzero(cutout(ones, np.random.default_rng(0), size=1) == 0)
    counts = np.bincount(rows * 3 + columns, minlength=9)
    assert counts.sum() == 9000
    assert (abs(counts - 1000) < 130).all()


def test_default_square_has_a_side_of_eight() -> None:
    y = cutout(np.ones((500, 32, 32, 1), np.uint8), np.random.default_rng(0))
    assert (y == 0).sum(axis=(1, 2, 3)).max() == 64


def test_compose_calls_in_order_with_one_generator() -> None:
    both = compose(flip, partial(cutout, size=3))
    rng = np.random.default_rng(4)
    expected = cutout(flip(batch(), rng), rng, size=3)
    np.testing.assert_array_equal(both(batch(), np.random.default_rng(4)), expected)


# Bad arguments.


@pytest.mark.parametrize("function", [flip, pad_and_crop, cutout])
def test_what_is_no_batch_or_no_generator_is_refused(function: Callable) -> None:
    name = function.__name__
    with pytest.raises(ValueError, match=rf"{name}: images has shape \(6, 7, 3\); it must be \(N, H, W, C\)"):
        function(batch()[0], np.random.default_rng(0))
    with pytest.raises(TypeError, match=rf"{name}: images is a list"):
        function(batch().tolist(), np.random.default_rng(0))
    with pytest.raises(TypeError, match=rf"{name}: rng is a int; it must be a numpy\.random\.Generator"):
        function(batch(), 0)


@pytest.mark.parametrize("value", [-1, 1.5, "4"])
def test_bad_numbers_of_pixels_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=rf"pad_and_crop: padding is {value!r}; it must be a whole number"):
        pad_and_crop(batch(), np.random.default_rng(0), padding=value)
    with pytest.raises(ValueError, match=rf"cutout: size is {value!r}; it must be a whole number"):
        cutout(batch(), np.random.default_rng(0), size=value)
