"""What a network holds after training: its depthwise kernels, what they make of an image, and of each class.

    kernels         3x3  3x3  3x3  ...      a square for each number: brown above zero, violet with a stroke below
    feature_maps    HxW  HxW  HxW  ...      a picture for each channel: the darker, the larger
    fingerprints    K rows, C columns       a row for each class: the means of all channels

All squares of a figure share one scale of colours, so that a weak one looks weak.

>>> figure = kernels(np.array([[[[1.0]], [[-2.0]]]]), name="w")
>>> figure.alt
'w, 1 kernel of 1x2 numbers, from −2 to 1: 1 above zero, 1 below.'
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize

from xnp import checks
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.panels import MAPS, number

KERNEL, MAP = 0.5, 1.06  # side of a square, in inches
ACROSS = 9.0  # inches of squares in a row, at most
GAP = 0.06  # between two squares
NUMBERS = 0.17  # below a square: the number of its channel
TITLE = 0.3


@style.grammar()
def kernels(w: np.ndarray, *, name: str = "kernel") -> Figure:
    """Draw depthwise kernels, one small square for each output channel.

    Parameters
    ----------
    w : (kh, kw, C, m) array
        Of `xnp.ops.depthwise_conv2d`. The square of channel c and multiple q has the number c * m + q.
    name : str
        For the title: whose kernels these are.

    Returns
    -------
    Figure
        One axes a kernel. One scale of colours, about zero; a short stroke marks each number below zero.
    """
    checks.rank("kernels", "w", w, "kh kw C m")
    kh, kw, C, m = w.shape
    squares = np.moveaxis(w.reshape(kh, kw, C * m), -1, 0)  # (C * m, kh, kw)
    many = "s" * (len(squares) > 1)
    what = f"{len(squares)} kernel{many} of {kh}x{kw} numbers, from {number(w.min())} to {number(w.max())}"
    above, below = int((w > 0).sum()), int((w < 0).sum())
    alt = f"{name}, {what}: {above:,} above zero, {below:,} below."
    norm = style.gradient_norm(w)
    figure = page(squares, KERNEL, f"{name}: {what}", alt, style.GRADIENT, norm)
    for axes, square in zip(figure.axes, squares, strict=True):
        strokes(axes, square, norm)
    return figure


@style.grammar()
def feature_maps(y: np.ndarray, *, name: str = "output") -> Figure:
    """Draw what a layer makes of one image, one small picture for each channel.

    Parameters
    ----------
    y : (1, H, W, C) or (H, W, C) array
        With nothing below zero (as after a ReLU) white is zero; else the colours are those about zero, and white is
        zero again.
    name : str
        For the title: of which layer.

    Returns
    -------
    Figure
        One axes a channel. One scale of colours.
    """
    if y.ndim == 4 and len(y) != 1:
        raise ValueError(f"feature_maps: y has shape {y.shape}; it must be of one image, (1, H, W, C)")
    image = y[0] if y.ndim == 4 else y
    checks.rank("feature_maps", "y", image, "H W C")
    H, W, C = image.shape
    maps = np.moveaxis(image, -1, 0)
    silent = int((maps <= 0).all(axis=(1, 2)).sum())
    what = f"{C} map{'s' * (C > 1)} of {H}x{W}, from {number(image.min())} to {number(image.max())}"
    alt = f"{name}, {what}. {silent} of them are nowhere above zero."
    return page(maps, MAP, f"{name}: {what}", alt, *scale(image))


@style.grammar()
def fingerprints(means: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw the mean of each channel in each class: alike rows are classes that look alike to the network.

    The channels are sorted by the class in which they are largest, so that a class's own channels stand together.

    Parameters
    ----------
    means : (K, C) array
        Nothing below zero.
    names : sequence of K strings
        The classes.

    Raises
    ------
    ValueError
        Another number of names; a mean below zero.
    """
    checks.rank("fingerprints", "means", means, "K C")
    K, C = means.shape
    if len(names) != K or means.min() < 0:
        raise ValueError(
            f"fingerprints: means has {K} rows, the smallest number is {means.min():.3g}, and there are "
            f"{len(names)} names; it must have a row for each name, and nothing below zero"
        )
    strongest = means.argmax(axis=0)
    own = ", ".join(f"{name} {(strongest == k).sum()}" for k, name in enumerate(names))
    alt = f"Means of {C} channels in {K} classes, from 0 to {number(means.max())}. Channels largest in: {own}."
    left = max(map(style.text_width, names)) + 2 * style.MARGIN
    figure = Figure(figsize=(left + ACROSS - 2 + style.MARGIN, 0.7 + 0.25 * K), alt=alt)
    axes = style.place(figure, left, style.MARGIN, ACROSS - 2, 0.25 * K)
    axes.pcolormesh(means[:, strongest.argsort(kind="stable")], cmap=MAPS["output"], vmin=0, vmax=means.max())
    axes.set(ylim=(K, 0), xlabel=f"{C} channels, sorted by the class in which they are largest", xticks=[])
    axes.set_yticks(np.arange(K) + 0.5, names)
    axes.hlines(np.arange(1, K), 0, C, color="white", linewidth=1.5)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return figure


def page(squares: np.ndarray, side: float, title: str, alt: str, colours: Colormap, norm: Normalize) -> Figure:
    """Lay pictures (K, H, W) out in rows, each with its number below."""
    K, H, W = squares.shape
    height, width = side * H / max(H, W), side * W / max(H, W)
    columns = min(K, int((ACROSS + GAP) / (width + GAP)))
    rows = -(-K // columns)
    across = max(columns * (width + GAP), style.text_width(title, style.LARGE))
    step = height + NUMBERS + GAP
    figure = Figure(figsize=(across + 2 * style.MARGIN, TITLE + rows * step + 2 * style.MARGIN), alt=alt)
    style.write(figure, style.MARGIN, style.MARGIN - 0.05, title, style.LARGE)
    for k, square in enumerate(squares):
        row, column = divmod(k, columns)
        left, top = style.MARGIN + column * (width + GAP), style.MARGIN + TITLE + row * step
        axes = style.place(figure, left, top, width, height)
        show(axes, square, k, colours, norm)
    return figure


def show(axes: Axes, square: np.ndarray, channel: int, colours: Colormap, norm: Normalize) -> None:
    """Draw one channel (H, W), its number below."""
    axes.imshow(square, cmap=colours, norm=norm, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(str(channel), labelpad=1)
    axes.spines[:].set(visible=True, linewidth=0.5, color=style.QUIET)


def strokes(axes: Axes, square: np.ndarray, norm: Normalize) -> None:
    """Mark each number below zero: in grey, its colour is that of one above."""
    rows, columns = np.nonzero(square < 0)
    inks = [style.text_on(style.GRADIENT(norm(value))) for value in square[rows, columns]]
    axes.scatter(columns, rows, s=9, marker="_", c=inks, linewidths=0.8)


def scale(y: np.ndarray) -> tuple[Colormap, Normalize]:
    """Give the colours of maps: green with nothing below zero, else those about zero. White is zero in both."""
    if y.min() < 0:
        return style.GRADIENT, style.gradient_norm(y)
    return MAPS["output"], Normalize(0.0, float(y.max()) or 1.0)
