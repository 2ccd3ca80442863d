"""Bars: each is as long as its number, and says it; far numbers are points, and the title says so."""

import re
from collections.abc import Callable

import pytest

from xnp.viz import Bars, bars

STEP = Bars("Step", "ms", {"engine": 500.0, "plain": 1900.4, "naive": 2300.0}, marked="engine")
FAR = Bars("Depthwise", "ms", {"loops": 24000.0, "matmul": 3.78}, marked="matmul")


def test_bars_are_as_long_as_their_numbers_and_say_them():
    (axes,) = bars([STEP]).axes
    assert [bar.get_width() for bar in axes.patches] == list(STEP.values.values())
    assert [text.get_text() for text in axes.texts] == ["500", "1,900", "2,300"]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(STEP.values)
    assert axes.get_xlim()[0] == 0
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row is on top


def test_the_marked_bar_differs_in_more_than_colour():
    (axes,) = bars([STEP]).axes
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [True, False, False]


def test_far_numbers_are_points_on_a_scale_that_is_named():
    (axes,) = bars([FAR]).axes
    assert not axes.patches
    assert [line.get_xdata()[0] for line in axes.lines] == [24000.0, 3.78]
    assert len({line.get_marker() for line in axes.lines}) == 2
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "Depthwise (ms, logarithmic)"


def test_words_say_all_numbers():
    assert bars([STEP, FAR]).alt == (
        "Step: engine 500 ms, to look at; plain 1,900 ms; naive 2,300 ms. "
        "Depthwise: loops 24,000 ms; matmul 3.78 ms, to look at."
    )


@pytest.mark.slow
def test_nothing_is_cut_off_or_overlaps(look: Callable) -> None:
    look(bars([STEP]))
    look(bars([STEP, FAR, Bars("Memory", "MB", {"torch channels_last tuned malloc": 1050.5})]))
    look(bars([Bars("Rows", "ms", {f"row {k}": 1.0 + k for k in range(12)})]))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], "bars: groups is empty; at least one is needed"),
        ([Bars("Step", "ms", {})], "bars: 'Step' has no rows; at least one is needed"),
        ([Bars("Step", "ms", {"a": 0.0})], "bars: 'Step' has 0.0 for 'a'; it must be above 0"),
        ([Bars("Step", "ms", {"a": float("nan")})], "bars: 'Step' has nan for 'a'; it must be above 0"),
        ([Bars("Step", "ms", {"a": 1.0}, marked="b")], "bars: 'Step' has no row 'b' to mark"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(groups, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        bars(groups)
