"""Pictures side by side, each with a few words below.

>>> figure = pictures(np.zeros((2, 8, 8, 3), np.uint8), ("cat", "dog"))
>>> figure.alt
'2 pictures: cat; dog.'
"""

from collections.abc import Sequence

import numpy as np

from xnp import checks
from xnp.viz import style
from xnp.viz.figure import Figure

COLUMNS = 5
CELL = 1.75  # from one picture to the next, in inches
PICTURE = 1.3  # longer side of a picture
WORDS = 1.6  # width of the text below
GAP = 0.15  # between two rows


@style.grammar()
def pictures(images: np.ndarray, captions: Sequence[str]) -> Figure:
    """Show images in rows of five.

    Parameters
    ----------
    images : (N, H, W, C) uint8 array
        C is 1 (grey) or 3 (red, green, blue).
    captions : sequence of N strings
        Below the images.

    Returns
    -------
    Figure
        One axes an image, whose label along x is its caption.

    Raises
    ------
    TypeError, ValueError
        Images of another kind; another number of captions.
    """
    check(images, captions)
    N, H, W, _ = images.shape
    height, width = PICTURE * H / max(H, W), PICTURE * W / max(H, W)
    texts = [style.wrap(caption, WORDS) for caption in captions]
    step = height + style.LINE * (max(text.count("\n") for text in texts) + 1.5) + GAP
    rows, columns = -(-N // COLUMNS), min(N, COLUMNS)
    alt = f"{N} picture{'s' * (N > 1)}: {'; '.join(captions)}."
    figure = Figure(figsize=(columns * CELL + 2 * style.MARGIN, rows * step + 2 * style.MARGIN), alt=alt)
    for n, (image, text) in enumerate(zip(images, texts, strict=True)):
        row, column = divmod(n, columns)
        axes = style.place(figure, style.MARGIN + column * CELL, style.MARGIN + row * step, width, height)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(text, loc="left")
        axes.spines[:].set(visible=True, linewidth=0.5, color=style.QUIET)
    return figure


def check(images: np.ndarray, captions: Sequence[str]) -> None:
    """Refuse, by name, what cannot be shown."""
    checks.rank("pictures", "images", images, "N H W C")
    if images.dtype != np.uint8:
        raise TypeError(f"pictures: images is {images.dtype}; it must be uint8")
    if images.shape[3] not in (1, 3):
        raise ValueError(f"pictures: images has {images.shape[3]} channels; it must have 1 or 3")
    if len(captions) != len(images):
        raise ValueError(f"pictures: captions has {len(captions)} texts but there are {len(images)} images")
