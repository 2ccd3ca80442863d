"""A page on which boxes, arrows and words stand at places in inches, counted from the left and the top.

Draw first, ask for the figure last: it is as large as what is on the page, and so nothing is cut off.

>>> page = Page()
>>> page.box(0, 0, 1.0, 0.3, "pool", PLAIN)
>>> page.arrow((0.5, 0.3), (0.5, 0.6))
>>> figure = page.figure(alt="a pool")
>>> width, height = figure.get_size_inches()
>>> round(float(width), 1), round(float(height), 1)              # with the margin
(1.4, 1.0)
"""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path
from matplotlib.typing import ColorType

from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.panels import MAPS

Point = tuple[float, float]  # inches from the left, inches from the top


class Look(NamedTuple):
    """Colours of a box."""

    face: ColorType
    edge: ColorType


WEIGHTS = Look(MAPS["kernel"](0.28), style.KERNEL)  # an operation that learns
PLAIN = Look("white", style.QUIET)  # an operation that does not
INPUT = Look(MAPS["input"](0.2), style.INPUT)  # numbers that go into an operation
OUTPUT = Look(MAPS["output"](0.25), style.OUTPUT)  # numbers that come out at the end
GROUND = "#EFEFEF"  # under what belongs together


class Page:
    """Holds what is drawn, and how far it reaches."""

    def __init__(self) -> None:
        self._figure = Figure()
        self.axes: Axes = self._figure.add_axes((0, 0, 1, 1))
        self.axes.set(xticks=[], yticks=[])
        self.axes.set_axis_off()
        self.right = self.bottom = 0.0

    def figure(self, alt: str) -> Figure:
        """Cut the page to its size: everything that is on it, and a margin."""
        width, height = self.right + 2 * style.MARGIN, self.bottom + 2 * style.MARGIN
        self._figure.set_size_inches(width, height)
        self._figure.alt = alt
        self.axes.set(xlim=(-style.MARGIN, width - style.MARGIN), ylim=(height - style.MARGIN, -style.MARGIN))
        return self._figure

    def box(self, left: float, top: float, width: float, height: float, text: str, look: Look) -> None:
        """Draw a box with rounded corners, and words in its middle."""
        shape = FancyBboxPatch(
            (left, top), width, height, boxstyle="round,pad=0,rounding_size=0.04", fc=look.face, ec=look.edge, lw=1.2
        )
        self.axes.add_patch(shape)
        self._reach(left + width, top + height)
        if text:
            self.write(left + width / 2, top + height / 2, text, ha="center", va="center")

    def cell(self, left: float, top: float, width: float, height: float, look: Look) -> None:
        """Draw a rectangle with a thin edge: one of many."""
        self.axes.add_patch(Rectangle((left, top), width, height, fc=look.face, ec=look.edge, lw=0.5))
        self._reach(left + width, top + height)

    def frame(
        self, left: float, top: float, width: float, height: float, *, thick: float, colour: ColorType = style.INK
    ) -> None:
        """Outline a part of what is there."""
        self.axes.add_patch(Rectangle((left, top), width, height, fill=False, ec=colour, lw=thick))

    def arrow(self, *points: Point) -> None:
        """Draw a line from point to point, with a head at its end."""
        self._reach(*np.max(points, axis=0))
        self.axes.add_patch(
            FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=7, lw=1.0, color=style.INK, zorder=2)
        )

    def line(self, *points: Point) -> None:
        """Draw a line from point to point."""
        self._reach(*np.max(points, axis=0))
        across, down = zip(*points, strict=True)
        self.axes.add_line(Line2D(across, down, lw=1.0, color=style.INK, zorder=2))

    def back(self, left: float, top: float, right: float, bottom: float) -> None:
        """Lay a quiet ground under what belongs together."""
        shape = Rectangle((left, top), right - left, bottom - top, fc=GROUND, ec="none", zorder=0)
        self.axes.add_patch(shape)
        self._reach(right, bottom)

    def plus(self, across: float, down: float, radius: float) -> None:
        """Draw the sign of an addition: a circle with a plus, about a place."""
        self.axes.plot(across, down, "o", ms=2 * radius * 72, mfc="white", mec=style.INK, mew=1.0, zorder=3)
        self.axes.plot(across, down, "+", ms=1.3 * radius * 72, mec=style.INK, mew=1.2, zorder=4)

    def write(
        self,
        across: float,
        down: float,
        text: str,
        *,
        size: float = style.SMALL,
        colour: ColorType = style.INK,
        ha: str = "left",
        va: str = "top",
        rotation: float = 0,
    ) -> None:
        """Write words at a place, which is their upper left corner unless `ha` and `va` say otherwise."""
        self.axes.text(across, down, text, size=size, color=colour, ha=ha, va=va, rotation=rotation, zorder=6)
        lines = text.split("\n")
        width, height = (
            max(style.text_width(line, size) for line in lines),
            len(lines) * style.LINE * size / style.SMALL,
        )
        if rotation == 0:
            self._reach(
                across + width * {"left": 1.0, "center": 0.5, "right": 0.0}[ha],
                down + height * {"top": 1.0, "center": 0.5, "bottom": 0.0}[va],
            )

    def _reach(self, right: float, bottom: float) -> None:
        self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)
