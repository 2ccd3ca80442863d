"""Whole arrays: an image as a picture, and channel by channel as tables of numbers.

>>> from xnp.data import example
>>> figure = channels(example.image(), "input", names=example.CHANNELS)
>>> len(figure.axes)
3
"""

from collections.abc import Sequence

import numpy as np

from xnp import checks
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.panels import Panel, Role, number, sheet


@style.grammar()
def picture(x: np.ndarray, *, alt: str, largest: float = 9.0) -> Figure:
    """Show one image of three channels as a picture, with the names of its axes.

    Parameters
    ----------
    x : (1, H, W, 3) or (H, W, 3) array
        Red, green, blue.
    alt : str
        What is seen, in words.
    largest : float
        The number that is shown brightest; 0 is dark.
    """
    image = x[0] if x.ndim == 4 else x
    checks.rank("picture", "x", image, "H W C")
    checks.shape("picture", "x", image, (*image.shape[:2], 3), "a picture is red, green and blue")
    figure = Figure(figsize=(2.8, 2.8), layout="constrained", alt=alt)
    axes = figure.add_subplot(xlabel="W →", ylabel="← H", xticks=range(image.shape[1]), yticks=range(image.shape[0]))
    axes.imshow(np.clip(image / largest, 0, 1), interpolation="nearest")
    axes.grid(False)
    axes.tick_params(length=0)
    return figure


def channels(
    x: np.ndarray,
    role: Role,
    *,
    name: str = "x",
    names: Sequence[str] = (),
    window: tuple[int, int, int, int] | None = None,
) -> Figure:
    """Draw each channel of one image as a table of numbers.

    Parameters
    ----------
    x : (1, H, W, C) or (H, W, C) array
    role : "input", "kernel", "output" or "gradient"
        Gives the colour. All channels have one scale of colours.
    name : str
        Of the array, for the titles.
    names : sequence of C strings, optional
        Of the channels.
    window : (row, column, height, width), optional
        Is framed in each channel.
    """
    image = x[0] if x.ndim == 4 else x
    checks.rank("channels", "x", image, "H W C")
    panels = per_channel(image, role, name, names, window)
    H, W, C = image.shape
    kinds = f" ({', '.join(names)})" if names else ""
    alt = f"{name}, {C} channel{'s' * (C > 1)}{kinds} of {H}x{W} numbers, from {number(x.min())} to {number(x.max())}."
    return sheet([panels], alt=alt)


def per_channel(
    image: np.ndarray,
    role: Role,
    name: str,
    names: Sequence[str] = (),
    window: tuple[int, int, int, int] | None = None,
) -> list[Panel]:
    """Make a panel of each channel of (H, W, C), all with one scale of colours."""
    largest = float(np.nanmax(np.abs(image))) or 1.0
    low = -largest if role == "gradient" else min(float(np.nanmin(image)), 0.0)
    high = largest if role == "gradient" else max(float(np.nanmax(image)), low + 1e-9)
    labels = [f"  {label}" for label in names] or [""] * image.shape[2]
    return [
        Panel(image[..., c], role, f"{name}[:, :, {c}]{labels[c]}", window, limits=(low, high))
        for c in range(image.shape[2])
    ]
