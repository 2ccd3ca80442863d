"""Workers that are threads, all running the same program side by side.

    worker 0   stage 1, its channels | stage 2, its columns | ...
    worker 1   stage 1, its channels | stage 2, its columns | ...
                                     ^ all wait here until everybody has come

Threads, although Python runs one at a time? NumPy lets go of Python's lock while it computes, so two workers do compute
at once. The few microseconds between two calls of NumPy are taken in turns: that is the price, small where calls are
long, as in prediction. Training makes many short ones; where the system can copy a process, `xnp.engine.processes` has
the better workers for it. Threads run everywhere, and end with their process, whatever ends it.

- The library of matrix products (BLAS) starts threads of its own, which would fight with ours for the cores. While a
  team works, it is told to use one, and told back afterwards. No environment variable has to be set.
- Each worker stays on one core, where the system knows how (Linux): moved to another one, it would find that core's
  cache full of somebody else's numbers.
- Who does what is decided by the plan alone, never by who comes first: the same numbers come out each time.
"""

import contextvars
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any


class Team:
    """Some workers, ready until `close`. With a single one, the caller itself does the work.

    Parameters
    ----------
    workers : int, optional
        How many; the cores that this process may use, if not given.

    Examples
    --------
    >>> with Team(2) as team:
    ...     team.run(lambda worker: team.wait())
    """

    def __init__(self, workers: int | None = None) -> None:
        cores = usable_cores()
        self.workers = len(cores) if workers is None else workers
        if self.workers < 1:
            raise ValueError(f"Team: workers is {workers}; it must be 1 or more")
        self._barrier = threading.Barrier(self.workers)
        self._closed = False
        self._pool = None
        if self.workers > 1:
            left = iter(cores if self.workers == len(cores) else ())
            self._pool = ThreadPoolExecutor(self.workers, "xnp worker", initializer=lambda: stay_on(next(left, None)))

    def run(self, program: Callable[[int], None]) -> None:
        """Let every worker call `program(worker)`, with worker from 0. What goes wrong in one is raised here.

        Raises
        ------
        RuntimeError
            The team was closed.
        """
        if self._closed:
            raise RuntimeError("engine: the workers were closed; make a new engine")
        with one_blas_thread():
            if self._pool is None:
                program(0)
                return
            # np.errstate and its like belong to a context: each worker gets a copy of the caller's
            contexts = [contextvars.copy_context() for _ in range(self.workers)]
            futures = []
            try:
                for worker, context in enumerate(contexts):
                    futures.append(self._pool.submit(context.run, self._work, program, worker))
                wait(futures)
            except BaseException:  # Ctrl-C: nobody shall still write when the next program begins
                self._barrier.abort()
                wait(futures)
                raise
            finally:
                if self._barrier.broken:
                    self._barrier.reset()
            errors = [error for future in futures if (error := future.exception()) is not None]
        # those who waited for the one that failed have a BrokenBarrierError: it is not the reason
        for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
            raise error

    def wait(self) -> None:
        """Wait, as a worker, until all workers have come here."""
        if self.workers > 1:
            self._barrier.wait()

    def close(self) -> None:
        """Let the workers go. A second time does nothing."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self, program: Callable[[int], None], worker: int) -> None:
        try:
            program(worker)
        except BaseException:
            self._barrier.abort()  # nobody shall wait for this one
            raise


def usable_cores() -> list[int]:
    """List the cores that this process may use: fewer than there are, where it was told so (taskset, a container)."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def stay_on(core: int | None) -> None:
    """Bind the calling thread to a core. Only Linux lets a thread choose; elsewhere the system goes on choosing."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let matrix products use one thread each; at the end, as many as before."""
    controller = blas()
    if not controller.lib_controllers:
        yield
        return
    with controller.limit(limits=1):
        yield


@cache
def blas() -> Any:
    """Find NumPy's library of matrix products. Where it cannot be told how many threads to use, say so, once."""
    from threadpoolctl import ThreadpoolController  # not at the top: `import xnp` loads NumPy alone

    controller = ThreadpoolController().select(user_api="blas")
    if not controller.lib_controllers:  # as Accelerate, on macOS
        warnings.warn(
            "engine: nobody can tell NumPy's BLAS how many threads to use; if it starts some, the workers get slower",
            stacklevel=4,
        )
    return controller
