"""One contestant, as a process: it gets ready, then works each time it is told to, and says how long it took.

    standard input       one line a turn
    standard output      JSON lines: its first two answers and its memory, then the seconds of each turn

The end of its input ends the process.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from xnp.bench.work import Step, Work

LEAST = 0.2  # seconds in a turn: shorter work is done several times, so that the clock and the first call weigh little
ANSWERS = 1000  # numbers of an answer, at most: enough to see that all contestants compute the same


def main() -> None:
    """Take part, as the job on the command line says."""
    job = json.loads(sys.argv[1])
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer

    def say(**message: Any) -> None:
        print(json.dumps(message), file=out, flush=True)

    step: Step = find(job["prepare"])(Work(**job["work"]), job["workers"], **job["arguments"])
    answers = head(step())  # the first step also allocates
    started = time.perf_counter()
    second = step()
    calls = int(max(1, -(-LEAST // (time.perf_counter() - started))))
    say(answers=answers + head(second), peak=peak_of_this_process())
    for _ in sys.stdin:
        say(seconds=seconds_of(step, calls))


def find(name: str) -> Callable[..., Any]:
    """Import a function by its name, "module:function"."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def head(answer: np.ndarray) -> list[float]:
    """Give the first numbers of an answer. In training it is the loss: the second one tells of all gradients."""
    return [float(number) for number in answer.flat[:ANSWERS]]


def seconds_of(step: Step, calls: int) -> float:
    """Measure how long a step takes, on average over some calls."""
    started = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - started) / calls


def peak_of_this_process() -> int | None:
    """Give the most memory that this process has held, in bytes; shared pages count in full. Windows does not say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)  # bytes on macOS, units of 1,024 bytes elsewhere


if __name__ == "__main__":
    main()
