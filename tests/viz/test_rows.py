"""Windows over rows of pixels: they stand where `xnp.shapes` puts them."""

import re

import numpy as np
import pytest

from xnp.viz import windows_over_rows
from xnp.viz.rows import CELL, NAME


def bars(figure) -> np.ndarray:
    """Left and right ends of the bars, in pixels of the first row, counted from the left end of the first bar."""
    ends = np.array([line.get_xdata() for line in figure.axes[0].lines if np.ptp(line.get_xdata()) > 0])
    return (ends - ends.min()) / CELL


def test_each_window_has_a_bar_under_the_pixels_that_it_reads():
    found = bars(windows_over_rows([7]))
    np.testing.assert_allclose(found[:, 0], [0, 2, 4, 6], atol=1e-9)
    np.testing.assert_allclose(np.ptp(found, axis=1), 3 - 0.16)  # a little is left free on both sides


def test_an_even_row_has_its_pixel_0_under_that_of_an_odd_one():
    odd, even = bars(windows_over_rows([7, 8]))[[0, 4], 0]
    assert even - odd == pytest.approx(1)  # 7 pixels: one of padding before; 8 pixels: none


def test_padding_stands_left_of_pixel_0_and_right_of_the_words():
    (axes,) = windows_over_rows([9], kernel=7, stride=1).axes
    (zero,) = (text.get_position()[0] for text in axes.texts if text.get_text() == "0")
    left = min(patch.get_x() for patch in axes.patches if patch.get_hatch())
    assert (zero - left) / CELL == pytest.approx(3.5)  # padding 3 + 3, and half of the pixel
    assert left >= NAME


def test_pixels_are_numbered_and_results_written():
    texts = [text.get_text() for text in windows_over_rows([3, 4]).axes[0].texts]
    assert texts == ["3 pixels", *"012", "padding 1 + 1: 2 windows", "4 pixels", *"0123", "padding 0 + 1: 2 windows"]


def test_the_alternative_text_says_all():
    figure = windows_over_rows([9], kernel=4, stride=1)
    assert figure.alt == 'Windows of 4 pixels, 1 apart, padding "same". 9 pixels with padding 1 + 2: 9 windows.'
    assert windows_over_rows([9], padding=1).alt.endswith("9 pixels with padding 1 + 1: 5 windows.")


@pytest.mark.slow
def test_nothing_is_cut_off(look):
    figure = windows_over_rows([5, 6, 7, 8, 9])
    look(figure)
    lowest = max(max(line.get_ydata()) for line in figure.axes[0].lines)
    assert lowest < figure.axes[0].get_ylim()[0]


def test_what_cannot_be_laid_is_refused():
    with pytest.raises(ValueError, match="windows_over_rows: sizes is empty"):
        windows_over_rows([])
    with pytest.raises(ValueError, match=re.escape("windows_over_rows: the kernel covers 3 pixels along W")):
        windows_over_rows([2], padding="valid")
