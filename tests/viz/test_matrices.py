"""A drawn matrix product: its numbers, its frames, the names of its axes, and what is refused."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from xnp.viz import Panel, matrix_product

X, W = np.array([[8.0, 2.0, 1.0], [2.0, 5.0, 9.0]]), np.array([[1.0, 0.0], [2.0, 1.0], [-1.0, 4.0]])


def draw(x=X, w=W, **options):
    return matrix_product(Panel(x, "input", "x"), Panel(w, "kernel", "w"), title="y", **options)


def frames(axes):
    """List the thick frames: (row, column, height, width)."""
    return [
        (p.get_y(), p.get_x(), p.get_height(), p.get_width())
        for p in axes.patches
        if isinstance(p, Rectangle) and not p.get_fill()
    ]


def test_third_table_is_the_product():
    numbers = [[text.get_text() for text in axes.texts] for axes in draw().axes]
    assert numbers == [list("821259"), ["1", "0", "2", "1", "−1", "4"], ["11", "6", "3", "41"]]


def test_a_row_a_column_and_their_number_are_framed_and_written_out():
    figure = draw(at=(1, 0))
    assert [frames(axes) for axes in figure.axes] == [[(1, 0, 1, 3)], [(0, 0, 3, 1)], [(1, 0, 1, 1)]]
    assert figure.texts[0].get_text() == "2·1 + 5·2 + 9·(−1) = 3"
    assert figure.alt == "x (2, 3) times w (3, 2) gives y (2, 2). Marked: 2·1 + 5·2 + 9·(−1) = 3."


def test_without_a_place_nothing_is_framed():
    figure = draw()
    assert not any(frames(axes) for axes in figure.axes)
    assert figure.alt == "x (2, 3) times w (3, 2) gives y (2, 2)."


def test_axes_are_named_by_what_they_count():
    names = [(axes.get_ylabel(), axes.get_xlabel()) for axes in draw(axes=("r", "k", "s")).axes]
    assert names == [("← r", "k →"), ("← k", "s →"), ("← r", "s →")]


def test_what_cannot_be_multiplied_or_marked_is_refused():
    with pytest.raises(ValueError, match=r"matrix_product: left has shape \(2, 3\) and right \(2, 3\).*must be 3"):
        draw(w=X)
    with pytest.raises(ValueError, match=r"matrix_product: at is \(2, 0\) but the product has shape \(2, 2\)"):
        draw(at=(2, 0))
