"""Taking turns: in their order, each in its own process and environment; what goes wrong is said by name."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from xnp.bench import process, turns
from xnp.bench.contestants import KEEP_MEMORY, Contestant
from xnp.bench.turns import BenchError, peak_memory, take_turns
from xnp.bench.work import Work

WORK = Work(batch=8)
pytestmark = pytest.mark.slow  # each test starts processes
ONE = "return lambda: np.ones(1)"


def test_contestants_take_turns(stand_ins, tmp_path):
    """Each turn is long enough for one call; each call leaves its letter."""
    log = tmp_path / "log"
    body = "def step():\n    open({!r}, 'a').write({!r}); time.sleep(0.21); return np.ones(1)\nreturn step"
    two = stand_ins({letter: body.format(str(log), letter) for letter in "AB"})
    found = take_turns(two, WORK, workers=1, rounds=2)
    assert log.read_text() == "AABB" + "ABAB"  # each gets ready with two steps, undisturbed
    assert [len(one.seconds) for one in found] == [2, 2]
    assert all(seconds > 0.2 for one in found for seconds in one.seconds)


def test_short_work_is_done_several_times_in_a_turn(stand_ins, tmp_path):
    log = tmp_path / "log"
    body = f"def step():\n    open({str(log)!r}, 'a').write('.'); time.sleep(0.04); return np.ones(1)\nreturn step"
    (found,) = take_turns(stand_ins({"short": body}), WORK, workers=1, rounds=2)
    calls = len(log.read_text()) - 2
    assert calls % 2 == 0
    assert 2 <= calls <= 10
    assert all(seconds > 0.04 for seconds in found.seconds)


def test_what_a_contestant_gets(stand_ins, monkeypatch):
    """Workers, its part of the work, threads and environment, whatever the caller's says."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    body = (
        "said = workers, work.batch, *(os.environ[n] for n in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MORE'))\n"
        "return lambda: np.array([int(number) for number in said], float)"
    )
    two = stand_ins(
        {"first": body, "second": body},
        first={"environment": {"MORE": "1"}},
        second={"environment": {"MORE": "2"}, "share": 4, "workers": 1},
    )
    first, second = take_turns(two, WORK, workers=3, rounds=1)
    assert first.answers == 2 * [3, 8, 3, 3, 1]
    assert second.answers == 2 * [1, 2, 1, 1, 2]


def test_what_is_brought_lies_in_a_folder_as_long_as_the_contestant_lives(stand_ins, monkeypatch):
    folders = []

    def write(work, folder):
        (folder / "batch").write_text(str(work.batch))
        folders.append(folder)

    monkeypatch.setitem(sys.modules, "brought", SimpleNamespace(write=write))
    body = "return lambda: np.full(1, float(open(os.path.join(more['folder'], 'batch')).read()))"
    (one,) = stand_ins({"one": body}, one={"bring": "brought:write", "share": 2})
    (found,) = take_turns([one], WORK, workers=1, rounds=1)
    peak_memory(one, WORK, workers=1)
    assert found.answers == [4, 4]
    assert len(set(folders)) == 2
    assert not any(folder.exists() for folder in folders)


def test_both_first_answers_are_told_and_what_is_printed_is_not(stand_ins):
    body = "count = iter(range(9))\ndef step():\n    print('noise'); return np.arange(3.0) + next(count)\nreturn step"
    (found,) = take_turns(stand_ins({"noisy": body}), WORK, workers=1, rounds=0)
    assert found.answers == [0, 1, 2, 1, 2, 3]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no such thing')", "ValueError: no such thing"),
        ("os._exit(3)", "code 3"),
        ("return lambda: np.zeros((2, 2)) @ np.zeros(3)", "ValueError: matmul"),
    ],
)
def test_a_contestant_that_stops_says_why(stand_ins, body, words):
    able, broken = stand_ins({"able": ONE, "broken": body})
    with pytest.raises(BenchError, match=f"^broken stopped: {words}"):
        take_turns([able, broken], WORK, workers=1, rounds=1)
    with pytest.raises(BenchError, match=f"^broken stopped: {words}"):
        peak_memory(broken, WORK, workers=1)


def test_a_contestant_that_stops_in_its_turn(stand_ins):
    body = "count = iter(range(2))\ndef step():\n    next(count); time.sleep(0.2); return np.ones(1)\nreturn step"
    with pytest.raises(BenchError, match=r"^short stopped: StopIteration"):
        take_turns(stand_ins({"short": body}), WORK, workers=1, rounds=1)


def test_the_seconds_are_those_of_one_call(monkeypatch):
    called, clock = [], iter([10.0, 16.0])
    monkeypatch.setattr(process.time, "perf_counter", lambda: next(clock))
    assert process.seconds_of(lambda: called.append(1), calls=3) == 2.0
    assert len(called) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="kill(pid, 0) would end it")
def test_no_process_stays(stand_ins, monkeypatch):
    started = []

    class Watched(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self.pid)

    monkeypatch.setattr(turns.subprocess, "Popen", Watched)
    monkeypatch.setattr(turns, "PATIENCE", 0.2)
    stuck = "import threading\nthreading.Thread(target=time.sleep, args=(60,)).start()\n" + ONE
    take_turns(stand_ins({"able": ONE, "stuck": stuck}), WORK, workers=1, rounds=1)
    assert len(started) == 2
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_peak_memory_sees_what_a_step_holds_for_a_moment(stand_ins):
    body = "def step():\n    kept = np.ones({}); time.sleep(0.1); return np.ones(1)\nreturn step"
    small, large = stand_ins({"small": body.format(1), "large": body.format(10_000_000)})
    least = peak_memory(small, WORK, workers=1)
    assert least is None or 0 < least + 70e6 < peak_memory(large, WORK, workers=1)


def test_where_the_system_has_no_proportional_sets_the_process_tells_its_own_peak(stand_ins, monkeypatch):
    monkeypatch.setattr(turns, "proportional_set", lambda pid: 0)
    (one,) = stand_ins({"one": ONE})
    most = peak_memory(one, WORK, workers=1)
    assert most is None if sys.platform == "win32" else most > 10e6


def test_the_tuned_malloc_is_that_of_the_process():
    assert Contestant("a", "b").environment == {}
    assert set(KEEP_MEMORY) == {"MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"}
