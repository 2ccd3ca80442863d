"""What a separable convolution saves against a standard one, as its output channels grow in number.

>>> figure = separable_costs((1, 8, 8, 3), (3, 3), marked=(1, 16))
>>> figure.alt.split(". ")[-1]
'Times fewer: 0.90 at 1, 5.76 at 16; the limit is 9.'
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from xnp import ops
from xnp.shapes import Padding
from xnp.viz import style
from xnp.viz.figure import Figure

FEW = 8  # output channels on the left: there the two lines cross


@style.grammar()
def separable_costs(
    x_shape: tuple[int, int, int, int],
    kernel: tuple[int, int],
    *,
    padding: Padding = "same",
    marked: Sequence[int] = (1, 2, 16, 728),
) -> Figure:
    """Draw the multiply-accumulates of both convolutions for few output channels, and their ratio for many.

    Parameters
    ----------
    x_shape : (N, H, W, C)
    kernel : (kh, kw)
    padding : "same", "valid" or int
    marked : sequence of int
        Numbers of output channels whose ratio is written beside the curve.

    Returns
    -------
    Figure
        Two axes.
    """
    outputs = np.arange(1, FEW + 1)
    standard, separable = macs(x_shape, kernel, padding, outputs)
    limit = kernel[0] * kernel[1]
    ratios = [1 / (1 / o + 1 / limit) for o in marked]
    said = ", ".join(f"{ratio:.2f} at {o}" for o, ratio in zip(marked, ratios, strict=True))
    alt = (
        f"Multiply-accumulates against output channels. One channel: standard {standard[0]:,}, separable "
        f"{separable[0]:,}; {FEW} channels: {standard[-1]:,} and {separable[-1]:,}. Times fewer: {said}; "
        f"the limit is {limit}."
    )
    figure = Figure(figsize=(9, 3.6), layout="constrained", alt=alt)
    left, right = figure.subplots(1, 2)
    draw_macs(left, outputs, standard, separable)
    draw_ratio(right, limit, marked, ratios)
    return figure


def macs(
    x_shape: tuple[int, ...], kernel: tuple[int, int], padding: Padding, outputs: np.ndarray
) -> tuple[list[int], list[int]]:
    """Count the standard and the separable convolution for each number of output channels."""
    C = x_shape[3]
    standard = [ops.conv2d.cost(x_shape, (*kernel, C, int(o)), padding=padding).macs for o in outputs]
    separable = [
        ops.separable_conv2d.cost(x_shape, (*kernel, C, 1), (C, int(o)), padding=padding).macs for o in outputs
    ]
    return standard, separable


def draw_macs(axes: Axes, outputs: np.ndarray, standard: list[int], separable: list[int]) -> None:
    """Draw both costs; the name of each line stands at its end."""
    axes.plot(outputs, standard, color=style.INK, marker="o", label="standard")
    axes.plot(outputs, separable, color=style.ATTENTION, linestyle="--", marker="s", label="separable")
    axes.set(title="Multiply-accumulates", xlabel="output channels", xticks=outputs, ylim=(0, None))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.legend()


def draw_ratio(axes: Axes, limit: int, marked: Sequence[int], ratios: Sequence[float]) -> None:
    """Draw standard / separable, with the line where both cost the same and the limit."""
    most = 4 * max(marked)
    outputs = np.geomspace(1, most, 200)
    axes.plot(outputs, 1 / (1 / outputs + 1 / limit), color=style.ATTENTION)
    for height, words, end in ((1, "1: both cost the same", most), (limit, f"{limit}: the limit", 1)):
        axes.axhline(height, color=style.QUIET, linestyle=(0, (4, 2)), linewidth=1)
        side = "left" if end == 1 else "right"  # where the curve is far away
        axes.annotate(words, (end, height), (0, 4), textcoords="offset points", ha=side, color=style.QUIET)
    for o, ratio in zip(marked, ratios, strict=True):
        axes.plot(o, ratio, color=style.ATTENTION, marker="s", clip_on=False)
        axes.annotate(f"{o}: {ratio:.2f}", (o, ratio), (9, -12), textcoords="offset points")
    axes.set(title="How many times fewer", xlabel="output channels", xscale="log", xlim=(0.8, most))
    axes.set(ylim=(0, limit * 1.12), yticks=range(0, limit + 1, max(1, limit // 9)), ylabel="standard / separable")
    axes.set_xticks([o for o in (1, 10, 100, 1000) if o <= most])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.minorticks_off()
