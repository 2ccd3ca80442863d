"""The picture of one window, forward and backward, holds the numbers of the operations and of a hand."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from xnp.data import example
from xnp.viz import Figure, both_ways
from xnp.viz.panels import number
from xnp.viz.stacks import SIDE

X, DEPTHWISE, POINTWISE = example.image(), example.depthwise_kernel(), example.pointwise_kernel()
P, Q = 1, 2


@pytest.fixture(scope="module")
def figure() -> Figure:
    return both_ways(X, DEPTHWISE, POINTWISE, at=(P, Q))


def written(figure: Figure) -> list[str]:
    """Texts in cells, in the order in which they were drawn."""
    return [text.get_text() for text in figure.axes[0].texts if text.get_fontsize() < 7]


def holds(whole: list[str], array: np.ndarray) -> bool:
    """Whether all numbers of an array stand in whole, one after the other."""
    part = [number(value) for value in array.ravel()]
    return any(whole[k : k + len(part)] == part for k in range(len(whole)))


def test_each_gradient_is_the_other_factor_of_the_product(figure: Figure):
    """With a single 1 in dy no sum is left: all gradients can be written down without a backward."""
    numbers = written(figure)
    window = X[0, P : P + 3, Q : Q + 3]
    between = (window * DEPTHWISE[..., 0]).sum(axis=(0, 1))
    dx = np.zeros((8, 8))
    dx[P : P + 3, Q : Q + 3] = DEPTHWISE[:, :, 0, 0] * POINTWISE[0]
    dy = np.zeros((6, 6))
    dy[P, Q] = 1
    assert holds(numbers, dx)
    assert holds(numbers, window[..., 0] * POINTWISE[0])  # d depthwise, its channel 0
    assert holds(numbers, dy * POINTWISE[0])  # d between
    assert holds(numbers, between[::-1])  # d pointwise, drawn from the back
    assert holds(numbers, dy)


def test_the_forward_row_holds_image_and_kernels(figure: Figure):
    for array in (X[0, ..., 0], DEPTHWISE[:, :, 0, 0], POINTWISE[::-1, 0]):
        assert holds(written(figure), array)


def test_the_window_is_outlined_in_both_rows(figure: Figure):
    frames = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and p.get_linewidth() == 2.4]
    assert [round(frame.get_width() / SIDE) for frame in frames] == [3, 1, 1] * 2


def test_words_say_what_the_numbers_are(figure: Figure):
    for words in ("8x8x3", "6x6x3", "6x6x1"):
        assert words in figure.alt
    for words in ("12·1 + 12·2 + 21·(−1) = 15", "(1, 2, −1)"):
        assert words in figure.alt
        assert words in figure.axes[0].texts[-1].get_text()


@pytest.mark.slow
def test_the_picture_fits_the_page(look: Callable, figure: Figure) -> None:
    for drawn in (figure, both_ways(X[:, :5, :6, :2], DEPTHWISE[:, :, :2], POINTWISE[:2], at=(2, 3))):
        look(drawn, smallest=3)
        assert drawn.get_size_inches()[0] < 11


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"^both_ways: w_pointwise has shape \(3, 2\) .* one output is drawn"):
        both_ways(X, DEPTHWISE, np.ones((3, 2)), at=(0, 0))
    with pytest.raises(ValueError, match=r"^both_ways: at is \(6, 0\)"):
        both_ways(X, DEPTHWISE, POINTWISE, at=(6, 0))
