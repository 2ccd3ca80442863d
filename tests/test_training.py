"""Training: it learns, says what it does, repeats itself bit by bit, and stops with words where it cannot go on."""

import json
import re
import sys

import numpy as np
import pytest

from xnp import checkpoint, history, training
from xnp.checkpoint import CheckpointError
from xnp.data.augment import flip
from xnp.data.dataset import Dataset
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool2D, ReLU, Sequential
from xnp.optimizers import SGD, AdamW, PolyakAverage
from xnp.schedules import Constant, Cosine
from xnp.training import Diverged, Scale, evaluate, fit, measure


def make_data(seed=0, n=23):
    """Draw images of three classes: dark, medium, light."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    images = rng.integers(0, 100, (n, 6, 6, 3)) + 70 * labels[:, None, None, None]
    return Dataset(images.astype(np.uint8), labels, ("dark", "medium", "light"))


def make_model(seed=0, units=3):
    layers = Conv2D(6, 3, use_bias=False), BatchNorm(0.8), ReLU(), Dropout(0.1), GlobalAveragePool2D(), Dense(units)
    return Sequential(*layers).build((6, 6, 3), seed=seed)


def run(folder=None, model=None, **options):
    """Train a small model; an option replaces a default. Return the model and the history."""
    model = make_model() if model is None else model
    defaults = {
        "train": make_data(),
        "validation": make_data(1, 9),
        "epochs": 2,
        "optimizer": SGD(momentum=0.9),
        "schedule": Constant(0.05),
        "batch_size": 5,
        "augment": flip,
        "average": PolyakAverage(0.9),
        "seed": 3,
        "progress": False,
        "engine": "plain",  # who computes makes no difference here: see test_runner.py and test_resume.py
    }
    return model, fit(model, **{**defaults, "folder": folder, **options})


def bits(arrays):
    """Give arrays as bytes, for comparison."""
    return {name: array.tobytes() for name, array in arrays.items()}


# Learning


def test_it_learns():
    model, past = run(epochs=12, average=None)
    assert [row["epoch"] for row in past.rows] == list(range(1, 13))
    assert past.rows[-1]["loss"] < 0.7 * past.rows[0]["loss"]
    assert past.rows[-1]["validation_accuracy"] == 1.0
    result = evaluate(model, make_data(1, 9), measure(make_data()))
    assert result.loss == past.rows[-1]["validation_loss"]
    assert result.accuracy == past.rows[-1]["validation_accuracy"]


def test_a_step_by_hand():
    data = Dataset(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1), np.array([0, 1]), ("black", "white"))
    model = Sequential(Flatten(), Dense(2)).build((1, 1, 1), dtype=np.float64)
    model.parameters()["2/kernel"][...] = 0
    past = fit(
        model,
        data,
        epochs=1,
        optimizer=SGD(momentum=0.0),
        schedule=Constant(0.4),
        batch_size=2,
        label_smoothing=0.2,
        progress=False,
    )
    # x = -1, 1; both probabilities are 1/2, both targets 0.9 and 0.1; so dlogits = ∓0.4 / 2, dkernel = 0.4, -0.4
    np.testing.assert_allclose(model.parameters()["2/kernel"], [[-0.16, 0.16]], rtol=1e-12)
    np.testing.assert_allclose(model.parameters()["2/bias"], 0, atol=1e-15)
    (row,) = past.rows
    assert row["loss"] == pytest.approx(np.log(2), rel=1e-12)
    assert row["accuracy"] == 0.5
    assert row["learning_rate"] == 0.4
    assert row["validation_loss"] is None


def test_loss_and_accuracy_are_means_over_the_images():
    model = Sequential(Flatten(), Dense(3)).build((6, 6, 3), dtype=np.float64)
    _, past = run(model=model, schedule=Constant(0.0), augment=None, average=None, epochs=1)  # batches of 5 and of 3
    expected = evaluate(model, make_data(), measure(make_data()))
    assert past.rows[0]["loss"] == pytest.approx(expected.loss, rel=1e-12)
    assert past.rows[0]["accuracy"] == expected.accuracy


def test_each_image_is_seen_once_an_epoch_in_a_new_order(monkeypatch):
    seen = []

    def step(trainer, indices, original=training.Trainer.step):
        seen.append(indices)
        original(trainer, indices)

    monkeypatch.setattr(training.Trainer, "step", step)
    run()
    assert [len(indices) for indices in seen] == [5, 5, 5, 5, 3] * 2
    first, second = np.concatenate(seen[:5]), np.concatenate(seen[5:])
    assert sorted(first) == sorted(second) == list(range(23))
    assert (first != second).any()


def test_augmentation_changes_the_standardised_images_of_each_step():
    seen = []

    def black_out(images, rng):
        seen.append(images)
        return np.full_like(images, 2.0)

    model = Sequential(Flatten(), Dense(3)).build((6, 6, 3))
    run(model=model, augment=black_out, average=None, epochs=1)
    assert [len(images) for images in seen] == [5, 5, 5, 5, 3]
    np.testing.assert_allclose(np.concatenate(seen).mean(axis=(0, 1, 2)), 0, atol=1e-5)
    before = Sequential(Flatten(), Dense(3)).build((6, 6, 3)).parameters()["2/kernel"]
    change = model.parameters()["2/kernel"] - before
    np.testing.assert_allclose(change, np.broadcast_to(change[0], change.shape), atol=1e-6)  # all pixels looked alike
    assert np.abs(change).max() > 0.01


def test_the_rate_of_each_step_is_the_schedules():
    asked = []

    def schedule(step):
        return float(step)

    class Still(SGD):
        def step(self, parameters, gradients, learning_rate):
            asked.append(learning_rate)
            super().step(parameters, gradients, 0.0)

    _, past = run(optimizer=Still(), schedule=schedule)
    assert asked == list(range(10))
    assert [row["learning_rate"] for row in past.rows] == [4.0, 9.0]


def test_the_average_is_what_is_validated_and_what_stays(tmp_path):
    model, past = run(tmp_path)
    arrays, _ = checkpoint.load(tmp_path / "checkpoint.npz")
    assert bits(model.state()) == bits(checkpoint.section("average/average", arrays))
    assert bits(model.state()) != bits(checkpoint.section("model", arrays))
    assert past.rows[-1]["validation_loss"] == evaluate(model, make_data(1, 9), measure(make_data())).loss


# The same again


def test_the_same_seed_gives_the_same_weights_and_another_gives_others():
    expected = bits(run()[0].state())
    assert bits(run()[0].state()) == expected
    assert bits(run(seed=4)[0].state()) != expected
    assert bits(run(model=make_model(seed=1))[0].state()) != expected


def test_progress_folder_and_validation_leave_the_weights_alone(tmp_path):
    expected = bits(run()[0].state())
    assert bits(run(tmp_path, validation=None, progress=True)[0].state()) == expected


# The folder


def test_what_the_folder_holds(tmp_path):
    folder = tmp_path / "runs" / "one"
    data = make_data()
    _, past = run(str(folder), config={"command": "xnp train"})
    assert {path.name for path in folder.iterdir()} == {"config.json", "history.jsonl", "checkpoint.npz"}
    assert history.read(folder / "history.jsonl") == past.rows
    config = json.loads((folder / "config.json").read_text())
    assert config.keys() == {"command", "names", "scale", "made_by"}
    assert config["command"] == "xnp train"
    assert tuple(config["names"]) == data.names
    assert Scale(tuple(config["scale"]["mean"]), tuple(config["scale"]["std"])) == measure(data)
    assert config["made_by"] == checkpoint.made_by()
    _, record = checkpoint.load(folder / "checkpoint.npz")
    assert record["position"]["step"] == 10
    assert record["plan"]["optimizer"] == "SGD(momentum=0.9, nesterov=False, weight_decay=0.0)"


def test_the_first_checkpoint_comes_before_the_first_step(tmp_path, monkeypatch):
    found = []

    def step(trainer, indices, original=training.Trainer.step):
        arrays, record = checkpoint.load(tmp_path / "checkpoint.npz")
        found.append(record["position"]["step"])
        if not found[1:]:
            assert bits(checkpoint.section("model", arrays)) == bits(make_model().state())
        original(trainer, indices)

    monkeypatch.setattr(training.Trainer, "step", step)
    monkeypatch.setattr(training, "SAVE_EVERY", 3)
    run(tmp_path)
    assert found == [0, 0, 0, 3, 3, 5, 6, 6, 6, 9]


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    run(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=f"fit: folder {re.escape(str(tmp_path))} holds a training already"):
        run(tmp_path, seed=9)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_history_without_its_checkpoint_is_begun_anew(tmp_path):
    run(tmp_path)
    (tmp_path / "checkpoint.npz").unlink()
    run(tmp_path)
    assert [row["epoch"] for row in history.read(tmp_path / "history.jsonl")] == [1, 2]


# Going on (that it gives the same bits: test_resume.py)


@pytest.fixture
def half_done(tmp_path, monkeypatch):
    """Give a folder whose training was stopped in its second epoch."""

    def step(trainer, indices, original=training.Trainer.step):
        if trainer.position.step == 7:
            raise RuntimeError("stopped")
        original(trainer, indices)

    with monkeypatch.context() as patch:
        patch.setattr(training.Trainer, "step", step)
        with pytest.raises(RuntimeError, match="stopped"):
            run(tmp_path)
    return tmp_path


OTHERS = {
    "epochs": ({"epochs": 3}, "had epochs = 2; now it is 3"),
    "batch_size": ({"batch_size": 4}, "had batch_size = 5; now it is 4"),
    "label_smoothing": ({"label_smoothing": 0.1}, "had label_smoothing = 0.0; now it is 0.1"),
    "seed": ({"seed": 4}, "had seed = 3; now it is 4"),
    "images": ({"train": make_data(n=22)}, "had images = 23; now it is 22"),
    "crc32": ({"train": make_data(5)}, "had crc32 = "),
    "optimizer": ({"optimizer": AdamW()}, "had optimizer = SGD(momentum=0.9, nesterov=False, weight_decay=0.0); now"),
    "momentum": ({"optimizer": SGD(momentum=0.8)}, "now it is SGD(momentum=0.8, nesterov=False, weight_decay=0.0)"),
    "average": ({"average": None}, "had average = PolyakAverage(decay=0.9); now it is None"),
    "augment": ({"augment": None}, "had augment = True; now it is False"),
    "learning_rates": ({"schedule": Cosine(0.05, 10)}, "had learning_rates = [0.05, 0.05, 0.05]; now it is [0.05, "),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_settings_are_refused_by_name(half_done, other):
    options, message = OTHERS[other]
    model = make_model()
    with pytest.raises(CheckpointError) as caught:
        run(half_done, model, resume=True, **options)
    assert str(caught.value).startswith(f"{half_done / 'checkpoint.npz'} had ")
    assert message in str(caught.value)
    assert bits(model.state()) == bits(make_model().state())


def test_every_field_of_the_plan_is_tried(half_done):
    assert checkpoint.load(half_done / "checkpoint.npz")[1]["plan"].keys() == OTHERS.keys() - {"momentum"}


def other_widths():
    layers = Conv2D(7, 3, use_bias=False), BatchNorm(), ReLU(), Dropout(0.1), GlobalAveragePool2D(), Dense(3)
    return Sequential(*layers).build((6, 6, 3))


def other_layers():
    return Sequential(GlobalAveragePool2D(), Dropout(0.1), Dense(3)).build((6, 6, 3))


def without_dropout():
    layers = Conv2D(6, 3, use_bias=False), BatchNorm(0.8), ReLU(), ReLU(), GlobalAveragePool2D(), Dense(3)
    return Sequential(*layers).build((6, 6, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (other_widths, "has model array 1/kernel as float32 (3, 3, 3, 6); the model has float32 (3, 3, 3, 7)"),
        (other_layers, "has generators ['4', 'augment']; needed are ['2', 'augment']"),
        (without_dropout, "has generators ['4', 'augment']; needed are ['augment']"),
    ],
)
def test_another_model_is_refused_and_left_alone(half_done, make, message):
    model = make()
    with pytest.raises(CheckpointError, match=re.escape(message)):
        run(half_done, model, resume=True)
    assert bits(model.state()) == bits(make().state())


def test_a_damaged_checkpoint_is_refused_and_left_alone(half_done):
    path = half_done / "checkpoint.npz"
    damaged = path.read_bytes()[:-200]
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="is damaged"):
        run(half_done, resume=True)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("name", ["numpy", "python", "machine", "engine"])
def test_another_machine_is_said_and_taken(half_done, monkeypatch, name):
    here = checkpoint.made_by
    monkeypatch.setattr(checkpoint, "made_by", lambda workers: {**here(workers), name: "another"})
    with pytest.warns(UserWarning, match=f"made by {name} .*, now another: the last bits may differ") as caught:
        model, _ = run(half_done, resume=True)
    assert [warning.filename for warning in caught] == [__file__]  # it points to who called fit
    assert bits(model.state()) == bits(run()[0].state())


def test_nothing_to_go_on_with(tmp_path):
    with pytest.raises(ValueError, match="fit: resume needs a folder"):
        run(resume=True)
    with pytest.raises(ValueError, match="holds no training to go on with"):
        run(tmp_path / "no", resume=True)
    assert not (tmp_path / "no").exists()


# Numbers that are not finite


def test_a_loss_that_is_not_finite(tmp_path):
    with pytest.raises(Diverged) as caught:
        run(tmp_path, optimizer=SGD(momentum=0.0), schedule=lambda step: 0.05 if step < 7 else 1e30)
    assert re.fullmatch(
        r"the loss is (nan|inf) in epoch 2, batch 4 of 5 \(step 9\), at learning rate 1e\+30; "
        r"up to there, the mean loss of the epoch was [0-9.]+",
        str(caught.value),
    )
    arrays, record = checkpoint.load(tmp_path / "checkpoint.npz")
    assert record["position"]["step"] == 5  # the end of epoch 1
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert len(history.read(tmp_path / "history.jsonl")) == 1


@pytest.mark.parametrize("steps", [3, 5])  # the loss is not finite in the next step; the weights are not at the end
def test_a_rate_that_was_higher_before_is_named_too(steps):
    rates = [0.05, 1e300, 0.2, 0.1, 0.0]
    with pytest.raises(Diverged, match=r"at learning rate (0\.2|0) \(highest so far: 1e\+300\); up to there"):
        run(average=None, epochs=1, schedule=lambda step: rates[min(step, 4)])


def test_a_loss_that_is_not_finite_from_the_start():
    model = make_model()
    model.parameters()["6/bias"][0] = np.nan
    with pytest.raises(Diverged, match=r"^the loss is nan in epoch 1, batch 1 of 5 \(step 1\), at learning rate 0.05$"):
        run(model=model)


@pytest.mark.parametrize("last", [2, 4, 9])  # the step before a checkpoint in an epoch, before its end, before the end
@pytest.mark.parametrize("in_folder", [True, False])
def test_a_weight_that_is_not_finite_under_a_loss_that_is(tmp_path, monkeypatch, last, in_folder):
    monkeypatch.setattr(training, "SAVE_EVERY", 3)
    folder = tmp_path if in_folder else None
    with pytest.raises(Diverged) as caught:
        run(folder, average=None, schedule=lambda step: 0.05 if step < last else 1e300)
    if not in_folder and last == 2:  # seen in the next step
        assert "the loss is nan in epoch 1, batch 4 of 5 (step 4)" in str(caught.value)
        return
    where = f"epoch {last // 5 + 1}, batch {last % 5 + 1} of 5 (step {last + 1}), at learning rate 1e+300; up to there"
    assert re.match(rf"model/\S+ is not finite in {re.escape(where)}", str(caught.value))
    if in_folder:
        arrays, record = checkpoint.load(folder / "checkpoint.npz")
        assert record["position"]["step"] == {2: 0, 4: 3, 9: 9}[last]
        assert all(np.isfinite(array).all() for array in arrays.values())
        assert len(history.read(folder / "history.jsonl")) == last // 5


def test_an_optimizer_that_is_not_finite_is_not_saved(tmp_path):
    class Lost(SGD):
        def step(self, parameters, gradients, learning_rate):
            super().step(parameters, gradients, learning_rate)
            self._kept["velocity"]["6/bias"][0] = np.inf

    with pytest.raises(Diverged, match="optimizer/velocity/6/bias is not finite"):
        run(tmp_path, optimizer=Lost(), schedule=Constant(0.0), epochs=1, batch_size=23)
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["position"]["step"] == 0


# What is shown


def test_one_line_an_epoch_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)  # an import of it would be an error
    _, past = run(progress=True)
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == 2
    for line, row in zip(lines, past.rows, strict=True):
        assert line.startswith(f"epoch {row['epoch']}/2  loss {row['loss']:.3f}  accuracy ")
        assert re.search(r"validation \d\.\d{3}  \d+\.\d %  \d+ images/s  \d+ s left$", line)


def test_a_bar_an_epoch_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run(progress=True)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "epoch 1/2:" in err
    assert "epoch 2/2:" in err
    assert "/5 " in err  # batches


def test_a_bar_goes_on_where_the_training_was_stopped(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with training.bar_of(True, "epoch 2/3", 5, 2):
        pass
    assert re.search(r"epoch 2/3: +40%.* 2/5 ", capsys.readouterr().err)


def test_nothing_is_shown_without_progress(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run()
    assert capsys.readouterr() == ("", "")


def test_the_time_left_counts_the_epochs_to_come(capsys, monkeypatch):
    def finish_epoch(trainer, validation, original=training.Trainer.finish_epoch):
        return original(trainer, validation) | {"seconds": 100 * trainer.position.epoch}  # 100 s, 200 s, 300 s

    monkeypatch.setattr(training.Trainer, "finish_epoch", finish_epoch)
    run(progress=True, epochs=3)
    left = [line.split("images/s  ")[1] for line in capsys.readouterr().out.splitlines()]
    assert left == ["3 min 20 s left", "2 min 30 s left", "0 s left"]


# What cannot be trained


def floats(data):
    return data._replace(images=data.images / 255)


BAD = {
    "epochs": ({"epochs": 0}, "fit: epochs is 0; it must be a positive integer"),
    "half an epoch": ({"epochs": 1.5}, "fit: epochs is 1.5; it must be a positive integer"),
    "batch size": ({"batch_size": -2}, "fit: batch_size is -2"),
    "seed": ({"seed": -1}, "fit: seed is -1; it must be an integer, 0 or more"),
    "not built": ({"model": Sequential(Flatten(), Dense(3))}, "fit: model knows no shapes yet"),
    "size": ({"train": make_data()._replace(images=np.zeros((23, 5, 6, 3), np.uint8))}, "uint8 images of (5, 6, 3)"),
    "floats": ({"train": floats(make_data())}, "fit: train has float64 images of (6, 6, 3); the model takes uint8"),
    "no images": ({"validation": make_data(n=0)}, "fit: validation has 0 images and 0 labels"),
    "labels": ({"train": make_data()._replace(labels=np.zeros(4, int))}, "fit: train has 23 images and 4 labels"),
    "classes": ({"model": make_model(units=4)}, "fit: train has 3 classes but the model gives (4,)"),
    "label": (
        {"validation": make_data(n=4)._replace(labels=np.array([0, 1, 2, 3]))},
        "fit: validation has labels from 0 to 3; they must lie in 0 to 2",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_trained_is_refused_by_name_and_nothing_is_written(tmp_path, case):
    options, message = BAD[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        run(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()
