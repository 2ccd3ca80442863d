"""The length of the gradient by depth: the numbers that are drawn, said, and refused."""

import numpy as np
import pytest

from xnp.viz import gradient_by_depth

LINES = {"plain": [1.0, 0.1, 0.01], "residual": [1.0, 3.0, 9.0]}


def test_lines_and_legend_have_the_numbers():
    (axes,) = gradient_by_depth(LINES).axes
    for line, numbers in zip(axes.lines, LINES.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
        np.testing.assert_array_equal(line.get_ydata(), numbers)
    assert [line.get_label() for line in axes.lines] == ["plain: 0.01", "residual: 9"]
    assert axes.get_yscale() == "log"


def test_alternative_text_gives_first_and_last():
    assert "plain: from 1 at the output to 0.01 after 2 blocks." in gradient_by_depth(LINES).alt


def test_lines_differ_in_dashes_and_markers():
    lines = gradient_by_depth({str(k): [1.0, 2.0] for k in range(4)}).axes[0].lines
    assert len({line.get_linestyle() for line in lines}) == len({line.get_marker() for line in lines}) == 4


@pytest.mark.slow
def test_nothing_is_cut_off(look):
    names = ("plain", "residual", "plain, with batch norm", "residual, with batch norm")
    look(gradient_by_depth({name: np.geomspace(1, 4e-4 * 50**k, 17) for k, name in enumerate(names)}))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="gradient_by_depth: lines has 0 lines; it must have 1 to 4"):
        gradient_by_depth({})
    with pytest.raises(ValueError, match="lines has 5 lines"):
        gradient_by_depth({str(k): [1.0] for k in range(5)})
    with pytest.raises(ValueError, match=r"lines\['dead'\] holds 0.0; a length must be above 0"):
        gradient_by_depth({"dead": [1.0, 0.0]})
    with pytest.raises(ValueError, match="holds nan"):
        gradient_by_depth({"lost": [float("nan"), 1.0]})
