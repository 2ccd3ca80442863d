"""What a measurement leaves behind: a folder of its own, with the numbers and a picture."""

from pathlib import Path
from typing import Any, NamedTuple

from xnp import files
from xnp.tables import Table

NUMBERS, PICTURE = "bench.json", "bench.png"


class Report(NamedTuple):
    """A measurement, ready to be shown."""

    name: str  # of its folder, without the number
    tables: dict[str, Table]  # title -> table, for the screen
    notes: list[str]  # below them
    record: dict[str, Any]  # for the JSON file: the numbers and how they were made
    figure: Any  # of xnp.viz

    def __str__(self) -> str:
        return "\n\n".join([*(f"{title}\n{table}" for title, table in self.tables.items()), *self.notes])


def write(report: Report) -> Path:
    """Write numbers and picture into a new folder; give the folder."""
    from xnp import viz

    folder = new_folder(report.name)
    folder.mkdir(parents=True)
    files.write_json(folder / NUMBERS, report.record)
    viz.save(report.figure, folder / PICTURE)
    return folder


def new_folder(name: str) -> Path:
    """Choose a folder that is not there yet: bench/NAME-1, -2, ..."""
    number = 1
    while (folder := Path("bench") / f"{name}-{number}").exists():
        number += 1
    return folder


def megabytes(memory: float | None) -> str:
    """Write memory in a table; nothing where it is not known.

    >>> megabytes(1234.5), megabytes(None)
    ('1,234', '')
    """
    return "" if memory is None else f"{memory:,.0f}"
