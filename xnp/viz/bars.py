"""Measured numbers side by side: one bar a row, one panel for each group of rows that can be compared.

>>> figure = bars([Bars("Training step", "ms", {"engine": 500.0, "plain": 1900.0}, marked="engine")])
>>> figure.alt
'Training step: engine 500 ms, to look at; plain 1,900 ms.'
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from xnp.viz import style
from xnp.viz.figure import Figure

WIDE = 50  # beyond this ratio of largest to smallest, lengths cannot show both: points on a logarithmic scale can
ROW, FRAME = 0.27, 0.75  # height of a row, and of what surrounds the rows of a panel, in inches


class Bars(NamedTuple):
    """The rows of one panel."""

    title: str
    unit: str
    values: Mapping[str, float]  # name -> number above 0
    marked: str = ""  # the name to look at

    @property
    def wide(self) -> bool:
        """Say whether the numbers are too far apart for bars."""
        return max(self.values.values()) > WIDE * min(self.values.values())


@style.grammar()
def bars(groups: Sequence[Bars]) -> Figure:
    """Draw groups of numbers, one panel below the other; each row says its number.

    Parameters
    ----------
    groups : sequence of Bars

    Returns
    -------
    Figure
        One axes a group. Numbers that are very far apart are points on a logarithmic scale, and the title says so.

    Raises
    ------
    ValueError
        No group, a group without rows, a number that is not above 0, a marked row that is not there.
    """
    check(groups)
    heights = [ROW * len(group.values) + FRAME for group in groups]
    figure = Figure(figsize=(9, sum(heights)), layout="constrained", alt=" ".join(map(in_words, groups)))
    panels = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, group in zip(panels, groups, strict=True):
        draw(panel, group)
    return figure


def draw(panel: Axes, group: Bars) -> None:
    """Draw one group, its first row on top."""
    smallest, largest = min(group.values.values()), max(group.values.values())
    for row, (name, value) in enumerate(group.values.items()):
        marked = name == group.marked
        ink = style.ATTENTION if marked else style.QUIET
        if group.wide:
            panel.plot(value, row, color=ink, marker="s" if marked else "o", markersize=8)
        else:
            hatched: dict[str, Any] = {"facecolor": "white", "edgecolor": ink, "hatch": "////"}
            panel.barh(row, value, height=0.7, **(hatched if marked else {"facecolor": ink}))
        panel.annotate(written(value), (value, row), (8, 0), textcoords="offset points", va="center")
    panel.set_yticks(range(len(group.values)), list(group.values))
    panel.set_ylim(len(group.values) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.grid(False, axis="y")
    panel.set_title(f"{group.title} ({group.unit}{', logarithmic' if group.wide else ''})")
    if group.wide:
        panel.set_xscale("log")
        panel.set_xlim(smallest / 2, 6 * largest)
    else:
        panel.set_xlim(0, 1.15 * largest)
    panel.xaxis.set_major_formatter(lambda value, _: written(value))
    panel.minorticks_off()


def in_words(group: Bars) -> str:
    """Say all numbers of a group."""
    said = (
        f"{name} {written(value)} {group.unit}{', to look at' if name == group.marked else ''}"
        for name, value in group.values.items()
    )
    return f"{group.title}: {'; '.join(said)}."


def written(value: float) -> str:
    """Write a measured number: three digits tell what can be told.

    >>> written(0.5), written(12.34), written(1900.4), written(0)
    ('0.5', '12.3', '1,900', '0')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def check(groups: Sequence[Bars]) -> None:
    """Refuse, by name, what cannot be drawn."""
    if not groups:
        raise ValueError("bars: groups is empty; at least one is needed")
    for group in groups:
        if not group.values:
            raise ValueError(f"bars: {group.title!r} has no rows; at least one is needed")
        for name, value in group.values.items():
            if not 0 < value < float("inf"):
                raise ValueError(f"bars: {group.title!r} has {value} for {name!r}; it must be above 0")
        if group.marked and group.marked not in group.values:
            raise ValueError(f"bars: {group.title!r} has no row {group.marked!r} to mark")
