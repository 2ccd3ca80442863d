"""From one segment to one for each channel: what the 1x1 and the 3x3 of figure 3 cost.

    |#
    |#            # 3x3: halves when the segments double
    |#  #
    |o  o  #      o 1x1: always the same
    |o  o  o  o
      1  2  4  8  segments

>>> from xnp.count import count
>>> from xnp.models.inception import segmented
>>> figure = spectrum({n: count(segmented(16, n).build((8, 8, 3))) for n in (1, 4, 16)})
>>> figure.axes[0].get_title(loc="left")
'Multiply-accumulates by number of segments'
"""

from collections.abc import Mapping

from xnp.count import Report
from xnp.viz import style
from xnp.viz.costs import short
from xnp.viz.figure import Figure


@style.grammar()
def spectrum(reports: Mapping[int, Report]) -> Figure:
    """Draw a bar for each number of segments: the 1x1 below, the 3x3 on top of it.

    Parameters
    ----------
    reports : dict of int to Report
        Number of segments -> the count of `xnp.models.inception.segmented`, or of another form that has a pointwise
        and a spatial convolution.

    Returns
    -------
    Figure
        One axes.

    Raises
    ------
    ValueError
        No report.
    """
    if not reports:
        raise ValueError("spectrum: reports is empty; at least one is needed")
    mixes = [sum(row.macs for row in report.rows if row.kind == "PointwiseConv2D") for report in reports.values()]
    spatial = [report.macs - mix for report, mix in zip(reports.values(), mixes, strict=True)]
    told = "; ".join(
        f"{n}: {short(mix)} + {short(space)}" for n, mix, space in zip(reports, mixes, spatial, strict=True)
    )
    alt = f"Multiply-accumulates of the 1x1 and of the 3x3, for each number of segments. {told}."
    figure = Figure(figsize=(8, 3.6), layout="constrained", alt=alt)
    axes = figure.add_subplot()
    places = range(len(reports))
    axes.bar(places, mixes, width=0.7, facecolor=style.KERNEL, label="1x1: channels")
    axes.bar(places, spatial, bottom=mixes, width=0.7, fc="white", ec=style.OUTPUT, hatch="////", label="3x3: space")
    for place, report in enumerate(reports.values()):
        axes.annotate(short(report.macs), (place, report.macs), (0, 4), textcoords="offset points", ha="center")
    axes.set_xticks(places, [str(n) for n in reports])
    axes.set(
        title="Multiply-accumulates by number of segments",
        xlabel="segments of the channels",
        ylabel="multiply-accumulates",
        ylim=(0, 1.12 * max(report.macs for report in reports.values())),
    )
    axes.grid(False, axis="x")
    axes.yaxis.set_major_formatter(lambda value, _: short(value))
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper right")  # in the order of the bars
    return figure
