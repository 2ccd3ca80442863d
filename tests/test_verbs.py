"""The verbs: what each of them prints and writes, and what it says where it cannot do its work."""

import dataclasses
import json
import os
import re
import shlex
import shutil
import sys

import numpy as np
import pytest

from xnp import checkpoint, cli, conventions, gradcheck, history, models, runs, training, verbs, weights
from xnp.count import count
from xnp.data import cifar10, imagenet
from xnp.data.dataset import Dataset
from xnp.data.pictures import read_picture
from xnp.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool2D, ReLU, Sequential

Image = pytest.importorskip("PIL.Image")

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


def fails(capsys, *arguments, out=None):
    """Run a command line that must fail with code 1; return what it says in its one line of errors."""
    assert cli.main([str(argument) for argument in arguments]) == 1
    printed, said = capsys.readouterr()
    assert out in (printed, None)
    assert said.startswith(f"xnp {arguments[0]}: ")
    assert said.count("\n") == 1
    return said


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
    monkeypatch.setattr(verbs, "draw_answers", lambda *arguments: drawn.append(arguments))
    _, validation = runs.load_training(runs.read_config(trained).settings)
    verbs.draw_training(trained, validation)
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
--augment cutout flip --engine fast --workers 3
"""


def test_every_option_of_train_reaches_the_settings(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(runs, "train", lambda *arguments, **options: seen.append((*arguments, options)))
    monkeypatch.setattr(verbs, "draw_training", lambda *arguments: seen.append(arguments))
    monkeypatch.setattr(runs, "load_training", lambda settings: ("data", "validation"))
    line = ["train", *OPTIONS.split(), "--run", str(tmp_path)]
    assert cli.main(line) == 0
    (settings, *data, folder, options), drawn = seen
    assert data == ["data", "validation"]
    assert drawn == (tmp_path, "validation")
    assert dataclasses.astuple(settings) == (
        *("cifar10", "here", 500, 100, "small", 4, 7, 9, "adamw", 0.01, "cosine", 0.2, 0.3, 0.99),
        *(("cutout", "flip"), "fast", 3),
    )
    assert folder == tmp_path
    assert options == {"command": shlex.join(["xnp", *line]), "resume": False}


def change(folder, **settings):
    """Edit what a run was made with."""
    config = json.loads((folder / "config.json").read_text())
    config["settings"] |= settings
    (folder / "config.json").write_text(json.dumps(config))


def test_resume_goes_on_with_what_the_run_was_made_with(folder, monkeypatch, capsys):
    change(folder, epochs=5)
    monkeypatch.setattr(runs, "load_training", lambda settings: ("data", "validation"))
    seen = []
    monkeypatch.setattr(runs, "train", lambda *arguments, **options: seen.append((*arguments, options)))
    monkeypatch.setattr(verbs, "draw_training", lambda *arguments: seen.append(arguments))
    config = runs.read_config(folder)
    assert cli.main(["train", "--resume", str(folder)]) == 0
    with_these = (config.settings, "data", "validation", folder, {"command": config.command, "resume": True})
    assert seen == [with_these, (folder, "validation")]


@pytest.mark.parametrize("lost", [(), ("curves.png", "confusion.png")])
def test_resume_of_a_finished_run_says_so_and_draws_it_again(folder, capsys, lost):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in lost:
        (folder / name).unlink()
    assert cli.main(["train", "--resume", str(folder)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    said = capsys.readouterr().out
    assert said.startswith(f"{folder} is finished already: 1 of 1 epochs. It is drawn again\nvalidation accuracy ")
    assert "into" not in said


def test_a_subset_that_the_classes_cannot_share(tmp_path, capsys):
    said = fails(capsys, "train", "--subset", "7", "--run", tmp_path / "run")
    assert said == "xnp train: subset is 7; it must be a multiple of 10: as many of each class\n"
    assert not (tmp_path / "run").exists()


def test_a_training_that_diverges(tmp_path, capsys):
    run = tmp_path / "run"
    said = fails(capsys, "train", *SMALL, "--learning-rate", "1e30", "--schedule", "constant", "--run", run)
    assert re.search(
        r"the loss is nan in epoch 1, batch \d of 3 \(step \d\), at learning rate 1e\+30; up to there", said
    )
    assert f"The last good checkpoint stays: {run / 'checkpoint.npz'}. A smaller --learning-rate often helps" in said
    assert runs.open_run(run).epoch == 0


def test_a_folder_in_use(folder, capsys):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert fails(capsys, "train", *SMALL, "--run", folder) == (
        f"xnp train: {folder} holds a training already. Go on with:  xnp train --resume {folder}"
        "  (or take another folder for --run)\n"
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in fails(capsys, "train", *SMALL, "--run", tmp_path / "file")


@pytest.mark.parametrize("named", [True, False])
def test_missing_data(tmp_path, monkeypatch, capsys, named):
    monkeypatch.setenv("XNP_DATA", str(tmp_path / "cache"))
    where = tmp_path / ("data" if named else "cache")
    options = ["--data-dir", str(where)] if named else []
    said = fails(capsys, "train", "--data", "cifar10", *options, "--run", tmp_path / "run", out="")
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


NOTE = "note: this training was stopped, or it diverged: {} epochs are done. The weights are {}\n"


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_a_run_that_is_not_finished_is_said_to_be_none(folder, capsys, monkeypatch, verb):
    monkeypatch.setattr(verbs, "draw_answers", lambda *_: None)
    change(folder, epochs=5)
    picture = folder / "a.png"
    Image.new("RGB", (32, 32)).save(picture)
    assert cli.main([verb, *([str(picture), "--run"] if verb == "predict" else []), str(folder)]) == 0
    assert capsys.readouterr().out.startswith(NOTE.format("1 of its 5", "the last good ones"))


def test_evaluate_of_a_training_that_diverged_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(verbs, "draw_answers", lambda *_: None)
    fails(capsys, "train", *SMALL, "--learning-rate", "1e30", "--schedule", "constant", "--run", tmp_path / "run")
    assert cli.main(["evaluate", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.startswith(NOTE.format("0 of its 1", "untrained"))


def test_evaluate_of_patterns_needs_no_data(folder, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["evaluate", str(folder), "--data-dir", "there"])
    assert stop.value.code == 2
    assert f"--data-dir belongs to --data cifar10; {folder} learned patterns\n" in capsys.readouterr().err


def test_evaluate_finds_data_that_have_moved(folder, monkeypatch):
    asked = []

    def load_test(settings):
        asked.append(settings.data_dir)
        raise FileNotFoundError("enough")

    monkeypatch.setattr(runs, "load_test", load_test)
    change(folder, data="cifar10", data_dir="here")
    assert cli.main(["evaluate", str(folder)]) == 1
    assert cli.main(["evaluate", str(folder), "--data-dir", "there"]) == 1
    assert asked == ["here", "there"]


def test_the_confusion_matrix_counts_rows_of_true_classes(tmp_path, monkeypatch):
    from xnp import viz

    drawn = {}
    monkeypatch.setattr(viz, "save", lambda figure, path: None)
    monkeypatch.setattr(viz, "confusion_matrix", lambda matrix, names: drawn.update(matrix=matrix, names=names))
    monkeypatch.setattr(viz, "predictions", lambda *arguments: None)
    data = Dataset(np.zeros((4, 2, 2, 3), np.uint8), np.array([0, 0, 0, 1]), ("a", "b"))
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]])
    verbs.draw_answers(tmp_path, "", data, training.Evaluation(0.5, 0.5, probabilities))
    assert drawn["matrix"].tolist() == [[1, 2], [0, 1]]
    assert drawn["names"] == ("a", "b")


# predict


def test_predict_prints_the_top_classes_with_bars(trained, tmp_path, capsys):
    run = runs.open_run(trained)
    data = runs.load_test(run.settings).take(np.arange(2))
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path, image in zip(paths, data.images, strict=True):
        Image.fromarray(image).save(path)
    assert cli.main(["predict", *map(str, paths), "--run", str(trained)]) == 0
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
    assert cli.main(["predict", str(path), "--run", str(trained)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_predict_of_files_that_are_no_pictures(trained, tmp_path, capsys):
    missing, text, cut = tmp_path / "missing.png", tmp_path / "text.png", tmp_path / "cut.jpg"
    text.write_text("not a picture")
    Image.new("RGB", (60, 50), "red").save(cut)
    cut.write_bytes(cut.read_bytes()[:-60])

    def said(path):
        return fails(capsys, "predict", path, "--run", trained)

    assert said(missing) == f"xnp predict: {missing}: No such file or directory\n"
    assert f"{text} is no picture that can be read; PNG, JPEG, WebP and GIF can" in said(text)
    assert f"{cut} is damaged: " in said(cut)


def test_predict_of_one_good_picture_and_two_bad_ones(trained, tmp_path, capsys):
    good, missing, text = tmp_path / "good.png", tmp_path / "missing.png", tmp_path / "text.png"
    Image.new("RGB", (32, 32)).save(good)
    text.write_text("not a picture")
    assert cli.main(["predict", *map(str, (missing, good, text)), "--run", str(trained)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{good}\n")
    assert out.count("\n") == 6
    first, second = err.splitlines()
    assert first == f"xnp predict: {missing}: No such file or directory"
    assert second.startswith(f"xnp predict: {text} is no picture")


def test_predict_without_a_run_asks_the_shipped_network(tmp_path, capsys):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)).save(path)
    assert cli.main(["predict", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"asking the network that comes with xnp; all that it knows: {', '.join(cifar10.NAMES)}"
    run = runs.open_shipped()
    logits = run.model.forward(run.scale.apply(read_picture(path, (32, 32))[None], np.dtype("float32")))
    assert lines[2].split()[0] == cifar10.NAMES[logits.argmax()]


@pytest.mark.filterwarnings("always:passed over")
def test_predict_of_a_folder(trained, tmp_path, capsys):
    for name in ("b.png", "a.jpg"):
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    (tmp_path / "c.txt").write_text("no picture")
    assert cli.main(["predict", str(tmp_path), "--run", str(trained)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[::6] == [str(tmp_path / "a.jpg"), str(tmp_path / "b.png")]
    assert err.startswith(f"xnp: note: passed over: {tmp_path / 'c.txt'} is no picture that can be read; ")
    assert err.count("\n") == 1


def test_predict_of_a_folder_without_pictures(trained, tmp_path, capsys):
    said = fails(capsys, "predict", tmp_path, "--run", trained, out="")
    assert said == f"xnp predict: {tmp_path} holds no picture; folders in a folder are not opened\n"


def test_predict_of_a_run_is_a_mistake(trained, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["predict", str(trained)])
    assert stop.value.code == 2
    said = f"{trained} is no IMAGE but the folder of a training; it stands after --run\n"
    assert capsys.readouterr().err.endswith(said)


@pytest.fixture
def keras_file(monkeypatch):
    """Let every file hold weights of Keras, for a network that has next to none."""
    monkeypatch.setattr(models, "xception", lambda classes=1000: small((299, 299, 3), classes))
    monkeypatch.setattr(weights, "load_keras", lambda model, path: None, raising=False)


def test_predict_with_a_file_of_keras(keras_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XNP_DATA", str(tmp_path / "empty"))
    picture, file, names = tmp_path / "a.png", tmp_path / "a.h5", tmp_path / "names.txt"
    Image.new("RGB", (32, 32)).save(picture)
    names.write_text("cat\ndog\ncow\n")

    def said(*options):
        line = ["predict", "--model", "xception", "--weights", str(file), *options, str(picture)]
        assert cli.main(line) == 0
        before, _, top = capsys.readouterr().out.partition(f"\n{picture}\n")
        return before, [re.fullmatch(r"  (.*?) +[\d.]+ %  #*", line)[1] for line in top.splitlines()]

    before, top = said()
    first, note = before.splitlines()
    assert first == f"asking xception with the weights of {file}; it knows 1,000 classes"
    assert note.startswith("note: classes have numbers here. --classes FILE names them; ")
    assert len(top) == 5
    assert set(top) < {f"class {k}" for k in range(1000)}
    before, top = said("--classes", str(names))
    assert before == f"asking xception with the weights of {file}; it knows 3 classes"
    assert set(top) == {"cat", "dog", "cow"}


@pytest.mark.parametrize("error", [OSError("it is no file of Keras"), ValueError("stem/conv1/kernel is missing")])
def test_predict_with_a_file_that_is_not_of_keras(keras_file, tmp_path, monkeypatch, capsys, error):
    def load_keras(model, path):
        raise error

    monkeypatch.setattr(weights, "load_keras", load_keras, raising=False)
    line = ["predict", "--model", "xception", "--weights", tmp_path / "a.h5", tmp_path / "a.png"]
    assert fails(capsys, *line, out="") == f"xnp predict: {error}\n"


def test_predict_says_where_the_number_of_classes_comes_from(keras_file, tmp_path, monkeypatch, capsys):
    def load_keras(model, path):
        raise ValueError(f"it has another network than {model.output_shape}, in its classifier")

    monkeypatch.setattr(weights, "load_keras", load_keras, raising=False)
    monkeypatch.setenv("XNP_DATA", str(tmp_path / "empty"))
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    line = ["predict", "--model", "xception", "--weights", tmp_path / "a.h5", tmp_path / "a.png"]
    why = "The model was made for 1,000 classes, as many as in ImageNet; --classes FILE names others"
    assert fails(capsys, *line, out="").endswith(f"than (1000,), in its classifier. {why}\n")
    why = f"The model was made for 2 classes, as many as names in {names}"
    assert fails(capsys, *line, "--classes", names, out="").endswith(f"than (2,), in its classifier. {why}\n")


@pytest.mark.parametrize("file", ["a.h5", "imagenet"])
def test_predict_without_h5py_says_so_in_one_line_and_fetches_nothing(tmp_path, monkeypatch, capsys, file):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr(imagenet, "download", lambda **_: pytest.fail("a download for nothing"))
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    line = ["predict", "--model", "xception", "--weights", path if file == "a.h5" else file, tmp_path / "a.png"]
    assert "files of Keras are read by the package h5py; it comes with the extra keras:" in fails(capsys, *line, out="")


# Runs that are none


def test_a_picture_is_no_run(tmp_path, capsys):
    path = tmp_path / "a.png"
    Image.new("RGB", (32, 32)).save(path)
    said = fails(capsys, "predict", path, "--run", path)
    assert said == f"xnp predict: {path} is no run: it is a file, and a run is the folder of a training\n"


@pytest.mark.parametrize("line", ["train --resume RUN", "evaluate RUN", "predict a.png --run RUN", "export RUN a.onnx"])
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
    assert out.startswith("Counted for one image of 299x299x3; MAC = 1 multiply-accumulate\nMACs: of convolutions and")
    assert "8,357,403,496" in out
    assert "22,855,952 trainable" in out


def test_the_flags_of_count(capsys):
    assert cli.main(["count", "small", "--unit", "flop", "--include", "batch_norm", "activation", "--size", "64"]) == 0
    report = count(models.small_xception(), (64, 64, 3), unit="FLOP", include=("batch_norm", "activation"))
    assert capsys.readouterr().out == f"{report}\n"
    assert cli.main(["count", "small", "--unit", "MAC", "--include", "bias"]) == 0
    assert "+ bias, not of batch_norm" in capsys.readouterr().out


def test_count_prints_the_conventions_of_other_tools(capsys):
    assert cli.main(["count", "xception", "--conventions"]) == 0
    out = capsys.readouterr().out
    assert out == f"{conventions.text(count(models.xception()))}\n"
    assert out.startswith("The parts of the network, for one image of 299x299x3:\n\npart ")
    assert re.search(r"^fvcore +flops +MAC +8,399,882,600  MACs \+ batch norm \+ global pool$", out, re.MULTILINE)
    assert cli.main(["count", "small", "--conventions", "--size", "64"]) == 0
    assert capsys.readouterr().out == f"{conventions.text(count(models.small_xception(), (64, 64, 3)))}\n"


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
