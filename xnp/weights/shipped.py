"""The trained weights that come with the package: one file beside this one, a checkpoint without the optimizer.

It was made by two commands. The first is remembered in the file: `load("cifar10")[1]["command"]`.

    xnp train --data cifar10 --validation 0 ...
    python -m xnp.weights.shipped runs/cifar10-tiny-1
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from xnp import checkpoint
from xnp.layers import Layer

FILES = {"cifar10": Path(__file__).with_name("tiny_cifar10.npz")}


def load(name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the weights of `tiny_xception` that were trained on a data set, and how they came to be.

    Parameters
    ----------
    name : str
        Of the data set: "cifar10", and there is no other.

    Returns
    -------
    arrays : dict of str to float32 array
        The model's state: parameters and moving statistics, by path.
    record : dict
        What the training's config.json said ("command", "settings", "names" of the classes, "scale" of the images,
        "made_by"), and how many there were of "step" and "epoch".

    Raises
    ------
    ValueError
        No such weights.
    """
    if name not in FILES:
        raise ValueError(f"tiny_xception: weights is {name!r}; known are {', '.join(map(repr, FILES))}, and None")
    return checkpoint.load(FILES[name])


def restore(model: Layer, name: str) -> None:
    """Put shipped weights into a model that is built as `tiny_xception` builds it. Its dtype stays.

    Parameters
    ----------
    model : Layer
        For as many classes, and as many channels, as the weights are.
    name : str
        As for `load`.

    Raises
    ------
    ValueError
        No such weights, or they do not fit the model.
    """
    arrays, record = load(name)
    if model.input_shape is None or model.input_shape[-1] != 3 or model.output_shape != (len(record["names"]),):
        raise ValueError(
            f"tiny_xception: weights {name!r} are for input_shape (H, W, 3) and {len(record['names'])} classes; "
            f"these are {model.input_shape} and {model.output_shape}"
        )
    arrays = {path: array.astype(model.dtype) for path, array in arrays.items()}
    checkpoint.restore(FILES[name], "model array", arrays, model.state())


def ship(folder: Path) -> Path:
    """Make the shipped file out of a finished training of `tiny_xception` on CIFAR-10.

    Parameters
    ----------
    folder : Path
        Of the training: `xnp train --run`.

    Returns
    -------
    Path
        The file: an older one is replaced at the end.

    Raises
    ------
    ValueError
        The training is another, is not finished, or names a folder of this machine.
    """
    from xnp import runs, training  # they import the models, and those this module

    run = runs.open_run(folder)
    settings = run.settings
    if (settings.data, settings.model) != ("cifar10", "tiny") or run.epoch < settings.epochs:
        done = f"{run.epoch} of {settings.epochs} epochs of {settings.model} on {settings.data}"
        raise ValueError(f"{folder} holds {done}; it must be a finished training of tiny on cifar10")
    if settings.data_dir is not None:
        raise ValueError(f"{folder} was trained with --data-dir, a place of this machine; say it with XNP_DATA")
    config = json.loads((folder / training.CONFIG).read_text())
    checkpoint.save(FILES["cifar10"], run.model.state(), {**config, "step": run.step, "epoch": run.epoch})
    return FILES["cifar10"]


if __name__ == "__main__":
    written = ship(Path(sys.argv[1]))
    print(f"{written.name}: {written.stat().st_size:,} bytes")
