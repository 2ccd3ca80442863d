"""Where the work is, where the time goes, where the memory goes: three bars for each operation of a network.

    stem/conv1   ====         ======       ===
    stem/norm1                ==           ===         no multiply-accumulates, but time and memory
    stem/relu1                =            ===

>>> from xnp.inside import Spent
>>> figure = time_and_memory([Spent("conv", "Conv2D", 9000, 0.002, 4000), Spent("relu", "ReLU", 0, 0.001, 4000)])
>>> figure.alt
'2 operations. MACs: 9 k, most in conv; Time (ms): 3, most in conv; Output (bytes): 8 k, most in conv.'
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from xnp.inside import Spent
from xnp.viz import style
from xnp.viz.bars import written
from xnp.viz.costs import short
from xnp.viz.figure import Figure

ROW, FRAME = 0.185, 0.9  # height of a row, and of what surrounds them, in inches


class Column(NamedTuple):
    """What one panel shows."""

    title: str
    values: Sequence[float]
    colour: str
    write: Callable[[float], str]

    @property
    def total(self) -> str:
        """The sum, written."""
        return self.write(sum(self.values))


@style.grammar()
def time_and_memory(spent: Sequence[Spent]) -> Figure:
    """Draw what each operation costs, from the first at the top to the last.

    Parameters
    ----------
    spent : sequence of Spent
        From `xnp.inside.time_and_memory`.

    Returns
    -------
    Figure
        Three axes: multiply-accumulates, milliseconds, bytes of the output. The title of each says the sum.

    Raises
    ------
    ValueError
        No operation.
    """
    if not spent:
        raise ValueError("time_and_memory: spent is empty; at least one operation is needed")
    paths = [one.path for one in spent]
    columns = [
        Column("MACs", [one.macs for one in spent], style.KERNEL, short),
        Column("Time (ms)", [1e3 * one.seconds for one in spent], style.QUIET, written),
        Column("Output (bytes)", [one.bytes for one in spent], style.OUTPUT, short),
    ]
    said = [f"{column.title}: {column.total}, most in {paths[int(np.argmax(column.values))]}" for column in columns]
    figure = Figure(
        figsize=(9, ROW * len(spent) + FRAME), layout="constrained", alt=f"{len(spent)} operations. {'; '.join(said)}."
    )
    panels = figure.subplots(1, 3, sharey=True)
    ends = np.cumsum([len(list(group)) for _, group in groupby(path.split("/")[0] for path in paths)])[:-1]
    for axes, column in zip(panels, columns, strict=True):
        axes.barh(range(len(spent)), column.values, height=0.75, color=column.colour)
        axes.set(title=f"{column.title}: {column.total}", xlim=(0, 1.05 * max(column.values) or 1))
        axes.xaxis.set_major_formatter(lambda value, _, write=column.write: write(value))
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        for end in ends:  # the parts of the network
            axes.axhline(end - 0.5, color=style.QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
    panels[0].set_yticks(range(len(spent)), paths)
    panels[0].set_ylim(len(spent) - 0.4, -0.6)
    return figure
