"""A figure that shows itself in a notebook, and that says in words what it shows.

The words go where a reader who cannot see the picture finds them: into the picture's alternative text.

>>> figure = Figure(figsize=(1, 1), alt="nothing yet")
>>> data, metadata = figure._repr_mimebundle_()
>>> sorted(data), data["text/plain"], metadata["image/png"]["alt"]
(['image/png', 'text/plain'], 'nothing yet', 'nothing yet')
"""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib.figure
from PIL import Image

from xnp.viz import style

DPI = 110  # pixels per inch in a notebook
ANIMATED_DPI = 96  # an animation is many pictures: each must be small
COLOURS = 256  # of an animation
ALMOST_WHITE = 250  # of 255: a palette of few colours makes white a light grey, which would stand as a box on a page
CSS_PIXELS = 96  # per inch: how large a browser shows it

Bundle = tuple[dict[str, str], dict[str, dict[str, Any]]]


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure with its description, `alt`. Jupyter shows it when it is a cell's last value."""

    def __init__(self, *args: Any, alt: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alt = alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        return bundle(render(self), self.get_size_inches()[0], self.alt)


class Animation:
    """Figures of one size, shown one after the other, again and again: an animated PNG.

    Where animations are not shown, the first figure stands there.

    Parameters
    ----------
    figures : sequence of Figure
    seconds : float
        How long each of them stays.
    alt : str
        What is seen, in words.
    """

    def __init__(self, figures: Sequence[Figure], *, seconds: float = 0.8, alt: str) -> None:
        if not figures:
            raise ValueError("Animation: figures is empty; it must hold at least one")
        self.figures, self.seconds, self.alt = figures, seconds, alt

    def png(self) -> bytes:
        """Give the animated PNG. All its frames must share one palette of colours."""
        frames = [Image.open(BytesIO(render(figure, ANIMATED_DPI))).convert("RGB") for figure in self.figures]
        width, height = frames[0].size
        together = Image.new("RGB", (width, height * len(frames)))
        for place, frame in enumerate(frames):
            together.paste(frame, (0, place * height))
        palette = together.quantize(COLOURS)
        palette.putpalette([255 if part > ALMOST_WHITE else part for part in palette.getpalette() or []])
        first, *others = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
        file, duration = BytesIO(), round(1000 * self.seconds)
        first.save(file, format="png", save_all=True, append_images=others, duration=duration, loop=0, optimize=True)
        return file.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        return bundle(self.png(), self.figures[0].get_size_inches()[0], self.alt)


def render(figure: matplotlib.figure.Figure, dpi: int = DPI) -> bytes:
    """Draw a figure as a PNG. The same figure gives the same bytes."""
    file = BytesIO()
    with style.grammar():
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return file.getvalue()


def bundle(png: bytes, inches: float, alt: str) -> Bundle:
    """Pack a picture and its words as Jupyter wants them."""
    data = {"image/png": b64encode(png).decode(), "text/plain": alt}
    return data, {"image/png": {"alt": alt, "width": round(inches * CSS_PIXELS)}}
