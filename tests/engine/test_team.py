"""Workers that are threads."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from xnp.engine import team
from xnp.engine.team import Team, usable_cores


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_each_worker_runs_the_program_once(workers):
    with Team(workers) as crew:
        for _ in range(20):
            ran = []
            crew.run(ran.append)
            assert sorted(ran) == list(range(workers))


@pytest.mark.parametrize("workers", [2, 5])
def test_nobody_passes_a_wait_alone(workers):
    counts, alone = [0] * workers, []

    def program(worker):
        for k in range(1, 100):
            counts[worker] = k
            crew.wait()
            if min(counts) < k:
                alone.append(worker)
            crew.wait()

    with Team(workers) as crew:
        crew.run(program)
    assert counts == [99] * workers
    assert not alone


def test_an_error_is_raised_here_while_others_wait_and_the_team_goes_on():
    def program(worker):
        if worker == 1:
            raise ZeroDivisionError("of worker 1")
        crew.wait()

    with Team(3) as crew:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError, match="of worker 1"):
                crew.run(program)
            crew.run(lambda worker: crew.wait())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_closed_team_says_so(workers):
    crew = Team(workers)
    crew.run(lambda worker: None)
    crew.close()
    crew.close()
    with pytest.raises(RuntimeError, match="engine: the workers were closed; make a new engine"):
        crew.run(lambda worker: None)


def test_after_an_interrupt_nobody_is_still_at_work():
    """Else the rest of a step would write into the next one."""
    at_work, both = [False, False], threading.Barrier(2)

    def program(worker):
        at_work[worker] = True
        both.wait()
        try:
            if worker == 0:
                time.sleep(0.05)  # the caller waits by now
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                time.sleep(0.05)
            crew.wait()
        finally:
            at_work[worker] = False

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Team(2) as crew:
            with pytest.raises(KeyboardInterrupt):
                crew.run(program)
            assert at_work == [False, False]
            crew.run(lambda worker: crew.wait())  # and the team goes on
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("workers", [1, 2])
def test_blas_works_in_one_thread_meanwhile_and_then_as_before(workers):
    seen = []
    with threadpool_limits(2, user_api="blas"), Team(workers) as crew:
        before = blas_threads()
        crew.run(lambda worker: seen.append(blas_threads()))
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError):
            crew.run(lambda worker: 1 // 0)
        assert blas_threads() == before
    assert seen == [[1] * len(before)] * workers


def test_where_blas_cannot_be_told_it_says_so_and_goes_on(monkeypatch):
    import threadpoolctl

    class Nothing:
        lib_controllers = ()

        def select(self, **_):
            return self

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Nothing)
    team.blas.cache_clear()
    ran = []
    with Team(2) as crew:
        with pytest.warns(UserWarning, match="nobody can tell NumPy's BLAS how many threads to use"):
            crew.run(ran.append)
        crew.run(ran.append)  # once is enough
    team.blas.cache_clear()
    assert sorted(ran) == [0, 0, 1, 1]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux lets a thread choose its core")
def test_each_worker_stays_on_its_core_and_the_caller_stays_free():
    before, cores = os.sched_getaffinity(0), usable_cores()
    places = [None] * len(cores)

    def program(worker):
        crew.wait()
        places[worker] = os.sched_getaffinity(0)

    with Team() as crew:
        assert crew.workers == len(cores)
        crew.run(program)
    if len(cores) > 1:
        assert sorted(map(min, places)) == cores
        assert all(len(place) == 1 for place in places)
    assert os.sched_getaffinity(0) == before


def test_workers_see_how_the_caller_treats_errors_of_numbers():
    with Team(2) as crew:
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            crew.run(lambda worker: np.float32(1e38) * np.float32(10))
        with np.errstate(over="ignore"):
            crew.run(lambda worker: np.float32(1e38) * np.float32(10))


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="Team: workers is 0; it must be 1 or more"):
        Team(0)
