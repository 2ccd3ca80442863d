"""The two pictures of the depthwise separable convolution, each drawn from real arrays.

    depthwise     image --> its channels --> each by its own kernel --> their results --> stacked again
    separable     image --> depthwise --> 1x1 filters that mix the channels --> output

Windows move by 1 and stay within the image ("valid"): 8x8 becomes 6x6 with a filter of 3x3.

>>> from xnp.data import example
>>> x, depthwise, pointwise = example.image(), example.depthwise_kernel(), example.pointwise_kernel()
>>> print(separable_picture(x, depthwise, pointwise, at=(1, 2)).alt)
An image of 8x8x3 becomes 6x6x3 by a depthwise convolution with filters of 3x3x3,
and 6x6x1 by a pointwise convolution with 1 filter of 1x1x3. At (1, 2): 12·1 + 12·2 + 21·(−1) = 15.
"""

from collections.abc import Sequence

import numpy as np

from xnp import checks, ops
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.page import Page
from xnp.viz.panels import Role, number
from xnp.viz.stacks import SHIFT, SIDE, Window, size, stack
from xnp.viz.windows import lay

GAP = 0.46  # between two arrays, for an arrow or a sign
HEAD = 0.56  # above an array, for its name and its shape
ROW = 0.3  # between two rows
MOST_CHANNELS, MOST_OUTPUTS, LARGEST_SIDE = 4, 4, 8


@style.grammar()
def depthwise_picture(
    x: np.ndarray, w: np.ndarray, *, at: tuple[int, int] = (0, 0), names: Sequence[str] = ()
) -> Figure:
    """Draw a depthwise convolution: the channels are split, each meets its own kernel, the results are stacked.

    Parameters
    ----------
    x : (1, H, W, C) array
        At most 8 rows, 8 columns and 4 channels.
    w : (kh, kw, C, 1) array
    at : (p, q)
        The window that is outlined, and the number that it gives.
    names : sequence of C strings, optional
        Of the channels.

    Raises
    ------
    ValueError
        Arrays that do not fit each other or the page, a window that is not there.
    """
    image, kernel, y = convolve("depthwise_picture", x, w, at)
    C = image.shape[2]
    if names and len(names) != C:
        raise ValueError(f"depthwise_picture: names has {len(names)} but x has {C} channels; give one for each")
    single = [array[..., :1] for array in (image, kernel, y)]
    wide = [size(array.shape)[0] for array in (image, *single, y)]
    lefts = [sum(wide[:k]) + k * GAP for k in range(5)]
    tall = max(array.shape[0] for array in single) * SIDE
    middles = [HEAD + c * (tall + ROW) + tall / 2 for c in range(C)]
    centre = (middles[0] + middles[-1]) / 2

    page = Page()
    ends: list[tuple[float, np.ndarray, Role, str]] = [
        (lefts[0], image, "input", "input x"),
        (lefts[4], y, "output", "stacked: y"),
    ]
    for left, whole, role, name in ends:
        top = centre - size(whole.shape)[1] / 2
        title(page, left, top, name, shape(whole))
        stack(page, left, top, whole, role)
    columns: list[tuple[float, np.ndarray, Role, str, Window | None]] = [
        (lefts[1], image, "input", "split", (*at, *kernel.shape[:2])),
        (lefts[2], kernel, "kernel", "kernels w", None),
        (lefts[3], y, "output", "results", (*at, 1, 1)),
    ]
    for left, whole, role, name, window in columns:
        height = whole.shape[0] * SIDE
        title(page, left, middles[0] - height / 2, name, f"{C} times {shape(whole[..., :1])}")
        limits = colours(whole)
        for c, middle in enumerate(middles):
            stack(page, left, middle - height / 2, whole[..., c : c + 1], role, window=window, limits=limits)
    for c, middle in enumerate(middles):
        start = centre - size(image.shape)[1] / 2 + (c + 0.5) * SHIFT
        page.arrow((lefts[0] + wide[0] + 0.04, start), (lefts[1] - 0.14, middle))
        sign(page, lefts[2], middle, "∗")
        sign(page, lefts[3], middle, "=")
        end = centre - size(y.shape)[1] / 2 + (c + 0.5) * y.shape[0] * SIDE / C
        page.arrow((lefts[3] + wide[3] + 0.06, middle), (lefts[4] - 0.16, end))
        if names:
            page.write(lefts[1] + wide[1], middle - image.shape[0] * SIDE / 2 - 0.02, names[c], ha="right", va="bottom")
    found = ", ".join(number(value) for value in y[at])
    return page.figure(
        f"An image of {shape(image)} is split into its {C} channels. Each is convolved with its own kernel of "
        f"{shape(kernel[..., :1])}; the results, {shape(y[..., :1])} each, are stacked to {shape(y)}. At {at}: {found}."
    )


@style.grammar()
def separable_picture(
    x: np.ndarray, w_depthwise: np.ndarray, w_pointwise: np.ndarray, *, at: tuple[int, int] = (0, 0)
) -> Figure:
    """Draw a depthwise separable convolution: first space, each channel by itself; then channels, each pixel by itself.

    Parameters
    ----------
    x : (1, H, W, C) array
        At most 8 rows, 8 columns and 4 channels.
    w_depthwise : (kh, kw, C, 1) array
    w_pointwise : (C, F) array
        At most 4 filters.
    at : (p, q)
        The window that is outlined, the numbers that the depthwise half makes of it, and the output.

    Raises
    ------
    ValueError
        Arrays that do not fit each other or the page, a window that is not there.
    """
    image, kernel, between = convolve("separable_picture", x, w_depthwise, at)
    C = image.shape[2]
    checks.rank("separable_picture", "w_pointwise", w_pointwise, "C F")
    F = w_pointwise.shape[1]
    checks.shape("separable_picture", "w_pointwise", w_pointwise, (C, F), f"x has {C} channels")
    few("w_pointwise", w_pointwise.shape, F, MOST_OUTPUTS, "separable_picture")
    y = ops.pointwise_conv2d.forward(between[np.newaxis], w_pointwise)[0][0]

    mixers = [w_pointwise[:, f].reshape(1, 1, C) for f in range(F)]
    aside = 1.1 * SIDE  # the sheets of a 1x1 filter do not cover each other
    pitch = size(mixers[0].shape, aside)[1] + 0.12
    sizes = [size(a.shape) for a in (image, kernel, between)]
    sizes += [(size(mixers[0].shape, aside)[0], F * pitch - 0.12), size(y.shape)]
    lefts = [sum(width for width, _ in sizes[:k]) + k * GAP for k in range(5)]
    centre = HEAD + max(height for _, height in sizes) / 2
    tops = [centre - height / 2 for _, height in sizes]

    page = Page()
    names = ("input x", "depthwise", "between", "pointwise", "output y")
    forms = [shape(image), shape(kernel), shape(between), f"{F} times 1x1x{C}" if F > 1 else f"1x1x{C}", shape(y)]
    for name, form, left, top in zip(names, forms, lefts, tops, strict=True):
        title(page, left, top, name, form)
    windows: list[Window | None] = [(*at, *kernel.shape[:2]), None, (*at, 1, 1)]
    roles: list[Role] = ["input", "kernel", "input"]
    for k, array in enumerate((image, kernel, between)):
        stack(page, lefts[k], tops[k], array, roles[k], window=windows[k])
    for f, mixer in enumerate(mixers):
        top = tops[3] + f * pitch
        stack(page, lefts[3], top, mixer, "kernel", limits=colours(w_pointwise), shift=aside, axes=False)
    stack(page, lefts[4], tops[4], y, "output", window=(*at, 1, 1))
    for left, mark in zip(lefts[1:], "∗=∗=", strict=True):
        sign(page, left, centre, mark)
    total = " + ".join(
        f"{signed(value)}·{signed(weight)}" for value, weight in zip(between[at], w_pointwise[:, 0], strict=True)
    )
    sum_of_all = f"{total} = {number(y[(*at, 0)])}"
    page.write(0, page.bottom + 0.2, f"outlined:  y[{at[0]}, {at[1]}, 0] = {sum_of_all}", size=style.LARGE)
    return page.figure(
        f"An image of {shape(image)} becomes {shape(between)} by a depthwise convolution with filters of "
        f"{shape(kernel)}, and {shape(y)} by a pointwise convolution with {F} filter{'s' * (F > 1)} of 1x1x{C}. "
        f"At {at}: {sum_of_all}."
    )


def convolve(
    function: str, x: np.ndarray, w: np.ndarray, at: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refuse, by name, what cannot be drawn; give image (H, W, C), filters (kh, kw, C), and their convolution."""
    lay(function, x, w, at, 1, "valid")
    few("x", x.shape, x.shape[3], MOST_CHANNELS, function)
    if max(x.shape[1:3]) > LARGEST_SIDE:
        raise ValueError(f"{function}: x has shape {x.shape}; at most {LARGEST_SIDE} rows and columns can be drawn")
    return x[0], w[..., 0], ops.depthwise_conv2d.forward(x, w, padding="valid")[0][0]


def few(name: str, form: tuple[int, ...], count: int, most: int, function: str) -> None:
    """Refuse more channels than there is room for."""
    if count > most:
        raise ValueError(f"{function}: {name} has shape {form}, so {count} channels; at most {most} can be drawn")


def colours(array: np.ndarray) -> tuple[float, float]:
    """Give all channels one scale of colours: from the smallest number, or 0, to the largest."""
    low = min(float(array.min()), 0.0)
    return low, max(float(array.max()), low + 1e-9)


def shape(array: np.ndarray) -> str:
    """Write a shape as 8x8x3."""
    return "x".join(map(str, array.shape))


def signed(value: float) -> str:
    """Write a factor: one below zero stands in brackets."""
    return number(value) if value >= 0 else f"({number(value)})"


def title(page: Page, left: float, top: float, name: str, form: str) -> None:
    """Write name and shape above an array."""
    page.write(left, top - 0.16, f"{name}\n{form}", va="bottom")


def sign(page: Page, left: float, middle: float, mark: str) -> None:
    """Write a sign before the array that begins at `left`."""
    page.write(left - GAP / 2 - 0.05, middle, mark, size=1.3 * style.LARGE, ha="center", va="center")
