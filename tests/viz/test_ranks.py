"""The figure of errors: its lines, the multiplier at which both forms have as many parameters, what is refused."""

import pytest

from xnp.viz import rank_errors

LINES = {"random": [0.8, 0.5, 0.25], "edges": [0.75, 0.0, 0.0]}


def test_lines_hold_the_errors_in_percent():
    (axes,) = rank_errors(LINES, parameters=(75, 150)).axes
    random, edges, even = axes.lines
    assert [line.get_label() for line in (random, edges)] == ["random", "edges"]
    assert list(random.get_xdata()) == [1, 2, 3]
    assert list(random.get_ydata()) == pytest.approx([80, 50, 25])
    assert list(edges.get_ydata()) == [75, 0, 0]
    assert even.get_xdata()[0] == 2


def test_lines_differ_in_more_than_colour():
    lines = rank_errors({str(k): [0.5] for k in range(4)}, parameters=(1, 1)).axes[0].lines[:4]
    assert len({line.get_linestyle() for line in lines}) == len({line.get_marker() for line in lines}) == 4


def test_alternative_text_gives_the_numbers():
    alt = rank_errors(LINES, parameters=(75, 432)).alt
    assert "random: 80, 50, 25 %; edges: 75, 0, 0 %." in alt
    assert "At 5.76 kernels a channel" in alt


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"rank_errors: lines has 0 kernels; it must have 1 to 4"):
        rank_errors({}, parameters=(1, 1))
    with pytest.raises(ValueError, match=r"rank_errors: lines has 5 kernels"):
        rank_errors({str(k): [0.5] for k in range(5)}, parameters=(1, 1))
    with pytest.raises(ValueError, match=r"rank_errors: lines has lengths \[1, 2\]; all must be one"):
        rank_errors({"a": [0.5], "b": [0.5, 0.1]}, parameters=(1, 1))


@pytest.mark.slow
def test_nothing_is_cut_off(look):
    look(
        rank_errors({name: [0.1 * k for k in range(9, 0, -1)] for name in ("random", "learned")}, parameters=(75, 432))
    )
