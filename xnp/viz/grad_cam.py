"""Where a class finds its evidence: Grad-CAM's maps beside the image, and the image where the maps are large.

    image    map of class a    map of class b       green: the darker, the more evidence; a square is one number
             image through a   image through b      where there is no evidence, the image fades into white

>>> figure = grad_cam(np.zeros((8, 8, 3), np.uint8), {"cat": np.eye(2), "dog": np.zeros((2, 2))})
>>> figure.alt
'Grad-CAM for one image. cat: from 0 to 1, most at row 0, column 0 of 2x2. dog: 0 everywhere.'
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from xnp import checks
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.panels import number

SIDE = 1.7  # longer side of a picture, in inches
GAP = 0.15


@style.grammar()
def grad_cam(image: np.ndarray, maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw one or several of Grad-CAM's maps of one image.

    Parameters
    ----------
    image : (H, W, C) uint8 array
        As it is, not standardised; C is 1 (grey) or 3.
    maps : dict of str to (H', W') array
        Caption -> map, nothing below zero: `xnp.inside.grad_cam(...).map[0]`. All share one scale, so that classes can
        be compared. Where the units differ, as between two places of the network, divide first.

    Returns
    -------
    Figure
        Axes: the image; then for each map the map itself, and the image through it.

    Raises
    ------
    TypeError, ValueError
        An image or a map of another kind; no map.
    """
    check(image, maps)
    H, W, _ = image.shape
    height, width = SIDE * H / max(H, W), SIDE * W / max(H, W)
    column = max(width, 1.2) + GAP
    captions = {name: style.wrap(name, column - GAP) for name in maps}
    words = style.LINE * (1.5 + max(text.count("\n") for text in captions.values()))
    margin, largest = style.MARGIN, max(float(cam.max()) for cam in maps.values())
    scale = f"Green: evidence, from 0 (white) to {number(largest)} (dark). Below: the image where there is some."
    scale = style.wrap(scale, column - 2 * GAP)
    below = max(height, style.LINE * (scale.count("\n") + 2))
    size = (1 + len(maps)) * column - GAP + 2 * margin, words + height + GAP + below + 2 * margin
    figure = Figure(figsize=size, alt=in_words(maps))
    show(style.place(figure, margin, margin + words, width, height), image)
    style.write(figure, margin, margin + words + height + GAP, scale)
    for k, (name, cam) in enumerate(maps.items(), 1):
        left, top = margin + k * column, margin + words
        style.write(figure, left, margin, captions[name])
        plain = style.place(figure, left, top, width, height)
        show(plain, image)
        norm = Normalize(0, largest or 1.0)
        plain.imshow(cam, cmap=style.SHARE, norm=norm, extent=(-0.5, W - 0.5, H - 0.5, -0.5), interpolation="nearest")
        through = style.place(figure, left, top + height + GAP, width, height)
        show(through, image)
        veil = np.ones((*cam.shape, 4))
        veil[..., 3] = 1 - norm(cam)  # white; the less evidence, the less it lets through
        through.imshow(veil, extent=(-0.5, W - 0.5, H - 0.5, -0.5), interpolation="bilinear")
    return figure


def show(axes: Axes, image: np.ndarray) -> None:
    """Draw the image."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, linewidth=0.5, color=style.QUIET)


def in_words(maps: Mapping[str, np.ndarray]) -> str:
    """Say where each map is largest."""
    said = []
    for name, cam in maps.items():
        row, column = np.unravel_index(cam.argmax(), cam.shape)
        most = f"most at row {row}, column {column} of {cam.shape[0]}x{cam.shape[1]}"
        said.append(
            f"{name}: from {number(cam.min())} to {number(cam.max())}, {most}" if cam.any() else f"{name}: 0 everywhere"
        )
    return f"Grad-CAM for one image. {'. '.join(said)}."


def check(image: np.ndarray, maps: Mapping[str, np.ndarray]) -> None:
    """Refuse, by name, what cannot be drawn."""
    checks.rank("grad_cam", "image", image, "H W C")
    if image.dtype != np.uint8:
        raise TypeError(f"grad_cam: image is {image.dtype}; it must be uint8")
    if image.shape[2] not in (1, 3):
        raise ValueError(f"grad_cam: image has {image.shape[2]} channels; it must have 1 or 3")
    if not maps:
        raise ValueError("grad_cam: maps is empty; at least one is needed")
    for name, cam in maps.items():
        checks.rank("grad_cam", f"maps[{name!r}]", cam, "H W")
        if not (np.isfinite(cam).all() and cam.min() >= 0):
            raise ValueError(
                f"grad_cam: maps[{name!r}] has {cam.min():.3g}; it must be finite, with nothing below zero"
            )
