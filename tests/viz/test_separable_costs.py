"""The figure of costs: the numbers of the 8x8x3 example, the ratio's formula, two lines that cross."""

import numpy as np
import pytest

from xnp.viz import separable_costs

X = (1, 8, 8, 3)


def test_the_lines_cross_between_one_and_two_channels():
    standard, separable = separable_costs(X, (3, 3), padding="valid").axes[0].lines
    np.testing.assert_array_equal(standard.get_ydata(), 972 * np.arange(1, 9))
    np.testing.assert_array_equal(separable.get_ydata(), 972 + 108 * np.arange(1, 9))


def test_the_ratio_is_that_of_the_costs():
    axes = separable_costs(X, (3, 3), padding="valid", marked=(1, 8)).axes
    standard, separable = axes[0].lines
    ratio = np.asarray(standard.get_ydata()) / np.asarray(separable.get_ydata())
    points = [line.get_ydata()[0] for line in axes[1].lines if len(line.get_xdata()) == 1]
    assert points == pytest.approx([ratio[0], ratio[7]])
    curve = axes[1].lines[0]
    assert curve.get_ydata()[0] == pytest.approx(0.9)
    assert np.all(np.diff(curve.get_ydata()) > 0)
    assert max(curve.get_ydata()) < 9


def test_lines_differ_in_more_than_colour():
    standard, separable = separable_costs(X, (3, 3)).axes[0].lines
    assert standard.get_linestyle() != separable.get_linestyle()
    assert standard.get_marker() != separable.get_marker()


def test_alternative_text_gives_the_numbers():
    alt = separable_costs(X, (3, 3), padding="valid").alt
    assert "One channel: standard 972, separable 1,080" in alt
    assert "Times fewer: 0.90 at 1, 1.64 at 2, 5.76 at 16, 8.89 at 728; the limit is 9." in alt


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "marked"), [((3, 3), (1, 2, 16, 728)), ((5, 5), (4, 64)), ((2, 1), (1, 3, 1000))])
def test_nothing_is_cut_off(kernel, marked, look):
    look(separable_costs((1, 8, 8, 3), kernel, marked=marked))
