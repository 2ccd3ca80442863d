"""A window on its way over an image: what it reads, what it multiplies, what it adds up.

>>> from xnp.data import example
>>> figure = convolution_step(example.image(), example.standard_kernel(), (1, 2), names=example.CHANNELS)
>>> figure.alt
"Window (1, 2) of a standard convolution: the channels' sums 12 + 12 + 21 = 45 make one output number."
"""

from collections.abc import Callable, Sequence

import numpy as np

from xnp import checks, ops
from xnp.shapes import Padding, Pair, Window, pad, slide
from xnp.viz.arrays import per_channel
from xnp.viz.figure import Animation, Figure
from xnp.viz.panels import Panel, number, sheet

SMALL_CELL = 0.22  # for sheets of many panels, in inches


def convolution_step(
    x: np.ndarray,
    w: np.ndarray,
    at: tuple[int, int],
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    names: Sequence[str] = (),
) -> Figure:
    """Draw one window of a standard convolution to one channel: products and sum by channel, then the sum of the sums.

    Parameters
    ----------
    x : (1, H, W, C) array
    w : (kh, kw, C, 1) array
    at : (p, q)
        The window. Windows before it, in reading order, are drawn as computed.
    stride, padding
        As in `xnp.ops.conv2d`.
    names : sequence of C strings, optional
        Of the channels.
    """
    window = lay("convolution_step", x, w, at, stride, padding)
    y, _ = ops.conv2d.forward(x, w, stride=stride, padding=padding)
    sums = products(x, w, at, window).sum(axis=(0, 1))
    rows = by_channel(x, w, at, window, names)
    rows[len(rows) // 2] += ["→", so_far(y[0, ..., 0], at, "y[:, :, 0]")]
    total = " + ".join(number(s) if s >= 0 else f"({number(s)})" for s in sums) + f" = {number(sums.sum())}"
    title = f"y[{at[0]}, {at[1]}, 0] = {total}"
    alt = f"Window ({at[0]}, {at[1]}) of a standard convolution: the channels' sums {total} make one output number."
    return sheet(rows, alt=alt, title=title, cell=SMALL_CELL)


def depthwise_step(
    x: np.ndarray,
    w: np.ndarray,
    at: tuple[int, int],
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    names: Sequence[str] = (),
) -> Figure:
    """Draw one window of a depthwise convolution: each channel's sum is an output of its own. Arguments as above."""
    window = lay("depthwise_step", x, w, at, stride, padding)
    y, _ = ops.depthwise_conv2d.forward(x, w, stride=stride, padding=padding)
    sums = products(x, w, at, window).sum(axis=(0, 1))
    rows = by_channel(x, w, at, window, names)
    for c, row in enumerate(rows):
        row += ["→", so_far(y[0, ..., c], at, f"y[:, :, {c}]")]
    found = ", ".join(number(s) for s in sums)
    title = f"y[{at[0]}, {at[1]}] = ({found})"
    alt = f"Window ({at[0]}, {at[1]}) of a depthwise convolution: the channels' sums {found} stay {len(sums)} numbers."
    return sheet(rows, alt=alt, title=title, cell=SMALL_CELL)


def sliding(
    step: Callable[..., Figure],
    x: np.ndarray,
    w: np.ndarray,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    names: Sequence[str] = (),
    seconds: float = 0.8,
) -> Animation:
    """Let the window of `convolution_step` or `depthwise_step` visit every position, in reading order."""
    window = lay("sliding", x, w, (0, 0), stride, padding)
    figures = [step(x, w, at, stride=stride, padding=padding, names=names) for at in np.ndindex(window.output)]
    alt = f"A window visits {len(figures)} positions, row by row. The last one: {figures[-1].alt}"
    return Animation(figures, seconds=seconds, alt=alt)


def lay(function: str, x: np.ndarray, w: np.ndarray, at: tuple[int, int], stride: Pair, padding: Padding) -> Window:
    """Refuse, by name, what cannot be drawn; lay the windows."""
    checks.rank(function, "x", x, "N H W C")
    checks.shape(function, "w", w, (*w.shape[:2], x.shape[3], 1), f"x has {x.shape[3]} channels")
    checks.shape(function, "x", x, (1, *x.shape[1:]), "one image is drawn")
    window = slide(function, x.shape, w.shape[:2], stride=stride, padding=padding)
    if not all(0 <= place < count for place, count in zip(at, window.output, strict=True)):
        raise ValueError(f"{function}: at is {at} but there are {window.output} windows; it must be one of them")
    return window


def products(x: np.ndarray, w: np.ndarray, at: tuple[int, int], window: Window) -> np.ndarray:
    """Multiply what window `at` reads by the kernel: (kh, kw, C)."""
    seen = window.view(pad(x, window.padding))[0, at[0], at[1]]  # (C, kh, kw)
    return seen.transpose(1, 2, 0) * w[..., 0]


def by_channel(
    x: np.ndarray, w: np.ndarray, at: tuple[int, int], window: Window, names: Sequence[str]
) -> list[list[Panel | str]]:
    """Make a row for each channel: what the window reads, times the kernel, gives products; their sum."""
    made = products(x, w, at, window)
    kh, kw = window.kernel
    place = (*window.position(*at, 0, 0), kh, kw)
    inputs = per_channel(x[0], "input", "x", names, place)
    kernels = per_channel(w[..., 0], "kernel", "w")
    results = per_channel(made, "output", "product")
    return [
        [
            inputs[c]._replace(padding=window.padding),
            "×",
            kernels[c],
            "=",
            results[c]._replace(title="products"),
            f"sum\n{number(made[..., c].sum())}",
        ]
        for c in range(x.shape[3])
    ]


def so_far(y: np.ndarray, at: tuple[int, int], title: str) -> Panel:
    """Show the outputs up to window `at`, in reading order; the rest is empty yet."""
    known = np.arange(y.size).reshape(y.shape) <= at[0] * y.shape[1] + at[1]
    limits = (min(float(y.min()), 0.0), max(float(y.max()), 1e-9))
    return Panel(np.where(known, y, np.nan), "output", title, (*at, 1, 1), limits=limits)
