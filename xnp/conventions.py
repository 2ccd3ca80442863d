"""What other tools print for the same network, each by its own convention, from our count: no tool is asked.

A tool's figure is a sum of parts. Each part is taken once, twice, or not at all:

    torchinfo's mult-adds = MACs + bias + gamma/beta          8,357,459,024 for the paper's network at 299x299

The weights below are read from the tools' own source: Keras 3.15 (`summary`), torchinfo 1.8 (`layer_info.py`), fvcore
0.1.5 (`jit_handles.py`), ptflops 0.7.5 (`pytorch_engine.py`, `pytorch_ops.py`, `aten_ops.py`), PyTorch 2.13
(`torch/utils/flop_counter.py`). They hold for one image and a network in inference, built of PyTorch's modules.

Two of them surprise. torchinfo takes a batch norm's *parameters* for its operations: two a channel, however many pixels
there are. ptflops with its own backend meets each ReLU and each pool twice, as a module and as the function that the
module calls, and counts both.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from xnp.count import Report, Row
from xnp.tables import Table, table


class Part(NamedTuple):
    """Something that is counted, or not."""

    name: str
    amount: Callable[[Row], int]
    words: str


class Convention(NamedTuple):
    """How a tool comes to one of its figures."""

    tool: str
    says: str  # the tool's word for what it counts
    weights: dict[str, int]  # name of a part -> how often it is taken

    @property
    def unit(self) -> Literal["number", "MAC", "FLOP"]:
        """What one of the figure really is."""
        match self.weights.get("MACs"):
            case None:
                return "number"
            case 1:
                return "MAC"
            case _:
                return "FLOP"

    def figure(self, amounts: dict[str, int]) -> int:
        """Weigh the parts and add them up."""
        return sum(weight * amounts[name] for name, weight in self.weights.items())

    def __str__(self) -> str:
        return " + ".join(name if weight == 1 else f"{weight} {name}" for name, weight in self.weights.items())


def inputs_of(kind: str) -> Callable[[Row], int]:
    """Count the numbers that go into the layers of one kind."""
    return lambda row: math.prod(row.input_shape) if row.kind == kind else 0


def extra(name: str) -> Callable[[Row], int]:
    """Count operations of one of `count.EXTRAS`."""
    return lambda row: row.elementwise.get(name, 0)


PARTS = (
    Part("trained", lambda row: row.trainable, "numbers that training changes by gradient"),
    Part("moving", lambda row: row.non_trainable, "numbers that follow the batches: moving means and variances"),
    Part("MACs", lambda row: row.macs, "multiply-accumulates of convolutions and dense layers"),
    Part("bias", extra("bias"), "additions, 1 for each output of a layer with bias"),
    Part("batch norm", extra("batch_norm"), "operations, 2 for each number: scale and shift"),
    Part(
        "gamma/beta",
        lambda row: row.trainable if row.kind == "BatchNorm" else 0,
        "batch norm's parameters, 2 for each channel",
    ),
    Part("ReLU", inputs_of("ReLU"), "comparisons, 1 for each number"),
    Part("max pool", inputs_of("MaxPool2D"), "numbers that go in"),
    Part("global pool", inputs_of("GlobalAveragePool2D"), "numbers that go in"),
)

CONVENTIONS = (
    Convention("Keras", "Total params", {"trained": 1, "moving": 1}),
    Convention("Keras", "Trainable params", {"trained": 1}),
    Convention("Keras", "Non-trainable params", {"moving": 1}),
    Convention("torchinfo", "Total params", {"trained": 1}),
    Convention("xnp", "MACs", {"MACs": 1}),
    Convention("ptflops, backend aten", "MACs", {"MACs": 1, "bias": 1}),
    Convention("torchinfo", "mult-adds", {"MACs": 1, "bias": 1, "gamma/beta": 1}),
    Convention("fvcore", "flops", {"MACs": 1, "batch norm": 1, "global pool": 1}),
    Convention("ptflops", "MACs", {"MACs": 1, "bias": 1, "batch norm": 1, "ReLU": 2, "max pool": 2, "global pool": 2}),
    Convention("PyTorch FlopCounterMode", "FLOP", {"MACs": 2}),
)

# What Xception is made of. How the tools count other layers was not looked up
KNOWN = "Conv2D, SeparableConv2D, BatchNorm, ReLU, MaxPool2D, GlobalAveragePool2D, Dropout, Dense, Add"


def amounts(report: Report) -> dict[str, int]:
    """Add each part up over a network.

    Parameters
    ----------
    report : Report
        Of `count`, in whichever convention.

    Returns
    -------
    dict
        Name of the part -> how many.

    Raises
    ------
    ValueError
        A layer that Xception does not have; it names the path.
    """
    for row in report.rows:
        activated = row.kind == "SeparableConv2D" and row.elementwise.get("activation")
        if activated or row.kind not in KNOWN.split(", "):
            inside = " with an activation inside" if activated else ""
            raise ValueError(
                f"conventions: {row.path or 'the model'} is a layer of kind {row.kind}{inside}; how other tools "
                f"count it is not known here. Known are {KNOWN}"
            )
    return {part.name: sum(map(part.amount, report.rows)) for part in PARTS}


def tables(report: Report) -> tuple[Table, Table]:
    """Lay out the parts of a network, and the figures that the tools make of them.

    Parameters
    ----------
    report : Report
        Of `count`, in whichever convention.

    Returns
    -------
    parts, figures : Table

    Raises
    ------
    ValueError
        A layer that Xception does not have; it names the path.
    """
    found = amounts(report)
    parts = table(["part", "how many", "what"], [[part.name, found[part.name], part.words] for part in PARTS])
    figures = table(
        ["tool", "its word", "unit", "figure", "parts that it adds up"],
        [[one.tool, one.says, one.unit, one.figure(found), str(one)] for one in CONVENTIONS],
    )
    return parts, figures


def text(report: Report) -> str:
    """Write both tables, each with its heading.

    Parameters
    ----------
    report : Report
        Of `count`, in whichever convention.

    Raises
    ------
    ValueError
        A layer that Xception does not have; it names the path.
    """
    parts, figures = tables(report)
    image = "x".join(map(str, report.input_shape))
    return f"The parts of the network, for one image of {image}:\n\n{parts}\n\nWhat each tool prints:\n\n{figures}"
