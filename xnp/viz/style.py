"""The visual grammar: what colours and lines mean, the same in every figure of xnp.

    blue             input: what goes into an operation
    orange           kernel: what it learns
    green            output: what comes out, and so what a network predicts; the darker, the more
    violet to brown  a gradient: from below zero to above zero; white is zero
    magenta          what to look at: the validation, the mistakes
    black, grey      text, and all the rest

People who see few colours can tell these apart, and most printers can: blue, green and orange are dark, medium and
light (Okabe and Ito 2008). Still, no meaning hangs on colour alone: a line has its own dashes, a mistake its own mark,
and a gradient its sign, which grey ink cannot show.

>>> percent(0.874), percent(0.002), percent(0.998)
('87', '<1', '>99')
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.typing import ColorType

from xnp.files import replacing

INPUT, KERNEL, OUTPUT = "#0072B2", "#E69F00", "#009E73"
INK, ATTENTION, QUIET = "black", "#8A1C6A", "#767676"
GRADIENT = LinearSegmentedColormap.from_list("xnp gradient", ["#5E3C99", "white", "#7F4507"])
SHARE = LinearSegmentedColormap.from_list("xnp share", ["white", OUTPUT, "#003D2C"])  # of what a network predicts

SMALL, LARGE = 9.0, 11.0  # font sizes in points, in figures that are shown in their own size
MARGIN = 0.2  # round a figure, in inches
LINE = 1.2 * SMALL / 72  # from one line of small text to the next, in inches
DPI = 150  # pixels per inch of a saved figure
FONT = "DejaVu Sans"  # comes with matplotlib: the same letters on every machine

SETTINGS = {
    "font.family": FONT,
    "font.size": SMALL,
    "axes.titlesize": LARGE,
    "axes.titlelocation": "left",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.06,
    "legend.frameon": False,
    "text.parse_math": False,  # the name of a class may hold dollar signs
}


@contextmanager
def grammar() -> Iterator[None]:
    """Draw with these settings alone, whatever the user's are, and bring those back afterwards.

    >>> with grammar():
    ...     figure = Figure()
    """
    with matplotlib.style.context(SETTINGS, after_reset=True):
        yield


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a PNG file, whole or not at all. The same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        From any function of `xnp.viz`.
    path : str or path
        Must end in `.png`. A file that is there is replaced, in one step, once the new one is complete.

    Raises
    ------
    ValueError
        Another ending.
    FileNotFoundError
        There is no such folder.
    """
    path = Path(path)
    if path.suffix != ".png":
        raise ValueError(f"save: path is {str(path)!r}; it must end in .png")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save: path is {str(path)!r} but there is no folder {str(path.parent)!r}")
    with grammar(), replacing(path) as file:
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})  # matplotlib's version stays out


def gradient_norm(*gradients: np.ndarray) -> Normalize:
    """Scale for `GRADIENT`: zero in its centre, the same distance to both sides, one scale for all arrays.

    >>> norm = gradient_norm(np.array([-1.0, 3.0]), np.array([0.5]))
    >>> norm.vmin, norm.vmax
    (-3.0, 3.0)
    """
    largest = max(float(np.abs(gradient).max()) for gradient in gradients)
    return Normalize(-largest, largest) if largest else Normalize(-1.0, 1.0)


def text_on(colour: ColorType) -> str:
    """Black or white: what is easier to read on `colour` (the contrast of WCAG 2; it is never below 4.5).

    >>> text_on(KERNEL), text_on("#003D2C")
    ('black', 'white')
    """
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


def percent(share: float) -> str:
    """Write a share in whole percent. Nothing alone is 0, and all alone is 100."""
    if 0 < share < 0.01:
        return "<1"
    if 0.99 < share < 1:
        return ">99"
    return f"{100 * share:.0f}"


def text_width(line: str, size: float = SMALL) -> float:
    """Measure one line of text, in inches. On the grid of pixels it may come out some percent wider."""
    points, _, _ = text_to_path.get_text_width_height_descent(line, FontProperties(family=FONT, size=size), False)
    return points / 72


def wrap(text: str, width: float, size: float = SMALL) -> str:
    r"""Break a text into lines of at most `width` inches: between words, and within a word that is too long alone.

    >>> wrap("horizontal stripes, agree", 1.3)
    'horizontal stripes,\nagree'
    """
    lines = [""]
    for word in text.split(" "):  # and not at "\xa0", the space that keeps "87 %" together
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if text_width(longer, size) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and text_width(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    return "\n".join(lines)


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in inches, counted from the left and the top edge of the figure."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def write(figure: Figure, left: float, top: float, text: str, size: float = SMALL) -> None:
    """Add text whose upper left corner is at a place in inches, as for `place`."""
    across, down = figure.get_size_inches()
    figure.text(left / across, 1 - top / down, text, size=size, verticalalignment="top")


def write_centred(figure: Figure, across: float, down: float, text: str, size: float = LARGE) -> None:
    """Add text whose middle is at a place in inches, as for `place`."""
    width, height = figure.get_size_inches()
    figure.text(across / width, 1 - down / height, text, size=size, ha="center", va="center")
