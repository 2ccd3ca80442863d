"""Several networks, each trained from several seeds: how the trials went, and where they ended.

>>> figure = trials([Trials("with", [[0.2, 0.5], [0.3, 0.6]], [0.5, 0.6]), Trials("without", [[0.2, 0.4]], [0.4])])
>>> figure.alt
'with: test accuracy 55.0 % (mean of 2 trials). without: test accuracy 40.0 % (mean of 1 trials).'
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from xnp.reproduce.statistics import mean_interval
from xnp.viz import style
from xnp.viz.figure import Figure

# Of the first network, which the others are compared with, the second, ...: told apart in colour and in grey.
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": style.ATTENTION, "linestyle": "-", "marker": "s"},
    {"color": style.INK, "linestyle": "--", "marker": "o"},
    {"color": style.QUIET, "linestyle": ":", "marker": "^"},
    {"color": style.INPUT, "linestyle": "-.", "marker": "D"},
    {"color": style.OUTPUT, "linestyle": (0, (5, 1)), "marker": "v"},
    {"color": style.KERNEL, "linestyle": (0, (1, 1)), "marker": "P"},
)
SPREAD = 0.22  # how far from its row the first and the last trial of a network are drawn


class Trials(NamedTuple):
    """One network, trained from several seeds."""

    name: str
    validation: Sequence[Sequence[float]]  # for each trial, the accuracy after each epoch
    test: Sequence[float]  # of each trial, at its end
    images_per_second: float | None = None


@style.grammar()
def trials(networks: Sequence[Trials]) -> Figure:
    """Draw curves with bands, the end of every trial, and accuracy against speed where that is known.

    Parameters
    ----------
    networks : sequence of Trials
        At most 6. Accuracies are shares, 0 to 1. A band is the 95 % interval of the mean; one trial has none.

    Returns
    -------
    Figure
        Axes: validation accuracy over the epochs; test accuracy of each trial; where all speeds are known, test
        accuracy against images per second.

    Raises
    ------
    ValueError
        No network, too many, one without trials.
    """
    if not 1 <= len(networks) <= len(LOOKS):
        raise ValueError(f"trials: networks has {len(networks)} entries; expected 1 to {len(LOOKS)}")
    for network in networks:
        if not len(network.test) or len(network.validation) != len(network.test):
            raise ValueError(
                f"trials: {network.name!r} has {len(network.validation)} curves and {len(network.test)} test "
                "accuracies; expected one of each for every trial"
            )
    speed = all(network.images_per_second is not None for network in networks)
    height = 2.3 + 0.22 * len(networks) + 0.35
    figure = Figure(figsize=(9, height), layout="constrained", alt=" ".join(map(in_words, networks)))
    curves, *panels = figure.subplots(1, 3 if speed else 2, width_ratios=[1, 1, 0.8] if speed else [1, 1])
    for look, network in zip(LOOKS, networks, strict=False):
        draw_curves(curves, look, network)
    curves.set(xlabel="epoch", ylabel="validation accuracy (%)", title="Mean and its 95 % interval")
    curves.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    draw_ends(panels[0], networks)
    if speed:
        draw_speed(panels[1], networks)
    for panel in (curves, *panels[1:]):
        panel.set_ylim(within(panel.get_ylim()))
    panels[0].set_xlim(within(panels[0].get_xlim()))
    figure.legend(*curves.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(networks), 3))
    return figure


def draw_curves(panel: Axes, look: dict[str, Any], network: Trials) -> None:
    """Draw the mean of the curves, and its interval after each epoch."""
    after = [mean_interval([100 * share for share in shares]) for shares in zip(*network.validation, strict=True)]
    epochs = range(1, len(after) + 1)
    every = -(-len(after) // 12)
    panel.plot(epochs, [one.mean for one in after], label=network.name, markevery=every, **look)
    if len(network.test) > 1:
        panel.fill_between(
            epochs,
            [one.low for one in after],
            [one.high for one in after],
            color=look["color"],
            alpha=0.15,
            linewidth=0,
        )


def draw_ends(panel: Axes, networks: Sequence[Trials]) -> None:
    """Draw a row for each network: its trials as small marks, their mean and its interval above them."""
    for row, (look, network) in enumerate(zip(LOOKS, networks, strict=False)):
        percent = [100 * share for share in network.test]
        heights = row + np.linspace(-SPREAD, SPREAD, len(percent)) if len(percent) > 1 else [row]
        panel.plot(percent, heights, ls="", marker=look["marker"], color=look["color"], alpha=0.45, markersize=3)
        mean, low, high = mean_interval(percent)
        if len(percent) > 1:
            panel.plot([low, high], [row, row], color=look["color"], linewidth=2.5, solid_capstyle="butt")
        panel.plot([mean], [row], marker=look["marker"], color=look["color"], markersize=7, markeredgecolor="white")
    panel.set_yticks(range(len(networks)), [style.wrap(network.name, 1.2) for network in networks])
    panel.set(ylim=(len(networks) - 0.5, -0.5), xlabel="test accuracy (%)", title="Every trial, and the mean")
    panel.grid(axis="y", visible=False)


def draw_speed(panel: Axes, networks: Sequence[Trials]) -> None:
    """Draw accuracy against speed: up and to the right is better."""
    for look, network in zip(LOOKS, networks, strict=False):
        mean, low, high = mean_interval([100 * share for share in network.test])
        panel.errorbar(
            [network.images_per_second or 0.0],
            [mean],
            yerr=None if len(network.test) == 1 else [[mean - low], [high - mean]],
            color=look["color"],
            marker=look["marker"],
            markersize=6,
        )
    fastest = max(network.images_per_second or 0.0 for network in networks)
    panel.set(xlim=(0, 1.1 * fastest), xlabel="training images a second", title="Accuracy and speed")
    panel.set_ylabel("test accuracy (%)")


def within(limits: tuple[float, float]) -> tuple[float, float]:
    """Cut an axis to the percents that there are: the interval of few trials is wider.

    >>> within((-20.0, 130.0)), within((60.0, 72.0))
    ((0, 100), (60.0, 72.0))
    """
    return max(limits[0], 0), min(limits[1], 100)


def in_words(network: Trials) -> str:
    """Say where a network's trials ended."""
    mean = 100 * float(np.mean(network.test))
    return f"{network.name}: test accuracy {mean:.1f} % (mean of {len(network.test)} trials)."
