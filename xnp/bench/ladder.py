"""From naive NumPy to the engine: `xnp bench --ladder`. Each rung makes one change; its gain is measured, not told.

The first ladder is the whole training step. The others are what the engine does inside its layers (`xnp.bench.rungs`).
"""

from typing import Any, NamedTuple

from xnp.bench.contestants import CONTESTANTS, Contestant
from xnp.bench.machine import conditions
from xnp.bench.measure import Result, measure
from xnp.bench.report import Report, megabytes
from xnp.bench.work import Work
from xnp.tables import Table, table

IMAGES_OF_THE_LOOPS = 64  # of as many, one is computed: all would take a minute


class Rung(NamedTuple):
    """One way, and what it changed against the rung before."""

    contestant: Contestant
    change: str


class Ladder(NamedTuple):
    """Rungs that do the same work, from the slowest idea to the best."""

    title: str
    work: Work
    rungs: tuple[Rung, ...]


def whole(name: str, workers: int | None, change: str, label: str = "") -> Rung:
    """Make a rung of a contestant of `xnp bench`."""
    contestant = next(one for one in CONTESTANTS if one.name == name)
    return Rung(contestant._replace(name=label or name, workers=workers), change)


def layer(rung: str, change: str, share: int = 1) -> Rung:
    """Make a rung of one layer, on one core."""
    one = Contestant(rung, "xnp.bench.rungs:prepare", {"rung": rung}, does=("layer",), share=share, workers=1)
    return Rung(one, change)


def ladders(batch: int = 64) -> tuple[Ladder, ...]:
    """List all ladders."""
    one_layer = Work("layer", size=16, batch=batch)
    return (
        Ladder(
            "Whole network",
            Work(batch=batch),
            (
                whole("naive numpy", 1, "im2col, and a new array for every result", "naive numpy, 1 core"),
                whole("xnp plain", 1, "no copies of windows; statistics in float64", "plain operations, 1 core"),
                whole("xnp engine", 1, "layout, banded matmul, kept buffers, blocks", "engine, 1 worker"),
                whole("xnp engine", None, "one worker for each core", "engine, all workers"),
            ),
        ),
        Ladder(
            "Depthwise 3x3, forward",
            one_layer,
            (
                layer("loops", "one number at a time; one image, its time for the batch", IMAGES_OF_THE_LOOPS),
                layer("nine shifts", "NumPy loops over pixels"),
                layer("windows, einsum", "each pixel is fetched once"),
                layer("banded matmul", "(C, H, W, N): a row is a matrix product"),
            ),
        ),
        Ladder(
            "Batch norm and ReLU, forward",
            one_layer,
            (
                layer("temporaries", "the formula as it is printed, in (C, H, W, N)"),
                layer("kept buffer", "all steps write into one array that stays"),
                layer("blocks", "some channels at a time, which fit into the cache"),
                layer("blocks, zeros", "ReLU against an array of zeros, not against one 0"),
            ),
        ),
        Ladder(
            "Pointwise, forward",
            one_layer,
            (
                layer("einsum", "the sum, looped over in C"),
                layer("matmul", "the same sum by BLAS"),
                layer("matmul, kept buffer", "into one array that stays"),
                layer("matmul, channels first", "the layout (C, H, W, N)"),
                layer("matmul, channels apart", "a channel begins two cache lines later"),
            ),
        ),
    )


def climb(*, workers: int, rounds: int, command: str, batch: int = 64) -> Report:
    """Measure every ladder, its rungs in turns.

    Parameters
    ----------
    workers : int
        Of the engine, on the last rung.
    rounds : int
        Turns of each rung.
    command : str
        Is recorded.
    batch : int

    Raises
    ------
    BenchError
        A rung stopped, or computes something else than the first of its ladder.
    """
    from xnp import viz

    tables, records, groups = {}, [], []
    for ladder in ladders(batch):
        contestants = [rung.contestant for rung in ladder.rungs]
        steps = ladder.work.what == "training"
        results = measure(contestants, ladder.work, workers=workers, rounds=rounds, memory=steps)
        cores = f"{workers} cores" if steps else "1 core"
        tables[f"{ladder.title}: {ladder.work}; {cores}; medians of {rounds} rounds"] = as_table(ladder, results)
        records.append({"ladder": ladder.title, "work": ladder.work._asdict(), "rungs": record(ladder, results)})
        groups.append(viz.Bars(ladder.title, "ms", {one.name: one.ms for one in results}, results[-1].name))
    return Report(
        "ladder",
        tables,
        ["gain: how many times as fast as the rung above, with its 95 % interval"],
        {**conditions(command), "workers": workers, "rounds": rounds, "ladders": records},
        viz.bars(groups),
    )


def as_table(ladder: Ladder, results: list[Result]) -> Table:
    """Show each rung with its gain over the one before."""
    known = any(result.memory for result in results)
    rows: list[list[str]] = []
    for k, (rung, result) in enumerate(zip(ladder.rungs, results, strict=True)):
        gain = results[k - 1].against(result) if k else None
        rows.append(
            [
                result.name,
                f"{result.ms:,.1f}",
                f"{gain.median:.2f} ({gain.low:.2f} to {gain.high:.2f})" if gain else "",
                *([megabytes(result.megabytes)] if known else []),
                rung.change,
            ]
        )
    return table(["", "ms", "gain", *(["peak MB"] if known else []), "what it changed"], rows)


def record(ladder: Ladder, results: list[Result]) -> list[dict[str, Any]]:
    """Describe the rungs for the JSON file; each one's time ratio is to the first."""
    changes = [rung.change for rung in ladder.rungs]
    return [result.record(results[0]) | {"change": change} for result, change in zip(results, changes, strict=True)]
