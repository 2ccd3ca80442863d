"""A file from the web: whole and right, or not there at all.

name.part   grows block by block; stays after a cut, and the next call asks for the rest
name        appears at once, by a rename, when the size and the sha256 are right
"""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xnp.data.dataset import DataError

TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 16  # bytes


def fetch(url: str, target: Path, size: int, sha256: str, progress: bool) -> None:
    """Make `target` appear, whole and right; until then its bytes gather beside it, in a `.part` file."""
    part = target.with_name(target.name + ".part")
    resumed = part.exists()
    receive(url, part, size, progress)
    if resumed and digest(part) != sha256:  # its first bytes came in an earlier call, and may be to blame
        part.unlink()
        receive(url, part, size, progress)
    if (found := digest(part)) != sha256:
        part.unlink()
        raise DataError(f"download: what {url} sent has sha256 {found}; expected {sha256}. Nothing was kept")
    os.replace(part, target)


def receive(url: str, part: Path, size: int, progress: bool) -> None:
    """Bring `part` to `size` bytes: go on where it ends if the server can, else start again."""
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
    """Say what the network did, and the two ways on."""
    return ConnectionError(
        f"download: {url} cannot be read: {reason}. Run `xnp download` again; it goes on after a cut. "
        "Or download it by hand, and pass the folder that holds it (data_dir; on the command line --data-dir)"
    )


@contextmanager
def progress_bar(name: str, size: int, start: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    """Yield a function that takes the number of bytes that came."""
    if not shown:
        yield lambda count: None
        return
    from tqdm import tqdm

    with tqdm(total=size, initial=start, unit="B", unit_scale=True, desc=name) as bar:
        yield bar.update


def digest(path: Path) -> str:
    """Compute a file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
