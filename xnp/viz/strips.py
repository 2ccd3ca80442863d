"""Several runs of several kinds: a dot a run, a line for the mean. Chance is seen, not hidden.

    no skip      o  o|  o o              kinds whose dots mix cannot be told apart by these runs
    skip               o  o |o  o

A thin line joins the runs of one seed: they started alike.

>>> figure = strips({"no skip": [0.5, 0.75], "skip": [0.75, 1.0]}, xlabel="right answers")
>>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
['no skip', 'skip']
"""

from collections.abc import Mapping, Sequence

import numpy as np

from xnp.viz import style
from xnp.viz.figure import Figure

ROW = 0.55  # height of a kind, in inches


@style.grammar()
def strips(runs: Mapping[str, Sequence[float]], *, xlabel: str, chance: float | None = None) -> Figure:
    """Draw the result of each run, a row for each kind.

    Parameters
    ----------
    runs : dict of str to sequence of float
        Name of a kind -> results, 0 to 1, in the same order of seeds for every kind.
    xlabel : str
        What the results are a share of. They are drawn in percent.
    chance : float, optional
        The result of blind guessing, 0 to 1: a dashed line.

    Returns
    -------
    Figure
        One axes; the first kind is at the top. At the right of a row stand its mean and its standard deviation.

    Raises
    ------
    ValueError
        No kind, kinds with different numbers of runs, results that are not in 0 to 1.
    """
    check(runs)
    values = 100 * np.array([list(results) for results in runs.values()])  # (kinds, seeds)
    told = "; ".join(
        f"{name}: {', '.join(f'{v:.0f}' for v in row)}, mean {row.mean():.1f}"
        for name, row in zip(runs, values, strict=True)
    )
    alt = f"{xlabel} in percent, for each run. {told}." + (
        f" Blind guessing: {100 * chance:.0f}." if chance is not None else ""
    )
    figure = Figure(figsize=(7.5, 0.9 + ROW * len(runs)), layout="constrained", alt=alt)
    axes = figure.add_subplot()
    rows = np.arange(len(runs))
    axes.plot(values, rows, color=style.QUIET, linewidth=0.6)  # one line a seed
    axes.plot(values.T, np.tile(rows, (values.shape[1], 1)), "o", color=style.OUTPUT, markersize=6, markeredgecolor="k")
    axes.vlines(values.mean(axis=1), rows - 0.3, rows + 0.3, color=style.ATTENTION, linewidth=2.6)
    for row, results in zip(rows, values, strict=True):
        words = f"mean {results.mean():.1f} ± {results.std():.1f}"
        axes.annotate(words, (1.01, row), xycoords=("axes fraction", "data"), va="center", color=style.ATTENTION)
    if chance is not None:
        axes.axvline(100 * chance, color=style.INK, linestyle=(0, (4, 2)), linewidth=1)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        where = 100 * chance, len(runs) - 0.6
        axes.annotate("guessing", where, (3, 0), textcoords="offset points", va="center", bbox=box)
    axes.set_yticks(rows, list(runs))
    low = 0.0 if chance is None else max(0.0, 100 * chance - 5)  # what lies below chance is of no interest
    axes.set(xlim=(min(low, values.min() - 2), 102), ylim=(len(runs) - 0.4, -0.5), xlabel=f"{xlabel} (%)")
    axes.grid(False, axis="y")
    return figure


def check(runs: Mapping[str, Sequence[float]]) -> None:
    """Refuse, by name, what cannot be drawn."""
    lengths = {name: len(results) for name, results in runs.items()}
    if not lengths or 0 in lengths.values():
        raise ValueError(f"strips: runs has lengths {lengths}; at least one kind with one run is needed")
    if len(set(lengths.values())) > 1:
        raise ValueError(f"strips: runs has lengths {lengths}; they must be the same")
    for name, results in runs.items():
        if not all(0 <= result <= 1 for result in results):
            raise ValueError(f"strips: runs[{name!r}] is {list(results)}; results must be in 0 to 1")
