"""Pictures in, probabilities out: a network, together with all that one must know to ask it.

    paths -> read, one picture at a time     (H, W, 3) uint8
          -> prepare, a few at a time        (n, H, W, 3) numbers around 0
          -> the network, softmax            (n, classes)

Of a folder only its own files are taken, in the order of their names. A file that cannot be read does not stop the
others: its error stands where its answer would.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xnp import models, runs, weights
from xnp.data import imagenet
from xnp.data.dataset import DataError
from xnp.data.pictures import NoPictureError, read_picture
from xnp.layers import Sequential
from xnp.ops import softmax
from xnp.runner import EngineName, inference_runner


class Classifier(NamedTuple):
    """A trained network, and how to ask it."""

    model: Sequential
    names: tuple[str, ...]  # of its classes
    read: Callable[[Path], np.ndarray]  # a picture -> (H, W, 3) uint8
    prepare: Callable[[np.ndarray, np.dtype], np.ndarray]  # (n, H, W, 3) uint8 -> what the network was trained on
    batch_size: int


def of_run(run: runs.Run) -> Classifier:
    """Take the network of a training."""
    read = partial(read_picture, size=runs.IMAGE_SHAPE[:2])
    return Classifier(run.model, run.names, read, run.scale.apply, batch_size=64)


def of_keras(path: Path, names: tuple[str, ...]) -> Classifier:
    """Take the paper's network with weights that Keras saved, and pictures as Keras brings them.

    Parameters
    ----------
    path : Path
        A file that `xnp.weights.load_keras` reads.
    names : tuple of str
        Of the classes, as many as the network has.

    Raises
    ------
    OSError, ValueError
        As for `xnp.weights.load_keras`.
    """
    model = models.xception(classes=len(names))
    weights.load_keras(model, path)
    # Four images keep four workers busy, and the plain engine below 1.5 GB.
    return Classifier(model, names, imagenet.read_picture, imagenet.prepare, batch_size=4)


def ask(
    classifier: Classifier, paths: Iterable[Path], engine: EngineName = "fast", workers: int | None = None
) -> Iterator[tuple[Path, np.ndarray | Exception]]:
    """Ask a network about pictures, a batch at a time: there may be more of them than the memory holds.

    Parameters
    ----------
    classifier : Classifier
    paths : iterable of Path
        Pictures, and folders of pictures.
    engine, workers
        As for `xnp.evaluation.evaluate`.

    Yields
    ------
    path of a picture, and its probabilities (classes,), or the error (OSError, ValueError) that took their place
    """
    pictures = read_all(paths, classifier.read)
    with inference_runner(classifier.model, engine, workers) as runner:
        while batch := list(islice(pictures, classifier.batch_size)):
            images = [image for _, image in batch if isinstance(image, np.ndarray)]
            answers = iter(())
            if images:
                logits = runner.forward(classifier.prepare(np.stack(images), classifier.model.dtype))
                answers = iter(softmax.forward(logits)[0])
            for path, image in batch:
                yield path, next(answers) if isinstance(image, np.ndarray) else image


def read_all(
    paths: Iterable[Path], read: Callable[[Path], np.ndarray]
) -> Iterator[tuple[Path, np.ndarray | Exception]]:
    """Read pictures, and those in folders. A folder's other files are passed over, with a warning for each."""
    for path in paths:
        if not path.is_dir():
            yield path, attempt(read, path)
            continue
        try:
            files = sorted(file for file in path.iterdir() if file.is_file())
        except OSError as error:  # a folder that may not be read
            yield path, error
            continue
        empty = True
        for file in files:
            image = attempt(read, file)
            if isinstance(image, NoPictureError):
                warnings.warn(f"passed over: {image}", stacklevel=2)
            else:
                empty = False
                yield file, image
        if empty:
            yield path, DataError(f"{path} holds no picture; folders in a folder are not opened")


def attempt(read: Callable[[Path], np.ndarray], path: Path) -> np.ndarray | Exception:
    """Read a picture; return what went wrong, so that the others still have their turn."""
    try:
        return read(path)
    except (OSError, ValueError) as error:
        return error
