"""The whole network at one look: a row for each part, with some of its kernels or of its maps.

    entry/1/separable1   3x3 3x3 3x3 ...        the first kernels: not selected
    stem                 HxW HxW HxW ...        the strongest maps, the strongest at the left

Each row has its own scale of colours: batch norm takes the size of a layer's numbers away, so that sizes of two layers
say nothing to each other.

>>> figure = kernels_by_layer({"a": np.ones((3, 3, 2, 1)), "b": -np.ones((3, 3, 64, 1))}, count=4)
>>> figure.alt
'Up to 4 depthwise kernels of each of 2 layers; numbers above zero: a: 2 of 3x3, 100 %. b: 64 of 3x3, 0 %.'
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.colors import Colormap, Normalize

from xnp import checks
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.learned import GAP, KERNEL, NUMBERS, scale, show, strokes
from xnp.viz.panels import number

MAP = 0.72  # longer side of a map, in inches


class Row(NamedTuple):
    """What stands in one line of the figure."""

    label: str
    squares: np.ndarray  # (K, H, W): all channels
    shown: Iterable[int]  # which of them, in this order
    colours: Colormap
    norm: Normalize


@style.grammar()
def kernels_by_layer(weights: Mapping[str, np.ndarray], *, count: int = 12) -> Figure:
    """Draw the first depthwise kernels of each layer.

    Parameters
    ----------
    weights : dict of str to (kh, kw, C, m) array
        Name of a layer -> its kernels.
    count : int
        How many of each layer, at most.

    Returns
    -------
    Figure
        One axes a kernel, the number of its channel below; a short stroke marks each number below zero.

    Raises
    ------
    TypeError, ValueError
        No layer; kernels of another shape.
    """
    check("kernels_by_layer", "weights", weights, count)
    rows, said = [], []
    for name, w in weights.items():
        checks.rank("kernels_by_layer", f"weights[{name!r}]", w, "kh kw C m")
        kh, kw, C, m = w.shape
        what = f"{C * m} kernels of {kh}x{kw}"
        squares = np.moveaxis(w.reshape(kh, kw, C * m), -1, 0)
        rows.append(Row(f"{name}\n{what}", squares, range(C * m)[:count], style.GRADIENT, style.gradient_norm(w)))
        said.append(f"{name}: {C * m} of {kh}x{kw}, {style.percent(float((w > 0).mean()))} %.")
    alt = f"Up to {count} depthwise kernels of each of {len(weights)} layers; numbers above zero: {' '.join(said)}"
    figure = draw(rows, KERNEL, alt)
    drawn = [(row, k) for row in rows for k in row.shown]
    for axes, (row, k) in zip(figure.axes, drawn, strict=True):
        strokes(axes, row.squares[k], row.norm)
    return figure


@style.grammar()
def maps_by_block(maps: Mapping[str, np.ndarray], *, count: int = 9) -> Figure:
    """Draw the strongest feature maps of each block, for one image.

    Strong is a map whose numbers have a large mean size: it is this image's, not the channel's. What is not drawn is
    weaker.

    Parameters
    ----------
    maps : dict of str to (1, H, W, C) array
        As `xnp.inside.feature_maps` gives them. Outputs without places, (1, C), are left out.
    count : int
        How many of each block, at most.

    Returns
    -------
    Figure
        One axes a map, the number of its channel below. A row with nothing below zero is green, else brown is above
        zero and violet below; white is zero.

    Raises
    ------
    ValueError
        No maps; maps of several images.
    """
    maps = {name: y for name, y in maps.items() if y.ndim == 4}
    check("maps_by_block", "maps", maps, count)
    rows, said = [], []
    for name, y in maps.items():
        if len(y) != 1:
            raise ValueError(
                f"maps_by_block: maps[{name!r}] has shape {y.shape}; it must be of one image, (1, H, W, C)"
            )
        _, H, W, C = y.shape
        what = f"{C} maps of {H}x{W}"
        strongest = np.abs(y[0]).mean(axis=(0, 1)).argsort(kind="stable")[::-1][:count].tolist()
        rows.append(Row(f"{name}\n{what}", np.moveaxis(y[0], -1, 0), strongest, *scale(y)))
        silent = int((y <= 0).all(axis=(0, 1, 2)).sum())
        said.append(f"{name}: {what}, from {number(y.min())} to {number(y.max())}, {silent} nowhere above zero.")
    return draw(
        rows,
        MAP,
        f"The strongest feature maps of {len(maps)} block{'s' * (len(maps) > 1)}, up to {count} each. {' '.join(said)}",
    )


def draw(rows: list[Row], side: float, alt: str) -> Figure:
    """Put each row's squares side by side, its words at the left."""
    margin = style.MARGIN
    words = max(style.text_width(line) for row in rows for line in row.label.split("\n")) + 0.15
    sizes = [size(row.squares, side) for row in rows]
    across = max(len(list(row.shown)) * (width + GAP) for row, (_, width) in zip(rows, sizes, strict=True))
    heights = [height + NUMBERS + 2 * GAP for height, _ in sizes]
    figure = Figure(figsize=(words + across + 2 * margin, sum(heights) + 2 * margin), alt=alt)
    top = margin
    for row, (height, width), step in zip(rows, sizes, heights, strict=True):
        style.write(figure, margin, top, row.label)
        for column, k in enumerate(row.shown):
            axes = style.place(figure, margin + words + column * (width + GAP), top, width, height)
            show(axes, row.squares[k], k, row.colours, row.norm)
        top += step
    return figure


def size(squares: np.ndarray, side: float) -> tuple[float, float]:
    """Give height and width of a drawn map, in inches."""
    _, H, W = squares.shape
    return side * H / max(H, W), side * W / max(H, W)


def check(figure: str, argument: str, parts: Mapping[str, np.ndarray], count: int) -> None:
    """Refuse what cannot be drawn."""
    checks.positive(figure, count=count)
    if not parts:
        raise ValueError(f"{figure}: {argument} holds nothing to draw; at least one part is needed")
