"""The command line: what each verb prints and writes, its exit codes, and no traceback for anyone's mistake."""

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

from xnp import checkpoint, cli, gradcheck, history, models, runs, training
from xnp.count import count
from xnp.data import cifar10
from xnp.data.dataset import Dataset
from xnp.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool2D, ReLU, Sequential

Image = pytest.importorskip("PIL.Image")

VERBS = ("train", "evaluate", "predict", "count", "gradcheck", "download")
SMALL = ["--subset", "30", "--validation", "20", "--epochs", "1", "--batch-size", "10"]
ALL_FILES = {"config.json", "history.jsonl", "checkpoint.npz", "curves.png", "confusion.png", "predictions.png"}


def small(input_shape=(32, 32, 3), classes=10, *, seed=0):
    """Make a network that trains in no time."""
    layers = Conv2D(4, 3, stride=4), BatchNorm(), ReLU(), GlobalAveragePool2D(), Dense(classes)
    return Sequential(*layers).build(input_shape, seed=seed)


@pytest.fixture(scope="module", autouse=True)
def small_network():
    """Put it in the place of the tiny one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(runs.MODELS, "tiny", small)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train once. The tests only read this folder."""
    folder = tmp_path_factory.mktemp("runs") / "a run"
    assert cli.main(["train", *SMALL, "--run", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """Give a copy of the trained run, to spoil."""
    return shutil.copytree(trained, tmp_path / "run")


def fails(capsys, *arguments):
    """Run a command line that must fail with code 1; return what it says in its one line."""
    assert cli.main([str(argument) for argument in arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"xnp {arguments[0]}: ")
    assert said.count("\n") == 1
    return said


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
        ("evaluate", "required: RUN"),
        ("predict runs/1", "required: IMAGE"),
        ("count huge", "invalid choice: 'huge'"),
        ("count tiny --unit flops", "--unit: invalid choice: 'flops'"),
        ("count tiny --include everything", "--include: invalid choice: 'everything'"),
        ("count tiny --size 0", "--size: '0' is not a whole number, 1 or more"),
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


# train


def test_train_writes_a_whole_folder(trained):
    assert {path.name for path in trained.iterdir()} == ALL_FILES
    for path in trained.glob("*.png"):
        with Image.open(path) as picture:
            assert picture.size > (300, 300)
    config = json.loads((trained / "config.json").read_text())
    assert shlex.split(config["command"]) == ["xnp", "train", *SMALL, "--run", str(trained)]
    assert len(history.read(trained / "history.jsonl")) == 1
    assert checkpoint.load(trained / "checkpoint.npz")[1]["position"]["epoch"] == 1


def test_train_says_what_it_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", *SMALL]) == 0
    first, epoch, last = capsys.readouterr().out.splitlines()
    folder = os.path.join("runs", "patterns-tiny-1")
    assert first == f"tiny Xception on patterns, into {folder}"
    assert re.match(r"epoch 1/1  loss \d.*accuracy .* %  validation .* %  \d+ images/s  0 s left$", epoch)
    assert re.match(rf"validation accuracy [\d.]+ %; pictures in {re.escape(folder)}$", last)
    assert {path.name for path in (tmp_path / folder).iterdir()} == ALL_FILES


def test_train_draws_what_the_trained_model_says(trained, monkeypatch):
    drawn = []
    monkeypatch.setattr(cli, "draw_answers", lambda *arguments: drawn.append(arguments))
    cli.draw_training(trained)
    ((folder, prefix, data, result),) = drawn
    assert (folder, prefix) == (trained, "")
    assert len(data.labels) == 20
    assert result.loss == history.read(trained / "history.jsonl")[-1]["validation_loss"]


def test_train_without_validation_draws_the_curves_alone(tmp_path, capsys):
    folder = tmp_path / "run"
    assert cli.main(["train", *SMALL, "--validation", "0", "--run", str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == ALL_FILES - {"confusion.png", "predictions.png"}
    assert capsys.readouterr().out.endswith(f"drawn: {folder / 'curves.png'}\n")


OPTIONS = """
--data cifar10 --data-dir here --subset 500 --validation 100 --model small --seed 4 --epochs 7 --batch-size 9
--optimizer adamw --learning-rate 0.01 --schedule cosine --weight-decay 0.2 --label-smoothing 0.3 --average 0.99
--augment cutout flip
"""


def test_every_option_of_train_reaches_the_settings(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(runs, "train", lambda settings, folder, **options: seen.append((settings, folder, options)))
    monkeypatch.setattr(cli, "draw_training", lambda folder: None)
    line = ["train", *OPTIONS.split(), "--run", str(tmp_path)]
    assert cli.main(line) == 0
    ((settings, folder, options),) = seen
    assert dataclasses.astuple(settings) == (
        *("cifar10", "here", 500, 100, "small", 4, 7, 9, "adamw", 0.01, "cosine", 0.2, 0.3, 0.99),
        ("cutout", "flip"),
    )
    assert folder == tmp_path
    assert options == {"command": shlex.join(["xnp", *line]), "resume": False}


def test_resume_goes_on_with_what_the_run_was_made_with(folder, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(runs, "train", lambda settings, folder, **options: seen.append((settings, folder, options)))
    monkeypatch.setattr(cli, "draw_training", lambda folder: None)
    config = runs.read_config(folder)
    assert cli.main(["train", "--resume", str(folder)]) == 0
    assert seen == [(config.settings, folder, {"command": config.command, "resume": True})]


def test_resume_of_a_finished_run_draws_it_again(folder, capsys):
    (folder / "curves.png").unlink()
    before = (folder / "checkpoint.npz").read_bytes()
    assert cli.main(["train", "--resume", str(folder)]) == 0
    assert (folder / "checkpoint.npz").read_bytes() == before
    assert (folder / "curves.png").exists()


def test_a_training_that_diverges(tmp_path, capsys):
    run = tmp_path / "run"
    said = fails(capsys, "train", *SMALL, "--learning-rate", "1e30", "--schedule", "constant", "--run", run)
    assert re.search(
        r"the loss is nan in epoch 1, batch \d of 3 \(step \d\), at learning rate 1e\+30; up to there", said
    )
    assert f"The last good checkpoint stays: {run / 'checkpoint.npz'}. A smaller --learning-rate often helps" in said
    assert runs.open_run(run).epoch == 0


def test_a_folder_in_use(folder, capsys):
    assert "holds a training already; resume it, or take another" in fails(capsys, "train", *SMALL, "--run", folder)


def test_a_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in fails(capsys, "train", *SMALL, "--run", tmp_path / "file")


@pytest.mark.parametrize("named", [True, False])
def test_missing_data(tmp_path, monkeypatch, capsys, named):
    monkeypatch.setenv("XNP_DATA", str(tmp_path / "cache"))
    where = tmp_path / ("data" if named else "cache")
    options = ["--data-dir", str(where)] if named else []
    said = fails(capsys, "train", "--data", "cifar10", *options, "--run", tmp_path / "run")
    assert str(where) in said
    assert "xnp download" in said
    assert "--data-dir" in said
    assert not (tmp_path / "run").exists()


# evaluate


def test_evaluate_asks_for_the_test_images(folder, capsys):
    assert cli.main(["evaluate", str(folder)]) == 0
    out = capsys.readouterr().out
    run = runs.open_run(folder)
    data = runs.load_test(run.settings)
    result = training.evaluate(run.model, data, run.scale)
    figures = json.loads((folder / "evaluation.json").read_text())
    assert figures == {"images": 2000, "loss": result.loss, "accuracy": result.accuracy, "epoch": 1}
    assert out == f"test accuracy {100 * result.accuracy:.2f} % of 2,000 images, loss {result.loss:.4f}\n"
    assert {path.name for path in folder.iterdir()} == ALL_FILES | {
        "evaluation.json",
        "test_confusion.png",
        "test_predictions.png",
    }


def test_evaluate_says_that_a_run_is_not_finished(folder, capsys, monkeypatch):
    monkeypatch.setattr(cli, "draw_answers", lambda *_: None)
    config = json.loads((folder / "config.json").read_text())
    config["settings"]["epochs"] = 5
    (folder / "config.json").write_text(json.dumps(config))
    assert cli.main(["evaluate", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("note: this run has done 1 of its 5 epochs\n")


def test_evaluate_finds_data_that_have_moved(folder, monkeypatch):
    asked = []

    def load_test(settings):
        asked.append(settings.data_dir)
        raise FileNotFoundError("enough")

    monkeypatch.setattr(runs, "load_test", load_test)
    assert cli.main(["evaluate", str(folder), "--data-dir", "there"]) == 1
    assert asked == ["there"]


def test_the_confusion_matrix_counts_rows_of_true_classes(tmp_path, monkeypatch):
    from xnp import viz

    drawn = {}
    monkeypatch.setattr(viz, "save", lambda figure, path: None)
    monkeypatch.setattr(viz, "confusion_matrix", lambda matrix, names: drawn.update(matrix=matrix, names=names))
    monkeypatch.setattr(viz, "predictions", lambda *arguments: None)
    data = Dataset(np.zeros((4, 2, 2, 3), np.uint8), np.array([0, 0, 0, 1]), ("a", "b"))
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]])
    cli.draw_answers(tmp_path, "", data, training.Evaluation(0.5, 0.5, probabilities))
    assert drawn["matrix"].tolist() == [[1, 2], [0, 1]]
    assert drawn["names"] == ("a", "b")


# predict


def test_predict_prints_the_top_classes_with_bars(trained, tmp_path, capsys):
    run = runs.open_run(trained)
    data = runs.load_test(run.settings).take(np.arange(2))
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path, image in zip(paths, data.images, strict=True):
        Image.fromarray(image).save(path)
    assert cli.main(["predict", str(trained), *map(str, paths)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    expected = training.evaluate(run.model, data, run.scale).probabilities
    for path, row, said in zip(paths, expected, (lines[:6], lines[6:]), strict=True):
        assert said[0] == str(path)
        for k, line in zip(np.argsort(-row)[:5], said[1:], strict=True):
            name, share, bar = re.fullmatch(r"  (.+?) +([\d.]+) %  (#*)", line).groups()
            assert name == run.names[k]
            assert float(share) == pytest.approx(100 * row[k], abs=0.06)
            assert len(bar) == round(40 * float(row[k]))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "RGB"])
@pytest.mark.parametrize("size", [(1, 1), (32, 32), (900, 700)])
def test_predict_takes_pictures_of_any_colours_and_size(trained, tmp_path, capsys, mode, size):
    path = tmp_path / ("a.jpg" if mode == "RGB" else "a.png")
    Image.new(mode, size).save(path)
    assert cli.main(["predict", str(trained), str(path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_predict_of_files_that_are_no_pictures(trained, tmp_path, capsys):
    missing, text, cut = tmp_path / "missing.png", tmp_path / "text.png", tmp_path / "cut.jpg"
    text.write_text("not a picture")
    Image.new("RGB", (60, 50), "red").save(cut)
    cut.write_bytes(cut.read_bytes()[:-60])
    assert fails(capsys, "predict", trained, missing) == f"xnp predict: {missing}: No such file or directory\n"
    assert f"{text} is no picture that can be read; PNG and JPEG can" in fails(capsys, "predict", trained, text)
    assert f"{cut} is damaged: " in fails(capsys, "predict", trained, cut)
    assert str(tmp_path) in fails(capsys, "predict", trained, tmp_path)


# Runs that are none


@pytest.mark.parametrize("line", ["train --resume RUN", "evaluate RUN", "predict RUN a.png"])
def test_a_run_that_is_missing_or_damaged(folder, capsys, line):
    def said(run):
        return fails(capsys, *(word.replace("RUN", str(run)) for word in line.split()))

    assert "no is no run: it has no config.json" in said(folder / "no")
    path = folder / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:5000])
    assert f"{path} is damaged, or no checkpoint of xnp" in said(folder)
    (folder / "config.json").write_text("{")
    assert f"{folder / 'config.json'} is damaged" in said(folder)


# count, gradcheck, download


def test_count_prints_the_paper_s_network_and_its_convention(capsys):
    assert cli.main(["count", "xception"]) == 0
    out = capsys.readouterr().out
    assert out == f"{count(models.xception())}\n"
    assert out.startswith("Counted for one image of 299x299x3; MAC = 1 multiply-accumulate; convolutions and dense")
    assert "8,357,403,496" in out
    assert "22,855,952 trainable" in out


def test_the_flags_of_count(capsys):
    assert cli.main(["count", "small", "--unit", "flop", "--include", "batch_norm", "activation", "--size", "64"]) == 0
    report = count(models.small_xception(), (64, 64, 3), unit="FLOP", include=("batch_norm", "activation"))
    assert capsys.readouterr().out == f"{report}\n"
    assert cli.main(["count", "small", "--include", "bias"]) == 0
    assert "+ bias; not counted: batch_norm" in capsys.readouterr().out


def test_count_of_an_image_that_is_too_small(capsys):
    assert "stem/conv2" in fails(capsys, "count", "xception", "--size", "4")


@pytest.mark.parametrize(("errors", "code"), [([1e-9, 1e-10], 0), ([1e-9, 1e-3], 1), ([float("nan")], 1)])
def test_gradcheck_fails_where_one_check_fails(monkeypatch, capsys, errors, code):
    results = [gradcheck.Result("relu", "dx", f"case {k}", "central difference", e) for k, e in enumerate(errors)]
    monkeypatch.setattr(gradcheck, "run", lambda: results)
    assert cli.main(["gradcheck"]) == code
    assert capsys.readouterr().out == f"{gradcheck.table(results)}\n{len(errors)} checks, {code} failed\n"


def test_download_says_where_the_data_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cifar10, "download", lambda progress: tmp_path / "archive")
    assert cli.main(["download"]) == 0
    assert capsys.readouterr().out == f"CIFAR-10 is in {tmp_path / 'archive'}\n"


# Whatever happens


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("the server cannot be reached"), "the server cannot be reached"),
        (PermissionError(13, "Permission denied", "/root/xnp"), "/root/xnp: Permission denied"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (MemoryError(), "MemoryError"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_what_goes_wrong_outside_is_said_in_one_line(monkeypatch, capsys, error, message):
    def download(progress):
        raise error

    monkeypatch.setattr(cifar10, "download", download)
    assert fails(capsys, "download") == f"xnp download: {message}\n"


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
