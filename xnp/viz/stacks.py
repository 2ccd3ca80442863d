"""An image as a stack: its channels one behind the other, channel 0 in front.

    +-------+
    | 0   0 |-+         each channel is a sheet of numbers; the next lies behind it, lower and to the right
    | 0   0 |1|-+
    +-------+1|2|
      +-------+2|
        +-------+

Numbers are written where a sheet is not covered by another.
"""

import numpy as np

from xnp.viz import style
from xnp.viz.page import Look, Page, Point
from xnp.viz.panels import CELL, MAPS, Panel, Role, fit, number, scale

SIDE = 0.22  # of a number's square, in inches
SHIFT = 0.14  # from one sheet to the next, in inches, to the right and down
GRID = "#BBBBBB"
TICK = 0.75 * style.SMALL * SIDE / CELL + 1.5  # font size of the axes' names
EDGES = {"input": style.INPUT, "kernel": "#9A6A00", "output": style.OUTPUT, "gradient": style.QUIET}

Window = tuple[int, int, int, int]  # row, column, height, width


def size(shape: tuple[int, ...], shift: float = SHIFT) -> Point:
    """Width and height, in inches, of the stack of an array (H, W, C)."""
    H, W, C = shape
    return W * SIDE + (C - 1) * shift, H * SIDE + (C - 1) * shift


def stack(
    page: Page,
    left: float,
    top: float,
    values: np.ndarray,
    role: Role,
    *,
    window: Window | None = None,
    limits: tuple[float, float] | None = None,
    shift: float = SHIFT,
    axes: bool = True,
) -> None:
    """Draw an array (H, W, C) on a page; one channel is a single sheet.

    Parameters
    ----------
    page : Page
    left, top : float
        The upper left corner of channel 0, in inches.
    values : (H, W, C) array
    role : "input", "kernel", "output" or "gradient"
        Gives the colour.
    window : (row, column, height, width), optional
        Is outlined on channel 0.
    limits : (low, high), optional
        The numbers of no and of full colour; the array's own where left out.
    shift : float
        From one sheet to the next, in inches.
    axes : bool
        Name the axes H, W, and C where there is more than one channel.
    """
    H, W, C = values.shape
    norm = scale(Panel(values, role, limits=limits))
    letters = style.SMALL * SIDE / CELL
    for c in reversed(range(C)):  # the last lies at the back
        x, y = left + c * shift, top + c * shift
        for row, column in np.ndindex(H, W):
            value = values[row, column, c]
            colour = MAPS[role](norm(value))
            place = x + column * SIDE, y + row * SIDE
            page.cell(*place, SIDE, SIDE, Look(colour, GRID))
            if c == 0 or shift >= max(H, W) * SIDE:
                words, middle = number(value), (place[0] + SIDE / 2, place[1] + SIDE / 2)
                page.write(
                    *middle, words, size=fit(words, letters), colour=style.text_on(colour), ha="center", va="center"
                )
        page.frame(x, y, W * SIDE, H * SIDE, thick=1.3, colour=EDGES[role])
    if window is not None:
        row, column, height, width = window
        page.frame(left + column * SIDE, top + row * SIDE, width * SIDE, height * SIDE, thick=2.4)
    if axes:
        page.write(left, top - 0.02, "W →", size=TICK, colour=style.QUIET, va="bottom")
        page.write(left - 0.02, top, "← H", size=TICK, colour=style.QUIET, ha="right", rotation=90)
        if C > 1:
            page.write(left - 0.02, top + H * SIDE + 0.03, "C ↘", size=TICK, colour=style.QUIET)
