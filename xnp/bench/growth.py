"""How time and memory grow with batch, width, depth, image and workers: `xnp bench --growth`.

From one network, `BASE`, one thing grows at a time. The engine and the plain operations show it side by side.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xnp.bench.contestants import CONTESTANTS, Contestant
from xnp.bench.machine import conditions
from xnp.bench.measure import Result, measure
from xnp.bench.report import Report, megabytes
from xnp.bench.work import Work
from xnp.tables import Table, table

BASE = Work(model="scaled", batch=16)
PARTS: dict[str, tuple[int, ...]] = {  # a field of Work, or the workers, and its values
    "batch": (16, 32, 64, 128, 256),
    "width": (1, 2, 4),
    "depth": (1, 3, 6, 12),
    "size": (32, 64, 128),
    "workers": (1, 2),
}
WHO = ("xnp engine", "xnp plain")
Measured = dict[tuple[Work, int], list[Result]]


def grow(
    *,
    workers: int,
    rounds: int,
    command: str,
    base: Work = BASE,
    parts: Mapping[str, Sequence[int]] = PARTS,
    names: Sequence[str] = WHO,
) -> Report:
    """Measure the training step at every value of every part.

    Parameters
    ----------
    workers : int
        Cores for each contestant, where they are not what grows.
    rounds : int
        Turns of each contestant at each value.
    command : str
        Is recorded.
    base : Work
        What stays while one thing grows.
    parts : mapping of str to sequence of int
        "batch", "width", "depth", "size" or "workers" -> rising values.
    names : sequence of str
        Contestants.

    Raises
    ------
    BenchError
        A contestant stopped, or computes something else than the first one.
    """
    from tqdm import tqdm

    from xnp import viz

    contestants = [one for one in CONTESTANTS if one.name in names]
    points = dict.fromkeys(point(base, part, value, workers) for part, values in parts.items() for value in values)
    measured = {
        (work, cores): measure(contestants, work, workers=cores, rounds=rounds)
        for work, cores in tqdm(points, desc="points", leave=False, disable=None)
    }
    grown = {
        part: {value: measured[point(base, part, value, workers)] for value in values} for part, values in parts.items()
    }
    title = f"from {base}; {workers} cores; medians of {rounds} rounds"
    record = {
        **conditions(command),
        "base": base._asdict(),
        "workers": workers,
        "rounds": rounds,
        "points": [
            {"part": part, "value": value, "results": [one.record(results[0]) for one in results]}
            for part, by_value in grown.items()
            for value, results in by_value.items()
        ],
    }
    figure = viz.growth([panel(part, by_value) for part, by_value in grown.items()])
    return Report("growth", {title: as_table(grown, contestants)}, [], record, figure)


def point(base: Work, part: str, value: int, workers: int) -> tuple[Work, int]:
    """Say what is measured at one value: the work, and the cores for it."""
    if part == "workers":
        return base, value
    return base._replace(**{part: value}), workers  # type: ignore[arg-type]


def as_table(grown: dict[str, dict[int, list[Result]]], contestants: Sequence[Contestant]) -> Table:
    """Show a row for each value: time and memory of each contestant, and how much the first one is faster."""
    names = [one.name for one in contestants]
    rows: list[list[str | float]] = []
    for part, by_value in grown.items():
        for value, results in by_value.items():
            costs = [cell for one in results for cell in (f"{one.ms:,.0f}", megabytes(one.megabytes))]
            rows.append([part, value, *costs, *(f"{one.against(results[0]).median:.2f}" for one in results[1:])])
    header = [f"{name}, {unit}" for name in names for unit in ("ms", "MB")]
    return table(["", "", *header, *(f"time of {name} / {names[0]}'s" for name in names[1:])], rows)


def panel(part: str, by_value: dict[int, list[Result]]) -> Any:
    """Make one part of the picture."""
    from xnp import viz

    columns = list(zip(*by_value.values(), strict=True))  # one for each contestant
    names = {
        "batch": "images in a batch",
        "width": "width, times",
        "depth": "middle blocks",
        "size": "pixels, each way",
    }
    ms = {column[0].name: [one.ms for one in column] for column in columns}
    held = {column[0].name: [one.megabytes for one in column] for column in columns}
    known = all(megabytes is not None for values in held.values() for megabytes in values)
    return viz.Growth(names.get(part, part), tuple(by_value), ms, held if known else {})
