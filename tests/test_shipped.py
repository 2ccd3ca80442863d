"""The weights that come with the package: what they are, what they fit, and what may become them."""

import json

import numpy as np
import pytest

from xnp import checkpoint, models, runs
from xnp.data import cifar10
from xnp.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool2D, Sequential
from xnp.weights import shipped


def ramp():
    """Make a picture that is no random noise: three ramps, one a channel."""
    i, j = np.mgrid[:32, :32]
    return np.stack([8 * i, 8 * j, 4 * (i + j)], axis=-1).astype(np.uint8)


def test_the_file_is_small():
    assert shipped.FILES["cifar10"].stat().st_size <= 400_000


def test_it_says_how_it_was_made_and_no_place_of_a_machine():
    record = shipped.load("cifar10")[1]
    assert record["command"].startswith("xnp train --data cifar10")
    settings = record["settings"]
    assert (settings["subset"], settings["validation"], settings["data_dir"]) == (None, 0, None)
    assert record["epoch"] == settings["epochs"]
    assert "/" not in json.dumps(record).replace("2.0/x86", "")
    assert tuple(record["names"]) == cifar10.NAMES


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_model_holds_the_weights_of_the_file(dtype):
    arrays = shipped.load("cifar10")[0]
    model = models.tiny_xception(weights="cifar10", dtype=dtype)
    assert model.dtype == dtype
    assert model.state().keys() == arrays.keys()
    for path, array in model.state().items():
        assert np.array_equal(array, arrays[path]), path


def test_they_mean_what_they_meant():
    """Another stride in `tiny_xception` would leave all shapes as they are, and the weights without their meaning."""
    record = shipped.load("cifar10")[1]
    scale = runs.parse_config(record).scale
    model = models.tiny_xception(weights="cifar10", dtype=np.float64)
    logits = model.forward(scale.apply(ramp()[None], model.dtype))[0]
    expected = [0.3026, -1.8104, 1.0098, 1.3261, 1.8326, -0.1711, 0.1943, -1.1936, -0.9921, -0.4999]
    assert np.abs(logits - expected).max() < 1e-4


def test_a_network_that_is_fully_convolutional_takes_other_sizes():
    assert models.tiny_xception((48, 40, 3), weights="cifar10").output_shape == (10,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "imagenet"}, "tiny_xception: weights is 'imagenet'; known are 'cifar10', and None"),
        ({"weights": "cifar10", "classes": 3}, "weights 'cifar10' are for input_shape (H, W, 3) and 10 classes; "),
        ({"weights": "cifar10", "input_shape": (32, 32, 1)}, r"these are (32, 32, 1) and (10,)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match="tiny_xception") as error:
        models.tiny_xception(**options)
    assert message in str(error.value)


# From a training to the file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make the folder of a training that was finished, of a smaller network."""

    def small(input_shape=(32, 32, 3), classes=10, *, seed=0):
        layers = Conv2D(4, 3, stride=4), BatchNorm(), GlobalAveragePool2D(), Dense(classes)
        return Sequential(*layers).build(input_shape, seed=seed)

    monkeypatch.setitem(runs.MODELS, "tiny", small)
    monkeypatch.setitem(shipped.FILES, "cifar10", tmp_path / "shipped.npz")
    settings = runs.make_settings({"epochs": 1, "subset": 30, "validation": 20})
    folder = tmp_path / "run"
    runs.train(settings, *runs.load_training(settings), folder, command="xnp train")
    change(folder, data="cifar10")
    return folder


def change(folder, **settings):
    """Say another setting in config.json."""
    config = json.loads((folder / "config.json").read_text())
    config["settings"].update(settings)
    (folder / "config.json").write_text(json.dumps(config))


def test_a_training_becomes_the_file(folder):
    path = shipped.ship(folder)
    arrays, record = shipped.load("cifar10")
    run = runs.open_run(folder)
    assert checkpoint.load(path)[1] == record
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: array.tobytes() for name, array in run.model.state().items()
    }
    assert record.pop("step") == run.step > 0
    assert record.pop("epoch") == 1
    assert record == json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": "patterns"}, "holds 1 of 1 epochs of tiny on patterns; it must be a finished training of tiny on"),
        ({"epochs": 2}, "holds 1 of 2 epochs of tiny on cifar10; it must be a finished training of tiny on cifar10"),
        ({"data_dir": "here"}, "was trained with --data-dir, a place of this machine; say it with XNP_DATA"),
    ],
)
def test_what_is_no_training_to_ship_is_refused(folder, settings, message):
    change(folder, **settings)
    with pytest.raises(ValueError, match=message):
        shipped.ship(folder)
    assert not shipped.FILES["cifar10"].exists()
