"""Gradients that are measured: the error of a measured slope, and the error of a backward.

>>> steps = [1e-1, 1e-2, 1e-3]
>>> figure = step_errors(steps, {"central difference": [1e-2, 1e-4, 1e-6]})
>>> figure.alt.splitlines()[1]
'central difference: smallest error 1e-6, at step 1e-3; error 1e-2 at step 1e-1, 1e-6 at step 1e-3.'
>>> gradient_error(np.array([[1.0, 5.0]]), np.array([[1.0, 2.0]])).alt
'dx, as found and as measured, and the error: 1x2 numbers each. 1 of 2 are wrong, the worst by 3 in row 0, column 1.'
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xnp import checks
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.panels import Panel, number, sheet

LOOKS: tuple[dict[str, Any], ...] = (  # in the order of the lines
    {"color": style.QUIET, "linestyle": ":", "marker": "^"},
    {"color": style.INK, "linestyle": "-", "marker": "o"},
    {"color": style.QUIET, "linestyle": "--", "marker": "s", "markerfacecolor": "white"},
    {"color": style.ATTENTION, "linestyle": "-.", "marker": "D"},
)
NOTHING = 1e-17  # below float64's digits: where an error of exactly 0 is drawn
VISIBLE = 1e-5  # what is smaller, as a part of the largest number, is rounding, and drawn as 0


@style.grammar()
def step_errors(steps: Sequence[float], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the error of measured slopes over the size of the step, both on logarithmic axes.

    Parameters
    ----------
    steps : sequence of K positive numbers
        How far x was moved.
    errors : dict of name -> sequence of K numbers
        One line each, at most four: relative errors, 0 or more. An error of exactly 0 stands on the lower edge.

    Returns
    -------
    Figure
        One axes. The legend gives each line's smallest error.

    Raises
    ------
    ValueError
        More than four lines, none, or a line of another length than `steps`.
    """
    check_lines(steps, errors)
    figure = Figure(figsize=(8.4, 4.8), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="step (how far x is moved)", ylabel="relative error")
    words = ["Relative error of a measured slope over the step, both logarithmic."]
    for look, (name, line) in zip(LOOKS, errors.items(), strict=False):
        best = int(np.argmin(line))
        label = f"{name}: {power(line[best])} at step {power(steps[best])}"
        axes.plot(steps, np.maximum(line, NOTHING), label=label, markevery=max(len(steps) // 16, 1), **look)
        ends = f"error {power(line[0])} at step {power(steps[0])}, {power(line[-1])} at step {power(steps[-1])}"
        words.append(f"{name}: smallest error {power(line[best])}, at step {power(steps[best])}; {ends}.")
    axes.set_ylim(NOTHING, 20)
    axes.set_yticks([NOTHING, *10.0 ** np.arange(-15, 1, 3)])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda step, _: power(step))
    axes.yaxis.set_major_formatter(lambda error, _: "0" if error < 2 * NOTHING else power(error))
    edge: dict[str, Any] = {"transform": axes.transAxes, "verticalalignment": "bottom"}
    axes.text(0, 1.01, "← too small: digits are lost", **edge)
    axes.text(1, 1.01, "too large: the curve bends →", horizontalalignment="right", **edge)
    figure.legend(loc="outside lower center", ncols=2, title="smallest error of each line", alignment="left")
    figure.alt = "\n".join(words)
    return figure


def gradient_error(found: np.ndarray, measured: np.ndarray, *, name: str = "dx") -> Figure:
    """Draw a gradient that a backward gave, the measured one, and their difference. Wrong numbers are framed.

    Parameters
    ----------
    found, measured : (H, W) arrays
        One image of one channel, or rows and classes.
    name : str
        Of the gradient, for the titles.

    Raises
    ------
    ValueError
        Arrays that are not (H, W), or not of one shape.
    """
    checks.rank("gradient_error", "found", found, "H W")
    checks.shape("gradient_error", "measured", measured, found.shape, f"found has {found.shape}")
    found, measured, error = tidy(found, measured, found - measured)
    wrong = [(int(row), int(column)) for row, column in np.argwhere(error)]
    H, W = error.shape
    verdict = "None is wrong"
    if wrong:
        row, column = max(wrong, key=lambda place: abs(error[place]))
        by = number(abs(error[row, column]))
        verdict = f"{len(wrong)} of {error.size} are wrong, the worst by {by} in row {row}, column {column}"
    largest = float(np.abs([found, measured, error]).max()) or 1.0
    left, middle, right = (
        Panel(values, "gradient", title, limits=(-largest, largest))
        for values, title in ((found, f"{name}, found"), (measured, f"{name}, measured"), (error, "error"))
    )
    alt = f"{name}, as found and as measured, and the error: {H}x{W} numbers each. {verdict}."
    return sheet([[left, "−", middle, "=", right._replace(marked=wrong)]], alt=alt)


def tidy(*arrays: np.ndarray) -> list[np.ndarray]:
    """Round to what can be seen: what rounding left of a 0 becomes 0, and -0 too.

    >>> tidy(np.array([2.00000001, -1e-9]))
    [array([2., 0.])]
    """
    grain = VISIBLE * (max(float(np.abs(a).max()) for a in arrays) or 1.0)
    digits = -int(np.floor(np.log10(grain)))
    return [np.round(a, digits) + 0.0 for a in arrays]


def power(value: float) -> str:
    """Write a small number with one digit, as Python reads it.

    >>> power(1.8e-11), power(1e-5), power(0.5), power(1.0), power(0.0)
    ('2e-11', '1e-5', '5e-1', '1', '0')
    """
    if not value:
        return "0"
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}e{int(exponent)}" if int(exponent) else digit


def check_lines(steps: Sequence[float], errors: Mapping[str, Sequence[float]]) -> None:
    """Refuse, by name, what cannot be drawn."""
    if not 1 <= len(errors) <= len(LOOKS):
        raise ValueError(f"step_errors: errors has {len(errors)} lines; it must have 1 to {len(LOOKS)}")
    for name, line in errors.items():
        if len(line) != len(steps):
            raise ValueError(f"step_errors: errors[{name!r}] has {len(line)} numbers but there are {len(steps)} steps")
