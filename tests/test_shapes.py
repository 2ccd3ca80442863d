"""Where windows stand: known sizes, TensorFlow's "same" by brute force, and errors by name."""

import re
from itertools import product

import numpy as np
import pytest

from xnp.shapes import Window, crop, pad, pair, slide, slide_pool

SIZES, KERNELS, STRIDES, DILATIONS = range(1, 11), (1, 2, 3, 5), (1, 2, 3), (1, 2, 3)
LINES = list(product(SIZES, KERNELS, STRIDES, DILATIONS))  # every way to lay windows along one axis


def along_height(n, k, s, d, padding):
    """Lay windows along the height: (windows, pixels before, pixels after)."""
    window = slide("test", (1, n, 1, 1), (k, 1), stride=(s, 1), padding=padding, dilation=(d, 1))
    return window.output[0], *window.padding[0]


def windows_that_fit(n, k, s, d):
    """Count windows by trying each place: the last tap must be a pixel."""
    return sum(start + (k - 1) * d < n for start in range(0, n, s))


def test_the_sizes_of_xception():
    sizes, x_shape = [], (1, 299, 299, 3)
    for stride, padding in ((2, "valid"), (1, "valid"), (2, "same"), (2, "same"), (2, "same"), (2, "same")):
        height, width = slide("test", x_shape, (3, 3), stride=stride, padding=padding).output
        assert height == width
        sizes.append(height)
        x_shape = (1, height, width, 3)
    assert sizes == [149, 147, 74, 37, 19, 10]


def test_same_pads_as_little_as_it_can_and_more_at_the_end():
    for n, k, s, d in LINES:
        wanted = -(-n // s)  # ceil
        least = next(total for total in range(100) if windows_that_fit(n + total, k, s, d) >= wanted)
        assert along_height(n, k, s, d, "same") == (wanted, least // 2, least - least // 2), (n, k, s, d)


@pytest.mark.parametrize("padding", ["valid", 0, 1, 2, 5])
def test_valid_and_integers_lay_all_windows_that_fit(padding):
    frame = 0 if padding == "valid" else padding
    for n, k, s, d in LINES:
        fit = windows_that_fit(n + 2 * frame, k, s, d)
        if fit:
            assert along_height(n, k, s, d, padding) == (fit, frame, frame), (n, k, s, d)
        else:
            with pytest.raises(ValueError, match=r"test: the kernel covers \d+ pixels along H"):
                along_height(n, k, s, d, padding)


def test_height_and_width_are_not_mixed_up():
    window = slide("test", (2, 7, 12, 3), (3, 5), stride=(2, 3), padding="same", dilation=(1, 2))
    assert window == Window((3, 5), (2, 3), (1, 2), ((1, 1), (3, 3)), (4, 4))


@pytest.mark.parametrize("padding", ["same", "valid", 3])
def test_reads_and_position_agree(padding):
    """`reads` slices the padded image, `position` names the pixel: both must mean the same one."""
    image = np.arange(1.0, 2 * 7 * 6 * 2 + 1).reshape(2, 7, 6, 2)
    window = slide("test", image.shape, (3, 2), stride=(2, 3), padding=padding, dilation=(2, 1))
    padded = pad(image, window.padding)
    assert list(window.offsets()) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    for i, j in window.offsets():
        pixels = padded[window.reads(i, j)]
        assert pixels.shape == (2, *window.output, 2)
        for p, q in np.ndindex(window.output):
            row, column = window.position(p, q, i, j)
            inside = 0 <= row < 7 and 0 <= column < 6
            np.testing.assert_array_equal(pixels[:, p, q], image[:, row, column] if inside else 0)


def test_a_kernel_larger_than_the_image_is_an_error_only_if_the_padding_does_not_make_room():
    with pytest.raises(ValueError, match=re.escape("the kernel covers 3 pixels along W (size 3, dilation 1)")):
        slide("test", (1, 3, 2, 1), (3, 3), padding="valid")
    with pytest.raises(
        ValueError, match=re.escape("along H (size 2, dilation 4) but the padded image has 4 (0 + 4 + 0)")
    ):
        slide("test", (1, 4, 5, 1), (2, 2), padding="valid", dilation=4)
    assert slide("test", (1, 1, 1, 1), (3, 3), padding="same").output == (1, 1)
    assert slide("test", (1, 1, 1, 1), (3, 3), padding=1).output == (1, 1)


@pytest.mark.parametrize("padding", [0.5, -1, True, None, (1, 1), np.float64(1)])
@pytest.mark.parametrize("lay", [slide, slide_pool])
def test_a_padding_of_another_kind_is_refused(lay, padding):
    expected = f'test: padding is {padding!r}; it must be "same", "valid" or an integer, 0 or more'
    with pytest.raises(ValueError, match=re.escape(expected)):
        lay("test", (1, 8, 8, 1), (3, 3), stride=1, padding=padding)


def test_an_unknown_word_for_padding_is_refused():
    with pytest.raises(
        ValueError, match=re.escape('test: padding is "full"; it must be "same", "valid" or an integer')
    ):
        slide("test", (1, 8, 8, 1), (3, 3), padding="full")


@pytest.mark.parametrize("name", ["kernel size", "stride", "dilation"])
@pytest.mark.parametrize("value", [0, -1, 1.0, True, "2", None, (1,), (1, 2, 3), (1, 0)])
def test_numbers_must_be_positive_integers_or_pairs_of_them(name, value):
    arguments = {"kernel size": (3, 3), "stride": 1, "dilation": 1} | {name: value}
    expected = f"test: {name} is {value!r}; it must be a positive integer or a pair of them (height, width)"
    with pytest.raises(ValueError, match=re.escape(expected)):
        slide(
            "test", (1, 8, 8, 1), arguments["kernel size"], stride=arguments["stride"], dilation=arguments["dilation"]
        )


@pytest.mark.parametrize(
    ("value", "expected"), [(2, (2, 2)), ((2, 3), (2, 3)), ([2, 3], (2, 3)), (np.int64(2), (2, 2))]
)
def test_pair_reads_a_number_for_both_axes(value, expected):
    assert pair("test", "stride", value) == expected
    assert all(type(number) is int for number in pair("test", "stride", value))


def test_a_pool_may_not_hold_padding_alone():
    expected = "test: padding is 2 but size is (3, 5); an integer padding must be at most half the size"
    with pytest.raises(ValueError, match=re.escape(expected)):
        slide_pool("test", (1, 8, 8, 1), (3, 5), stride=1, padding=2)
    assert slide_pool("test", (1, 8, 8, 1), 4, stride=1, padding=2).padding == ((2, 2), (2, 2))


def test_every_window_of_a_pool_holds_a_pixel():
    for n, k, s in product(SIZES, KERNELS, (1, 2, 3, 7)):
        for padding in ("same", *range(k // 2 + 1)):
            if padding == "same" or k <= n + 2 * padding:
                window = slide_pool("test", (1, n, n, 1), k, stride=s, padding=padding)
                rows = [[window.position(p, 0, i, 0)[0] for i in range(k)] for p in range(window.output[0])]
                assert all(any(0 <= row < n for row in tried) for tried in rows), (n, k, s, padding)


def test_crop_undoes_pad_and_is_a_copy():
    image, sides = np.arange(24.0).reshape(1, 3, 4, 2), ((1, 2), (0, 3))
    padded = pad(image, sides, -np.inf)
    assert padded.shape == (1, 6, 7, 2)
    assert np.isinf(padded).sum() == padded.size - image.size
    cropped = crop(padded, sides)
    np.testing.assert_array_equal(cropped, image)
    assert not np.shares_memory(cropped, padded)
    assert pad(image.astype(np.float32), sides).dtype == np.float32
