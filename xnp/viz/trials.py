"""Several networks, each trained from several seeds: how the trials went, and where they ended.

>>> figure = trials([Trials("with", [[0.2, 0.5], [0.3, 0.6]], [0.5, 0.6]), Trials("without", [[0.2, 0.4]], [0.4])])
>>> figure.alt
'with: test accuracy 55.0 % (mean of 2 trials). without: test accuracy 40.0 % (1 trial).'
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from xnp.statistics import mean_interval
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
BELOW = 0.15, 0.38  # how far below its row, in rows, the first and the last trial of a network are drawn
COLUMNS = 3  # of the legend, at most


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
    alone = all(len(network.test) == 1 for network in networks)
    columns = min(len(networks), COLUMNS)
    names = [style.wrap(network.name, 1.3) for network in networks]
    keys = [style.wrap(network.name, 8.4 / columns - 0.6) for network in networks]
    rows = len(networks) * (lines(names) + 0.7) * style.LINE  # no name may touch the next
    height = max(2.3 + 0.22 * len(networks), rows + 0.9)
    height += 0.1 + 1.4 * style.LINE * lines(keys) * -(-len(networks) // columns)
    figure = Figure(figsize=(9, height), layout="constrained", alt=" ".join(map(in_words, networks)))
    curves, *panels = figure.subplots(1, 3 if speed else 2, width_ratios=[1, 1, 0.8] if speed else [1, 1])
    for look, network, key in zip(LOOKS, networks, keys, strict=False):
        draw_curves(curves, look, network, key)
    title = "One trial of each" if alone else "Mean and its 95 % interval"
    curves.set(xlabel="epoch", ylabel="validation accuracy (%)", title=title)
    curves.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    draw_ends(panels[0], networks)
    panels[0].set_yticks(range(len(networks)), names)
    panels[0].set_title("At the end" if alone else "Every trial, and the mean")
    if speed:
        draw_speed(panels[1], networks)
    for panel in (curves, *panels[1:]):
        panel.set_ylim(within(panel.get_ylim()))
    panels[0].set_xlim(within(panels[0].get_xlim()))
    figure.legend(*curves.get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def draw_curves(panel: Axes, look: dict[str, Any], network: Trials, key: str) -> None:
    """Draw the mean of the curves, and its interval after each epoch. `key` is its name in the legend."""
    after = [mean_interval([100 * share for share in shares]) for shares in zip(*network.validation, strict=True)]
    epochs = range(1, len(after) + 1)
    every = -(-len(after) // 12)
    panel.plot(epochs, [one.mean for one in after], label=key, markevery=every, **look)
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
    """Draw a row for each network: mean and interval, below them its trials as small marks."""
    for row, (look, network) in enumerate(zip(LOOKS, networks, strict=False)):
        percent = [100 * share for share in network.test]
        mean, low, high = mean_interval(percent)
        if len(percent) > 1:
            heights = row + np.linspace(*BELOW, len(percent))
            panel.plot(percent, heights, ls="", marker=look["marker"], color=look["color"], alpha=0.6, markersize=3)
            panel.plot([low, high], [row, row], color=look["color"], linewidth=2.5, solid_capstyle="butt")
        mark = {"marker": look["marker"], "color": look["color"], "markersize": 8}
        panel.plot([mean], [row], **mark, markeredgecolor="white", markeredgewidth=0.7)
    panel.set(ylim=(len(networks) - 0.5, -0.5), xlabel="test accuracy (%)")
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
    mean, of = 100 * float(np.mean(network.test)), len(network.test)
    return f"{network.name}: test accuracy {mean:.1f} % ({'1 trial' if of == 1 else f'mean of {of} trials'})."


def lines(names: Sequence[str]) -> int:
    r"""Count the lines of the name that has most.

    >>> lines(["one", "one\ntwo"])
    2
    """
    return 1 + max(name.count("\n") for name in names)
