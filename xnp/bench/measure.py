"""Measure contestants beside each other: that they compute the same, how long they take, how much memory they hold."""

from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from xnp.bench.contestants import Contestant
from xnp.bench.ratios import Ratio, ratio
from xnp.bench.turns import BenchError, peak_memory, take_turns
from xnp.bench.work import Work

SAME = 1e-3  # of the largest number: float32 sums in another order differ by 1e-6 or so, another network by far more


class Result(NamedTuple):
    """What was measured of one contestant. Times count for the whole batch, whatever part of it was run."""

    name: str
    images: int  # that one step really ran
    batch: int  # that its times count for
    seconds: list[float]  # one a round
    memory: int | None  # bytes, at the peak
    difference: float | None  # of its answers from the first contestant's, relative; None where they must differ

    @property
    def ms(self) -> float:
        """Median time for the batch, in milliseconds."""
        return 1e3 * median(self.seconds)

    @property
    def images_per_second(self) -> float:
        """Images a second, at the median."""
        return self.batch / median(self.seconds)

    @property
    def megabytes(self) -> float | None:
        """Peak memory in millions of bytes."""
        return None if self.memory is None else self.memory / 1e6

    def against(self, reference: "Result") -> Ratio:
        """Give this one's time divided by the reference's: above 1, the reference is faster."""
        return ratio(self.seconds, reference.seconds)

    def record(self, reference: "Result") -> dict[str, Any]:
        """Describe it for a JSON file."""
        return {
            "name": self.name,
            "ms": self.ms,
            "images_per_second": self.images_per_second,
            "peak_memory_bytes": self.memory,
            "time_ratio": {"to": reference.name, **self.against(reference)._asdict()},
            "difference": self.difference,
            "images_run": self.images,
            "seconds": self.seconds,
        }


def measure(
    contestants: Sequence[Contestant], work: Work, *, workers: int, rounds: int, memory: bool = True
) -> list[Result]:
    """Let contestants do the same work in turns; then measure the memory of each, alone.

    Raises
    ------
    BenchError
        A contestant stopped, or computes something else than the first one.
    """
    all_turns = take_turns(contestants, work, workers=workers, rounds=rounds)
    expected = next((turns.answers for one, turns in zip(contestants, all_turns, strict=True) if not one.differs), [])
    results = []
    for contestant, turns in zip(contestants, all_turns, strict=True):
        images = contestant.part(work).batch
        results.append(
            Result(
                contestant.name,
                images,
                work.batch,
                [seconds * work.batch / images for seconds in turns.seconds],
                peak_memory(contestant, work, workers=workers) if memory else None,
                None if contestant.differs else difference(contestant.name, turns.answers, expected),
            )
        )
    return results


def difference(name: str, answer: Sequence[float], expected: Sequence[float]) -> float:
    """Give the largest difference of two answers, in units of the largest number; refuse a large one.

    >>> round(difference("other", [1.0, 2.0], [1.0, 2.001]), 6)
    0.0005
    """
    found = np.abs(np.subtract(answer, expected)).max() / np.abs(expected).max()
    if not found <= SAME:  # nan is refused too
        raise BenchError(f"{name} computes something else: its first answers are {found:.1e} away, more than {SAME:g}")
    return float(found)
