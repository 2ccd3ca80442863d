"""What every figure must be: nothing cut off, no text over another, no small letters."""

from collections.abc import Callable
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from xnp.viz import style


def check(figure: Figure) -> None:
    """Lay a figure out as `save` does, and look at the box of each text."""
    figure.set_dpi(style.DPI)
    with style.grammar():
        figure.draw_without_rendering()
        texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and on_page(text)]
        assert min(text.get_fontsize() for text in texts) >= 9
        boxes = {text: text.get_window_extent() for text in texts}
    for text, box in boxes.items():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{text.get_text()!r} is cut off"
    level = [text for text in texts if text.get_rotation() in (0, 90)]  # the box of a slanted text is mostly empty
    for a, b in combinations(level, 2):
        shared = boxes[a].intersection(boxes[a], boxes[b])
        assert shared is None or min(shared.size) < 1, f"{a.get_text()!r} and {b.get_text()!r} overlap"


def on_page(text: Text) -> bool:
    """Tell whether a text is drawn: the axis makes labels beyond its limits too, and leaves them out."""
    axes = text.axes
    for axis in (axes.xaxis, axes.yaxis) if axes else ():
        for tick in axis.get_major_ticks():
            if text in (tick.label1, tick.label2):
                low, high = sorted(axis.get_view_interval())
                return low <= tick.get_loc() <= high
    return True


@pytest.fixture
def look() -> Callable[[Figure], None]:
    return check
