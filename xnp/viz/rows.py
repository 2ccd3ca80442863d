"""Windows over one row of pixels, for several sizes: how many fit, and where padding is needed.

    5 pixels    /|0|1|2|3|4|/      / is padding
                |--0--|            each window is a bar under the pixels that it reads
                    |--1--|
                |       |--2--|

>>> windows_over_rows([5]).alt
'Windows of 3 pixels, 2 apart, padding "same". 5 pixels with padding 1 + 1: 3 windows.'
"""

from collections.abc import Sequence

from matplotlib.patches import Rectangle

from xnp.shapes import Padding, Window, slide
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.page import Look, Page
from xnp.viz.panels import MAPS

CELL = 0.36  # side of a pixel, in inches
NAME = 0.8  # width of the words at the left
BAR = 0.12  # from one level of bars to the next
GAP = 0.24  # between two rows

PIXEL = Look(MAPS["input"](0.3), "#BBBBBB")


@style.grammar()
def windows_over_rows(sizes: Sequence[int], *, kernel: int = 3, stride: int = 2, padding: Padding = "same") -> Figure:
    """Draw where the windows stand over a row of n pixels, for each n.

    Parameters
    ----------
    sizes : sequence of int
        The numbers of pixels, from the top row to the bottom one.
    kernel, stride : int
        Pixels of a window; pixels from one window to the next.
    padding : "same", "valid" or int

    Raises
    ------
    ValueError
        No size at all; what `xnp.shapes.slide` refuses.
    """
    if not sizes:
        raise ValueError("windows_over_rows: sizes is empty; it must hold at least one number of pixels")
    laid = [slide("windows_over_rows", (1, 1, n, 1), (1, kernel), stride=(1, stride), padding=padding) for n in sizes]
    first = NAME + max(window.padding[1][0] for window in laid) * CELL  # where pixel 0 stands, in every row
    levels = -(-kernel // stride)  # windows over one pixel, at most: so many bars stand below each other
    page, top, words = Page(), 0.0, []
    for n, window in zip(sizes, laid, strict=True):
        before, after = window.padding[1]
        page.write(0, top + CELL / 2, f"{n} pixels", va="center")
        draw_pixels(page, first, top, n, before, after)
        draw_bars(page, first, top + CELL, window, levels)
        result = f"padding {before} + {after}: {window.output[1]} windows"
        right = first + (max(sizes) + max(w.padding[1][1] for w in laid) + 0.5) * CELL
        page.write(right, top + CELL / 2, result, va="center")
        words.append(f"{n} pixels with {result}.")
        top += CELL + levels * BAR + GAP
    how = f'"{padding}"' if isinstance(padding, str) else str(padding)
    return page.figure(f"Windows of {kernel} pixels, {stride} apart, padding {how}. {' '.join(words)}")


def draw_pixels(page: Page, first: float, top: float, n: int, before: int, after: int) -> None:
    """Draw a row: numbered pixels, hatched padding on both sides."""
    for place in range(-before, n + after):
        left = first + place * CELL
        if 0 <= place < n:
            page.cell(left, top, CELL, CELL, PIXEL)
            page.write(left + CELL / 2, top + CELL / 2, str(place), ha="center", va="center")
        else:
            page.axes.add_patch(Rectangle((left, top), CELL, CELL, fc="white", ec="#C8C8C8", lw=0.5, hatch="/////"))


def draw_bars(page: Page, first: float, top: float, window: Window, levels: int) -> None:
    """Draw a bar under the pixels of each window; neighbours at different heights."""
    for q in range(window.output[1]):
        _, start = window.position(0, q, 0, 0)
        left, right = first + (start + 0.08) * CELL, first + (start + window.kernel[1] - 0.08) * CELL
        down = top + (q % levels + 1) * BAR
        page.line((left, down), (right, down))
        for end in (left, right):
            page.line((end, down - 0.03), (end, down + 0.03))
