"""How near a separable convolution comes to a standard kernel, as its depth multiplier grows.

>>> figure = rank_errors({"edges": [0.7, 0.0], "random": [0.8, 0.6]}, parameters=(75, 432))
>>> figure.alt.split(". ")[-1]
'At 5.76 kernels a channel a separable convolution has as many parameters as the standard one.'
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xnp.viz import style
from xnp.viz.figure import Figure

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": style.INK, "linestyle": "-", "marker": "o"},
    {"color": style.ATTENTION, "linestyle": "--", "marker": "s"},
    {"color": style.INPUT, "linestyle": "-.", "marker": "^"},
    {"color": style.OUTPUT, "linestyle": ":", "marker": "D"},
)


@style.grammar()
def rank_errors(lines: Mapping[str, Sequence[float]], *, parameters: tuple[int, int]) -> Figure:
    """Draw the error of the best approximation of some kernels, for the depth multipliers 1, 2, 3, ...

    Parameters
    ----------
    lines : dict of str to sequence of float
        Name of a kernel -> its errors, each a share (0 to 1) of the kernel's own norm. At most four kernels.
    parameters : (int, int)
        Of the separable convolution with depth multiplier 1, and of the standard one. Where m times the first
        reaches the second there is a mark.

    Raises
    ------
    ValueError
        No kernel or more than four, lines of other lengths.
    """
    lengths = {len(errors) for errors in lines.values()}
    if not 1 <= len(lines) <= len(LOOKS):
        raise ValueError(f"rank_errors: lines has {len(lines)} kernels; it must have 1 to {len(LOOKS)}")
    if len(lengths) > 1:
        raise ValueError(f"rank_errors: lines has lengths {sorted(lengths)}; all must be one")
    (length,) = lengths
    even = parameters[1] / parameters[0]
    said = "; ".join(f"{name}: {', '.join(f'{100 * e:.0f}' for e in errors)} %" for name, errors in lines.items())
    alt = (
        f"Error of the best separable approximation for 1 to {length} kernels a channel. {said}. At {even:.2f} kernels "
        "a channel a separable convolution has as many parameters as the standard one."
    )
    figure = Figure(figsize=(8, 3.8), layout="constrained", alt=alt)
    axes = figure.add_subplot(xlabel="depth multiplier m: kernels a channel", ylabel="error (% of the kernel)")
    for (name, errors), look in zip(lines.items(), LOOKS, strict=False):
        axes.plot(range(1, length + 1), [100 * error for error in errors], label=name, clip_on=False, **look)
    axes.axvline(even, color=style.QUIET, linestyle=(0, (4, 2)), linewidth=1)
    words = f"m = {even:.2f}: as many parameters\nas the standard kernel"
    axes.annotate(words, (even, 100), (5, -2), textcoords="offset points", va="top", color=style.QUIET)
    axes.set(xticks=range(1, length + 1), xlim=(0.7, length + 0.3), ylim=(0, 100))
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.86))
    return figure
