"""The curves: what is drawn is what was measured, whatever is missing."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes

from xnp.viz import curves, save

VALIDATION = ("validation_loss", "validation_accuracy")


def epochs(n: int, *, validation: bool = True) -> list[dict[str, Any]]:
    """Make a history of n epochs, every value another."""
    rng = np.random.default_rng(n)
    keys = ("loss", "accuracy", "learning_rate", *VALIDATION * validation)
    return [{"epoch": 1 + i, **dict(zip(keys, rng.random(len(keys)).tolist(), strict=True))} for i in range(n)]


def drawn(axes: Axes, start: str) -> tuple[list[float], list[float]]:
    """Both coordinates of the line whose label starts so."""
    (line,) = (line for line in axes.lines if str(line.get_label()).startswith(start))
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


@pytest.mark.parametrize("n", [1, 2, 20, 200])
def test_lines_hold_the_history(n: int) -> None:
    history = epochs(n)
    loss, accuracy, rate = curves(history).axes
    column = {key: [row[key] for row in history] for key in history[0]}
    assert drawn(loss, "training") == (column["epoch"], column["loss"])
    assert drawn(loss, "validation") == (column["epoch"], column["validation_loss"])
    assert drawn(accuracy, "training")[1] == pytest.approx([100 * share for share in column["accuracy"]])
    assert drawn(accuracy, "validation")[1] == pytest.approx([100 * share for share in column["validation_accuracy"]])
    assert drawn(rate, "") == (column["epoch"], column["learning_rate"])


def test_titles_give_the_last_values_and_axes_their_units():
    history = epochs(3)
    history[1]["learning_rate"] = 2.0
    history[2] |= {"loss": 0.3125, "accuracy": 0.875, "learning_rate": 0.5}
    history[2] |= {"validation_loss": 0.45, "validation_accuracy": 0.8125}
    figure = curves(history)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Loss: training 0.312, validation 0.450",
        "Accuracy: training 87.5 %, validation 81.2 %",
        "Learning rate at the end of each epoch: last 0.5, highest 2",
    ]
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy (%)", "rate"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}


def test_curves_in_words():
    history = epochs(3)
    history[0] |= {"loss": 2.25, "accuracy": 0.5, "learning_rate": 0.125}
    history[1]["learning_rate"] = 2.0
    history[2] |= {"loss": 0.3125, "accuracy": 0.875, "learning_rate": 0.5}
    for row in history:
        row |= dict.fromkeys(VALIDATION)
    history[2] |= {"validation_loss": 0.45, "validation_accuracy": 0.8125}
    assert curves(history).alt == (
        "Curves, epochs 1 to 3. Loss: training 2.250 to 0.312, validation 0.450 to 0.450. "
        "Accuracy: training 50.0 % to 87.5 %, validation 81.2 % to 81.2 %. Learning rate: 0.125 to 0.5, highest 2."
    )


def test_lines_differ_in_more_than_colour():
    training, validation = curves(epochs(5)).axes[0].lines
    assert training.get_linestyle() != validation.get_linestyle()
    assert training.get_marker() != validation.get_marker()


def test_legend_names_both_lines():
    (legend,) = curves(epochs(5)).legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["training (mean over the epoch)", "validation (after the epoch)"]


@pytest.mark.parametrize(
    "history", [epochs(4, validation=False), [row | dict.fromkeys(VALIDATION) for row in epochs(4)]]
)
def test_without_validation_there_is_one_line_and_no_word_of_it(history: list[dict[str, Any]]) -> None:
    figure = curves(history)
    assert [len(axes.lines) for axes in figure.axes] == [1, 1, 1]
    assert not any("validation" in axes.get_title(loc="left") for axes in figure.axes)
    assert len(figure.legends[0].get_texts()) == 1


def test_validation_may_come_in_some_epochs_alone():
    history = epochs(6)
    for i in (0, 1, 3, 4, 5):
        history[i] |= dict.fromkeys(VALIDATION)
    loss = curves(history).axes[0]
    assert drawn(loss, "validation") == ([3], [history[2]["validation_loss"]])
    assert f"validation {history[2]['validation_loss']:.3f}" in loss.get_title(loc="left")


def test_loss_that_is_not_finite_is_said_and_left_out(tmp_path: Path) -> None:
    history = epochs(3)
    history[1]["loss"], history[2]["loss"] = float("inf"), float("nan")
    figure = curves(history)
    save(figure, tmp_path / "a.png")
    assert figure.axes[0].get_title(loc="left").startswith("Loss: training nan")
    assert figure.axes[0].get_ylim()[1] < 2


@pytest.mark.parametrize("n", [1, 2, 7, 20, 200])
def test_epochs_are_counted_in_whole_numbers_from_1(n: int) -> None:
    figure = curves(epochs(n))
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == int(tick) and 1 <= tick <= n for tick in ticks)


def test_markers_stay_few():
    for n in (1, 20, 200):
        for line in curves(epochs(n)).axes[0].lines:
            assert len(range(0, n, line.get_markevery())) == min(n, 20)


@pytest.mark.slow
@pytest.mark.parametrize("history", [epochs(1), epochs(20), epochs(200), epochs(20, validation=False)])
def test_nothing_is_cut_off_or_overlaps(history: list[dict[str, Any]], look: Callable) -> None:
    look(curves(history))
    for row in history:
        row["learning_rate"] *= 1e-6
        row["loss"] *= 1e4
    look(curves(history))


def test_learning_rate_of_zero_is_drawn(look: Callable) -> None:
    look(curves([row | {"learning_rate": 0.0} for row in epochs(2)]))


@pytest.mark.slow
def test_same_history_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        save(curves(epochs(9)), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_users_settings_are_not_seen_and_stay(tmp_path: Path) -> None:
    save(curves(epochs(9)), tmp_path / "a.png")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "black"}):
        before = dict(matplotlib.rcParams)
        save(curves(epochs(9)), tmp_path / "b.png")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": None}, "curves: history[1] has no 'loss'; every epoch must have one"),
        ({"accuracy": None}, "curves: history[1] has no 'accuracy'; every epoch must have one"),
        ({"learning_rate": None}, "curves: history[1] has no 'learning_rate'; every epoch must have one"),
        ({"epoch": None}, "curves: history[1] has no 'epoch'; every epoch must have one"),
        ({"epoch": 1}, "curves: history[1]['epoch'] is 1; it must be a whole number above 1"),
        ({"epoch": 2.0}, "curves: history[1]['epoch'] is 2.0; it must be a whole number above 1"),
        ({"accuracy": 87.5}, "curves: history[1]['accuracy'] is 87.5; it must be in 0 to 1"),
        ({"validation_accuracy": -0.1}, "curves: history[1]['validation_accuracy'] is -0.1; it must be in 0 to 1"),
    ],
)
def test_bad_history_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    history = epochs(3)
    history[1] |= change
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        curves(history)
    absent = [{key: value for key, value in row.items() if value is not None} for row in history]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        curves(absent)


def test_epochs_start_at_1():
    with pytest.raises(ValueError, match=re.escape("history[0]['epoch'] is 0; it must be a whole number above 0")):
        curves([epochs(1)[0] | {"epoch": 0}])


def test_empty_history_is_refused():
    with pytest.raises(ValueError, match="curves: history is empty; it must hold one dict an epoch"):
        curves([])
