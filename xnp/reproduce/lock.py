"""One invocation at a time in a folder: two would write the same trials.

The lock is one of the system's, on an open file, and the trials hold it open too. So it ends with the study and its
last trial, in whatever way they end. The file stays. It is empty, and means nothing by itself.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOCK = "lock"


class LockedError(OSError):
    """Another invocation is at work in the folder."""


@contextmanager
def alone(folder: Path) -> Iterator[IO[str]]:
    """Keep a folder for this invocation; make it, if it is not there.

    Yields
    ------
    The file that is locked. A process that inherits it keeps the folder too; Windows knows no such inheritance.

    Raises
    ------
    LockedError
        Another one is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "w") as file:
        try:
            lock(file)
        except (BlockingIOError, PermissionError) as error:
            raise LockedError(
                f"another invocation is at work in {folder}, or its last trials are being saved; "
                "wait until it has ended"
            ) from error
        yield file


def lock(file: IO[str]) -> None:
    """Lock an open file, or raise BlockingIOError at once; PermissionError on Windows."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
