"""A residual connection with one number: forward x is copied and comes together again, backward dy is.

    x ──●── main ──+── y        forward:  ● copies, + adds
        └──────────┘
   dx ──+── main ──●── dy       backward: the other way round
        └──────────┘

>>> fan_out(x=3, w=2, dy=1).alt
'Forward: 3 goes to main, which multiplies by 2, and to the skip; 6 + 3 = 9. Backward: 1 goes both ways; 2 + 1 = 3.'
"""

from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.page import INPUT, OUTPUT, WEIGHTS, Look, Page
from xnp.viz.panels import MAPS, number

GRADIENT = Look(MAPS["gradient"](0.6), style.QUIET)

WORD = 1.0  # width of the words at the left, in inches
BOX, HEIGHT = 0.8, 0.32  # an array
FORK, MAIN, PLUS, END = 1.3, 2.0, 4.6, 5.2  # how far along things stand
MAIN_WIDTH = 1.7
SKIP = 0.62  # how far below the main path the skip runs
RADIUS = 0.09
BETWEEN = 0.55  # from forward to backward


@style.grammar()
def fan_out(*, x: float, w: float, dy: float) -> Figure:
    """Draw y = w * x + x, forward and backward, with its numbers.

    Parameters
    ----------
    x : float
        The input.
    w : float
        What the main path multiplies by.
    dy : float
        The gradient of y.
    """
    page = Page()
    draw_forward(page, 0.0, x, w)
    draw_backward(page, HEIGHT + SKIP + BETWEEN, w, dy)
    forward = f"Forward: {number(x)} goes to main, which multiplies by {number(w)}, and to the skip; "
    forward += f"{number(w * x)} + {number(x)} = {number(w * x + x)}."
    backward = f"Backward: {number(dy)} goes both ways; {number(w * dy)} + {number(dy)} = {number(w * dy + dy)}."
    return page.figure(f"{forward} {backward}")


def draw_forward(page: Page, top: float, x: float, w: float) -> None:
    """Draw x on its two ways to y."""
    middle, below = top + HEIGHT / 2, top + HEIGHT / 2 + SKIP
    page.write(0, middle, "forward →", va="center")
    page.box(WORD, top, BOX, HEIGHT, f"x = {number(x)}", INPUT)
    page.box(WORD + MAIN, top, MAIN_WIDTH, HEIGHT, f"main: times {number(w)}", WEIGHTS)
    page.box(WORD + END, top, BOX, HEIGHT, f"y = {number(w * x + x)}", OUTPUT)
    page.arrow((WORD + BOX, middle), (WORD + MAIN, middle))
    page.arrow((WORD + MAIN + MAIN_WIDTH, middle), (WORD + PLUS - RADIUS, middle))
    page.arrow((WORD + PLUS, middle), (WORD + END, middle))
    page.arrow((WORD + FORK, middle), (WORD + FORK, below), (WORD + PLUS, below), (WORD + PLUS, middle + RADIUS))
    dot(page, WORD + FORK, middle)
    page.plus(WORD + PLUS, middle, RADIUS)
    label(page, middle, below, number(x), number(w * x), number(x))


def draw_backward(page: Page, top: float, w: float, dy: float) -> None:
    """Draw dy on its two ways to dx: every arrow turned round."""
    middle, below = top + HEIGHT / 2, top + HEIGHT / 2 + SKIP
    page.write(0, middle, "← backward", va="center")
    page.box(WORD, top, BOX, HEIGHT, f"dx = {number(w * dy + dy)}", GRADIENT)
    page.box(WORD + MAIN, top, MAIN_WIDTH, HEIGHT, f"main: times {number(w)}", WEIGHTS)
    page.box(WORD + END, top, BOX, HEIGHT, f"dy = {number(dy)}", GRADIENT)
    page.arrow((WORD + END, middle), (WORD + MAIN + MAIN_WIDTH, middle))
    page.arrow((WORD + MAIN, middle), (WORD + FORK + RADIUS, middle))
    page.arrow((WORD + FORK, middle), (WORD + BOX, middle))
    page.arrow((WORD + PLUS, middle), (WORD + PLUS, below), (WORD + FORK, below), (WORD + FORK, middle + RADIUS))
    dot(page, WORD + PLUS, middle)
    page.plus(WORD + FORK, middle, RADIUS)
    label(page, middle, below, number(w * dy), number(dy), number(dy))


def label(page: Page, middle: float, below: float, left: str, right: str, skip: str) -> None:
    """Write the numbers that travel: left and right of the main path's box, and on the skip."""
    between = (FORK + MAIN) / 2, (MAIN + MAIN_WIDTH + PLUS) / 2
    for along, text in zip(between, (left, right), strict=True):
        page.write(WORD + along, middle - 0.05, text, ha="center", va="bottom")
    page.write(WORD + MAIN + MAIN_WIDTH / 2, below - 0.05, f"skip: {skip}", ha="center", va="bottom")


def dot(page: Page, across: float, down: float) -> None:
    """Draw the place where one number goes two ways."""
    page.axes.plot(across, down, "o", ms=5, color=style.INK, zorder=3)
