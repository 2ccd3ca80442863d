"""A picture shows its pixels; the tables of its channels share one scale of colours."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from xnp.data import example
from xnp.viz import style
from xnp.viz.arrays import channels, picture


def test_a_picture_shows_its_pixels():
    figure = picture(example.image(), alt="a house")
    (shown,) = figure.axes[0].get_images()
    np.testing.assert_allclose(shown.get_array(), example.image()[0] / 9)
    assert figure.alt == "a house"


def test_a_picture_is_red_green_and_blue():
    with pytest.raises(ValueError, match=r"picture: x has shape \(8, 8, 2\)"):
        picture(example.image()[..., :2], alt="")


def test_channels_have_a_panel_each_with_its_name():
    figure = channels(example.image(), "input", names=example.CHANNELS)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "x[:, :, 0]  red",
        "x[:, :, 1]  green",
        "x[:, :, 2]  blue",
    ]
    assert figure.alt == "x, 3 channels (red, green, blue) of 8x8 numbers, from 1 to 9."


def test_equal_numbers_have_equal_colours_in_all_channels():
    x = np.zeros((1, 1, 2, 2))
    x[0, 0, 0] = 1, 2  # channel 0 holds 1 and 0, channel 1 holds 2 and 0
    first, second = channels(x, "output").axes
    assert to_hex(second.patches[0].get_facecolor()) == style.OUTPUT.lower()
    assert to_hex(first.patches[0].get_facecolor()) != style.OUTPUT.lower()


def test_the_window_is_framed_in_each_channel():
    figure = channels(example.image(), "input", window=(1, 2, 3, 3))
    for axes in figure.axes:
        (frame,) = [p for p in axes.patches if not p.get_fill()]
        assert (frame.get_y(), frame.get_x(), frame.get_height(), frame.get_width()) == (1, 2, 3, 3)
