"""How cost grows as one thing grows and the others stay.

>>> batch = Growth("batch", (16, 32), {"engine": (100.0, 190.0), "plain": (400.0, 810.0)}, {})
>>> growth([batch]).alt
'As batch grows from 16 to 32: time of engine 100 to 190 ms, of plain 400 to 810 ms.'
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from xnp.viz import style
from xnp.viz.bars import written
from xnp.viz.figure import Figure

LOOKS: tuple[dict[str, Any], ...] = (  # of the first line, the second, ...: told apart in colour and in grey
    {"color": style.ATTENTION, "linestyle": "--", "marker": "s", "markerfacecolor": "white"},
    {"color": style.QUIET, "linestyle": "-", "marker": "o"},
    {"color": style.INK, "linestyle": ":", "marker": "^"},
)
MANY = 4  # values whose numbers have room below one panel; of more, every second one is written


class Growth(NamedTuple):
    """One thing that grows, and what each contestant cost at each of its values."""

    name: str
    at: Sequence[int]  # rising
    ms: Mapping[str, Sequence[float]]  # contestant -> times
    megabytes: Mapping[str, Sequence[float]]  # contestant -> memory; empty where nobody knows it


@style.grammar()
def growth(parts: Sequence[Growth]) -> Figure:
    """Draw time, and memory below it, against each thing that grows. Both scales are logarithmic.

    On such scales a cost that grows as a power of something is a straight line.

    Parameters
    ----------
    parts : sequence of Growth

    Returns
    -------
    Figure
        One column a part; one row, or two where memory is known. All axes of a row share their scale.

    Raises
    ------
    ValueError
        No part, more contestants than there are looks, values that do not rise, another number of costs than of values.
    """
    check(parts)
    kinds = [("time for a step (ms)", "ms")]
    if all(part.megabytes for part in parts):
        kinds.append(("peak memory (MB)", "megabytes"))
    figure = Figure(figsize=(9, 0.5 + 2.5 * len(kinds)), layout="constrained", alt=" ".join(map(in_words, parts)))
    rows = figure.subplots(len(kinds), len(parts), squeeze=False, sharey="row")
    for axes, (label, kind) in zip(rows, kinds, strict=True):
        for panel, part in zip(axes, parts, strict=True):
            draw(panel, part, getattr(part, kind))
        axes[0].set_ylabel(label)
        axes[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes[0].yaxis.set_major_formatter(lambda value, _: written(value))
        axes[0].yaxis.set_minor_locator(NullLocator())
    for panel, part in zip(rows[-1], parts, strict=True):
        panel.set_xlabel(part.name)
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(LOOKS))
    return figure


def draw(panel: Axes, part: Growth, costs: Mapping[str, Sequence[float]]) -> None:
    """Draw one panel."""
    for look, (name, values) in zip(LOOKS, costs.items(), strict=False):
        panel.plot(part.at, values, label=name, **look)
    panel.set(xscale="log", yscale="log", xlim=(part.at[0] / 1.25, part.at[-1] * 1.25))
    every = 1 + (len(part.at) > MANY)
    panel.set_xticks(part.at, [str(value) if place % every == 0 else "" for place, value in enumerate(part.at)])
    panel.xaxis.set_minor_locator(NullLocator())


def in_words(part: Growth) -> str:
    """Say where each line begins and ends."""
    said = [f"As {part.name} grows from {part.at[0]} to {part.at[-1]}:"]
    for kind, costs, unit in (("time", part.ms, "ms"), ("memory", part.megabytes, "MB")):
        ways = [f"of {name} {written(v[0])} to {written(v[-1])} {unit}" for name, v in costs.items()]
        if ways:
            said.append(f"{kind} {', '.join(ways)}{';' if kind == 'time' and part.megabytes else '.'}")
    return " ".join(said)


def check(parts: Sequence[Growth]) -> None:
    """Refuse, by name, what cannot be drawn."""
    if not parts:
        raise ValueError("growth: parts is empty; at least one is needed")
    for part in parts:
        if not part.at or part.at[0] < 1 or list(part.at) != sorted(set(part.at)):
            raise ValueError(f"growth: {part.name!r} is at {tuple(part.at)}; these must be positive and rise")
        if not 0 < len(part.ms) <= len(LOOKS):
            raise ValueError(f"growth: {part.name!r} has {len(part.ms)} contestants; there must be 1 to {len(LOOKS)}")
        for costs in (part.ms, part.megabytes):
            for name, values in costs.items():
                if len(values) != len(part.at):
                    raise ValueError(
                        f"growth: {part.name!r} has {len(values)} costs of {name!r} at {len(part.at)} values; "
                        "there must be one for each"
                    )
