"""The command line: help, wrong usage, exit codes, and no traceback for anyone's mistake."""

import os
import re
import shlex
import subprocess
import sys
import warnings

import pytest

from xnp import cli, runs
from xnp.data import cifar10
from xnp.engine.processes import WorkerDied

VERBS = ("train", "evaluate", "predict", "export", "count", "gradcheck", "bench", "reproduce", "download")


# Help and usage


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example_that_can_be_typed(capsys, verb):
    with pytest.raises(SystemExit) as stop:
        cli.main([verb, "--help"])
    assert stop.value.code == 0
    (example,) = re.findall(r"^example:  xnp (.*?)(?:  .*)?$", capsys.readouterr().out, re.MULTILINE)
    assert example.split()[0] == verb
    assert cli.make_parser().parse_args(shlex.split(example)).verb == verb


def test_help_names_all_verbs(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^ +{verb}( |$)", said, re.MULTILINE) for verb in VERBS)
    assert "example: xnp train" in said


def test_help_of_train_explains_every_option_and_shows_the_recipes(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    options = " ".join(re.search(r"options:(.*)example:", capsys.readouterr().out, re.DOTALL)[1].split())
    about = {name.replace("-", "_"): text for name, text in re.findall(r"--([a-z-]+) (.*?)(?= --|$)", options)}
    defaults = {
        "epochs": "patterns 6, cifar10 60",
        "batch_size": "patterns 32, cifar10 64",
        "learning_rate": "patterns 0.1, cifar10 0.3",
        "label_smoothing": "patterns 0, cifar10 0.1",
        "subset": "patterns 3000, cifar10 all the rest",
        "augment": "patterns nothing, cifar10 flip crop",
        "optimizer": "sgd",
        "weight_decay": "0.0005",
    }
    for name, text in defaults.items():
        assert re.search(rf"[a-z]{{3}}.* \(default: {text}\)", about[name]), name
    assert about.keys() >= {*runs.RECIPES["patterns"], "data", "model", "seed"}


def test_usage_of_count_can_be_typed_in_its_order(capsys):
    with pytest.raises(SystemExit):
        cli.main(["count", "--help"])
    usage = capsys.readouterr().out.split("\n")[0]
    assert usage.index("MODEL") < usage.index("--include")
    assert set(re.findall(r"--\w+", usage)) == {"--unit", "--size", "--include", "--conventions"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "required: VERB"),
        ("fly", "invalid choice: 'fly'"),
        ("train --epochs 0", "--epochs: '0' is not a whole number, 1 or more"),
        ("train --epochs two", "--epochs: 'two' is not a whole number"),
        ("train --subset 1.5", "--subset: '1.5' is not a whole number, 1 or more"),
        ("train --validation -1", "--validation: '-1' is not a whole number, 0 or more"),
        ("train --learning-rate nan", "--learning-rate: 'nan' is not a number, 0 or more"),
        ("train --learning-rate inf", "--learning-rate: 'inf' is not a number, 0 or more"),
        ("train --average 1", "--average: '1' is not a number, at least 0 and less than 1"),
        ("train --data mnist", "--data: invalid choice: 'mnist'"),
        ("train --augment flip turn", "--augment: invalid choice: 'turn'"),
        ("train --data-dir data", "--data-dir belongs to --data cifar10"),
        ("train --resume runs/1 --epochs 3", "it takes no --epochs"),
        ("train --resume runs/1 --batch-size 3", "it takes no --batch-size"),
        ("train --resume runs/1 --run runs/2", "it takes no --run"),
        ("train now", "unrecognized arguments: now"),
        ("train --resum runs/1", "unrecognized arguments: --resum"),
        ("evaluate runs/1 --data cifar10", "unrecognized arguments: --data cifar10"),
        ("--hel", "required: VERB"),
        ("evaluate", "required: RUN"),
        ("predict --run runs/1", "required: IMAGE"),
        ("predict a.png --run runs/1 --model xception", "--run has a network of its own; it takes no --model"),
        ("predict a.png --run runs/1 --weights imagenet", "--run has a network of its own; it takes no --weights"),
        ("predict a.png --run runs/1 --classes a.txt", "--run has a network of its own; it takes no --classes"),
        ("predict a.png --model xception", "--model and --weights go together, as in: --model xception --weights im"),
        ("predict a.png --weights a.h5", "--model and --weights go together"),
        ("predict a.png --model tiny --weights a.h5", "--model: invalid choice: 'tiny'"),
        ("predict a.png --classes a.txt", "--classes names the classes of --weights FILE; other weights bring their"),
        ("predict a.png --model xception --weights imagenet --classes a.txt", "--classes names the classes of --wei"),
        ("export", "required: FILE.onnx"),
        ("export runs/1", "1 is no name for an ONNX file; it must end in .onnx"),
        ("export runs/1 model", "model is no name for an ONNX file; it must end in .onnx"),
        ("export model.onnx --batch 0", "--batch: '0' is not a whole number, 1 or more"),
        ("count huge", "invalid choice: 'huge'"),
        ("count tiny --unit flops", "--unit: invalid choice: 'flops'"),
        ("count tiny --include everything", "--include: 'everything' is no EXTRA; known are bias, batch_norm, "),
        ("count --include bias tiny", "--include: 'tiny' is no EXTRA; MODEL stands before --include"),
        ("count tiny --size 0", "--size: '0' is not a whole number, 1 or more"),
        ("count tiny --conventions --unit mac", "each of the --conventions has its own; they take no --unit"),
        ("count tiny --conventions --include add", "each of the --conventions has its own; they take no --include"),
        ("gradcheck all", "unrecognized arguments: all"),
    ],
)
def test_wrong_usage_is_code_2(capsys, line, message):
    with pytest.raises(SystemExit) as stop:
        cli.main(line.split())
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: xnp")
    assert message in said


# Whatever happens


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("the server cannot be reached"), "the server cannot be reached"),
        (PermissionError(13, "Permission denied", "locked/xnp"), "locked/xnp: Permission denied"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (MemoryError(), "MemoryError"),
        (WorkerDied("a worker died"), "a worker died"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_what_goes_wrong_outside_is_said_in_one_line(monkeypatch, capsys, error, message):
    def download(progress):
        raise error

    monkeypatch.setattr(cifar10, "download", download)
    assert cli.main(["download"]) == 1
    assert capsys.readouterr() == ("", f"xnp download: {message}\n")


def test_a_mistake_of_the_library_is_not_hidden(monkeypatch):
    def download(progress):
        raise KeyError("a bug")

    monkeypatch.setattr(cifar10, "download", download)
    with pytest.raises(KeyError):
        cli.main(["download"])


@pytest.mark.filterwarnings("always")
def test_warnings_are_notes(monkeypatch, capsys):
    def download(progress):
        warnings.warn("look here", stacklevel=1)
        return "archive"

    monkeypatch.setattr(cifar10, "download", download)
    before = warnings.showwarning
    assert cli.main(["download"]) == 0
    assert capsys.readouterr().err == "xnp: note: look here\n"
    assert warnings.showwarning is before


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("count tiny", 0, "Counted for one image of 32x32x3"),
        ("count enormous", 2, "invalid choice: 'enormous'"),
        ("evaluate no-such-run", 1, "xnp evaluate: no-such-run is no run"),
    ],
)
def test_a_real_process(tmp_path, line, code, said):
    command = [sys.executable, "-m", "xnp", *line.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other words for a closed pipe")
@pytest.mark.parametrize("length", [10, 100_000])  # a short text waits in a buffer until the end
def test_a_reader_that_goes_away(length):
    reader, writer = os.pipe()
    os.close(reader)
    script = f"""
import sys, xnp.count
from xnp import cli
xnp.count.count = lambda *_, **__: {length} * "x"
sys.exit(cli.main(["count", "tiny"]))
"""
    command = [sys.executable, "-c", script]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=buffered, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
