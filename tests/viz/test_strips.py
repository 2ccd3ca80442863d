"""Runs side by side: every result is drawn in its row, and its mean is told."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from xnp.viz import strips

RUNS = {"no skip": [0.5, 0.75, 0.25], "skip": [0.75, 1.0, 0.5]}


def test_every_run_is_drawn_in_its_row_and_joined_with_the_same_seed():
    axes = strips(RUNS, xlabel="right").axes[0]
    lines = [(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()) for line in axes.lines]
    seeds, dots = lines[:3], lines[3:]
    assert seeds == [([50, 75], [0, 1]), ([75, 100], [0, 1]), ([25, 50], [0, 1])]
    assert dots == [([50, 75, 25], [0, 0, 0]), ([75, 100, 50], [1, 1, 1])]
    assert [str(line.get_marker()) for line in axes.lines] == ["None"] * 3 + ["o"] * 2


def test_mean_and_deviation_are_told():
    figure = strips(RUNS, xlabel="right", chance=0.25)
    assert [text.get_text() for text in figure.axes[0].texts][:2] == ["mean 50.0 ± 20.4", "mean 75.0 ± 20.4"]
    assert "no skip: 50, 75, 25, mean 50.0; skip: 75, 100, 50, mean 75.0. Blind guessing: 25." in figure.alt


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [1, 2, 6])
def test_nothing_is_cut_off_or_overlaps(kinds: int, look: Callable) -> None:
    rng = np.random.default_rng(kinds)
    runs = {f"depthwise, ELU, pointwise {k}": rng.random(5).tolist() for k in range(kinds)}
    look(strips(runs, xlabel="right answers", chance=0.25))


def test_what_cannot_be_drawn_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^strips: runs has lengths \{\}; at least one"):
        strips({}, xlabel="right")
    with pytest.raises(ValueError, match=re.escape("strips: runs has lengths {'a': 1, 'b': 2}; they must be the same")):
        strips({"a": [0.1], "b": [0.1, 0.2]}, xlabel="right")
    with pytest.raises(ValueError, match=re.escape("strips: runs['a'] is [87.0]; results must be in 0 to 1")):
        strips({"a": [87.0]}, xlabel="right")
