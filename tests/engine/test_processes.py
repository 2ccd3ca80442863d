"""Workers that are processes: what happens to them when something goes wrong."""

import gc
import multiprocessing.context
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from xnp.engine import Engine, hands, processes
from xnp.engine.nodes import ReLU
from xnp.layers import Conv2D, GlobalAveragePool2D, Sequential
from xnp.layers import ReLU as ReLULayer

pytestmark = pytest.mark.skipif(not processes.available, reason="this system has no workers that are processes")
X = np.ones((2, 6, 6, 3), np.float32)


def make_model():
    return Sequential(Conv2D(4, 3), ReLULayer(), GlobalAveragePool2D()).build((6, 6, 3))


def gone(pid, seconds=5.0):
    """Wait until a process is gone, or nothing but its exit code is left."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def pids_of(engine):
    return [process.pid for process in engine._hands.processes.processes]


def test_two_workers_are_two_processes_and_one_is_none():
    with Engine(make_model(), 2, 2) as engine:
        pids = pids_of(engine)
        assert len(set(pids)) == 2
        assert os.getpid() not in pids
        engine.forward(X)
    assert all(gone(pid) for pid in pids)
    with Engine(make_model(), 2, 1) as engine:
        assert isinstance(engine._hands, hands.ByThreads)


def test_an_engine_that_nobody_holds_leaves_no_process():
    engine = Engine(make_model(), 2, 2)
    pids = pids_of(engine)
    del engine
    gc.collect()
    assert all(gone(pid) for pid in pids)


def test_a_system_without_semaphores_is_told_what_to_do(monkeypatch):
    def none(self, value):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(multiprocessing.context.BaseContext, "Semaphore", none)
    with pytest.raises(OSError, match=r"no semaphores \(.*No such file.*\).*--workers 1"):
        Engine(make_model(), 2, 2)
    Engine(make_model(), 2, 1).close()


def test_a_worker_that_dies_raises():
    with Engine(make_model(), 2, 2) as engine:
        engine.forward(X)
        pids = pids_of(engine)
        os.kill(pids[1], signal.SIGKILL)
        with pytest.raises(processes.WorkerDied, match=r"a worker died, .*'xnp worker 1': -9"):
            engine.forward(X)
        assert all(gone(pid) for pid in pids)
        with pytest.raises(RuntimeError, match="the workers were closed, or stopped after a failure"):
            engine.forward(X)


def test_a_worker_that_dies_in_the_middle_raises(monkeypatch):
    def die(self, block, training):
        if block.worker == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(ReLU, "forward", die)
    with Engine(make_model(), 2, 2) as engine:
        pids = pids_of(engine)
        with pytest.raises(processes.WorkerDied):
            engine.forward(X)
        assert all(gone(pid) for pid in pids)  # the other one was waiting at the gate


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_raised_here(monkeypatch, workers):
    def fail(self, block, training):
        if block.worker == workers - 1:
            raise ZeroDivisionError("of a node")

    monkeypatch.setattr(ReLU, "forward", fail)
    with Engine(make_model(), 2, workers) as engine, pytest.raises(ZeroDivisionError, match="of a node"):
        engine.forward(X)


def test_an_error_among_threads_is_raised_here_and_they_go_on(monkeypatch):
    monkeypatch.setattr(processes, "available", False)
    with Engine(make_model(), 2, 2) as engine:
        assert isinstance(engine._hands, hands.ByThreads)
        expected = engine.forward(X)
        with monkeypatch.context() as patch:
            patch.setattr(ReLU, "forward", lambda self, block, training: 1 / block.worker)
            with pytest.raises(ZeroDivisionError):
                engine.forward(X)
        np.testing.assert_array_equal(engine.forward(X), expected)


def test_an_interrupted_wait_stops_the_workers(monkeypatch):
    with Engine(make_model(), 2, 2) as engine:
        pids = pids_of(engine)

        def interrupted(pipes):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(processes, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                engine.forward(X)
        assert all(gone(pid) for pid in pids)


STEPS = """
import multiprocessing, os, signal, sys
import numpy as np
from xnp import models
from xnp.engine import Engine
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a script starts in the background ignores it
model = models.tiny_xception()
engines = [Engine(model, 16, workers) for workers in (3, 2)]
print(*[process.pid for process in multiprocessing.active_children()], flush=True)
x = np.zeros((16, 32, 32, 3), np.float32)
try:
    while True:
        for engine in engines:
            engine.backward(engine.forward(x, True))
            print("step", flush=True)
except KeyboardInterrupt:
    left = [process.pid for process in multiprocessing.active_children()]
    print(len(left), flush=True)
    for engine in engines:
        engine.close()
"""


def shared_files():
    return set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()


def start_steps():
    """Run two engines in a process of its own, until they are in the middle of a step."""
    parent = subprocess.Popen([sys.executable, "-c", STEPS], stdout=subprocess.PIPE, text=True, start_new_session=True)
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 5
    assert parent.stdout.readline() == "step\n"
    assert parent.stdout.readline() == "step\n"
    time.sleep(0.03)
    return parent, pids


def test_killed_in_a_step_it_leaves_no_process_and_no_file():
    before = shared_files()
    parent, pids = start_steps()
    with parent:
        parent.kill()
    assert all(gone(pid, 3) for pid in pids)
    assert shared_files() <= before


@pytest.mark.slow
def test_ctrl_c_in_a_step_stops_its_workers_and_the_others_when_they_are_closed():
    """The terminal sends it to all processes; only the parent listens."""
    before = shared_files()
    parent, pids = start_steps()
    with parent:
        os.killpg(parent.pid, signal.SIGINT)
        *_, left = parent.communicate(timeout=60)[0].split()
    assert left in ("2", "3", "5")  # of the engine that was in a step none; 5, if there was none just then
    assert parent.returncode == 0
    assert all(gone(pid) for pid in pids)
    assert shared_files() <= before


@pytest.mark.slow
def test_an_engine_ends_while_a_later_one_goes_on():
    with Engine(make_model(), 2, 2) as first, Engine(make_model(), 2, 2) as second:
        pids = pids_of(first)
        first.close()
        assert all(gone(pid) for pid in pids)
        second.forward(X)


@pytest.mark.parametrize("workers", [2, 3])
def test_nobody_passes_the_gate_alone(workers):
    """Each worker counts in its own place, and at each gate finds that all others have come as far."""
    from mmap import mmap

    counts = np.frombuffer(mmap(-1, 8 * workers), np.int64)

    def prepare():
        def work(worker, wait):
            seen = []
            for k in range(1, 300):
                counts[worker] = k
                wait()
                seen.append(counts.min() >= k)
                wait()
            return all(seen)

        return work

    team = processes.Processes(workers, prepare)
    try:
        assert team.run() is True
    finally:
        team.close()
