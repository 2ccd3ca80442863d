"""What one place of a map sees of the image, from early maps to late ones.

    +-- dashed: what the windows reach --+
    |    .:##:.                          |      brown: how strongly a pixel moves the place
    +------------------------------------+      magenta: where it does at all

>>> import numpy as np
>>> from xnp.inside import Extent, ReceptiveField
>>> field = ReceptiveField("stem", np.eye(8), Extent(0, 0, 7, 7), Extent(0, 0, 7, 7))
>>> receptive_fields([field]).alt
'What one place sees of 8x8 pixels. stem: 8x8 possible, 8x8 seen, half of the strength within 5x5.'
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.patches import Rectangle

from xnp.inside import Extent, ReceptiveField
from xnp.viz import style
from xnp.viz.figure import Figure

STRENGTH = LinearSegmentedColormap.from_list(
    "xnp strength", ["white", to_hex(style.GRADIENT(1.0))]
)  # of a gradient, no sign
COLUMNS = 3
SIDE = 2.5  # longer side of a panel, in inches
GAP = 0.25


@style.grammar()
def receptive_fields(fields: Sequence[ReceptiveField]) -> Figure:
    """Draw receptive fields side by side.

    Parameters
    ----------
    fields : sequence of ReceptiveField
        From `xnp.inside.receptive_field`, of one model.

    Returns
    -------
    Figure
        One axes a field; each has its own scale of colours.

    Raises
    ------
    ValueError
        No field, fields of images of different sizes.
    """
    sizes = {field.strength.shape for field in fields}
    if len(sizes) != 1:
        raise ValueError(f"receptive_fields: fields are of images {sorted(sizes)}; there must be one size")
    ((H, W),) = sizes
    said = [f"{field.at}: {in_words(field)}" for field in fields]
    alt = f"What one place sees of {H}x{W} pixels. {'. '.join(said)}."
    height, width, margin = SIDE * H / max(H, W), SIDE * W / max(H, W), style.MARGIN
    columns, rows, words = min(len(fields), COLUMNS), -(-len(fields) // COLUMNS), 2.6 * style.LINE
    step, column = height + words + GAP, max(width, SIDE) + GAP
    legend = "dashed black: what the windows reach    magenta: where the gradient is not 0    brown: its size"
    across = max(columns * column - GAP, style.text_width(legend))
    figure = Figure(figsize=(across + 2 * margin, rows * step + style.LINE + 2 * margin), alt=alt)
    for k, field in enumerate(fields):
        row, place = divmod(k, columns)
        left, top = margin + place * column, margin + row * step
        title = style.wrap(f"{field.at}: {in_words(field)}", column - GAP)
        style.write(figure, left, top, title)
        draw(style.place(figure, left, top + words, width, height), field)
    style.write(figure, margin, margin + rows * step, legend)
    return figure


def draw(axes: Axes, field: ReceptiveField) -> None:
    """Draw one panel."""
    axes.imshow(field.strength, cmap=STRENGTH, vmin=0, interpolation="nearest")
    frame(axes, field.seen, style.ATTENTION, "-", 1.6)
    frame(axes, field.possible, style.INK, (0, (3, 3)), 1.2)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, linewidth=0.5, color=style.QUIET)


def frame(axes: Axes, extent: Extent, ink: str, dashes: Any, width: float) -> None:
    """Put a line round the pixels of a rectangle."""
    rows, columns = extent.size
    corner = extent.left - 0.5, extent.top - 0.5
    look: dict[str, Any] = {"fill": False, "edgecolor": ink, "linestyle": dashes, "linewidth": width, "clip_on": False}
    axes.add_patch(Rectangle(corner, columns, rows, **look))


def in_words(field: ReceptiveField) -> str:
    """Say the three sizes."""
    possible, seen = ("x".join(map(str, extent.size)) for extent in (field.possible, field.seen))
    side = field.half_within
    return f"{possible} possible, {seen} seen, half of the strength within {side}x{side}"
