"""What a network costs, layer by layer: parameters × output pixels = multiply-accumulates.

>>> from xnp import models
>>> from xnp.count import count
>>> figure = costs_by_layer(count(models.tiny_xception()), marked=["classifier"])
>>> [axes.get_title(loc="left") for axes in figure.axes]
['Parameters: 84,090', '× Output pixels', '= Multiply-accumulates: 6,493,760']
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from xnp.count import Report, Row
from xnp.viz import style
from xnp.viz.figure import Figure


@style.grammar()
def costs_by_layer(report: Report, *, marked: Sequence[str] = ()) -> Figure:
    """Draw parameters, output pixels and multiply-accumulates of every layer that has multiply-accumulates.

    A kernel is used once at each pixel of the output: the third row of bars is the product of the first two.

    Parameters
    ----------
    report : Report
        From `xnp.count.count`.
    marked : sequence of str
        Paths of layers to look at.

    Returns
    -------
    Figure
        Three axes, one below the other.

    Raises
    ------
    ValueError
        A report without multiply-accumulates, a marked path that is not there.
    """
    rows = [row for row in report.rows if row.macs]
    if not rows:
        raise ValueError("costs_by_layer: report has no layer with multiply-accumulates; nothing can be drawn")
    for path in marked:
        if path not in [row.path for row in rows]:
            raise ValueError(f"costs_by_layer: marked has {path!r}, which is no layer with multiply-accumulates")
    parameters, macs = [row.trainable for row in rows], [row.macs for row in rows]
    pixels = [output_pixels(row) for row in rows]
    largest = [rows[int(np.argmax(values))].path for values in (parameters, macs)]
    alt = (
        f"Bars for {len(rows)} layers in the order of the network. Parameters, {sum(parameters):,} in all, are most in "
        f"{largest[0]} ({max(parameters):,}). Output pixels fall from {pixels[0]:,} to {pixels[-1]:,}. Their products, "
        f"{sum(macs):,} multiply-accumulates in all, are most in {largest[1]} ({max(macs):,})."
    )
    figure = Figure(figsize=(9, 7.4), layout="constrained", alt=alt)
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    flags = [row.path in marked for row in rows]
    bars(top, parameters, flags, style.KERNEL, f"Parameters: {sum(parameters):,}")
    bars(middle, pixels, flags, style.INPUT, "× Output pixels")
    bars(bottom, macs, flags, style.OUTPUT, f"= Multiply-accumulates: {sum(macs):,}")
    bottom.set_xticks(range(len(rows)), [row.path for row in rows], rotation=90)
    bottom.set_xlim(-0.9, len(rows) - 0.1)
    ends = np.cumsum([len(list(group)) for _, group in groupby(row.path.split("/")[0] for row in rows)])[:-1]
    for axes in (top, middle, bottom):
        axes.tick_params(axis="x", length=0)
        for end in ends:  # the parts of the network
            axes.axvline(end - 0.5, color=style.QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
    return figure


def bars(axes: Axes, values: Sequence[int], flags: Sequence[bool], colour: str, title: str) -> None:
    """Draw one row of bars; those to look at are hatched, and say their number."""
    plain: dict[str, Any] = {"facecolor": colour}
    hatched: dict[str, Any] = {"facecolor": "white", "edgecolor": style.ATTENTION, "hatch": "////"}
    for place, (value, flag) in enumerate(zip(values, flags, strict=True)):
        axes.bar(place, value, width=0.8, **(hatched if flag else plain))
        if flag:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # lines behind the number do not disturb
            look: dict[str, Any] = {"color": style.ATTENTION, "bbox": box}
            left = place - 0.4  # of the bar: a number that began before it would stand on the bar before
            axes.annotate(short(value), (left, value), (0, 4), textcoords="offset points", **look)
    axes.set(title=title, ylim=(0, 1.2 * max(values)))
    axes.grid(False, axis="x")
    axes.yaxis.set_major_formatter(lambda value, _: short(value))


def output_pixels(row: Row) -> int:
    """Count the pixels of a layer's output; a row of numbers is one."""
    return int(np.prod(row.output_shape[:-1]))


def short(value: float) -> str:
    """Write a large number with three digits.

    >>> short(0), short(361), short(22_201), short(3_159_552), short(734_517_784), short(1_500_000_000)
    ('0', '361', '22.2 k', '3.16 M', '735 M', '1.5 G')
    """
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:g}"
