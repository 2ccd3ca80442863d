"""Whole files are never half there: each is written beside its target, then takes its name in one step."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write; it takes the name `path` at the end, or is removed if an error comes first.

    A reader sees the old file or the new one, whenever the process is stopped. A kill leaves at worst `path`.part
    behind, which the next writer overwrites.

    Parameters
    ----------
    path : Path
        The target. Its folder must exist.

    Yields
    ------
    A binary file.

    Raises
    ------
    OSError
        There is no such folder, `path` is a folder, or it cannot be written. The error names these, not `path`.part.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # on the disk before it takes the name: a power cut must not leave an empty file
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):  # where it could not be made, there is none
            part.unlink()
        if isinstance(error, OSError) and str(error.filename) == str(part):
            error.filename = str(path.parent if isinstance(error, FileNotFoundError) else path)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    with replacing(path) as file:
        file.write((json.dumps(value, indent=2) + "\n").encode())
