"""The bars of a network's costs: each is what was counted, and the third row is the product of the others."""

import re
from collections.abc import Callable

import pytest

from xnp import models
from xnp.count import Report, count
from xnp.layers import ReLU, Sequential
from xnp.viz import costs_by_layer

REPORT = count(models.small_xception())


def heights(report: Report, marked: tuple[str, ...] = ()) -> list[list[float]]:
    """Heights of the bars, one list for each of the three rows."""
    return [[bar.get_height() for bar in axes.patches] for axes in costs_by_layer(report, marked=marked).axes]


def test_bars_are_what_was_counted():
    parameters, pixels, macs = heights(REPORT)
    layers = [row for row in REPORT.rows if row.macs]
    assert parameters == [row.trainable for row in layers]
    assert macs == [row.macs for row in layers]
    assert sum(macs) == REPORT.macs
    assert pixels[0] == 32 * 32
    assert pixels[-1] == 1


def test_macs_are_parameters_times_pixels():
    parameters, pixels, macs = heights(REPORT)
    parameters[-1] -= 10  # the classifier's bias adds, and multiplies nothing
    assert macs == [p * q for p, q in zip(parameters, pixels, strict=True)]


def test_layers_to_look_at_differ_in_more_than_colour_and_say_their_number():
    figure = costs_by_layer(REPORT, marked=["stem/conv2"])
    for axes in figure.axes:
        assert [place for place, bar in enumerate(axes.patches) if bar.get_hatch()] == [1]
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["18.4 k", "1.02 k", "18.9 M"]


@pytest.mark.parametrize("make", [models.tiny_xception, models.small_xception, models.xception])
def test_no_number_stands_on_the_bar_before(make: Callable) -> None:
    figure = costs_by_layer(count(make()), marked=["stem/conv2", "classifier"])
    figure.draw_without_rendering()
    for axes in figure.axes:
        for text, place in zip(axes.texts, (1, len(axes.patches) - 1), strict=True):
            assert axes.patches[place].get_hatch()
            left = text.get_bbox_patch().get_window_extent().x0
            assert left > axes.patches[place - 1].get_window_extent().x1


def test_words_say_the_largest_and_the_sums():
    figure = costs_by_layer(REPORT)
    for words in (
        f"{len([r for r in REPORT.rows if r.macs])} layers",
        f"{REPORT.macs:,}",
        "exit/2/separable1 (200,064)",
    ):
        assert words in figure.alt


@pytest.mark.slow
@pytest.mark.parametrize("make", [models.tiny_xception, models.small_xception, models.xception])
def test_nothing_is_cut_off_or_overlaps(make: Callable, look: Callable) -> None:
    look(costs_by_layer(count(make()), marked=["stem/conv2", "classifier"]))


def test_what_cannot_be_drawn_is_refused_by_name():
    nothing = count(Sequential(ReLU()).build((4, 4, 3)))
    with pytest.raises(ValueError, match=r"^costs_by_layer: report has no layer with multiply-accumulates"):
        costs_by_layer(nothing)
    with pytest.raises(ValueError, match=re.escape("costs_by_layer: marked has 'stem/relu1', which is no layer")):
        costs_by_layer(REPORT, marked=["stem/relu1"])
