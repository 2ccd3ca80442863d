"""The Inception modules of figures 1 to 4, and all between them, drawn from a module that is built.

    a bar of cells          channels, one cell each
    an orange box           a convolution: which window, how many channels it reads and gives

A convolution that reads segments of the channels is drawn as a box for each segment, below the cells that it reads.

>>> from xnp.models import inception
>>> print(inception_module(inception.segmented(16, 4).build((8, 8, 3))).alt)
An Inception module. 8x8x3 becomes conv 1x1, 16, BN, ReLU; 4 times 3x3, each from 4 to 4 channels, BN, ReLU;
joined to 8x8x16.
"""

from collections.abc import Iterable
from typing import NamedTuple

from xnp.layers import Layer, Parallel
from xnp.layers.base import Leaf
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.layers import chain, kind, size, window_of, words
from xnp.viz.page import INPUT, OUTPUT, PLAIN, WEIGHTS, Look, Page, Point

Shape = tuple[int, ...]

WIDE = 6.6  # of a module with one tower, in inches
TOWER = 1.62  # of each of several towers
APART = 0.3  # between two towers
BOX, BAR, FOLLOW = 0.44, 0.14, 0.22  # heights: a convolution, a bar of channels, what follows a convolution
DOWN = 0.3  # between two rows
MOST_SEGMENTS, MOST_CELLS, MOST_TOWERS = 12, 64, 6


class Stage(NamedTuple):
    """A convolution or a pool, and what follows it number by number."""

    leaf: Leaf
    follow: list[str]  # batch norm, activations

    @property
    def segments(self) -> int:
        """How many parts of the channels know nothing of each other; 1 if all are mixed."""
        if kind(self.leaf) == "DepthwiseConv2D":
            return self.leaf.input_shape[-1]
        return getattr(self.leaf, "groups", 1)


@style.grammar()
def inception_module(module: Layer) -> Figure:
    """Draw towers of convolutions, their segments, and the channels between them.

    Parameters
    ----------
    module : Parallel or Sequential
        Built: any of `xnp.models.inception`. At most 6 towers. Of more than 12 segments the first and the last are
        drawn.

    Raises
    ------
    ValueError
        A module that is not built, that has too many towers, or in a tower more than operations in a chain.
    """
    if module.input_shape is None:
        raise ValueError("inception_module: module knows no shapes yet; call module.build(input_shape) first")
    branches = list(module.children.values()) if isinstance(module, Parallel) else [module]
    if len(branches) > MOST_TOWERS:
        raise ValueError(f"inception_module: module has {len(branches)} towers; at most {MOST_TOWERS} can be drawn")
    towers = [stages(branch) for branch in branches]
    each = WIDE if len(towers) == 1 else TOWER
    width = len(towers) * each + (len(towers) - 1) * APART

    page = Page()
    inside, outside = module.input_shape, module.output_shape
    page.write(width / 2, 0.1, f"input {size(inside)}", ha="center", va="center")
    bar(page, 0, 0.22, width, [inside[-1]], INPUT)
    ends: list[list[Point]] = []
    for k, tower in enumerate(towers):
        ends.append(draw_tower(page, k * (each + APART), each, tower, 0.22 + BAR))
    floor = page.bottom + DOWN + 0.12
    parts = [part for tower in towers for part in ([tower[-1].leaf.output_shape[-1] // n] * n if (n := tower[-1].segments) > 1 else [tower[-1].leaf.output_shape[-1]])]
    bar(page, 0, floor, width, parts if len(parts) > 1 else [outside[-1]], OUTPUT)
    for across, down in (end for some in ends for end in some):
        page.arrow((across, down), (across, floor))
    joined = "concatenate: " if len(parts) > 1 else ""
    page.write(width / 2, floor + BAR + 0.14, f"{joined}{size(outside)}", ha="center", va="center")
    told = ". Beside it, ".join("; ".join(map(tell, tower)) for tower in towers)
    return page.figure(f"An Inception module. {size(inside)} becomes {told};\njoined to {size(outside)}.")
