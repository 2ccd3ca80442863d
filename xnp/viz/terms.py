"""A gradient as a sum of terms: one column of numbers for each, a row for each number of the batch.

>>> figure = gradient_terms({"direct": [20.0, 0.0], "by the mean": [-10.0, -10.0]}, total="dx")
>>> figure.alt
'dx as a sum of terms. direct: 20, 0. by the mean: −10, −10. dx: 10, −10.'
"""

from collections.abc import Mapping, Sequence

import numpy as np

from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.panels import Panel, number, sheet

CELL = 0.42  # side of a number's square, in inches


@style.grammar()
def gradient_terms(terms: Mapping[str, Sequence[float] | np.ndarray], *, total: str) -> Figure:
    """Draw columns of numbers with plus signs between them, and their sum.

    Parameters
    ----------
    terms : dict of title -> sequence of R numbers
    total : str
        The title of the sum.

    Raises
    ------
    ValueError
        No term; terms that have not the same number of rows.
    """
    lengths = {name: len(column) for name, column in terms.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"gradient_terms: terms have {lengths} rows; there must be at least one, all of one length")
    columns = {name: np.asarray(column, float) for name, column in terms.items()}
    columns[total] = sum(columns.values(), start=np.zeros(()))
    lines = max(name.count("\n") for name in columns)  # titles of one height keep the columns at one height
    largest = max(float(np.abs(column).max()) for column in columns.values()) or 1.0
    row: list[Panel | str] = []
    for name, column in columns.items():
        row += ["=" if name == total else "+"] if row else []
        title = "\n" * (lines - name.count("\n")) + name
        row.append(Panel(tidy(column)[:, np.newaxis], "gradient", title, limits=(-largest, largest)))
    said = [
        f"{' '.join(name.split())}: {', '.join(number(value) for value in tidy(column))}."
        for name, column in columns.items()
    ]
    figure = sheet([row], alt=f"{total} as a sum of terms. {' '.join(said)}", cell=CELL)
    for axes in figure.axes:
        axes.set(xticks=[], xlabel="", ylabel="")
        axes.tick_params(labelsize=style.SMALL)
        axes.set_title(axes.get_title(loc="left"), fontsize=style.SMALL, pad=5, loc="left")  # there is no axis W above
    return figure


def tidy(column: np.ndarray) -> np.ndarray:
    """Take away what rounding left: of a 0 that is 1e-16, and of -0."""
    return np.round(column, 9) + 0.0
