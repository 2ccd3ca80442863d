"""Contestants take turns: A, B, C, A, B, C, ... Only one works at a time, and a slow moment of the machine meets all.

So what counts is the ratio within a round, not the seconds.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from xnp.bench.contestants import Contestant
from xnp.bench.memory import proportional_set
from xnp.bench.process import find
from xnp.bench.work import Work

REST = 0.05  # seconds before a turn: until the threads of the one before, which wait awake for more work, are asleep
BETWEEN_SAMPLES = 0.01  # seconds
PATIENCE = 5  # seconds for a process to end by itself, once nothing more can come
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class BenchError(ValueError):
    """A measurement that cannot be made, or that means nothing."""


class Turns(NamedTuple):
    """What one contestant did."""

    answers: list[float]  # the starts of its first two
    seconds: list[float]  # of one step, in each round


class Process:
    """A contestant that runs. It ends with the `with` block, whatever it does."""

    def __init__(self, contestant: Contestant, work: Work, workers: int) -> None:
        workers, part, arguments = contestant.workers or workers, contestant.part(work), contestant.arguments
        self._folder = tempfile.TemporaryDirectory()
        if contestant.bring:  # by this process: the contestant's memory is its own
            find(contestant.bring)(part, Path(self._folder.name))
            arguments = arguments | {"folder": self._folder.name}
        job = {"prepare": contestant.prepare, "work": part._asdict(), "workers": workers, "arguments": arguments}
        environment = os.environ | dict.fromkeys(THREADS, str(workers)) | contestant.environment
        self.name = contestant.name
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed by __exit__
        self._process: Any = subprocess.Popen(
            [sys.executable, "-m", "xnp.bench.process", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a line that it will never read
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()
        self._folder.cleanup()

    def turn(self) -> float:
        """Let it work; give the seconds of one step."""
        try:
            print("go", file=self._process.stdin, flush=True)
        except OSError:
            raise self._stopped() from None
        return self.read()["seconds"]

    def read(self) -> dict[str, Any]:
        """Wait for what it says next."""
        line = self._process.stdout.readline()
        if not line:
            raise self._stopped()
        return json.loads(line)

    def peak(self) -> int | None:
        """Let it get ready and end, and watch its memory: the most that it held, in bytes."""
        self._process.stdin.close()
        most = 0
        while self._process.poll() is None:
            most = max(most, proportional_set(self._process.pid))
            time.sleep(BETWEEN_SAMPLES)
        told = self.read()["peak"]  # also where it is not needed: so a contestant that failed is noticed
        return most or told

    def _stopped(self) -> BenchError:
        self._process.wait()
        self._errors.seek(0)
        said = [line.strip() for line in self._errors if line.strip()]
        return BenchError(f"{self.name} stopped: {said[-1] if said else f'code {self._process.returncode}'}")


def take_turns(contestants: Sequence[Contestant], work: Work, *, workers: int, rounds: int) -> list[Turns]:
    """Let the contestants take turns.

    Parameters
    ----------
    contestants : sequence of Contestant
    work : Work
    workers : int
        Cores for each, where a contestant says nothing else.
    rounds : int
        Turns of each contestant.

    Returns
    -------
    list of Turns
        In the contestants' order.

    Raises
    ------
    BenchError
        A contestant stopped; it says which, and its last words.
    """
    from tqdm import tqdm

    with ExitStack() as stack:
        processes, all_turns = [], []
        for contestant in contestants:  # one after the other: each gets ready undisturbed
            processes.append(stack.enter_context(Process(contestant, work, workers)))
            all_turns.append(Turns(processes[-1].read()["answers"], []))
        for _ in tqdm(range(rounds), desc="rounds", leave=False, disable=None):
            for process, turns in zip(processes, all_turns, strict=True):
                time.sleep(REST)
                turns.seconds.append(process.turn())
        return all_turns


def peak_memory(contestant: Contestant, work: Work, *, workers: int) -> int | None:
    """Give the most memory that a contestant holds from its start to its second step, in bytes; None if unknown.

    It runs alone: a library that two processes have loaded would count by half for each.
    """
    with Process(contestant, work, workers) as process:
        return process.peak()
