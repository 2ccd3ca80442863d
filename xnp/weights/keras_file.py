"""Open a file of Keras, whichever of its formats it has: by what it begins with, not by its name.

A .keras file is a zip archive of the description (config.json) and the weights (model.weights.h5). Both are read into
memory, nothing is ever unpacked to the disk. How large they may become there is known before: the description as large
as descriptions are, the weights a few times as large as the archive, for weights hardly compress.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from xnp.weights import hdf5, keras_config, keras_tensors
from xnp.weights.keras_config import Architecture
from xnp.weights.keras_tensors import Stored

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
EXPANSION, SMALL = 4, 16 * 2**20  # weights that unpack to more than 4 times the archive, and 16 MiB, are refused
DAMAGED = (
    *(OSError, RuntimeError, KeyError, TypeError, OverflowError, EOFError, UnicodeDecodeError),  # h5py's
    *(NotImplementedError, struct.error, zlib.error, zipfile.BadZipFile),  # zipfile's; the first: unknown compression
)


class KerasFile(NamedTuple):
    """What a file holds. The tensors can be read while it is open."""

    architecture: Architecture | None  # None where it holds weights alone
    layers: list[Stored]
    size: int  # bytes of the HDF5 file: more cannot be in it


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[KerasFile]:
    """Open a file, and let every error inside say which file it was.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    ValueError
        The file is damaged, is none of Keras', or holds what cannot be read here.
    ModuleNotFoundError
        The package h5py is not installed; the extra `keras` brings it.
    """
    path = Path(path)
    with open(path, "rb") as file:
        try:
            yield from read(path, file)
        except RecursionError as error:
            raise ValueError(f"{path}: it nests more deeply than any network does") from error
        except DAMAGED as error:
            raise ValueError(
                f"{path} is damaged, or no file of Keras ({type(error).__name__}: {error}); "
                "expected .h5, .hdf5, .weights.h5 or .keras as Keras writes them"
            ) from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def read(path: Path, file: BinaryIO) -> Iterator[KerasFile]:
    """Tell the formats apart."""
    size = path.stat().st_size
    beginning = file.read(8)
    if beginning == hdf5.SIGNATURE:
        with hdf5.open_file(str(path)) as inside:
            yield from read_hdf5(inside, size)
    elif beginning.startswith(b"PK"):
        with zipfile.ZipFile(file) as archive:
            check_names(archive)
            architecture = keras_config.parse(member(archive, CONFIG, hdf5.LARGEST_TEXT))
            weights = member(archive, WEIGHTS, max(SMALL, EXPANSION * size))
        if not weights.startswith(hdf5.SIGNATURE):
            raise ValueError(f"{WEIGHTS} begins with {weights[:8]!r}; expected an HDF5 file")
        with hdf5.open_file(BytesIO(weights)) as inside:
            layers = keras_tensors.keras3(hdf5.tensors(inside), architecture)
            yield KerasFile(architecture, layers, len(weights))
    else:
        what = f"begins with {beginning!r}" if beginning else "is empty"
        raise ValueError(f"it {what}; expected an HDF5 file or a zip archive, as Keras writes them")


def read_hdf5(file: Any, size: int) -> Iterator[KerasFile]:
    """Tell a whole model, weights alone, and Keras 3's weights alone apart."""
    found = hdf5.tensors(file)  # first of all: it refuses what leads out of the file
    if "model_weights" in file:
        description = hdf5.text(file, "model_config") if "model_config" in file.attrs else None
        architecture = None if description is None else keras_config.parse(description)
        yield KerasFile(architecture, keras_tensors.legacy(file["model_weights"], found), size)
    elif "layer_names" in file.attrs or "layer_names0" in file.attrs:
        yield KerasFile(None, keras_tensors.legacy(file, found), size)
    elif "layers" in file:
        yield KerasFile(None, keras_tensors.keras3(found, None), size)
    else:
        raise ValueError(
            f"it is an HDF5 file with {', '.join(map(repr, file)) or 'nothing'} in it; "
            'expected "model_weights", the attribute "layer_names", or "layers"'
        )


def check_names(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that would write elsewhere if someone unpacked it, and one that lacks a member."""
    names = archive.namelist()
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in name:
            raise ValueError(f"its member {name!r} leads out of the archive; expected names inside")
    for name in (CONFIG, WEIGHTS):
        if names.count(name) != 1:
            count = f"{names.count(name)} of" if name in names else "no"
            raise ValueError(f"it is an archive with {count} {name}; expected one, as in a .keras file")


def member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read a member that is not too large, neither as it says nor as it is."""
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed by method {info.compress_type}; expected none, or deflate")
    if info.file_size > most:
        raise ValueError(f"{name} claims {info.file_size:,} bytes; expected at most {most:,}")
    with archive.open(info) as file:
        return file.read()  # never more than it claims
