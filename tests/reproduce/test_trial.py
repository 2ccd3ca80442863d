"""One trial, in this process: what it writes, that its seed decides it, and its exit codes."""

import io
import json
from functools import partial

import numpy as np
import pytest

from xnp import checkpoint, runs, training
from xnp.count import count
from xnp.data import patterns
from xnp.reproduce import trial as module
from xnp.reproduce.trial import Trial, epochs_done, main, run

FEW = {"data": "patterns", "subset": 20, "validation": 10, "epochs": 2, "batch_size": 10}


@pytest.fixture(autouse=True)
def few_test_images(monkeypatch):
    monkeypatch.setattr(patterns, "load_test", partial(patterns.load_test, n=30))


def make(folder, variant=0, seed=1, **changes):
    return Trial("patterns", variant, 8.0, seed, FEW | changes, str(folder))


def test_what_it_leaves(tmp_path):
    assert epochs_done(tmp_path) == 0
    run(make(tmp_path, variant=2))
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "history.jsonl", "result.json"}
    result = json.loads((tmp_path / "result.json").read_text())
    assert list(result) == [*("variant", "width", "seed", "parameters", "macs", "test_accuracy", "test_loss", "epochs")]
    assert (result["variant"], result["width"], result["seed"]) == ("pointwise alone", 8.0, 1)
    report = count(module.EXPERIMENTS["patterns"].variants[2].network(8.0))
    assert (result["parameters"], result["macs"]) == (report.trainable, report.macs)
    assert [list(row) for row in result["epochs"]] == [["epoch", "loss", "validation_accuracy"]] * 2
    assert epochs_done(tmp_path) == 2
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["experiment"], config["variant"], config["width"]) == ("patterns", "pointwise alone", 8.0)
    assert config["settings"]["seed"] == 1
    assert config["settings"]["workers"] == 1
    assert not {"data_dir", "model"} & config["settings"].keys()


def test_it_is_the_training_that_it_says(tmp_path):
    """Train the same network by hand: the same accuracy of the test images comes out."""
    run(make(tmp_path / "trial", variant=1, seed=3))
    settings = runs.make_settings(FEW | {"seed": 3, "workers": 1})
    model = module.EXPERIMENTS["patterns"].variants[1].network(8.0, seed=3)
    data, validation = runs.load_training(settings)
    rows = runs.train_model(model, settings, data, validation, tmp_path / "by hand", config={}, progress=False).rows
    judged = training.evaluate(model, runs.load_test(settings), training.measure(data), workers=1)
    result = json.loads((tmp_path / "trial" / "result.json").read_text())
    assert (result["test_accuracy"], result["test_loss"]) == (judged.accuracy, judged.loss)
    assert [row["loss"] for row in result["epochs"]] == [row["loss"] for row in rows]
    assert checkpoint.load(tmp_path / "by hand" / "checkpoint.npz")[1]["position"]["epoch"] == 2


def test_the_seed_decides_all_and_gives_all_variants_the_same_images(tmp_path, monkeypatch):
    seen = {}

    def train_model(model, settings, data, validation, folder, **options):
        seen[folder.name] = (data.images.tobytes(), validation.images.tobytes(), settings.seed)
        raise training.Interrupted("enough")

    monkeypatch.setattr(runs, "train_model", train_model)
    for name, variant, seed in (("a", 0, 0), ("b", 1, 0), ("c", 0, 1)):
        with pytest.raises(training.Interrupted):
            run(make(tmp_path / name, variant=variant, seed=seed))
    assert seen["a"] == seen["b"]
    assert all(one != other for one, other in zip(seen["a"], seen["c"], strict=True))


def test_stopped_before_it_was_judged_it_goes_on_to_the_same_result(tmp_path, monkeypatch):
    run(make(tmp_path / "whole"))

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "evaluate", stop)
        with pytest.raises(KeyboardInterrupt):
            run(make(tmp_path / "stopped"))
    assert (tmp_path / "stopped" / "checkpoint.npz").exists()
    assert not (tmp_path / "stopped" / "result.json").exists()
    run(make(tmp_path / "stopped"))
    results = [(tmp_path / name / "result.json").read_bytes() for name in ("stopped", "whole")]
    assert results[0] == results[1]


def test_a_loss_that_is_no_number_is_a_result(tmp_path, monkeypatch):
    """From the same seed it would come again: a study that only stopped there could never be ended."""
    original = training.Trainer.step

    def step(trainer, indices):
        if trainer.position.step == 3:
            trainer.model.parameters()["classifier/kernel"][...] = np.inf
        original(trainer, indices)

    monkeypatch.setattr(training.Trainer, "step", step)
    run(make(tmp_path / "trial"))
    result = json.loads((tmp_path / "trial" / "result.json").read_text())
    assert "loss is nan" in result["diverged"]
    assert (result["variant"], result["seed"]) == ("both", 1)
    assert not {"test_accuracy", "test_loss", "epochs"} & result.keys()
    assert not (tmp_path / "trial" / "checkpoint.npz").exists()


def test_test_images_that_are_not_there_are_missed_before_the_training(tmp_path, monkeypatch):
    def missing(**_):
        raise FileNotFoundError("no test images")

    monkeypatch.setattr(patterns, "load_test", missing)
    with pytest.raises(FileNotFoundError):
        run(make(tmp_path / "trial"))
    assert not (tmp_path / "trial").exists()


def outcome(monkeypatch, capsys, text, error=None):
    """Run `main` with a line on stdin; `error` comes out of the trial."""

    def run(trial):
        if error is not None:
            raise error

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "stop_with_the_pipe", lambda: None)
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return main(), capsys.readouterr().err


def test_exit_codes(monkeypatch, capsys):
    text = json.dumps(vars(make("there")))
    assert outcome(monkeypatch, capsys, text) == (0, "")
    assert outcome(monkeypatch, capsys, text, KeyboardInterrupt()) == (2, "")
    assert outcome(monkeypatch, capsys, text, training.Interrupted("after a step")) == (2, "")
    for error in (OSError("no disk"), ValueError("no sense"), MemoryError("no room")):
        assert outcome(monkeypatch, capsys, text, error) == (1, f"{error}\n")
    code, said = outcome(monkeypatch, capsys, "")  # the study died before it said anything
    assert (code, said.count("\n")) == (1, 1)


def test_what_is_sent_is_what_comes_out(tmp_path):
    trial = make(tmp_path, learning_rate=0.25, width=3)
    assert Trial(**json.loads(json.dumps(vars(trial)))) == trial
    assert np.float64(json.loads(json.dumps(vars(trial)))["width"]) == trial.width
