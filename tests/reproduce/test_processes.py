"""A study as real processes: killed, interrupted, filled bit by bit, spoiled. It ends as one that nothing stopped.

The command is `xnp reproduce`, with thirty images for a preset. A file that Python reads at its start lets the trials
wait in their second epoch until they are asked to stop, and lets those of the second seed fail.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xnp import checkpoint

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL, and sends no SIGINT to one process"),
]

STUDY = Path("a study")
LIMIT = 60  # seconds to wait for what must come

DRIVE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv.pop(1))
from xnp import cli
from xnp.reproduce import presets, study

def start(trial, lock, original=study.start):
    one = original(trial, lock)
    print("process", one.process.pid, flush=True)
    return one

study.start = start
presets.PRESETS["quick"] = {"data": "patterns", "subset": 20, "validation": 10, "epochs": 3, "batch_size": 10}, "few"
sys.exit(cli.main())
"""
AT_START = """
import os, signal, time
from pathlib import Path
from xnp.data import patterns
from xnp.trainer import Diverged, Trainer

def load_training(*, seed, original=patterns.load_training, **sizes):
    while seed == 1 and how in ("fail", "bug", "kill"):  # not before both of seed 0 have an epoch behind them
        if sum(bool(path.read_text()) for path in Path().glob("*/trials/*-0/history.jsonl")) == 2:
            break
        time.sleep(0.02)
    if seed == 1 and how == "fail":
        raise OSError("the disk is full")
    if seed == 1 and how == "bug":
        raise TypeError("this cannot be")
    if seed == 1 and how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return original(seed=seed, **sizes)

def load_test(*, seed, original=patterns.load_test):
    return original(n=30, seed=seed)

def step(trainer, indices, original=Trainer.step):
    if how == "diverge":
        if trainer.seed == 1 and trainer.position.step == 2:
            raise Diverged("the loss is nan")
        return original(trainer, indices)
    original(trainer, indices)
    for _ in range(6000 if how and trainer.position.step == 3 else 0):
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # the first Ctrl-C brings it back
            break
        time.sleep(0.01)

how = os.environ.get("XNP_TEST", "")
patterns.load_training, patterns.load_test, Trainer.step = load_training, load_test, step
"""


class Command:
    """`xnp reproduce order --quick` in a folder of its own; `how` says what the trials do."""

    def __init__(self, at: Path, how: str, *options: str) -> None:
        at.mkdir(exist_ok=True)
        self.at, (*more,) = at, options
        here = at.parent / "at start"
        here.mkdir(exist_ok=True)
        (here / "sitecustomize.py").write_text(AT_START)
        line = ["reproduce", "order", "--quick", "--folder", str(STUDY), *more]
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVE, str(here), *line],
            cwd=at,
            env=os.environ | {"XNP_TEST": how},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # else the Ctrl-C of a test would reach the tests too
        )

    def end(self) -> tuple[int, str, str]:
        """Wait for it: exit code, output, errors."""
        out, err = self.process.communicate(timeout=LIMIT)
        self.pids = [int(number) for number in re.findall(r"^process (\d+)$", out, re.MULTILINE)]
        return self.process.returncode, re.sub(r"^process \d+\n", "", out, flags=re.MULTILINE), err

    def wait_until_half_way(self) -> None:
        """Wait until two trials have an epoch behind them, and one to come."""
        wait(lambda: sum(bool(path.read_text()) for path in self.at.glob(f"{STUDY}/trials/*/history.jsonl")) == 2)


def wait(for_what) -> None:
    end = time.monotonic() + LIMIT
    while not for_what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Say whether a process runs. One that has ended, and whose end nobody has asked for, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc").exists()


def children(pid: int) -> list[int]:
    """List the processes that a process has started; none where the system does not say."""
    return [int(child) for path in Path("/proc").glob(f"{pid}/task/*/children") for child in path.read_text().split()]


def done(at: Path) -> set[str]:
    return {path.parent.name for path in at.glob(f"{STUDY}/trials/*/result.json")}


def saved(at: Path) -> set[str]:
    return {path.parent.name for path in at.glob(f"{STUDY}/trials/*/checkpoint.npz")}


def assert_same(at: Path, whole: Path, *, other_commands: bool = False) -> None:
    """Compare all that two studies have found, byte for byte."""
    names = sorted(path.relative_to(whole) for path in whole.glob(f"{STUDY}/trials/*/result.json"))
    assert names == sorted(path.relative_to(at) for path in at.glob(f"{STUDY}/trials/*/result.json"))
    names.append(STUDY / "curves.png")
    if not other_commands:
        names += [STUDY / "table.md", STUDY / "results.json"]
    for name in names:
        assert (at / name).read_bytes() == (whole / name).read_bytes(), name
    found, expected = (json.loads((folder / STUDY / "results.json").read_text()) for folder in (at, whole))
    assert found["variants"] == expected["variants"]


def assert_refused(at: Path) -> None:
    """See that a second invocation does not come near the trials of the first."""
    second = Command(at, "", "--seeds", "2")
    code, out, err = second.end()
    assert (code, out, second.pids) == (1, "", [])
    assert err.startswith(
        f"xnp reproduce: another invocation is at work in {STUDY}, or its last trials are being saved"
    )
    assert err.count("\n") == 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run a study that nothing stops: two variants, two seeds."""
    at = tmp_path_factory.mktemp("study") / "whole"
    return at, Command(at, "", "--seeds", "2", "--jobs", "2").end()


def test_what_it_prints_and_leaves(whole):
    at, (code, out, err) = whole
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"Does it matter whether the pointwise half comes last or first? 2 trials of each, into {STUDY}"
    assert lines[1] == "  depthwise first: width 64, 86,106 parameters, 6,493,760 MACs"
    assert re.fullmatch(r"  pointwise first: width 63\.5, [\d,]+ parameters, [\d,]+ MACs", lines[2])
    assert [line.split("  ")[1] for line in lines[3:7]] == [f"{n}/4" for n in (1, 2, 3, 4)]
    trials = {"depthwise-first-0", "depthwise-first-1", "pointwise-first-0", "pointwise-first-1"}
    for line in lines[3:7]:
        assert re.fullmatch(r"  \d/4  (depthwise|pointwise) first, seed [01]: [\d.]+ %  [\d a-z]+ left", line)
    assert lines[6].endswith("  0 s left")
    assert lines[-1] == f"numbers and picture in {STUDY}"
    assert {path.name for path in (at / STUDY).iterdir()} == {
        *("study.json", "invocations.jsonl", "trials", "results.json", "table.md", "curves.png", "lock")
    }
    assert done(at) == trials
    assert saved(at) == set()  # a checkpoint is large, and of no use any more
    table = (at / STUDY / "table.md").read_text()
    assert "2 trials of each" in table
    assert "`xnp reproduce order --quick --folder 'a study' --seeds 2 --jobs 2`" in table


def test_no_file_names_a_place_of_this_machine(whole):
    at, _ = whole
    texts = [path for path in at.rglob("*") if path.is_file() and path.suffix != ".png"]
    assert len(texts) == 4 * 3 + 5
    for path in texts:
        text = path.read_text()
        for word in (str(at), str(at.parent), "data_dir", str(Path.home()) + os.sep, sys.prefix):
            assert word not in text, path


def test_a_second_time_there_is_nothing_to_do(whole, tmp_path):
    at, _ = whole
    before = {path: path.read_bytes() for path in at.rglob("*") if path.is_file()}
    again = Command(at, "", "--seeds", "2", "--jobs", "2")
    code, out, _ = again.end()
    assert code == 0
    assert again.pids == []
    assert "seed" not in out.split("\n\n")[0]
    assert {path: path.read_bytes() for path in before} == before


def test_killed_it_leaves_no_process_and_goes_on_to_the_same_bytes(whole, tmp_path):
    at = tmp_path / "killed"
    options = ("--seeds", "2", "--jobs", "2")
    command = Command(at, "wait", *options)
    command.wait_until_half_way()
    trials = children(command.process.pid)
    for pid in trials:
        os.kill(pid, signal.SIGSTOP)
    assert_refused(at)
    command.process.kill()
    assert command.end()[0] == -signal.SIGKILL
    assert len(command.pids) == 2
    if trials:
        assert_refused(at)  # the study is gone; its trials are not
    for pid in trials:
        os.kill(pid, signal.SIGCONT)
    wait(lambda: not any(map(alive, command.pids)))
    assert done(at) == set()
    assert saved(at) == {"depthwise-first-0", "pointwise-first-0"}
    assert Command(at, "", *options).end()[0] == 0
    assert_same(at, whole[0])


def test_ctrl_c_saves_and_says_so_and_nothing_is_lost(whole, tmp_path):
    at = tmp_path / "stopped"
    options = ("--seeds", "2", "--jobs", "2")
    command = Command(at, "wait", *options)
    command.wait_until_half_way()
    os.killpg(command.process.pid, signal.SIGINT)  # as a terminal does: to all processes of its group
    code, _, err = command.end()
    assert code == 1
    assert err.endswith("xnp reproduce: stopped, and saved. The same command goes on\n")
    assert "Traceback" not in err
    assert not any(map(alive, command.pids))
    assert done(at) == set()
    assert saved(at) == {"depthwise-first-0", "pointwise-first-0"}
    for path in at.glob(f"{STUDY}/trials/*/checkpoint.npz"):
        assert checkpoint.load(path)[1]["position"]["step"] == 3  # in the middle of an epoch: no step is lost
    assert not (at / STUDY / "results.json").exists()  # no seed is complete
    assert Command(at, "", *options).end()[0] == 0
    assert_same(at, whole[0])


def test_seeds_add_up_over_invocations(whole, tmp_path):
    at = tmp_path / "added"
    code, out, _ = Command(at, "", "--seeds", "1").end()
    assert code == 0
    assert "1 trial of each" in out
    before = {path: path.stat().st_mtime_ns for path in at.glob(f"{STUDY}/trials/*/result.json")}
    assert len(before) == 2
    second = Command(at, "", "--seeds", "2", "--jobs", "1")
    assert second.end()[0] == 0
    assert len(second.pids) == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert_same(at, whole[0], other_commands=True)
    record = json.loads((at / STUDY / "results.json").read_text())
    assert [one["command"] for one in record["invocations"]] == [
        "xnp reproduce order --quick --folder 'a study' --seeds 1",
        "xnp reproduce order --quick --folder 'a study' --seeds 2 --jobs 1",
    ]


@pytest.mark.parametrize(
    ("how", "words"),
    [("fail", "the disk is full"), ("bug", "TypeError: this cannot be"), ("kill", "it ended with code -9")],
)
def test_a_trial_that_fails_is_named_and_the_others_are_stopped(tmp_path, how, words):
    at = tmp_path / "spoiled"
    command = Command(at, how, "--seeds", "2", "--jobs", "3")  # both of seed 0, and the first of seed 1
    code, _, err = command.end()
    assert code == 1
    assert err == f"xnp reproduce: {STUDY / 'trials' / 'depthwise-first-1'}: {words}\n"
    assert len(command.pids) == 3
    assert not any(map(alive, command.pids))
    assert done(at) == set()
    assert saved(at) == {"depthwise-first-0", "pointwise-first-0"}
    assert Command(at, "", "--seeds", "1").end()[0] == 0  # and they go on from there


def test_a_seed_that_diverges_is_left_out_and_the_others_count(whole, tmp_path):
    at = tmp_path / "diverged"
    code, out, err = Command(at, "diverge", "--seeds", "3").end()
    assert (code, err) == (0, "")
    assert len(re.findall(r"^ +\d/6  (?:depthwise|pointwise) first, seed 1: the loss is nan  ", out, re.MULTILINE)) == 2
    record = json.loads((at / STUDY / "results.json").read_text())
    assert record["seeds"] == [0, 2]
    assert record["diverged"] == [{"variant": f"{half} first", "seed": 1} for half in ("depthwise", "pointwise")]
    assert "Diverged" in (at / STUDY / "table.md").read_text()
    again = Command(at, "diverge", "--seeds", "3")
    assert again.end()[0] == 0
    assert again.pids == []
