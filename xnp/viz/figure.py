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
import numpy as np
from PIL import Image

from xnp.viz import style

DPI = 110  # pixels per inch in a notebook
ANIMATED_DPI = 96  # an animation is many pictures: each must be small
COLOURS = 256  # of an animation
ALMOST_WHITE = 245  # of 255: quantize may take a neighbour of the right colour; white must have none, or it turns grey
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
    """Figures shown one after the other, again and again: an animated PNG.

    Where animations are not shown, the first figure stands there. A figure that is smaller than others gets white at
    its right and below: browsers refuse an animation whose first picture does not fill it.

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
        width, height = (max(sizes) for sizes in zip(*(frame.size for frame in frames), strict=True))
        together = Image.new("RGB", (width, height * len(frames)), "white")
        for place, frame in enumerate(frames):
            together.paste(frame, (0, place * height))
        palette = together.quantize(COLOURS)
        colours = np.array(palette.getpalette()).reshape(-1, 3)
        colours[(colours > ALMOST_WHITE).all(axis=1)] = 255
        palette.putpalette(colours.ravel().tolist())
        first, *others = (
            together.crop((0, top, width, top + height)).quantize(palette=palette, dither=Image.Dither.NONE)
            for top in range(0, together.height, height)
        )
        file, duration = BytesIO(), round(1000 * self.seconds)
        first.save(file, format="png", save_all=True, append_images=others, duration=duration, loop=0, optimize=True)
        return file.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        return bundle(self.png(), max(figure.get_size_inches()[0] for figure in self.figures), self.alt)


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
