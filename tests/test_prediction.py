"""Pictures in, probabilities out: folders, batches, files that spoil nothing but their own answer."""

from pathlib import Path

import numpy as np
import pytest

from xnp import models, prediction, runs, weights
from xnp.data import imagenet
from xnp.data.dataset import DataError
from xnp.data.pictures import NoPictureError
from xnp.layers import Conv2D, Dense, GlobalAveragePool2D, Sequential
from xnp.ops import softmax

Image = pytest.importorskip("PIL.Image")


def small(input_shape=(32, 32, 3), classes=10):
    """Make a network that answers in no time."""
    return Sequential(Conv2D(4, 3, stride=4), GlobalAveragePool2D(), Dense(classes)).build(input_shape)


@pytest.fixture
def classifier():
    """Give a network that takes three pictures at a time, and remembers what it was asked."""
    taken = []

    def prepare(images, dtype):
        taken.append(len(images))
        return images.astype(dtype) / 255

    run = runs.open_shipped()._replace(model=small())
    made = prediction.of_run(run)._replace(prepare=prepare, batch_size=3)
    made.prepare.taken = taken
    return made


@pytest.fixture
def folder(tmp_path):
    """Make a folder of seven pictures, with other files among them."""
    folder = tmp_path / "pictures"
    (folder / "c.png").mkdir(parents=True)  # a folder, whatever its name
    Image.new("RGB", (8, 8)).save(folder / "c.png" / "inner.png")
    rng = np.random.default_rng(0)
    for name in ("e.png", "a.png", "d.jpg", "g.png", "b.jpg", "f.png", "h.gif"):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def expected(classifier, path):
    """Ask for one picture alone, plainly."""
    images = classifier.read(path)[None].astype(np.float32) / 255
    return softmax.forward(classifier.model.forward(images))[0][0]


@pytest.mark.filterwarnings("ignore:.*notes.txt is no picture")
@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_a_folder_is_asked_in_order_and_in_batches(classifier, folder, engine):
    answers = list(prediction.ask(classifier, [folder], engine))
    assert [path for path, _ in answers] == [
        folder / name for name in ("a.png", "b.jpg", "d.jpg", "e.png", "f.png", "g.png", "h.gif")
    ]
    assert classifier.prepare.taken == [3, 3, 1]
    for path, probabilities in answers:
        assert probabilities.shape == (10,)
        assert np.abs(probabilities - expected(classifier, path)).max() < 1e-6


def test_pictures_and_folders_may_be_mixed_and_named_twice(classifier, folder):
    with pytest.warns(UserWarning, match="notes"):
        answers = list(prediction.ask(classifier, [folder / "g.png", folder, folder / "g.png"]))
    assert [path.name[0] for path, _ in answers] == [*"gabdefghg"]
    assert np.allclose(answers[0][1], answers[-1][1])


def test_what_is_no_picture_in_a_folder_is_passed_over_with_a_warning(classifier, folder):
    with pytest.warns(UserWarning, match="^passed over: ") as said:
        list(prediction.ask(classifier, [folder]))
    assert len(said) == 1
    assert str(said[0].message).startswith(f"passed over: {folder / 'notes.txt'} is no picture that can be read")


def test_errors_stand_where_the_answers_would(classifier, folder):
    damaged = folder / "e.png"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    named = [folder / "no.png", folder / "notes.txt", folder / "a.png"]
    with pytest.warns(UserWarning, match="notes"):
        answers = list(prediction.ask(classifier, [*named, folder]))
    kinds = [type(answer) for _, answer in answers]
    assert kinds[:3] == [FileNotFoundError, NoPictureError, np.ndarray]
    assert kinds[3:] == [np.ndarray] * 3 + [DataError] + [np.ndarray] * 3
    for path, answer in answers:
        if isinstance(answer, np.ndarray):
            assert np.abs(answer - expected(classifier, path)).max() < 1e-6, path


def test_a_batch_without_a_picture_asks_nothing(classifier, tmp_path):
    answers = list(prediction.ask(classifier, [tmp_path / f"{k}.png" for k in range(4)]))
    assert [type(answer) for _, answer in answers] == [FileNotFoundError] * 4
    assert classifier.prepare.taken == []


def test_a_folder_without_pictures_is_an_error_and_the_others_have_their_turn(classifier, folder):
    (folder / "c.png" / "inner.png").unlink()
    (empty, error), (_, answer) = prediction.ask(classifier, [folder / "c.png", folder / "a.png"])
    assert empty == folder / "c.png"
    assert isinstance(error, DataError)
    assert str(error) == f"{empty} holds no picture; folders in a folder are not opened"
    assert isinstance(answer, np.ndarray)


def test_a_folder_that_may_not_be_read_is_an_error_too(classifier, folder, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    (_, error), (_, answer) = prediction.ask(classifier, [folder, folder / "a.png"])
    assert isinstance(error, PermissionError)
    assert isinstance(answer, np.ndarray)


def test_no_more_than_a_batch_is_read_before_its_answers(classifier, folder):
    read = []
    watched = classifier._replace(read=lambda path: read.append(path) or classifier.read(path))
    answers = prediction.ask(watched, [folder / "a.png"] * 9)
    next(answers)
    assert len(read) == 3
    answers.close()


def test_a_keras_file_goes_into_the_paper_s_network(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(weights, "load_keras", lambda model, path: seen.append((model, path)), raising=False)
    names = ("cat", "dog", "cow")
    classifier = prediction.of_keras(tmp_path / "a.h5", names)
    assert seen == [(classifier.model, tmp_path / "a.h5")]
    assert (classifier.model.input_shape, classifier.model.output_shape) == ((299, 299, 3), (3,))
    assert classifier.names == names
    assert (classifier.read, classifier.prepare) == (imagenet.read_picture, imagenet.prepare)


def test_pictures_for_keras_weights_are_read_as_keras_does(folder, monkeypatch):
    monkeypatch.setattr(models, "xception", lambda classes: small((299, 299, 3), classes))
    monkeypatch.setattr(weights, "load_keras", lambda model, path: None, raising=False)
    classifier = prediction.of_keras(folder, ("cat", "dog"))
    ((_, answer),) = prediction.ask(classifier, [folder / "a.png"])
    x = imagenet.prepare(imagenet.read_picture(folder / "a.png")[None], np.dtype(np.float32))
    assert np.abs(answer - softmax.forward(classifier.model.forward(x))[0][0]).max() < 1e-6
