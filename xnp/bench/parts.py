"""What the time of a training step goes to: `xnp bench --parts`.

The engine's plan is a list of nodes. Here one worker runs it, and a stopwatch stands beside each node. The nodes of a
kind are added up; what is computed again on the way back counts as backward.
"""

from collections import defaultdict
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from xnp.bench.by_xnp import step_of
from xnp.bench.machine import conditions
from xnp.bench.report import Report
from xnp.bench.work import Work, network
from xnp.engine import Engine
from xnp.engine.plan import Plan
from xnp.tables import Table, table

DIRECTIONS = {"forward": "forward", "again": "backward", "backward": "backward", "collect": "backward"}
REST = "all else"  # loss, update, turning the images round
Times = dict[tuple[str, str], float]  # (kind of node, direction) -> seconds


def measure_parts(work: Work, *, rounds: int, command: str) -> Report:
    """Measure what each kind of node takes of a training step, with one worker.

    Parameters
    ----------
    work : Work
        A training step.
    rounds : int
        Steps; the first two more are not counted.
    command : str
        Is recorded.
    """
    from xnp import viz

    spent: list[Times] = []
    with Engine(network(work), work.batch, workers=1, input_gradient=False) as engine:
        step, watch = step_of(engine, work), Stopwatch(engine.plan)
        for _ in range(2 + rounds):
            watch.times.clear()
            start = perf_counter()
            step()
            whole = perf_counter() - start
            spent.append({**watch.times, (REST, ""): whole - sum(watch.times.values())})
    ms = medians(spent[2:])
    title = f"{work}, one worker; medians of {rounds} steps, in ms"
    record = {
        **conditions(command),
        "work": work._asdict(),
        "rounds": rounds,
        "parts": [{"kind": kind, "direction": direction or None, "ms": time} for (kind, direction), time in ms.items()],
    }
    panels = [
        viz.Bars(f"{direction.capitalize()} of {work}, one worker", "ms", of_direction(ms, direction))
        for direction in ("forward", "backward")
    ]
    return Report("parts", {title: as_table(ms)}, [], record, viz.bars(panels))


class Stopwatch:
    """Stands beside each node of a plan and notes what its calls take. A call within a call is part of that."""

    def __init__(self, plan: Plan) -> None:
        self.times: Times = defaultdict(float)
        self._running = False
        for node in plan.nodes:
            for name, direction in DIRECTIONS.items():
                setattr(node, name, self._timed(getattr(node, name), (node.kind, direction)))

    def _timed(self, call: Callable[..., None], key: tuple[str, str]) -> Callable[..., None]:
        def timed(*arguments: Any) -> None:
            if self._running:
                return call(*arguments)
            self._running, start = True, perf_counter()
            call(*arguments)
            self.times[key] += perf_counter() - start
            self._running = False

        return timed


def medians(spent: list[Times]) -> dict[tuple[str, str], float]:
    """Give the median of each time over the steps, in ms, the largest first."""
    ms = {key: 1e3 * median(times[key] for times in spent) for key in spent[0]}
    return dict(sorted(ms.items(), key=lambda item: -item[1]))


def of_direction(ms: dict[tuple[str, str], float], direction: str) -> dict[str, float]:
    """Give the kinds of one direction; those below a thousandth of all are left out of the picture."""
    least = sum(ms.values()) / 1000
    return {kind: time for (kind, where), time in ms.items() if where == direction and time > least}


def as_table(ms: dict[tuple[str, str], float]) -> Table:
    """Show a row for each kind of node."""
    total, kinds = sum(ms.values()), dict.fromkeys(kind for kind, _ in ms)
    sums = {kind: sum(time for (one, _), time in ms.items() if one == kind) for kind in kinds}
    rows = [
        [
            kind,
            *(f"{ms[kind, way]:.1f}" if (kind, way) in ms else "" for way in ("forward", "backward")),
            f"{sums[kind]:.1f}",
            f"{100 * sums[kind] / total:.1f} %",
        ]
        for kind in sorted(kinds, key=lambda kind: -sums[kind])
    ]
    rows.append(["all", "", "", f"{total:.1f}", "100 %"])
    return table(["kind of node", "forward", "backward", "together", "share"], rows)
