"""One window of a depthwise separable convolution, forward and backward: each array, and below it its gradient.

    forward      x   ∗   depthwise   =   between   ∗   pointwise   =   y
    backward    dx     d depthwise     d between     d pointwise      dy

One number of dy is 1, all others are 0. So what comes back can be read off what went in: for a product, the slope for
one factor is the other factor. The window of dx holds the kernel, and d depthwise holds the window of x.

>>> from xnp.data import example
>>> x, depthwise, pointwise = example.image(), example.depthwise_kernel(), example.pointwise_kernel()
>>> print(both_ways(x, depthwise, pointwise, at=(1, 2)).alt)
A depthwise separable convolution in numbers. Forward: an image of 8x8x3, by a depthwise kernel of 3x3x3, becomes 6x6x3;
by a pointwise kernel of 1x1x3 it becomes 6x6x1. At (1, 2): 12·1 + 12·2 + 21·(−1) = 15. Backward, from right to left:
below each array stands its gradient, of the same shape. A 1 at (1, 2) of dy comes back as (1, 2, −1) between the two
halves.
"""

from typing import NamedTuple

import numpy as np

from xnp import checks, ops
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.page import Page
from xnp.viz.panels import Role, number
from xnp.viz.separable import GAP, convolve, shape, sign, signed
from xnp.viz.stacks import SHIFT, SIDE, Window, size, stack

LEFT = 0.36  # room for the name of a row
HEAD = 0.42  # above an array, for its name and its shape
BELOW = 0.16  # from a row to the next


class Column(NamedTuple):
    """An array and its gradient, both (H, W, C), and what is outlined in them."""

    name: str
    values: np.ndarray
    gradient: np.ndarray
    role: Role
    window: Window | None


@style.grammar()
def both_ways(x: np.ndarray, w_depthwise: np.ndarray, w_pointwise: np.ndarray, *, at: tuple[int, int]) -> Figure:
    """Draw a separable convolution to one channel, and what a 1 at one place of dy sends back.

    Parameters
    ----------
    x : (1, H, W, C) array
        At most 8 rows, 8 columns and 4 channels.
    w_depthwise : (kh, kw, C, 1) array
    w_pointwise : (C, 1) array
    at : (p, q)
        The window that is outlined, the output that it gives, and the place of the 1 in dy.

    Raises
    ------
    ValueError
        Arrays that do not fit each other or the page, a window that is not there.
    """
    image, kernel, _ = convolve("both_ways", x, w_depthwise, at)
    C = image.shape[2]
    checks.rank("both_ways", "w_pointwise", w_pointwise, "C F")
    checks.shape("both_ways", "w_pointwise", w_pointwise, (C, 1), f"x has {C} channels, and one output is drawn")

    between, first = ops.depthwise_conv2d.forward(x, w_depthwise, padding="valid")
    y, second = ops.pointwise_conv2d.forward(between, w_pointwise)
    dy = np.zeros_like(y)
    dy[0, *at, 0] = 1
    d_between, d_pointwise, _ = ops.pointwise_conv2d.backward(dy, second)
    dx, d_depthwise, _ = ops.depthwise_conv2d.backward(d_between, first)

    one: Window = (*at, 1, 1)
    columns = [
        Column("x", image, dx[0], "input", (*at, *kernel.shape[:2])),
        Column("depthwise", kernel, d_depthwise[..., 0], "kernel", None),
        Column("between", between[0], d_between[0], "input", one),
        Column("pointwise", w_pointwise.reshape(1, 1, C), d_pointwise.reshape(1, 1, C), "kernel", None),
        Column("y", y[0], dy[0], "output", one),
    ]
    page = Page()
    bottom = draw(page, 0.0, columns, backward=False)
    bottom = draw(page, bottom + BELOW, columns, backward=True)
    total = " + ".join(
        f"{signed(value)}·{signed(weight)}" for value, weight in zip(between[0][at], w_pointwise[:, 0], strict=True)
    )
    total = f"{total} = {number(y[0][*at, 0])}"
    back = ", ".join(number(value) for value in d_between[0][at])
    p, q = at
    page.write(
        0,
        bottom + 0.2,
        f"forward: y[{p}, {q}] = {total}.   backward: the 1 comes back as ({back}), the pointwise kernel.",
        size=style.LARGE,
    )
    return page.figure(
        f"A depthwise separable convolution in numbers. Forward: an image of {shape(image)}, by a depthwise kernel of "
        f"{shape(kernel)}, becomes {shape(between[0])}; by a pointwise kernel of 1x1x{C} it becomes {shape(y[0])}. "
        f"At {at}: {total}. Backward, from right to left: below each array stands its gradient, of the same shape. "
        f"A 1 at {at} of dy comes back as ({back}) between the two halves."
    )


def draw(page: Page, top: float, columns: list[Column], *, backward: bool) -> float:
    """Draw one of the two rows; give its lower edge."""
    sizes = [size(column.values.shape, shift(column)) for column in columns]
    lefts = [LEFT + k * GAP + sum(width for width, _ in sizes[:k]) for k in range(len(columns))]
    centre = top + HEAD + max(height for _, height in sizes) / 2
    page.write(0, centre, "backward" if backward else "forward", size=style.LARGE, va="center", rotation=90)
    for column, left, (_, height) in zip(columns, lefts, sizes, strict=True):
        values = column.gradient if backward else column.values
        role: Role = "gradient" if backward else column.role
        place = centre - height / 2
        page.write(left, place - 0.06, f"{title(column.name, backward)}\n{shape(values)}", va="bottom")
        stack(page, left, place, values, role, window=column.window, shift=shift(column), axes=False)
    if backward:
        for start, learned, target in ((4, 3, 2), (2, 1, 0)):  # from a gradient to that of a kernel, and past it
            below = centre + sizes[learned][1] / 2 + 0.12
            page.arrow((lefts[start] - 0.06, centre), (lefts[learned] + sizes[learned][0] + 0.06, centre))
            page.arrow((lefts[start] - 0.06, below), (lefts[target] + sizes[target][0] + 0.06, below))
    else:
        for left, mark in zip(lefts[1:], "∗=∗=", strict=True):
            sign(page, left, centre, mark)
    return centre + max(height for _, height in sizes) / 2


def shift(column: Column) -> float:
    """Say how far apart the sheets of a stack lie: those of a 1x1 kernel do not cover each other."""
    return 1.1 * SIDE if column.values.shape[:2] == (1, 1) else SHIFT


def title(name: str, backward: bool) -> str:
    """Name an array, or its gradient."""
    return name if not backward else f"d{name}" if len(name) == 1 else f"d {name}"
