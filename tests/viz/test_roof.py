"""The roof: a point lies on it, where its intensity puts it."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from xnp.viz import Work, roof

WORKS = (Work("standard", 36_900, 100), Work("depthwise", 450, 100), Work("pointwise", 6_000, 100))


def test_points_lie_on_the_roof():
    line, _, *points = roof(WORKS, balance=20).axes[0].lines
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    where = {float(point.get_xdata()[0]): float(point.get_ydata()[0]) for point in points}
    assert where == pytest.approx({369.0: 100.0, 4.5: 22.5, 60.0: 100.0})
    for intensity, share in where.items():
        assert np.exp(np.interp(np.log(intensity), np.log(x), np.log(y))) == pytest.approx(share)


def test_who_waits_is_told_in_words_and_by_a_marker_of_its_own():
    figure = roof(WORKS, balance=20)
    waiting = [text.get_text().split(",")[0] for text in figure.axes[0].texts if "waits" in text.get_text()]
    assert waiting == ["depthwise"]
    assert [str(line.get_marker()) for line in figure.axes[0].lines[2:]] == ["s", "s", "o"]
    assert "depthwise: 4.5 MACs a number, 22 %" in figure.alt
    waiting = [text.get_text() for text in roof(WORKS, balance=200).axes[0].texts if "waits" in text.get_text()]
    assert len(waiting) == 2


@pytest.mark.slow
@pytest.mark.parametrize("balance", [5, 20, 200])
def test_nothing_is_cut_off_or_overlaps(balance: float, look: Callable) -> None:
    look(roof(WORKS, balance=balance))
    look(roof([Work("a", 100, 1), Work("b", 101, 1), Work("c", 300, 1)], balance=balance))


def test_what_cannot_be_drawn_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^roof: works is empty"):
        roof([], balance=20)
    with pytest.raises(ValueError, match=re.escape("roof: works has Work(name='relu', macs=0, moved=2); its macs and")):
        roof([Work("relu", 0, 2)], balance=20)
    with pytest.raises(ValueError, match=r"^roof: balance is 0; it must be above 0"):
        roof(WORKS, balance=0)
