"""Panels show every number where it stands, in the colour of its role; what they cannot show they refuse."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba

from xnp.viz import style
from xnp.viz.panels import CELL, Panel, number, sheet

X = np.array([[0.0, 1.0, -2.0], [3.25, 4.0, 5.0]])


def words(axes):
    """Text of each cell by its place."""
    return {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts if t.get_text()}


def colours(axes):
    """Colour of each filled cell by its place."""
    return {
        (int(p.get_y()), int(p.get_x())): to_hex(p.get_facecolor())
        for p in axes.patches
        if p.get_fill() and not p.get_hatch()
    }


def frames(axes):
    """List the frames: (row, column, height, width, line style)."""
    return [
        (p.get_y(), p.get_x(), p.get_height(), p.get_width(), p.get_linestyle())
        for p in axes.patches
        if not p.get_fill()
    ]


def draw(*panels, **options):
    return sheet([panels], alt="some words", **options).axes


def test_every_number_stands_in_its_cell():
    (axes,) = draw(Panel(X, "input", "x"))
    assert words(axes) == {(r, c): number(X[r, c]) for r in range(2) for c in range(3)}
    assert axes.get_title(loc="left") == "x"
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "1", "2"]
    assert ("W" in axes.get_xlabel(), "H" in axes.get_ylabel()) == (True, True)


def test_nan_is_a_place_not_computed_yet():
    (axes,) = draw(Panel(np.where(X > 3, np.nan, X), "output"))
    assert sorted(words(axes)) == [(0, 0), (0, 1), (0, 2)]
    assert colours(axes)[1, 1] == "#ffffff"


@pytest.mark.parametrize(("role", "full"), [("input", style.INPUT), ("kernel", style.KERNEL), ("output", style.OUTPUT)])
def test_the_largest_number_has_the_full_colour_of_the_role_and_the_smallest_is_white(role, full):
    (axes,) = draw(Panel(X, role))
    assert colours(axes)[1, 2] == full.lower()
    assert colours(axes)[0, 2] == "#ffffff"


def test_a_gradient_is_white_at_zero_and_alike_far_on_both_sides():
    (axes,) = draw(Panel(np.array([[-5.0, 0.0, 5.0, 1.0]]), "gradient"))
    shown = colours(axes)
    assert shown[0, 1] in ("#ffffff", "#fefefe")  # the map has 256 steps, and no middle one
    assert (shown[0, 0], shown[0, 2]) == (to_hex(style.GRADIENT(0.0)), to_hex(style.GRADIENT(1.0)))


def test_all_numbers_can_be_read_on_their_colour():
    (axes,) = draw(Panel(np.linspace(0, 9, 24).reshape(3, 8), "input"))
    for place, text in zip(sorted(colours(axes)), axes.texts, strict=True):
        assert text.get_color() == style.text_on(to_rgba(colours(axes)[place]))


def test_padding_is_hatched_and_shows_its_number():
    (axes,) = draw(Panel(X, "input", padding=((1, 0), (0, 2)), border="−∞"))
    hatched = [(int(p.get_y()), int(p.get_x())) for p in axes.patches if p.get_hatch()]
    assert len(hatched) == 3 * 5 - 6
    assert {text for place, text in words(axes).items() if place in hatched} == {"−∞"}
    assert axes.get_ylim() == (2, -1)


def test_a_window_is_framed_and_marks_are_dashed():
    (axes,) = draw(Panel(X, "input", window=(-1, 0, 2, 3), marked=[(1, 2)]))
    (mark, window) = sorted(frames(axes), key=lambda frame: frame[2])
    assert window == (-1, 0, 2, 3, "solid")
    assert mark[:4] == (1, 2, 1, 1)
    assert mark[4] == "dashed" or isinstance(mark[4], tuple)


def test_cells_have_one_size_in_all_panels_of_a_sheet():
    figure = sheet([[Panel(X, "input"), "×", Panel(X[:1, :1], "kernel")], [Panel(X, "output")]], alt="three")
    across, _ = figure.get_size_inches()
    sides = [axes.get_position().width * across / (axes.get_xlim()[1] - axes.get_xlim()[0]) for axes in figure.axes]
    assert sides == pytest.approx([CELL] * 3)
    assert [text.get_text() for text in figure.texts] == ["×"]


def test_nothing_of_a_sheet_lies_outside_or_over_another_panel():
    panels = [Panel(X, "input", "a long title of one panel"), "=", Panel(X, "kernel", "another long title here")]
    figure = sheet([panels, panels], alt="four", title="Title")
    with style.grammar():
        figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    width, height = figure.bbox.size
    for i, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["only words"]], "no panel"),
        ([[Panel(np.zeros(3), "input")]], "values"),
        ([[Panel(np.zeros((25, 3)), "input")]], "at most 24"),
        ([[Panel(np.zeros((24, 3)), "input", padding=((1, 0), (0, 0)))]], "at most 24"),
        ([[Panel(np.zeros((2, 2)), "blue")]], "role is 'blue'"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(rows, words):
    with pytest.raises(ValueError, match=words):
        sheet(rows, alt="")
