"""Ctrl-C: noted once, obeyed twice, in the main thread alone; and what `xnp train` makes of it, as a real process."""

import signal
import subprocess
import sys
import threading

import pytest

from xnp import checkpoint
from xnp.interrupt import Interrupt

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")


@pytest.fixture(autouse=True)
def usual_handler():
    """Let Ctrl-C raise KeyboardInterrupt, whatever started these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_one_is_noted_and_the_second_one_interrupts(capfd):
    with Interrupt() as interrupt:
        assert not interrupt.asked
        signal.raise_signal(signal.SIGINT)
        assert interrupt.asked
        assert "stopping after this step; Ctrl-C again stops at once" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("asked", [False, True])
def test_the_old_handler_comes_back(asked):
    with Interrupt():
        if asked:
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not Interrupt().asked  # each has its own


def test_the_old_handler_comes_back_after_an_error():
    with pytest.raises(ValueError, match="inside"), Interrupt():
        raise ValueError("inside")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_ctrl_c_is_ignored_it_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert not interrupt.asked
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_changes_nothing():
    found = []

    def work():
        with Interrupt() as interrupt:
            found.append((interrupt.asked, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, signal.default_int_handler)]


# `xnp train` with a small network, whose fourth step waits until Ctrl-C has come as often as it shall.
TRAIN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from xnp import cli, runs, verbs
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU, Sequential
from xnp.trainer import Trainer

def small(input_shape, classes, seed):
    layers = Conv2D(4, 3, stride=4), BatchNorm(), ReLU(), Dropout(0.2), GlobalAveragePool2D(), Dense(classes)
    return Sequential(*layers).build(input_shape, seed=seed)

def step(trainer, indices, original=Trainer.step):
    original(trainer, indices)
    for number in range(presses if trainer.position.step == 4 else 0):
        print("press", flush=True)
        while number or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            time.sleep(0.01)

verbs.draw_training = lambda folder, validation: print("drawn")
runs.MODELS["tiny"] = small
Trainer.step = step
presses = int(sys.argv.pop(1))
sys.exit(cli.main())
"""
SMALL = ["--subset", "30", "--validation", "10", "--epochs", "2", "--batch-size", "12"]  # three steps an epoch
OPTIONS = [*SMALL, "--average", "0.9", "--augment", "flip", "--run"]


def train(presses, *arguments):
    """Run `xnp train`, with Ctrl-C whenever it asks for it."""
    command = [sys.executable, "-c", TRAIN, str(presses), "train", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "press\n":
                process.send_signal(signal.SIGINT)
        return process.wait(), "".join(lines), process.stderr.read()


@pytest.mark.slow
@needs_posix
def test_ctrl_c_saves_says_how_to_go_on_and_nothing_is_lost(tmp_path):
    stopped, whole = tmp_path / "a run", tmp_path / "whole"
    code, out, err = train(1, *OPTIONS, stopped)
    assert code == 1
    assert "epoch 1/2" in out
    assert err.endswith(
        "xnp train: stopped in epoch 2, after 1 of 3 batches. It is saved. "
        f"Go on with:  xnp train --resume '{stopped}'\n"
    )
    assert checkpoint.load(stopped / "checkpoint.npz")[1]["position"]["step"] == 4
    assert "drawn" not in out
    code, out, _ = train(0, "--resume", stopped)
    assert code == 0
    assert out.endswith("drawn\n")
    assert "epoch 1/2" not in out
    assert train(0, *OPTIONS, whole)[0] == 0
    arrays, record = checkpoint.load(stopped / "checkpoint.npz")
    expected, expected_record = checkpoint.load(whole / "checkpoint.npz")
    assert record == expected_record
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }


@needs_posix
def test_a_second_ctrl_c_stops_at_once(tmp_path):
    code, _, err = train(2, *OPTIONS, tmp_path)
    assert code == 1
    assert "Traceback" not in err
    assert err.endswith(
        f"xnp train: interrupted. The last checkpoint stays. Go on with:  xnp train --resume {tmp_path}\n"
    )
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["position"]["step"] == 3  # the end of epoch 1
