"""A file from the web: whole and right, or not there at all.

name.part   grows block by block; stays after a cut, and the next call asks for the rest
name        appears at once, by a rename, when the size and the hash are right
"""

import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from xnp.data.dataset import DataError

TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 16  # bytes


class Source(NamedTuple):
    """A file of the web, and how to know it."""

    url: str
    size: int  # bytes
    algorithm: str  # of the hash: "sha256"; "md5" where its publisher gives no other
    hash: str  # hexadecimal digits, in lower case


def cache_folder() -> Path:
    """Name the folder for downloads: `XNP_DATA` where that is set, else `xnp` in the platform's cache."""
    if chosen := os.environ.get("XNP_DATA"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "xnp"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "xnp"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xnp"


def fetch(source: Source, target: Path, *, progress: bool) -> None:
    """Make `target` appear, whole and right. Where it is so already, the network is not asked.

    Until then its bytes gather beside it, in a `.part` file.

    Parameters
    ----------
    source : Source
    target : Path
        Its folder is made where it is not there.
    progress : bool
        Draw a progress bar (with tqdm).

    Raises
    ------
    ConnectionError
        The server cannot be reached, refuses, stays silent, or cuts the connection.
    DataError
        What came has the wrong size or hash. It is not kept.
    """
    if is_right(target, source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        resumed = part.exists()
        receive(source, part, progress)
        if resumed and not is_right(part, source):  # its first bytes came in an earlier call, and may be to blame
            part.unlink()
            receive(source, part, progress)
    except ConnectionError as error:
        ways = f"Try again: it goes on after a cut. Or download it by hand, and save it as {target}"
        raise ConnectionError(f"{error}. {ways}") from error
    if not is_right(part, source):
        found = digest(part, source.algorithm)
        part.unlink()
        both = f"{source.algorithm} {found}; expected {source.hash}"
        raise DataError(f"download: what {source.url} sent has {both}. Nothing was kept")
    os.replace(part, target)


def receive(source: Source, part: Path, progress: bool) -> None:
    """Bring `part` to its size: go on where it ends if the server can, else start again."""
    url, size = source.url, source.size
    have = part.stat().st_size if part.exists() else 0
    if have == size:
        return
    response, have = ask(url, have if have < size else 0)
    with response:
        if response.length is not None and have + response.length != size:
            raise DataError(f"download: {url} has {have + response.length:,} bytes; expected {size:,}")
        with part.open("ab" if have else "wb") as file, progress_bar(part.stem, size, have, shown=progress) as advance:
            while have <= size and (block := read(url, response)):
                file.write(block)
                have += len(block)
                advance(len(block))
    if have > size:
        part.unlink()
        raise DataError(f"download: {url} has more than the expected {size:,} bytes. Nothing was kept")
    if have < size:
        raise broken(url, f"the connection was cut after {have:,} of {size:,} bytes")


def ask(url: str, start: int) -> tuple[http.client.HTTPResponse, int]:
    """Ask for the bytes from `start` on. Return the answer, and where it really begins: at `start`, or at 0."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return ask(url, 0)
        raise broken(url, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise broken(url, error) from error
    if start == 0 or response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return response, 0  # a server that knows no ranges sends the whole file
    if response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        return response, start
    response.close()
    return ask(url, 0)


def read(url: str, response: http.client.HTTPResponse) -> bytes:
    """Read the next block; empty at the end. Apart from `receive`, so that a full disk is not called a bad network."""
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise broken(url, error) from error


def broken(url: str, reason: object) -> ConnectionError:
    """Say what the network did."""
    return ConnectionError(f"download: {url} cannot be read: {reason}")


@contextmanager
def progress_bar(name: str, size: int, start: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    """Yield a function that takes the number of bytes that came."""
    if not shown:
        yield lambda count: None
        return
    from tqdm import tqdm

    with tqdm(total=size, initial=start, unit="B", unit_scale=True, desc=name) as bar:
        yield bar.update


def is_right(path: Path, source: Source) -> bool:
    """Say whether a file is there, and is what the source must give."""
    return path.is_file() and path.stat().st_size == source.size and digest(path, source.algorithm) == source.hash


def digest(path: Path, algorithm: str) -> str:
    """Compute a file's hash. It guards against accidents, so a Python that forbids md5 for secrets may use it here."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.new, algorithm, usedforsecurity=False)).hexdigest()
