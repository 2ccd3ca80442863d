"""The curve of the loss: the marked points lie on it, and say their numbers."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from xnp.viz import surprise


def test_marked_points_lie_on_the_curve():
    curve, *points = surprise([0.5, 0.1]).axes[0].lines
    x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    np.testing.assert_allclose(np.exp(-y), x)
    marked = [(p.get_xdata()[0], p.get_ydata()[0]) for p in points]
    np.testing.assert_allclose(marked, [(0.5, np.log(2)), (0.1, np.log(10))])


def test_points_say_their_numbers():
    figure = surprise([0.1])
    assert [text.get_text() for text in figure.axes[0].texts] == ["p = 0.1: 2.30"]
    assert "2.30 at p = 0.1" in figure.alt


@pytest.mark.slow
def test_texts_fit(look: Callable) -> None:
    look(surprise([0.9, 0.5, 0.1, 0.01]))


@pytest.mark.parametrize("p", [0.0, -0.1, 1.5, float("nan")])
def test_what_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"surprise: marked holds {p}; it must be in 0.004 to 1")):
        surprise([0.5, p])
