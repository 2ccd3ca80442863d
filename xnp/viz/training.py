"""What a training did, epoch by epoch.

>>> first = {"epoch": 1, "loss": 2.1, "accuracy": 0.25, "learning_rate": 0.1}
>>> figure = curves([first, first | {"epoch": 2, "loss": 1.5, "accuracy": 0.5}])
>>> [axes.get_title(loc="left") for axes in figure.axes]
['Loss: training 1.500', 'Accuracy: training 50.0 %', 'Learning rate at the end of each epoch: last 0.1, highest 0.1']
"""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from xnp.viz import style
from xnp.viz.figure import Figure

# What tells the two lines apart, in colour and in grey.
TRAINING: dict[str, Any] = {"color": style.QUIET, "linestyle": "-", "marker": "o"}
VALIDATION: dict[str, Any] = {"color": style.ATTENTION, "linestyle": "--", "marker": "s", "markerfacecolor": "white"}
LINES = (
    ("training", "mean over the epoch", "", TRAINING),
    ("validation", "after the epoch", "validation_", VALIDATION),
)
MARKERS = 20  # on a line, at most: more would hide its dashes


@style.grammar()
def curves(history: Sequence[Mapping[str, float | None]]) -> Figure:
    """Draw loss, accuracy and learning rate over the epochs.

    Parameters
    ----------
    history : list of dict
        One dict an epoch, with `epoch` (1, 2, ...), `loss`, `accuracy` (0 to 1) and `learning_rate`. Where there was
        a validation also `validation_loss` and `validation_accuracy`; elsewhere they are None or absent. A loss that is
        not finite, as of a training that went wrong, leaves a gap in its line.

    Returns
    -------
    Figure
        Three axes: loss, accuracy (in percent), learning rate. Titles give the last values, `alt` the first ones too.

    Raises
    ------
    ValueError
        An empty history, a value that is absent, epochs that do not rise, an accuracy that is not in 0 to 1.
    """
    check(history)
    figure = Figure(figsize=(9, 4.6), layout="constrained", alt=in_words(history))
    axes = figure.subplot_mosaic([["loss", "accuracy"], ["rate", "rate"]], height_ratios=[4, 1])
    loss = plot_lines(axes["loss"], history, "loss", "{:.3f}")
    accuracy = plot_lines(axes["accuracy"], history, "accuracy", "{:.1f} %", scale=100)
    axes["loss"].set(title=f"Loss: {loss}", ylabel="loss", ylim=(0, None))
    axes["accuracy"].set(title=f"Accuracy: {accuracy}", ylabel="accuracy (%)", ylim=(0, 100))
    epochs, rates = values(history, "learning_rate")
    axes["rate"].plot(epochs, rates, color=style.INK, marker=".", markevery=gap(epochs), clip_on=False)
    top = max(rates)
    axes["rate"].set(
        title=f"Learning rate at the end of each epoch: last {rates[-1]:.3g}, highest {top:.3g}",
        ylabel="rate",
        ylim=(0, 1.1 * top or 1),
    )
    axes["rate"].set_yticks([0, top] if top else [0])
    axes["rate"].yaxis.set_major_formatter(lambda rate, _: f"{rate:.3g}")
    for panel in axes.values():
        panel.set(xlabel="epoch", xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
        panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    figure.legend(*axes["loss"].get_legend_handles_labels(), loc="outside lower center", ncols=len(LINES))
    return figure


def plot_lines(panel: Axes, history: Sequence[Mapping], key: str, form: str, scale: int = 1) -> str:
    """Draw training and validation, and say their last values in words."""
    words = []
    for name, when, prefix, look in LINES:
        epochs, y = values(history, prefix + key)
        if epochs:
            panel.plot(
                epochs, scale * np.array(y), label=f"{name} ({when})", markevery=gap(epochs), clip_on=False, **look
            )
            words.append(f"{name} {form.format(scale * y[-1])}")
    return ", ".join(words)


def in_words(history: Sequence[Mapping]) -> str:
    """Say where each line begins and where it ends.

    >>> in_words([{"epoch": 1, "loss": 2.1, "accuracy": 0.25, "learning_rate": 0.1}])[:50]
    'Curves, epochs 1 to 1. Loss: training 2.100 to 2.1'
    """
    said = [f"Curves, epochs {history[0]['epoch']} to {history[-1]['epoch']}."]
    for key, form, scale in (("loss", "{:.3f}", 1), ("accuracy", "{:.1f} %", 100)):
        lines = ((name, values(history, prefix + key)[1]) for name, _, prefix, _ in LINES)
        ways = [f"{name} {form.format(scale * y[0])} to {form.format(scale * y[-1])}" for name, y in lines if y]
        said.append(f"{key.capitalize()}: {', '.join(ways)}.")
    rates = values(history, "learning_rate")[1]
    return " ".join([*said, f"Learning rate: {rates[0]:.3g} to {rates[-1]:.3g}, highest {max(rates):.3g}."])


def values(history: Sequence[Mapping], key: str) -> tuple[list[int], list[float]]:
    """Epochs that have a value, and the values."""
    there = [(entry["epoch"], entry[key]) for entry in history if entry.get(key) is not None]
    return [epoch for epoch, _ in there], [value for _, value in there]


def gap(epochs: Sequence[int]) -> int:
    """Distance from one marker to the next, in points of the line."""
    return -(-len(epochs) // MARKERS)


def check(history: Sequence[Mapping]) -> None:
    """Refuse, by name, what cannot be drawn."""
    if not history:
        raise ValueError("curves: history is empty; it must hold one dict an epoch")
    last = 0
    for i, entry in enumerate(history):
        for key in ("epoch", "loss", "accuracy", "learning_rate"):
            if entry.get(key) is None:
                raise ValueError(f"curves: history[{i}] has no {key!r}; every epoch must have one")
        epoch = entry["epoch"]
        if not isinstance(epoch, Integral) or epoch <= last:
            raise ValueError(f"curves: history[{i}]['epoch'] is {epoch!r}; it must be a whole number above {last}")
        last = int(epoch)
        for key in ("accuracy", "validation_accuracy"):
            if entry.get(key) is not None and not 0 <= entry[key] <= 1:
                raise ValueError(f"curves: history[{i}][{key!r}] is {entry[key]}; it must be in 0 to 1")
