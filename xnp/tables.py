"""A table that a notebook shows as a table, and print as aligned text.

>>> table(["", "parameters", "MACs"], [["standard", 432, 27648], ["separable", 75, 4800]])
           parameters    MACs
standard          432  27,648
separable          75   4,800
"""

from collections.abc import Sequence
from numbers import Integral
from typing import NamedTuple


class Table(NamedTuple):
    """Cells that are written already. Jupyter shows them as a table when they are a cell's last value."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]  # which columns stand at the right

    def __repr__(self) -> str:
        lines = (self.header, *self.rows)
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.header))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, self.right, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_markdown_(self) -> str:
        rule = tuple("---:" if right else ":---" for right in self.right)
        return "\n".join(f"| {' | '.join(line)} |" for line in (self.header, rule, *self.rows))


def table(header: Sequence[str], rows: Sequence[Sequence[str | float]]) -> Table:
    """Lay out a table.

    Parameters
    ----------
    header : sequence of str
        A name for each column; it may be empty.
    rows : sequence of rows
        Words, which may be Markdown, and numbers: whole ones are written with commas, others with three digits. A
        column stands at the right if all its cells are numbers, words that begin with a digit, or empty.

    Raises
    ------
    ValueError
        A row of another length than the header.
    """
    for place, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(f"table: rows[{place}] has {len(row)} cells but header has {len(header)}; they must agree")
    right = tuple(bool(rows) and all(is_number(row[k]) for row in rows) for k in range(len(header)))
    return Table(tuple(header), tuple(tuple(map(written, row)) for row in rows), right)


def is_number(cell: str | float) -> bool:
    """Say whether a cell is, or begins as, a number.

    >>> is_number(2.5), is_number("85.5 %"), is_number(""), is_number("none")
    (True, True, True, False)
    """
    return not isinstance(cell, str) or not cell or cell[0].isdigit()


def written(cell: str | float) -> str:
    """Write one cell.

    >>> written("a"), written(27648), written(368.64), written(0.5)
    ('a', '27,648', '369', '0.5')
    """
    if isinstance(cell, str):
        return cell
    return f"{cell:,}" if isinstance(cell, Integral) else f"{cell:.3g}"
