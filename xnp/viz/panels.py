"""Panels: arrays drawn as tables of numbers, side by side, with signs between them.

    [ x 8x8 ]  ×  [ w 3x3 ]  =  [ y 6x6 ]          a row of a sheet: three panels, two signs

A panel is one image of one channel, rows (H) downward and columns (W) to the right. Its colour says what it is (see
`xnp.viz.style`), its numbers are the array's. A thick frame marks a window; hatching marks padding, which is not in the
array. NaN is a place that is not computed yet: it stays empty. A sheet puts panels into rows.

>>> x = np.arange(9.0).reshape(3, 3)
>>> figure = sheet([[Panel(x, "input", "x"), "→", Panel(x[:2, :2], "output", "y", window=(0, 0, 1, 1))]], alt="...")
>>> len(figure.axes)                               # a panel each
2
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from xnp import checks
from xnp.shapes import Sides
from xnp.viz import style
from xnp.viz.figure import Figure

Role = Literal["input", "kernel", "output", "gradient"]

MAPS: dict[str, Colormap] = {
    "input": LinearSegmentedColormap.from_list("xnp input", ["white", style.INPUT]),
    "kernel": LinearSegmentedColormap.from_list("xnp kernel", ["white", style.KERNEL]),
    "output": LinearSegmentedColormap.from_list("xnp output", ["white", style.OUTPUT]),
    "gradient": style.GRADIENT,
}
CELL = 0.3  # side of a number's square, in inches
LARGEST = 24  # cells along a side, at most: more would be too small to read
SIGN = 0.34  # width of a sign between two panels, in inches
GAP = 0.3  # between two panels without a sign
HEAD = 0.5  # above a panel: its title, the name and the numbers of axis W
FOOT = 0.14  # below a panel
SIDE = 0.36  # left of a panel: the name and the numbers of axis H

NOTHING: Sides = ((0, 0), (0, 0))


class Panel(NamedTuple):
    """One channel of one image, or one kernel of one channel."""

    values: np.ndarray  # (H, W); NaN stays empty
    role: Role
    title: str = ""
    window: tuple[int, int, int, int] | None = None  # row, column, height, width; row and column may be in the padding
    padding: Sides = NOTHING  # what is drawn round the array, hatched
    marked: Sequence[tuple[int, int]] = ()  # single cells (row, column) with a dashed frame
    limits: tuple[float, float] | None = None  # white and full colour; the array's own if None
    border: str = "0"  # the number in the padding's cells


def sheet(rows: Sequence[Sequence[Panel | str]], *, alt: str, title: str = "", cell: float = CELL) -> Figure:
    """Draw rows of panels. A string between two panels is a sign, or words.

    Parameters
    ----------
    rows : sequence of sequences of Panel or str
        The panels of a row stand with their middles at one height.
    alt : str
        What is seen, in words.
    title : str
        Above everything.
    cell : float
        Side of a number's square, in inches.

    Returns
    -------
    Figure
        One axes a panel, in reading order.

    Raises
    ------
    ValueError
        No panel, values that are not (H, W), more than 24 rows or columns, an unknown role.
    """
    panels = [item for row in rows for item in row if isinstance(item, Panel)]
    if not panels:
        raise ValueError("sheet: rows holds no panel; at least one is needed")
    for panel in panels:
        check(panel)
    sizes = [[extent(item, cell) for item in row] for row in rows]
    top = style.MARGIN + (0.3 if title else 0)
    width = max(sum(across for across, _ in row) for row in sizes)
    heights = [max(down for _, down in row) for row in sizes]
    words = style.text_width(title, style.LARGE)
    figure = Figure(figsize=(max(width, words) + 2 * style.MARGIN, top + sum(heights) + style.MARGIN), alt=alt)
    if title:
        style.write(figure, style.MARGIN, style.MARGIN - 0.05, title, style.LARGE)
    for row, size, height in zip(rows, sizes, heights, strict=True):
        left = style.MARGIN
        for item, (across, down) in zip(row, size, strict=True):
            if isinstance(item, Panel):
                place_panel(figure, item, left, top + (height - down) / 2, cell)
            else:
                style.write_centred(figure, left + across / 2, top + (height + HEAD - FOOT) / 2, item)
            left += across
        top += height
    return figure


def extent(item: Panel | str, cell: float) -> tuple[float, float]:
    """Width and height of a panel or a sign, in inches."""
    if isinstance(item, str):
        lines = item.split("\n")
        return max(SIGN, max(map(style.text_width, lines)) + 0.2), HEAD + FOOT + len(lines) * style.LINE
    H, W = framed(item)
    title = max((style.text_width(line) for line in item.title.split("\n")), default=0)
    extra = item.title.count("\n") * style.LINE
    return SIDE + max(W * cell, title) + GAP / 2, HEAD + extra + H * cell + FOOT


def framed(panel: Panel) -> tuple[int, int]:
    """Rows and columns with the padding."""
    (top, bottom), (left, right) = panel.padding
    H, W = panel.values.shape
    return top + H + bottom, left + W + right


def place_panel(figure: Figure, panel: Panel, left: float, top: float, cell: float) -> None:
    """Draw one panel whose upper left corner is at a place in inches."""
    H, W = framed(panel)
    extra = panel.title.count("\n") * style.LINE
    axes = style.place(figure, left + SIDE, top + HEAD + extra, W * cell, H * cell)
    draw(axes, panel, size=style.SMALL * min(1.0, cell / CELL))
    axes.set_title(panel.title, fontsize=style.SMALL, pad=15, loc="left")


def draw(axes: Axes, panel: Panel, *, size: float = style.SMALL) -> None:
    """Draw a panel into axes that are there: a square for each number, the padding, the window, the marks."""
    H, W = panel.values.shape
    (top, bottom), (left, right) = panel.padding
    colours, norm = MAPS[panel.role], scale(panel)
    axes.set(xlim=(-left, W + right), ylim=(H + bottom, -top), aspect="equal")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xticks(np.arange(W) + 0.5, [str(i) for i in range(W)], size=0.75 * size)
    axes.set_yticks(np.arange(H) + 0.5, [str(i) for i in range(H)], size=0.75 * size)
    axes.tick_params(length=0, pad=1, colors=style.QUIET)
    axes.set_xlabel("W →", size=0.75 * size, labelpad=1, loc="left", color=style.QUIET)
    axes.set_ylabel("← H", size=0.75 * size, labelpad=1, loc="top", color=style.QUIET)
    for row in range(-top, H + bottom):
        for column in range(-left, W + right):
            inside = 0 <= row < H and 0 <= column < W
            value = panel.values[row, column] if inside else np.nan
            colour = colours(norm(value)) if np.isfinite(value) else "white"
            look: dict[str, Any] = {"facecolor": colour, "edgecolor": "#BBBBBB", "linewidth": 0.5, "clip_on": False}
            if not inside:
                look |= {"hatch": "/////", "edgecolor": "#C8C8C8"}
            axes.add_patch(Rectangle((column, row), 1, 1, **look))
            words = number(value) if inside else panel.border
            text = axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", size=fit(words, size))
            text.set_color(style.text_on(colour) if inside else style.QUIET)
            if not inside:
                text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.4})
    for row, column in panel.marked:
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, ls=(0, (2, 1)), lw=1.8, ec=style.ATTENTION, zorder=4))
    if panel.window is not None:
        row, column, height, width = panel.window
        frame = Rectangle((column, row), width, height, fill=False, lw=2.4, ec=style.INK, zorder=5, clip_on=False)
        axes.add_patch(frame)


def scale(panel: Panel) -> Normalize:
    """From which number to which the colour goes: from the smallest, or 0, to the largest; a gradient about its 0."""
    finite = panel.values[np.isfinite(panel.values)]
    if panel.limits is not None:
        return Normalize(*panel.limits)
    if not finite.size:
        return Normalize(0.0, 1.0)
    if panel.role == "gradient":
        return style.gradient_norm(finite)
    low, high = min(float(finite.min()), 0.0), float(finite.max())
    return Normalize(low, high if high > low else low + 1)


def number(value: float) -> str:
    """Write a number into a cell: whole as it is, others with two digits, NaN as nothing.

    >>> number(-3.0), number(-0.0), number(0.126), number(float("nan")), number(float("-inf"))
    ('−3', '0', '0.13', '', '−∞')
    """
    if np.isnan(value):
        return ""
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value + 0.0:.0f}" if value == round(value) else f"{value:.2g}"
    return text.replace("-", "−")


def fit(words: str, size: float) -> float:
    """Font size at which words fit into a cell."""
    return size * min(1.0, 3.4 / max(len(words), 1))


def check(panel: Panel) -> None:
    """Refuse, by name, what cannot be drawn."""
    checks.rank("Panel", "values", panel.values, "H W")
    if max(framed(panel)) > LARGEST:
        raise ValueError(
            f"Panel: values has shape {panel.values.shape}, with padding {framed(panel)}; "
            f"at most {LARGEST} numbers a side can be read"
        )
    if panel.role not in get_args(Role):
        raise ValueError(f"Panel: role is {panel.role!r}; it must be one of {', '.join(get_args(Role))}")
