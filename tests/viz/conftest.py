"""What every figure must be: nothing cut off, no text over another, no small letters."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from xnp.viz import style


def check(figure: Figure, *, smallest: float = 9) -> None:
    """Lay a figure out as `save` does, and look at the box of each text. `smallest` is its letters' size in points."""
    figure.set_dpi(style.DPI)
    with style.grammar():
        figure.draw_without_rendering()
    beyond = labels_beyond_the_limits(figure)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and text not in beyond]
    assert min(text.get_fontsize() for text in texts) >= smallest

    boxes = np.array([text.get_window_extent().extents for text in texts])  # x0, y0, x1, y1
    cut_off = (boxes[:, :2] < 0).any(axis=1) | (boxes[:, 2:] > figure.bbox.extents[2:]).any(axis=1)
    assert [texts[i].get_text() for i in np.flatnonzero(cut_off)] == []

    level = [
        i for i, text in enumerate(texts) if text.get_rotation() in (0, 90)
    ]  # a slanted text's box is mostly empty
    low, high = boxes[level, None, :2], boxes[level, None, 2:]
    shared = np.minimum(high, high.swapaxes(0, 1)) - np.maximum(low, low.swapaxes(0, 1))  # width and height, in pixels
    pairs = np.argwhere(np.triu((shared > 1).all(axis=2), k=1))
    assert [(texts[level[a]].get_text(), texts[level[b]].get_text()) for a, b in pairs] == []


def labels_beyond_the_limits(figure: Figure) -> set[Text]:
    """Labels of ticks that an axis keeps but does not draw."""
    ticks = [
        (tick, axis) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()
    ]
    within = {
        tick: min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval()) for tick, axis in ticks
    }
    return {tick.label1 for tick in within if not within[tick]}


@pytest.fixture
def look() -> Callable[..., None]:
    return check
