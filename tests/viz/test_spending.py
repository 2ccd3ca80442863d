"""Time and memory: each bar is its operation's, in the order of the network."""

from collections.abc import Callable

import numpy as np
import pytest

from xnp import inside, models
from xnp.inside import Spent
from xnp.viz import time_and_memory

SPENT = [
    Spent("stem/conv", "Conv2D", 9000, 0.002, 4000),
    Spent("stem/relu", "ReLU", 0, 0.003, 8000),
    Spent("top", "Dense", 10, 0.001, 40),
]


def test_bars_are_macs_milliseconds_and_bytes_from_top_to_bottom():
    figure = time_and_memory(SPENT)
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert widths[0] == [9000, 0, 10]
    assert widths[1] == pytest.approx([2, 3, 1])
    assert widths[2] == [4000, 8000, 40]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["stem/conv", "stem/relu", "top"]
    assert figure.axes[0].yaxis_inverted()


def test_words_say_sums_and_the_largest():
    assert time_and_memory(SPENT).alt == (
        "3 operations. MACs: 9.01 k, most in stem/conv; Time (ms): 6, most in stem/relu; "
        "Output (bytes): 12 k, most in stem/relu."
    )


@pytest.mark.slow
def test_nothing_is_cut_off_or_overlaps(look: Callable) -> None:
    model = models.tiny_xception()
    look(time_and_memory(inside.time_and_memory(model, np.zeros((1, 32, 32, 3), np.float32), rounds=1)))
    look(time_and_memory([Spent("relu", "ReLU", 0, 0.0, 0)]))


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="time_and_memory: spent is empty"):
        time_and_memory([])
