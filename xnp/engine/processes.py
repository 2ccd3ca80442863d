r"""Workers that are processes: each a copy of this one, with a Python and a lock of its own.

Threads have to take turns in Python, a few microseconds between any two calls of NumPy. A training step makes some ten
thousand calls, and half of them find the lock taken. Processes never wait for it. They are the better workers where the
system can copy a process (`fork`: Linux); `xnp.engine.team` has threads for all others.

    this process     model --copy--> shared memory <---- worker 0: its copy of the model reads and writes there
                     order ---pipe----------------> \--- worker 1
                     answer <--pipe---------------/

- What a process writes, the others do not see, but for the memory that was shared before the copy was made. All of the
  plan's arrays are in it. It has no name in the file system, so nothing can be left behind.
- Workers wait for each other at a gate of semaphores, one each: who arrives opens all others' by one, and passes once
  all others have opened his. They first look some hundred times, for to sleep and to be woken takes longer than that.
- A worker ends when its pipe does: when this process has closed it, or is gone, however it went. If a worker dies, the
  others are stopped, and the call that was waiting raises.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any
from weakref import finalize

import numpy as np

from xnp.engine.team import blas, stay_on, usable_cores

LOOKS = 2000  # at the gate, before a worker goes to sleep
available = sys.platform == "linux"  # macOS can fork too, but Apple's libraries do not survive it

Work = Callable[..., Any]  # work(worker, wait, *order): a worker's share; `wait` waits for the others


class WorkerDied(RuntimeError):
    """A worker process is gone: killed, or out of memory."""


class Processes:
    """Workers, each a copy of this process as it is now.

    Parameters
    ----------
    workers : int
    prepare : function of nothing
        Called in each worker at its start; gives the function `work(worker, wait, *order)` that answers all orders.
    """

    def __init__(self, workers: int, prepare: Callable[[], Work]) -> None:
        context = multiprocessing.get_context("fork")
        cores = usable_cores()
        places = cores if workers == len(cores) else [None] * workers
        try:
            gates = [context.Semaphore(0) for _ in range(workers)]
        except OSError as error:
            raise OSError(
                f"engine: this system gives no semaphores ({error}), and {workers} workers wait for each other at them "
                "(Linux keeps them in /dev/shm); one worker needs none: workers=1, or --workers 1"
            ) from error
        looks = LOOKS if workers <= len(cores) else 0  # a worker that waits for its core must not keep it busy
        pipes = [context.Pipe() for _ in range(workers)]
        ours = [pipe[0] for pipe in pipes]
        self.processes = [
            context.Process(
                target=live,
                args=(worker, pipes, gate(worker, gates, looks), places[worker], prepare),
                name=f"xnp worker {worker}",
                daemon=True,
            )
            for worker in range(workers)
        ]
        with warnings.catch_warnings():
            # Python warns where threads run, for what they hold stays held in the copy. BLAS's let go before a fork
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            for process in self.processes:
                process.start()
        for _, theirs in pipes:
            theirs.close()
        self._pipes = ours
        self.close = finalize(self, stop, self.processes, ours)

    def run(self, *order: Any) -> Any:
        """Let all workers do their share; give the answer of the first.

        Raises
        ------
        WorkerDied
            A worker is gone. So are the others then.
        RuntimeError
            They were closed, or stopped by an earlier failure.
        Exception
            What a worker raised. All are stopped: the others may wait for it at a gate.
        """
        if not self.close.alive:
            raise RuntimeError("engine: the workers were closed, or stopped after a failure; make a new engine")
        try:
            for pipe in self._pipes:
                pipe.send(order)
            answers: dict[int, Any] = {}
            while len(answers) < len(self._pipes):
                busy = {pipe: worker for worker, pipe in enumerate(self._pipes) if worker not in answers}
                ready = set(wait(list(busy)))
                for pipe in [pipe for pipe in busy if pipe in ready]:
                    answers[busy[pipe]], error = pipe.recv()
                    if error is not None:
                        raise error
            return answers[0]
        except (EOFError, OSError):
            for process in self.processes:
                process.join(0.2)
            codes = {process.name: process.exitcode for process in self.processes if process.exitcode is not None}
            self.close()
            raise WorkerDied(f"engine: a worker died, and the others were stopped (exit codes: {codes})") from None
        except BaseException:  # Ctrl-C among others: the workers are in the middle of something
            self.close()
            raise


def live(
    worker: int,
    pipes: list[tuple[Connection, Connection]],
    wait: Callable[[], None],
    core: int | None,
    prepare: Callable[[], Work],
) -> None:
    """Be a worker: answer orders until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which tells us what to do
    pipe = pipes[worker][1]
    for end in {end for ends in pipes for end in ends} - {pipe}:  # copies: while one is open, that pipe does not end
        end.close()
    stay_on(core)
    blas().limit(limits=1)
    work = prepare()
    while True:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            return
        answer, failure = None, None
        try:
            with np.errstate(all="ignore"):  # what is not finite shows in the result
                answer = work(worker, wait, *order)
        except Exception as error:
            failure = error
        try:
            pipe.send((answer, failure))
        except OSError:
            return


def gate(worker: int, gates: list[Any], looks: int) -> Callable[[], None]:
    """Make the function by which a worker waits for all others."""
    mine, others, parent = gates[worker], [other for k, other in enumerate(gates) if k != worker], os.getpid()

    def wait() -> None:
        for other in others:
            other.release()
        for _ in others:
            if any(mine.acquire(False) for _ in range(looks)):
                continue
            while not mine.acquire(True, 1.0):
                if os.getppid() != parent:  # the parent is gone, and a worker with it: nobody will come
                    os._exit(1)

    return wait


def stop(processes: list[Any], pipes: list[Connection]) -> None:
    """End the workers: politely, then not."""
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.join(0.5 if process.is_alive() else 0)
        if process.is_alive():
            process.kill()
            process.join()
