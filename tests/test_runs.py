"""Runs: settings and what they make, the folder and the way back from it."""

import dataclasses
import json
import re

import numpy as np
import pytest

from xnp import checkpoint, models, optimizers, runs, schedules, training
from xnp.checkpoint import CheckpointError
from xnp.data import patterns
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU, Sequential
from xnp.runs import RunError, make_settings

SMALL = {"subset": 20, "validation": 10, "epochs": 1, "batch_size": 8}


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    """Put a network that trains in no time in the place of the tiny one, and a wider one in that of the small one."""

    def make(width):
        def model(input_shape, classes, seed):
            layers = (
                Conv2D(width, 3, stride=4),
                BatchNorm(),
                ReLU(),
                Dropout(0.2),
                GlobalAveragePool2D(),
                Dense(classes),
            )
            return Sequential(*layers).build(input_shape, seed=seed)

        return model

    monkeypatch.setitem(runs.MODELS, "tiny", make(4))
    monkeypatch.setitem(runs.MODELS, "small", make(5))


def train(settings, folder, **options):
    """Make the data and train."""
    return runs.train(settings, *runs.load_training(settings), folder, **options)


def bits(arrays):
    return {name: array.tobytes() for name, array in arrays.items()}


# Settings


def test_what_is_not_chosen_comes_from_the_recipe_of_the_data():
    assert make_settings({}).data == "patterns"
    for data, recipe in runs.RECIPES.items():
        settings = make_settings({"data": data})
        assert {name: getattr(settings, name) for name in recipe} == recipe
        assert (settings.model, settings.seed, settings.data_dir) == ("tiny", 0, None)
    chosen = make_settings({"data": "cifar10", "epochs": 3, "augment": ["cutout"], "subset": 500})
    assert (chosen.epochs, chosen.augment, chosen.subset) == (3, ("cutout",), 500)
    assert chosen == make_settings(dataclasses.asdict(chosen))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": "mnist"}, "data is 'mnist'; known are patterns, cifar10"),
        ({"model": "huge"}, "model is 'huge'; known are tiny, small, xception"),
        ({"optimizer": "adam"}, "optimizer is 'adam'; known are sgd, rmsprop, adamw"),
        ({"schedule": "linear"}, "schedule is 'linear'; known are one-cycle, cosine, step, constant"),
        ({"augment": ["flip", "turn"]}, "augment is 'turn'; known are flip, crop, cutout"),
        ({"epochs": "3"}, "epochs is '3'; it must be of type int"),
        ({"learning_rate": "0.1"}, "learning_rate is '0.1'; it must be of type float | int"),
        ({"subset": 10.5}, "subset is 10.5; it must be of type int | None"),
        ({"subset": 7}, "subset is 7; it must be a multiple of 10: as many of each class"),
        (
            {"data": "cifar10", "validation": 5001},
            "validation is 5001; it must be a multiple of 10: as many of each class",
        ),
    ],
)
def test_settings_that_do_not_exist_are_refused_by_name(given, message):
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        make_settings(given)


def test_a_whole_number_is_a_rate_too():
    assert make_settings({"learning_rate": 1}).learning_rate == 1


def test_names_stand_for_what_they_say(monkeypatch):
    monkeypatch.undo()
    networks = models.tiny_xception, models.small_xception, models.xception
    assert tuple(runs.MODELS.items()) == tuple(zip(("tiny", "small", "xception"), networks, strict=True))
    made = {name: make(0.01) for name, make in runs.OPTIMIZERS.items()}
    assert {name: type(optimizer) for name, optimizer in made.items()} == {
        "sgd": optimizers.SGD,
        "rmsprop": optimizers.RMSprop,
        "adamw": optimizers.AdamW,
    }
    assert all(optimizer.weight_decay == 0.01 for optimizer in made.values())
    assert {name: make(0.3, 10, 40) for name, make in runs.SCHEDULES.items()} == {
        "one-cycle": schedules.OneCycle(0.3, 40),
        "cosine": schedules.Cosine(0.3, 40, warmup=10),
        "step": schedules.StepDecay(0.3, 0.94, every=20),
        "constant": schedules.Constant(0.3),
    }
    assert [make(0.3, 1, 1)(0) for make in runs.SCHEDULES.values()] == [0.3] * 4  # one step is enough for each


@pytest.mark.parametrize("name", runs.AUGMENTS)
def test_each_augmentation_keeps_shape_and_dtype(name):
    images = np.random.default_rng(0).standard_normal((8, 32, 32, 3)).astype(np.float32)
    changed = runs.AUGMENTS[name](images, np.random.default_rng(1))
    assert (changed.shape, changed.dtype) == (images.shape, images.dtype)
    assert (changed != images).any()


# A run and the way back


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_trained_model_comes_back_with_its_average(tmp_path, average):
    settings = make_settings(SMALL | {"average": average, "augment": ["flip", "crop", "cutout"], "epochs": 2})
    past = train(settings, tmp_path, command="xnp train ...")
    run = runs.open_run(tmp_path)
    assert (run.settings, run.step, run.epoch) == (settings, 6, 2)
    assert run.names[3] == "vertical stripes, oppose"
    _, validation = runs.load_training(settings)
    result = training.evaluate(run.model, validation, run.scale)
    assert result.loss == past.rows[-1]["validation_loss"]
    arrays, _ = checkpoint.load(tmp_path / "checkpoint.npz")
    section = "average/average" if average else "model"
    assert bits(run.model.state()) == bits(checkpoint.section(section, arrays))


def test_config_says_what_made_the_run(tmp_path):
    settings = make_settings(SMALL)
    train(settings, tmp_path, command="xnp train --epochs 1")
    config = runs.read_config(tmp_path)
    said = json.loads((tmp_path / "config.json").read_text())
    assert said.keys() == {"command", "settings", "names", "scale", "made_by"}  # each setting is said once
    assert config.settings == settings
    assert config.command == "xnp train --epochs 1"
    assert config.scale == training.measure(runs.load_training(settings)[0])


def test_settings_reach_the_training(tmp_path, monkeypatch):
    seen = {}

    def fit(model, train, validation, **options):
        seen.update(options, model=model, train=train, validation=validation)

    monkeypatch.setattr(training, "fit", fit)
    given = {"optimizer": "adamw", "weight_decay": 0.2, "schedule": "cosine", "learning_rate": 0.5, "average": 0.8}
    train(make_settings(SMALL | given | {"seed": 6, "label_smoothing": 0.3}), tmp_path, command="", resume=True)
    assert (len(seen["train"].labels), len(seen["validation"].labels)) == (20, 10)
    assert seen["schedule"] == schedules.Cosine(0.5, 3, warmup=2)  # three steps in all
    assert (type(seen["optimizer"]), seen["optimizer"].weight_decay) == (optimizers.AdamW, 0.2)
    assert seen["average"].decay == 0.8
    assert (seen["seed"], seen["model"].seed, seen["label_smoothing"]) == (6, 6, 0.3)
    assert (seen["epochs"], seen["batch_size"], seen["resume"], seen["folder"]) == (1, 8, True, tmp_path)
    assert seen["augment"] is None


def test_no_validation_where_none_is_wanted():
    train, validation = runs.load_training(make_settings(SMALL | {"validation": 0}))
    assert validation is None
    assert len(train.labels) == 20


def test_the_test_images_are_others():
    settings = make_settings(SMALL | {"subset": 200, "seed": 3})
    assert (runs.load_test(settings).images == patterns.load_test(seed=3).images).all()
    parts = [*runs.load_training(settings), runs.load_test(settings)]
    images = [image.tobytes() for part in parts for image in part.images]
    assert len(set(images)) == len(images) == 2210


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_numbers_below_one_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"train: {name} is 0; it must be a positive integer"):
        train(make_settings(SMALL | {name: 0}), tmp_path / "new", command="")
    assert not (tmp_path / "new").exists()


# Folders that are no run


@pytest.fixture
def folder(tmp_path):
    """Give the folder of a finished run."""
    train(make_settings(SMALL), tmp_path / "run", command="xnp train")
    return tmp_path / "run"


def test_a_folder_without_config(tmp_path):
    for folder in (tmp_path, tmp_path / "no"):
        with pytest.raises(RunError, match=f"^{re.escape(str(folder))} is no run: it has no config.json$"):
            runs.open_run(folder)


def test_a_file_is_no_run(tmp_path):
    path = tmp_path / "cat.jpg"
    path.touch()
    with pytest.raises(RunError, match=f"^{re.escape(str(path))} is no run: it is a file, and a run is the folder"):
        runs.open_run(path)


def change(config, name, value):
    config["settings"][name] = value


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda config: config.pop("settings"), "config.json is not of `xnp train`: it lacks 'settings'"),
        (lambda config: config["settings"].pop("epochs"), "config.json is not of `xnp train`: it lacks 'epochs'"),
        (lambda config: config.pop("names"), "config.json is not of `xnp train`: it lacks 'names'"),
        (lambda config: config.pop("scale"), "config.json is not of `xnp train`: it lacks 'scale'"),
        (lambda config: config.update(names=3), "config.json is damaged: "),
        (lambda config: config.update(settings=[]), "config.json is damaged: "),
        (lambda config: change(config, "model", "huge"), "config.json is damaged: model is 'huge'; known are"),
        (lambda config: change(config, "model", []), "config.json is damaged: model is []"),
        (lambda config: change(config, "epochs", None), "config.json is damaged: epochs is None"),
        (lambda config: change(config, "augment", [["flip"]]), "config.json is damaged: "),
    ],
)
def test_a_config_that_was_edited(folder, edit, message):
    config = json.loads((folder / "config.json").read_text())
    edit(config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match=f"^{re.escape(str(folder))}.*{re.escape(message)}"):
        runs.open_run(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe"])
def test_a_config_that_is_damaged(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(RunError, match=r"config\.json is damaged"):
        runs.open_run(folder)


def test_a_run_without_checkpoint(folder):
    (folder / "checkpoint.npz").unlink()
    with pytest.raises(RunError, match=r"has no checkpoint\.npz yet"):
        runs.open_run(folder)


def test_a_checkpoint_of_another_model(folder):
    config = json.loads((folder / "config.json").read_text())
    change(config, "model", "small")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="has model array 1/kernel as float32"):
        runs.open_run(folder)


def test_a_new_folder_is_the_first_free_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = make_settings({"model": "small", "data": "cifar10"})
    assert runs.new_folder(settings).as_posix() == "runs/cifar10-small-1"
    assert not (tmp_path / "runs").exists()
    (tmp_path / "runs" / "cifar10-small-1").mkdir(parents=True)
    (tmp_path / "runs" / "cifar10-small-2").touch()
    assert runs.new_folder(settings).as_posix() == "runs/cifar10-small-3"
