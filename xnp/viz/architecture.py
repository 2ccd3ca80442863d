"""Figure 5 of the paper, drawn from a model that is built: what stands in the drawing is what the model runs.

    entry flow      middle flow      exit flow

Each flow runs downward. Beside every block is its skip; where the two ways meet is a plus.

>>> from xnp import models
>>> figure = architecture(models.tiny_xception())
>>> print(figure.alt.split(": ")[0])
Architecture in three flows, from 32x32x3 to 10
"""

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

from xnp.count import count
from xnp.layers import Layer, Residual, Sequential
from xnp.layers.base import Leaf
from xnp.viz import style
from xnp.viz.figure import Figure
from xnp.viz.layers import chain, kind, outline, size, words
from xnp.viz.page import INPUT, OUTPUT, PLAIN, WEIGHTS, Look, Page

Shape = tuple[int, ...]

FLOWS = ("entry flow", "middle flow", "exit flow")
LEGEND = "orange: has weights   ·   BN: batch norm   ·   plus: the block's two ways are added   ·   sizes: H x W x C"
BOX = 0.23  # height of an operation
STEP = 0.11  # between two operations of one size
SIZED = 0.27  # where the size changes: room to write it
PLUS = 0.075  # radius of the sign of an addition
PAD = 0.1  # round a block
ROUND = 0.14  # between the operations of a block and the way round them
BETWEEN = 0.3  # between two flows
SIZE = style.INPUT  # colour of the sizes: they are of data


class Box(NamedTuple):
    """An operation as it is drawn."""

    text: str
    shape: Shape  # of its output
    look: Look


class Part(NamedTuple):
    """Operations one after the other; a block if there is a way round them."""

    boxes: list[Box]
    skip: list[Box] | None  # None: there is no way round them; empty: the identity
    times: int  # how many of them follow each other


@style.grammar()
def architecture(model: Sequential) -> Figure:
    """Draw a network in its three flows, with sizes and skips. Blocks that are alike are drawn once, with their number.

    Parameters
    ----------
    model : Sequential
        Built, with children "middle" and "exit": any of `xnp.models`. What comes before "middle" is the entry flow.

    Raises
    ------
    ValueError
        A model without these parts, or one that is not built.
    """
    if model.input_shape is None:
        raise ValueError("architecture: model knows no shapes yet; call model.build(input_shape) first")
    flows = [parts(flow) for flow in split(model)]
    report = count(model)
    shapes = [report.input_shape, *(flow[-1].boxes[-1].shape for flow in flows)]
    page = Page()
    totals = f"{report.trainable:,} trainable parameters, {report.macs:,} multiply-accumulates for one image"
    page.write(0, 0, totals, size=style.LARGE)
    left = 0.0
    for k, (name, flow) in enumerate(zip(FLOWS, flows, strict=True)):
        left = BETWEEN + draw(page, left, name, flow, shapes[k], shapes[k + 1], INPUT if k < 2 else OUTPUT)
    page.write(0, page.bottom + 0.15, LEGEND)
    told = "; ".join(f"{name}: {tell(flow)}" for name, flow in zip(FLOWS, flows, strict=True))
    return page.figure(f"Architecture in three flows, from {size(shapes[0])} to {size(shapes[-1])}: {told}. {totals}.")


def split(model: Sequential) -> list[list[Layer]]:
    """Cut a model into its three flows."""
    names = list(getattr(model, "children", {}))
    if not {"middle", "exit"} <= set(names) or not 0 < names.index("middle") < names.index("exit"):
        raise ValueError(f'architecture: model has the children {names}; among them must be "middle", then "exit"')
    cuts = [0, names.index("middle"), names.index("exit"), len(names)]
    layers = list(model.children.values())
    flows = [[step for layer in layers[a:b] for step in chain(layer)] for a, b in pairwise(cuts)]
    for name, flow in zip(FLOWS, flows, strict=True):
        if not flow:
            raise ValueError(f"architecture: the {name} of model holds no operation; at least one is needed")
    return flows


def parts(steps: Iterable[Layer]) -> list[Part]:
    """Gather operations between blocks, and blocks that are alike."""
    found = []
    for _, group in groupby(steps, key=lambda step: outline(step) if isinstance(step, Residual) else None):
        first, *others = some = list(group)
        if not isinstance(first, Residual):
            found.append(Part(boxes(some), None, 1))
        else:
            skip = [] if first.skip is None else boxes(chain(first.skip))
            found.append(Part(boxes(chain(first.main)), skip, 1 + len(others)))
    return found


def boxes(steps: Iterable[Layer]) -> list[Box]:
    """Name operations. A batch norm shares the box of what it follows."""
    found: list[Box] = []
    for step in steps:
        if not isinstance(step, Leaf):
            raise ValueError(
                f"architecture: {step.label} is a {type(step).__name__}; a flow must hold operations and Residual "
                "blocks, and a block operations alone"
            )
        if kind(step) == "BatchNorm" and found:
            found[-1] = found[-1]._replace(text=found[-1].text + " · BN")
        else:
            found.append(Box(words(step), step.output_shape, WEIGHTS if step.specs else PLAIN))
    return found


def draw(page: Page, left: float, name: str, flow: list[Part], first: Shape, last: Shape, end: Look) -> float:
    """Draw a flow from its left edge, downward; give its right edge."""
    lane = max((skip_width(part.skip) for part in flow if part.skip is not None), default=0.0)
    width = max(style.text_width(box.text) for part in flow for box in part.boxes) + 0.2
    column = Column(page, left + PAD + lane, width, 0.89, first)
    page.write(column.left, 0.38, name, size=style.LARGE)
    page.box(column.left, column.down - BOX, width, BOX, size(first), INPUT)
    for part in flow:
        if part.skip is None:
            column.run(part.boxes)
        else:
            column.block(part, left)
    column.shown = last  # the last box says it
    column.arrow()
    page.box(column.left, column.down, width, BOX, size(last), end)
    most = max(part.times for part in flow)
    return column.left + width + PAD + (0.1 + style.text_width(times(most), style.LARGE) if most > 1 else 0)


class Column:
    """Where the drawing of a flow has come to: the place, and the shape of what is there."""

    def __init__(self, page: Page, left: float, width: float, down: float, shape: Shape) -> None:
        self.page, self.left, self.width, self.middle = page, left, width, left + width / 2
        self.down, self.shape, self.shown = down, shape, shape

    def arrow(self) -> None:
        """Go down to the next box; write the size if it is a new one."""
        start, self.down = self.down, self.down + (STEP if self.shape == self.shown else SIZED)
        self.page.arrow((self.middle, start), (self.middle, self.down))
        if self.shape != self.shown:
            self.page.write(self.middle + 0.1, (start + self.down) / 2, size(self.shape), va="center", colour=SIZE)
        self.shown = self.shape

    def run(self, boxes: list[Box]) -> None:
        """Draw operations one below the other."""
        for box in boxes:
            self.arrow()
            self.page.box(self.left, self.down, self.width, BOX, box.text, box.look)
            self.down, self.shape = self.down + BOX, box.shape

    def block(self, part: Part, left: float) -> None:
        """Draw operations with a way round them, on the left, and the plus where both meet."""
        top = self.down + PAD
        fork = top + PAD
        self.page.line((self.middle, self.down), (self.middle, fork))
        self.down = fork
        self.run(part.boxes)
        self.arrow()
        plus = self.down + PLUS
        lane = (left + PAD + self.left - ROUND) / 2 if part.skip else self.left - ROUND
        rest = (lane, fork)
        if part.skip:
            text = stacked(part.skip)
            wide, tall = skip_width(part.skip) - ROUND, (text.count("\n") + 1) * style.LINE + 0.12
            top_of_box = (fork + plus - tall) / 2
            self.page.arrow((self.middle, fork), (lane, fork), (lane, top_of_box))
            self.page.box(lane - wide / 2, top_of_box, wide, tall, text, part.skip[0].look)
            rest = (lane, top_of_box + tall)
        else:
            self.page.line((self.middle, fork), rest)
        self.page.arrow(rest, (lane, plus), (self.middle - PLUS, plus))
        self.page.plus(self.middle, plus, PLUS)
        self.down = plus + PLUS + PAD / 2
        self.page.line((self.middle, plus + PLUS), (self.middle, self.down))
        edge = self.left + self.width + PAD
        self.page.back(left if part.skip else lane - PAD, top, edge, self.down)
        if part.times > 1:
            self.page.write(edge + 0.08, (top + self.down) / 2, times(part.times), size=style.LARGE, va="center")


def stacked(skip: list[Box]) -> str:
    """Break the words of a skip into short lines."""
    return "\n".join(box.text.replace(", stride", "\nstride") for box in skip)


def skip_width(skip: list[Box]) -> float:
    """Room for a skip and its line, left of the operations."""
    return ROUND + (max(map(style.text_width, stacked(skip).split("\n"))) + 0.16 if skip else 0.1)


def times(number: int) -> str:
    """Write how many blocks follow each other."""
    return f"× {number}"


def tell(flow: list[Part]) -> str:
    """Say in words what a flow runs."""
    told = []
    for part in flow:
        run = ", ".join(box.text for box in part.boxes)
        skip = "the identity" if not part.skip else ", ".join(box.text for box in part.skip)
        many = f"{part.times} blocks" if part.times > 1 else "a block"
        told.append(run if part.skip is None else f"{many} ({run}) beside {skip}")
    return "; then ".join(told) + f"; gives {size(flow[-1].boxes[-1].shape)}"
