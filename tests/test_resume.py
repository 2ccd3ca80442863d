"""A training that was killed goes on, and ends with the same bits as one that was not. The processes are real."""

import json
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xnp import checkpoint

SCRIPT = Path(__file__).with_name("one_training.py")
names = runpy.run_path(str(SCRIPT))
train, MOMENTS = names["train"], names["MOMENTS"]
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")


def run(folder, *how):
    """Train in a new process; return its exit code."""
    done = subprocess.run([sys.executable, SCRIPT, folder, *map(str, how)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or (done.returncode == -signal.SIGKILL and not done.stderr), done.stderr
    return done.returncode


def history_of(folder):
    """Read the rows, without what the clock says."""
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if "second" not in name} for row in rows]


def result_of(folder):
    """Read all that a training leaves."""
    arrays, record = checkpoint.load(folder / "checkpoint.npz")
    weights, _ = checkpoint.load(folder / "weights.npz")
    return arrays, record, weights, history_of(folder)


def assert_same(found, expected):
    """Compare two results bit by bit."""
    for a, b in ((found[0], expected[0]), (found[2], expected[2])):
        assert a.keys() == b.keys()
        for name in a:
            assert (a[name].dtype, a[name].shape, a[name].tobytes()) == (
                b[name].dtype,
                b[name].shape,
                b[name].tobytes(),
            )
    assert found[1] == expected[1]
    assert found[3] == expected[3]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Train once in a process that nothing stops, and count its calls."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    run(folder, "calls", 0)
    return result_of(folder), checkpoint.load(folder / "weights.npz")[1]["calls"]


def test_the_uninterrupted_training_uses_all_that_has_a_state(uninterrupted):
    (arrays, record, weights, rows), calls = uninterrupted
    assert record["position"] == {"step": 15, "epoch": 3, "batch": 0, "loss": 0.0, "correct": 0, "seconds": 0.0}
    assert record["generators"].keys() == {"augment", "drop1", "drop2"}
    sections = {"/".join(name.split("/")[:2]) for name in arrays}
    assert {"optimizer/velocity", "average/average", "model/norm"} <= sections
    assert any((arrays[f"model/{name}"] != weights[name]).any() for name in weights)  # the average, not the last
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert calls > 10_000


def test_another_process_gives_the_same_bits(uninterrupted, tmp_path):
    assert run(tmp_path) == 0
    assert_same(result_of(tmp_path), uninterrupted[0])


@needs_kill
@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_killed_at_any_call_again_and_again(uninterrupted, tmp_path, seed):
    expected, calls = uninterrupted
    rng = np.random.default_rng(seed)
    killed = 0
    while run(tmp_path, "calls", rng.integers(1, calls)) != 0:
        killed += 1
        if (tmp_path / "checkpoint.npz").exists():
            checkpoint.load(tmp_path / "checkpoint.npz")
    assert killed
    assert_same(result_of(tmp_path), expected)


@needs_kill
@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_each_step_of_the_writing_of_a_checkpoint(uninterrupted, tmp_path, moment):
    for step in (0, 3, 5):  # the first checkpoint, one inside of an epoch, one at the end of an epoch
        assert run(tmp_path, step, moment) == -signal.SIGKILL
        left = {path.name for path in tmp_path.iterdir()}
        assert ("checkpoint.npz.part" in left) == (moment in MOMENTS[1:5])
        if step > 0 or moment == "renamed":
            _, record = checkpoint.load(tmp_path / "checkpoint.npz")
            assert (record["position"]["step"] == step) == (moment == "renamed")
        else:
            assert "checkpoint.npz" not in left
    assert len(history_of(tmp_path)) == 1  # the history comes before the checkpoint that counts it
    weights = train(tmp_path)  # and from here on in this process
    arrays, record = checkpoint.load(tmp_path / "checkpoint.npz")
    assert_same((arrays, record, weights, history_of(tmp_path)), uninterrupted[0])


@needs_kill
@pytest.mark.parametrize("where", ["config", "history"])
def test_killed_in_the_middle_of_a_text(uninterrupted, tmp_path, where):
    assert run(tmp_path, where, "half written") == -signal.SIGKILL
    if where == "history":
        text = (tmp_path / "history.jsonl").read_text()
        assert text.startswith("{")
        assert not text.endswith("}\n")
    else:
        assert {path.name for path in tmp_path.iterdir()} == {"config.json.part"}
    assert run(tmp_path) == 0
    assert_same(result_of(tmp_path), uninterrupted[0])
    assert json.loads((tmp_path / "config.json").read_text())["names"] == ["a", "b", "c"]


def test_nothing_is_left_to_do(uninterrupted, tmp_path):
    run(tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    weights = train(tmp_path)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    assert_same((*result_of(tmp_path)[:2], weights, history_of(tmp_path)), uninterrupted[0])
