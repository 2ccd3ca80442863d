"""One piece of work, all contestants: `xnp bench`."""

from collections.abc import Sequence
from typing import Any

from xnp.bench.contestants import NAMES, Contestant, entrants
from xnp.bench.machine import conditions
from xnp.bench.measure import Result, measure
from xnp.bench.report import Report, megabytes
from xnp.bench.turns import BenchError
from xnp.bench.work import Work, network
from xnp.tables import Table, table


def compare(
    work: Work, *, names: Sequence[str] = NAMES, against: str | None = None, workers: int, rounds: int, command: str
) -> Report:
    """Measure a piece of work by all who can do it.

    Parameters
    ----------
    work : Work
    names : sequence of str
        Who shall take part.
    against : str, optional
        Whose time the others' are divided by; the first one's, if not given.
    workers : int
        Cores that each may use.
    rounds : int
        Turns of each.
    command : str
        Is recorded.

    Raises
    ------
    BenchError
        Nobody can do it, or not the one that the others are to be measured against; a contestant stopped.
    """
    network(work)  # a size that is too small for it is refused here, and not by each contestant
    able, left_out = entrants(work.what, names)
    if not able:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise BenchError(f"nobody can do it ({reasons})")
    against = against or able[0].name
    if against not in [contestant.name for contestant in able]:
        reason = left_out.get(against, "it does not take part")
        raise BenchError(f"nothing can be measured against {against}: {reason}")
    return report(work, able, left_out, measure(able, work, workers=workers, rounds=rounds), against, workers, command)


def report(
    work: Work,
    contestants: Sequence[Contestant],
    left_out: dict[str, str],
    results: Sequence[Result],
    against: str,
    workers: int,
    command: str,
) -> Report:
    """Put the results into a table, a record and a picture."""
    from xnp import viz

    reference = next(result for result in results if result.name == against)
    rounds = len(reference.seconds)
    title = f"{work}; {workers} cores; medians of {rounds} rounds"
    notes = [
        f"{one.name}: {result.images} images a step, its time times {work.batch / result.images:g}; {one.differs}"
        for one, result in zip(contestants, results, strict=True)
        if one.differs
    ]
    notes += [f"left out: {name} ({reason})" for name, reason in left_out.items()]
    record: dict[str, Any] = {
        **conditions(command),
        "work": work._asdict(),
        "workers": workers,
        "rounds": rounds,
        "results": [result.record(reference) for result in results],
        "left_out": left_out,
    }
    groups = [viz.Bars("Time for a batch", "ms", {one.name: one.ms for one in results}, against)]
    if reference.megabytes:
        held = {one.name: one.megabytes for one in results if one.megabytes}
        groups.append(viz.Bars("Peak memory", "MB", held, against))
    tables = {title: as_table(results, reference)}
    return Report(f"{work.what}-{work.model}", tables, notes, record, viz.bars(groups))


def as_table(results: Sequence[Result], reference: Result) -> Table:
    """Lay the results out: a time ratio above 1 means that the reference is faster."""
    rows = []
    for result in results:
        against = result.against(reference)
        rows.append(
            [
                result.name,
                f"{result.ms:.1f}",
                f"{result.images_per_second:.1f}",
                megabytes(result.megabytes),
                f"{against.median:.2f}",
                f"{against.low:.2f} to {against.high:.2f}",
            ]
        )
    return table(["", "ms", "images/s", "peak MB", f"time / {reference.name}'s", "95 % interval"], rows)
