"""The roof: how much of a machine's arithmetic an operation can use, when the numbers must come from memory.

    arithmetic in use
                 ________________     enough multiply-accumulates for each number: arithmetic sets the time
               /
             /                        too few: the machine waits for memory
           /
             MACs for each number moved

Source  Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore
        architectures", Communications of the ACM 52 (4), 2009.

>>> from xnp import ops
>>> cost = ops.depthwise_conv2d.cost((1, 32, 32, 128), (3, 3, 128, 1))
>>> work = Work("depthwise", cost.macs, moved=2 * 32 * 32 * 128 + cost.parameters)    # input, output, kernel
>>> round(work.intensity, 2), round(work.share(20), 3)                                  # 9 for a number in and one out
(4.48, 0.224)
>>> roof([work], balance=20).axes[0].get_title(loc="left")
'A machine that does 20 MACs while it moves one number'
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from xnp.viz import style
from xnp.viz.figure import Figure

APART = 6  # two points whose intensities differ by this factor have room for words side by side


class Work(NamedTuple):
    """One operation: what it computes, and what it moves."""

    name: str
    macs: int
    moved: int  # numbers that it reads from memory and writes to it: input, kernel, output

    @property
    def intensity(self) -> float:
        """Multiply-accumulates for each number moved."""
        return self.macs / self.moved

    def share(self, balance: float) -> float:
        """Give the share of the arithmetic that it can use on a machine of this balance, 0 to 1."""
        return min(1.0, self.intensity / balance)


@style.grammar()
def roof(works: Sequence[Work], *, balance: float) -> Figure:
    """Draw operations under the roof of a machine.

    Parameters
    ----------
    works : sequence of Work
        With at least one multiply-accumulate and one number moved each.
    balance : float
        Multiply-accumulates that the machine can do in the time in which it moves one number, above 0.

    Returns
    -------
    Figure
        One axes, both scales logarithmic.

    Raises
    ------
    ValueError
        No work, one that computes or moves nothing, a balance that is not above 0.
    """
    check(works, balance)
    told = "; ".join(f"{w.name}: {w.intensity:.3g} MACs a number, {100 * w.share(balance):.0f} %" for w in works)
    alt = (
        "How much of a machine's arithmetic can be in use, against the MACs for each number moved. The line rises "
        f"until {balance:g} MACs a number, and is flat at 100 % from there. {told}."
    )
    figure = Figure(figsize=(7.5, 3.9), layout="constrained", alt=alt)
    axes = figure.add_subplot()
    low = min(balance / 100, *(work.intensity / 2 for work in works))
    high = max(50 * balance, *(20 * work.intensity for work in works))
    axes.plot([low, balance, high], [100 * low / balance, 100, 100], color=style.INK)
    axes.axvline(balance, color=style.QUIET, linestyle=(0, (4, 2)), linewidth=0.8)
    last: dict[
        bool, tuple[float, int]
    ] = {}  # of those that wait and of the others: where the last stands, on which line
    for work in sorted(works, key=lambda work: -work.intensity):
        share = 100 * work.share(balance)
        waits = share < 100
        look: dict[str, Any] = (
            {"marker": "o", "color": style.ATTENTION} if waits else {"marker": "s", "color": style.OUTPUT}
        )
        axes.plot(work.intensity, share, markersize=9, **look)
        before, line = last.get(waits, (math.inf, 0))
        line = 0 if before / work.intensity >= APART else line + 2
        last[waits] = work.intensity, line
        words = f"{work.name}, {work.intensity:.3g}\n{share:.0f} % in use" + ", it waits" * waits
        away = 72 * style.LINE * line
        place: dict[str, Any] = (
            {"xytext": (12, -2 - away), "va": "top"} if waits else {"xytext": (-5, 8 + away), "va": "bottom"}
        )
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # lines behind the words do not disturb
        axes.annotate(words, (work.intensity, share), textcoords="offset points", bbox=box, **place)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, high),
        ylim=(100 * low / balance, 1000),
        yticks=[1, 10, 100],
        xlabel="MACs for each number moved",
        ylabel="arithmetic in use, at most (%)",
        title=f"A machine that does {balance:g} MACs while it moves one number",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    return figure


def check(works: Sequence[Work], balance: float) -> None:
    """Refuse, by name, what cannot be drawn."""
    if not works:
        raise ValueError("roof: works is empty; at least one is needed")
    for work in works:
        if work.macs < 1 or work.moved < 1:
            raise ValueError(f"roof: works has {work}; its macs and moved must be at least 1")
    if not balance > 0:
        raise ValueError(f"roof: balance is {balance}; it must be above 0")
