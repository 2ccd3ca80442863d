"""Growth: every line holds what was measured, in time and in memory."""

import re
from collections.abc import Callable

import pytest

from xnp.viz import Growth, growth

BATCH = Growth(
    "images in a batch",
    (16, 32, 64, 128, 256),
    {"engine": (152.0, 260.0, 457.0, 903.0, 1816.0), "plain": (356.0, 758.0, 1676.0, 4150.0, 10242.0)},
    {"engine": (210.0, 301.0, 486.0, 857.0, 1609.0), "plain": (260.0, 450.0, 909.0, 1671.0, 3281.0)},
)
WIDTH = Growth("width", (1, 2), {"engine": (10.0, 20.0)}, {"engine": (5.0, 6.0)})


def test_lines_hold_times_above_and_memory_below():
    figure = growth([BATCH, WIDTH])
    above, _, below, _ = figure.axes
    for panel, costs in ((above, BATCH.ms), (below, BATCH.megabytes)):
        assert [(line.get_label(), tuple(line.get_xdata()), tuple(line.get_ydata())) for line in panel.lines] == [
            (name, BATCH.at, values) for name, values in costs.items()
        ]
        assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")


def test_lines_differ_in_more_than_colour():
    engine, plain = growth([BATCH]).axes[0].lines
    assert engine.get_linestyle() != plain.get_linestyle()
    assert engine.get_marker() != plain.get_marker()


def test_a_scale_shorter_than_a_power_of_ten_has_numbers():
    figure = growth([WIDTH])
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {"10", "20"} <= set(labels)


def test_without_memory_there_is_one_row():
    assert len(growth([WIDTH._replace(megabytes={}), BATCH]).axes) == 2


def test_words_say_where_lines_begin_and_end():
    assert growth([WIDTH, BATCH]).alt == (
        "As width grows from 1 to 2: time of engine 10 to 20 ms; memory of engine 5 to 6 MB. "
        "As images in a batch grows from 16 to 256: time of engine 152 to 1,816 ms, of plain 356 to 10,242 ms; "
        "memory of engine 210 to 1,609 MB, of plain 260 to 3,281 MB."
    )


@pytest.mark.slow
def test_nothing_is_cut_off_or_overlaps(look: Callable) -> None:
    look(growth([BATCH]))
    look(growth([BATCH, WIDTH, WIDTH._replace(at=(32, 64)), WIDTH, WIDTH]))
    look(growth([WIDTH._replace(ms={"engine": (10.0, 10.0)})]))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "growth: parts is empty; at least one is needed"),
        ([WIDTH._replace(at=(2, 1))], "growth: 'width' is at (2, 1); these must be positive and rise"),
        ([WIDTH._replace(at=(0, 1))], "growth: 'width' is at (0, 1); these must be positive and rise"),
        ([WIDTH._replace(ms={})], "growth: 'width' has 0 contestants; there must be 1 to 3"),
        (
            [WIDTH._replace(ms={"engine": (1.0,)})],
            "growth: 'width' has 1 costs of 'engine' at 2 values; there must be one for each",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(parts, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        growth(parts)
