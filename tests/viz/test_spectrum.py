"""The spectrum: the 1x1 stays, the 3x3 shrinks, and the bars are the counts."""

from collections.abc import Callable

import pytest

from xnp.count import count
from xnp.models.inception import segmented
from xnp.viz import spectrum


def reports(filters, *segments):
    return {n: count(segmented(filters, n).build((8, 8, 3))) for n in segments}


def test_the_bars_are_the_counts():
    figure = spectrum(reports(16, 1, 4, 16))
    mixes, spatial = figure.axes[0].containers
    assert [bar.get_height() for bar in mixes] == [64 * 48] * 3
    assert [bar.get_height() for bar in spatial] == [64 * 9 * 256, 64 * 9 * 64, 64 * 9 * 16]
    assert [bar.get_y() for bar in spatial] == [64 * 48] * 3
    assert {bar.get_hatch() for bar in spatial} == {"////"}
    assert "1: 3.07 k + 147 k; 4: 3.07 k + 36.9 k; 16: 3.07 k + 9.22 k." in figure.alt


@pytest.mark.slow
def test_nothing_is_cut_off_or_overlaps(look: Callable) -> None:
    look(spectrum(reports(16, 1)))
    look(spectrum(reports(288, 1, 2, 3, 4, 8, 16, 32, 96, 288)))


def test_nothing_to_draw_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^spectrum: reports is empty; at least one is needed"):
        spectrum({})
