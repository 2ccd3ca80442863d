"""The Inception modules of figures 1 to 4, and all between them, drawn from a module that is built.

    a bar of cells          channels, one cell each
    an orange box           a convolution: its window, and how many channels it reads and gives

A convolution that reads segments of the channels is drawn as a box for each segment, below the cells that it reads.

>>> from xnp.models import inception
>>> print(inception_module(inception.segmented(16, 4).build((8, 8, 3))).alt)
A module from 8x8x3 to 8x8x16. conv 1x1, 3 → 16, batch norm, ReLU; 4 times 3x3, 4 → 4, batch norm, ReLU.
"""

from typing import NamedTuple

from xnp.layers import Layer, Parallel
from xnp.layers.base import Leaf
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.layers import chain, kind, moves, size, title, words
from xnp.viz.page import INPUT, OUTPUT, PLAIN, WEIGHTS, Look, Page, Point

WIDE, TOWER = 8.4, 1.55  # width of one tower alone, and of one of several, in inches
APART = 0.72  # between two towers: room for a size
BAR, BOX, BAND, DOWN = 0.15, 0.42, 0.22, 0.26  # heights of channels, a convolution, what follows it, an arrow
MOST_TOWERS = 4
NARROWEST = 0.05  # width of a cell; where channels need smaller ones, the bar has no cells
FOLLOWERS = ("BatchNorm", "ReLU", "ELU")


class Slot(NamedTuple):
    """Room for one segment; or for those that are left out, in the middle."""

    left: float
    width: float
    drawn: bool = True

    @property
    def middle(self) -> float:
        """Where its arrows start and end."""
        return self.left + self.width / 2


class Stage(NamedTuple):
    """A convolution or a pool, and what follows it number by number."""

    leaf: Leaf
    follow: tuple[str, ...]  # batch norm, activations

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape that goes in, shape that comes out."""
        assert self.leaf.input_shape is not None, "stages come from a module that is built"
        return self.leaf.input_shape, self.leaf.output_shape

    @property
    def segments(self) -> int:
        """How many parts of the channels are kept apart; 1 if all are mixed, or none."""
        return self.shapes[0][-1] if kind(self.leaf) == "DepthwiseConv2D" else getattr(self.leaf, "groups", 1)

    @property
    def channels(self) -> str:
        """How many channels one segment reads and gives."""
        return " → ".join(str(shape[-1] // self.segments) for shape in self.shapes) if self.leaf.specs else ""

    @property
    def name(self) -> str:
        """What the operation is; one of many is its window alone: there is little room."""
        name = ", ".join([title(self.leaf), *moves(self.leaf)])
        return name.removeprefix("grouped conv ").removeprefix("depthwise ") if self.segments > 1 else name

    @property
    def label(self) -> str:
        """Words in a box."""
        return f"{self.name}\n{self.channels}" if self.channels else self.name

    def slots(self, left: float, width: float) -> list[Slot]:
        """Share the width among the segments; leave some out where their words would not fit."""
        gap = 0.0 if self.segments == 1 else 0.08
        needed = max(map(style.text_width, self.label.split("\n"))) + 0.08 + gap
        room = max(int((width + gap) / needed), 3)
        count = self.segments if self.segments <= room else room - (room % 2 == 0)  # odd: the middle one is left out
        pitch = (width + gap) / count
        whole = count == self.segments
        return [Slot(left + k * pitch, pitch - gap, whole or k != count // 2) for k in range(count)]

    def tell(self) -> str:
        """Say it in words."""
        many = f"{self.segments} times " if self.segments > 1 else ""
        channels = (self.channels,) if self.channels else ()
        return many + ", ".join([self.name, *channels, *self.follow])


@style.grammar()
def inception_module(module: Layer) -> Figure:
    """Draw towers of convolutions, their segments, and the channels between them.

    Parameters
    ----------
    module : Parallel or Sequential
        Built: any form of `xnp.models.inception`. At most 4 towers. Where segments are too many, those in the middle
        are left out.

    Raises
    ------
    ValueError
        A module that is not built, too many towers, a tower that is no chain of operations.
    """
    if module.input_shape is None:
        raise ValueError("inception_module: module knows no shapes yet; call module.build(input_shape) first")
    branches = list(module.children.values()) if isinstance(module, Parallel) else [module]
    if len(branches) > MOST_TOWERS:
        raise ValueError(f"inception_module: module has {len(branches)} towers; at most {MOST_TOWERS} can be drawn")
    towers = [stages(branch) for branch in branches]
    alone = len(towers) == 1
    each = WIDE if alone else TOWER
    width = len(towers) * (each + APART) - APART
    first, last = (towers[0][0], towers[0][-1]) if alone else (None, None)

    page = Page()
    bar(page, 0, 0, width, module.input_shape, first, INPUT, "input ")
    ends = [end for k, tower in enumerate(towers) for end in draw(page, k * (each + APART), each, tower)]
    floor = page.bottom + DOWN
    for across, down in ends:
        page.arrow((across, down), (across, floor))
    if not alone:
        page.box(0, floor, width, BAND, "concatenate", PLAIN)
        page.arrow((width / 2, floor + BAND), (width / 2, floor + BAND + DOWN))
        floor += BAND + DOWN
    bar(page, 0, floor, width, module.output_shape, last, OUTPUT, "output ")
    towers_told = ". Beside it: ".join("; ".join(stage.tell() for stage in tower) for tower in towers)
    joined = "" if alone else " All are concatenated."
    return page.figure(
        f"A module from {size(module.input_shape)} to {size(module.output_shape)}. {towers_told}.{joined}"
    )


def stages(tower: Layer) -> list[Stage]:
    """Gather a tower's operations: each with the batch norm and the activations behind it."""
    found: list[Stage] = []
    for step in chain(tower):
        if not isinstance(step, Leaf):
            raise ValueError(
                f"inception_module: {step.label} is a {type(step).__name__}; a tower must be a chain of operations"
            )
        if kind(step) in FOLLOWERS and found:
            found[-1] = Stage(
                found[-1].leaf, (*found[-1].follow, "batch norm" if kind(step) == "BatchNorm" else words(step))
            )
        else:
            found.append(Stage(step, ()))
    if not found:
        raise ValueError(f"inception_module: {tower.label} holds no operation; at least one is needed")
    return found


def draw(page: Page, left: float, width: float, tower: list[Stage]) -> list[Point]:
    """Draw a tower downward; give the places where it ends."""
    ends, down = [(left + width / 2, BAR)], BAR
    for place, stage in enumerate(tower):
        slots = stage.slots(left, width)
        if place:
            for across, start in ends:
                page.arrow((across, start), (across, down + DOWN))
            bar(page, left, down + DOWN, width, stage.shapes[0], stage, INPUT)
            down += DOWN + BAR
        for slot in slots:
            if slot.drawn:
                page.arrow((slot.middle, down), (slot.middle, down + DOWN))
                look = WEIGHTS if stage.leaf.specs else PLAIN
                page.box(slot.left, down + DOWN, slot.width, BOX, stage.label, look)
            else:
                page.write(slot.middle, down + DOWN + BOX / 2, "...", size=style.LARGE, ha="center", va="center")
        down += DOWN + BOX
        if stage.follow:
            page.box(
                left,
                down + 0.05,
                width,
                BAND,
                ", ".join(stage.follow),
                WEIGHTS if "batch norm" in stage.follow else PLAIN,
            )
            down += 0.05 + BAND
        ends = [(slot.middle, down) for slot in slots if slot.drawn]
    return ends


def bar(
    page: Page,
    left: float,
    top: float,
    width: float,
    shape: tuple[int, ...],
    stage: Stage | None,
    look: Look,
    name: str = "",
) -> None:
    """Draw the channels of an array, in the segments of a stage, and write the array's shape behind them."""
    slots = stage.slots(left, width) if stage else [Slot(left, width)]
    channels = shape[-1] // (stage.segments if stage else 1)
    for slot in slots:
        if not slot.drawn:
            page.write(slot.middle, top + BAR / 2, "...", size=style.LARGE, ha="center", va="center")
            continue
        cells = channels if slot.width / channels >= NARROWEST else 1
        for k in range(cells):
            page.cell(slot.left + k * slot.width / cells, top, slot.width / cells, BAR, look)
    page.write(left + width + 0.08, top + BAR / 2, f"{name}{size(shape)}", va="center")
