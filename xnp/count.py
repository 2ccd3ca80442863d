"""Parameters and operations of a network, layer by layer, from shapes alone: no array is made.

The same network is listed with different totals in different places. The network never differs, the convention does:

    unit       MAC, one multiply-accumulate, or FLOP, one multiplication or one addition: 1 MAC = 2 FLOP
    include    what is counted beside the products of convolutions and dense layers: nothing, or any of
               bias, batch_norm (2 a number: scale and shift), activation, pool, add

So the convention is an argument, and it stands in the header of every table. What other tools print, and why, stands
in `xnp.conventions`.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Shape = tuple[int, ...]
Unit = Literal["MAC", "FLOP"]
EXTRAS = ("bias", "batch_norm", "activation", "pool", "add")


class Row(NamedTuple):
    """One operation of a network, for one image."""

    path: str
    kind: str
    input_shape: Shape  # of the first input, where there are several
    output_shape: Shape
    trainable: int
    non_trainable: int
    macs: int
    elementwise: dict[str, int]  # kind of the other operations (EXTRAS; "dropout" never counts) -> how many

    @property
    def activations(self) -> int:
        """Numbers in the output."""
        return math.prod(self.output_shape)


class Countable(Protocol):
    """What can be counted: any built layer."""

    input_shape: Shape | None

    def rows(self, input_shape: Shape) -> tuple[list[Row], Shape]:
        """Count one image of `input_shape`."""


@dataclass(frozen=True)
class Report:
    """The count of a network for one image. `str(report)` is the table."""

    rows: list[Row]
    input_shape: Shape
    unit: Unit
    include: tuple[str, ...]

    @property
    def trainable(self) -> int:
        """Numbers that training changes by gradient."""
        return sum(row.trainable for row in self.rows)

    @property
    def non_trainable(self) -> int:
        """Moving statistics."""
        return sum(row.non_trainable for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and dense layers, whatever the convention."""
        return sum(row.macs for row in self.rows)

    @property
    def activations(self) -> int:
        """Numbers in all outputs together."""
        return sum(row.activations for row in self.rows)

    @property
    def total(self) -> int:
        """Operations in the report's own convention."""
        return sum(self.operations(row) for row in self.rows)

    def operations(self, row: Row) -> int:
        """Count one row in the report's own convention."""
        extras = sum(row.elementwise.get(name, 0) for name in self.include)
        return row.macs * (2 if self.unit == "FLOP" else 1) + extras

    def convention(self) -> str:
        """Say in two lines what is counted."""
        unit = "MAC = 1 multiply-accumulate" if self.unit == "MAC" else "FLOP = 1 operation, a multiply-accumulate is 2"
        left_out = [name for name in EXTRAS if name not in self.include]
        return (
            f"one image of {'x'.join(map(str, self.input_shape))}; {unit}\n"
            f"{self.unit}s: of convolutions and dense layers"
            + "".join(f" + {name}" for name in self.include)
            + (f", not of {', '.join(left_out)}" if left_out else "")
            + "; parameters: all"
        )

    def __str__(self) -> str:
        """Lay the table out: header, a line for each operation, totals."""
        whole = max(self.total, 1)
        lines = [("layer", "kind", "output", "parameters", f"{self.unit}s", f"share of {self.unit}s")]
        for row in self.rows:
            amount = self.operations(row)
            lines.append(
                (
                    row.path,
                    row.kind,
                    "x".join(map(str, row.output_shape)),
                    f"{row.trainable + row.non_trainable:,}",
                    f"{amount:,}",
                    f"{100 * amount / whole:.1f} %",
                )
            )
        lines.append(("total", "", "", f"{self.trainable + self.non_trainable:,}", f"{self.total:,}", "100.0 %"))
        widths = [max(len(line[k]) for line in lines) for k in range(6)]
        text = [
            "  ".join(
                cell.ljust(w) if k < 3 else cell.rjust(w) for k, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        rule = "-" * len(text[0])
        return "\n".join(
            [
                f"Counted for {self.convention()}",
                rule,
                text[0],
                rule,
                *text[1:-1],
                rule,
                text[-1],
                f"parameters: {self.trainable:,} trainable, {self.non_trainable:,} not (moving statistics)",
            ]
        )


def count(
    model: Countable, input_shape: Shape | None = None, *, unit: Unit = "MAC", include: Collection[str] = ()
) -> Report:
    """Count a network for one image.

    Parameters
    ----------
    model : Layer
        Built: it knows its shapes.
    input_shape : tuple of int, optional
        (H, W, C) of the image; the model's own where it is left out.
    unit : "MAC" or "FLOP"
    include : names of EXTRAS
        What is counted beside the products of convolutions and dense layers.

    Returns
    -------
    Report
        With .trainable, .non_trainable, .macs, .total, .activations and .rows.

    Raises
    ------
    ValueError
        A model that is not built, an unknown unit or extra.
    """
    if model.input_shape is None:
        raise ValueError("count: the model knows no shapes yet; call model.build(input_shape) first")
    if unit not in ("MAC", "FLOP"):
        raise ValueError(f'count: unit is {unit!r}; it must be "MAC" or "FLOP"')
    unknown = [name for name in include if name not in EXTRAS]
    if unknown:
        raise ValueError(f"count: include has {', '.join(map(repr, unknown))}; known are {', '.join(EXTRAS)}")
    shape = model.input_shape if input_shape is None else tuple(input_shape)
    return Report(model.rows(shape)[0], shape, unit, tuple(name for name in EXTRAS if name in include))
