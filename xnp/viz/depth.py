"""How large the gradient is after each block, on its way back through a deep network.

>>> figure = gradient_by_depth({"plain": [1.0, 0.5, 0.25], "residual": [1.0, 1.5, 2.25]})
>>> figure.alt.splitlines()[1]
'plain: from 1 at the output to 0.25 after 2 blocks.'
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xnp.viz import style
from xnp.viz.figure import Figure

LOOKS: tuple[dict[str, Any], ...] = (  # in the order of the lines
    {"color": style.ATTENTION, "linestyle": "--", "marker": "s"},
    {"color": style.INK, "linestyle": "-", "marker": "o"},
    {"color": style.QUIET, "linestyle": ":", "marker": "^"},
    {"color": style.QUIET, "linestyle": "-.", "marker": "D", "markerfacecolor": "white"},
)


@style.grammar()
def gradient_by_depth(lines: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the length of the gradient after 0, 1, 2, ... blocks of backward, on a logarithmic axis.

    Parameters
    ----------
    lines : dict of name -> sequence of positive numbers
        One line for each network, at most four. The first number is the gradient at the output.

    Raises
    ------
    ValueError
        No line, more than four, or a number that is not positive: it has no place on a logarithmic axis.
    """
    if not 1 <= len(lines) <= len(LOOKS):
        raise ValueError(f"gradient_by_depth: lines has {len(lines)} lines; it must have 1 to {len(LOOKS)}")
    figure = Figure(figsize=(8.4, 4.4), layout="constrained")
    axes = figure.add_subplot(
        yscale="log", xlabel="blocks that backward has passed (0 is the output)", ylabel="length of the gradient"
    )
    words = ["Length of the gradient over the number of blocks passed, on a logarithmic axis."]
    for look, (name, line) in zip(LOOKS, lines.items(), strict=False):
        if not min(line) > 0:
            raise ValueError(f"gradient_by_depth: lines[{name!r}] holds {min(line)}; a length must be above 0")
        axes.plot(range(len(line)), line, label=f"{name}: {line[-1]:.2g}", **look)
        words.append(f"{name}: from {line[0]:.2g} at the output to {line[-1]:.2g} after {len(line) - 1} blocks.")
    axes.set_xlim(-0.3, None)
    axes.yaxis.set_major_formatter(lambda length, _: f"{length:g}")
    axes.minorticks_off()
    figure.legend(loc="outside lower center", ncols=2, title="length after the last block", alignment="left")
    figure.alt = "\n".join(words)
    return figure
