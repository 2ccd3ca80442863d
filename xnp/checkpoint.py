"""Checkpoints: all that a training needs to go on as if it had never stopped.

One .npz file: the arrays under their names, and one JSON text, "record", for everything that is not an array. Nothing
in it is ever executed: `allow_pickle` is off. It is written beside its target and then renamed, so there is always a
whole one, the old or the new.
"""

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from xnp.files import replacing

FORMAT = "xnp checkpoint 1"


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or belongs to something else."""


def save(path: Path, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : Path
        Where; an older one there is replaced at the end.
    arrays : dict of str to array
        Any names but "record" and "file".
    record : dict
        What JSON can say.
    """
    text = json.dumps({"format": FORMAT, "arrays": sorted(arrays), "record": record})
    with replacing(path) as file:
        np.savez(file, record=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path

    Returns
    -------
    arrays, record
        As they were given to `save`.

    Raises
    ------
    OSError
        There is none, or it cannot be read.
    CheckpointError
        The file is damaged, or no checkpoint.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as zipped:
                arrays = {name: zipped[name] for name in zipped.files}  # reading checks each array's CRC
            content = json.loads(arrays.pop("record").tobytes())
            if content["format"] != FORMAT or content["arrays"] != sorted(arrays):
                raise ValueError("its content is not what it should be")
        except Exception as error:  # a damaged .npz file can raise nearly anything
            raise CheckpointError(f"{path} is damaged, or no checkpoint of xnp: {error}") from error
    return arrays, content["record"]


def restore(path: Path, name: str, saved: dict[str, np.ndarray], live: dict[str, np.ndarray]) -> None:
    """Copy saved arrays into live ones. Nothing is changed if any is missing, extra or wrongly shaped.

    Parameters
    ----------
    path : Path
        Of the checkpoint, for the error.
    name : str
        What the arrays are, for the error.
    saved, live : dict of str to array

    Raises
    ------
    CheckpointError
        The first array that does not fit, by name.
    """
    for problem, keys in (("lacks", live.keys() - saved.keys()), ("has a strange", saved.keys() - live.keys())):
        if keys:
            raise CheckpointError(f"{path} {problem} {name} {min(keys)} ({len(keys)} in all); is it of another model?")
    for key, array in live.items():
        if (saved[key].shape, saved[key].dtype) != (array.shape, array.dtype):
            raise CheckpointError(
                f"{path} has {name} {key} as {saved[key].dtype} {saved[key].shape}; "
                f"the model has {array.dtype} {array.shape}"
            )
    for key, array in live.items():
        array[...] = saved[key]


def prefixed(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put a prefix and a stroke before each name."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def section(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Undo `prefixed`: the arrays under a prefix, without it."""
    return {name.removeprefix(f"{prefix}/"): a for name, a in arrays.items() if name.startswith(f"{prefix}/")}


def made_by(workers: int | None = None) -> dict[str, str]:
    """Say what computes here: the engine with so many workers, or, with None, the plain operations.

    The same numbers come again only from the same. The number of threads counts too: a matrix product that two threads
    share adds up in another order.
    """
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    wished = (os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"))
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": str(workers or next((number for number in wished if number), os.cpu_count())),
        "engine": "plain" if workers is None else "fast",
    }
