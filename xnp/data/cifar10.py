"""CIFAR-10: 60,000 photographs of 32x32 pixels in ten classes, from the official binary archive.

    one record     label   red plane     green plane   blue plane     a plane is 32 rows of 32 pixels
    3,073 bytes      1       1,024         1,024         1,024

    data_batch_1.bin to data_batch_5.bin    10,000 records each    training, and validation
    test_batch.bin                          10,000 records         read by `load_test` alone

The archive stays packed: its members are opened by name and read into memory, and nothing is written to disk.

Source  Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images";
        https://www.cs.toronto.edu/~kriz/cifar.html
"""

import gzip
import os
import tarfile
import zlib
from numbers import Integral
from pathlib import Path

import numpy as np

from xnp.data.dataset import DataError, Dataset
from xnp.data.fetch import BLOCK, Source, cache_folder, fetch

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SIZE = 170_052_171
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
ARCHIVE = "cifar-10-binary.tar.gz"

FOLDER = "cifar-10-batches-bin"
TRAINING_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
RECORDS = 10_000  # in each file
RECORD = 1 + 3 * 32 * 32  # bytes
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_training(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    subset: int | None = None,
    validation: int = 5000,
    seed: int = 0,
) -> tuple[Dataset, Dataset]:
    """Read the training images, and set some of them aside for validation. The test file is not opened.

    Parameters
    ----------
    data_dir : path, optional
        A folder that holds `cifar-10-batches-bin/` or the archive, or `cifar-10-batches-bin` itself.
        None: the cache folder.
    subset : int, optional
        Number of training images, the same number of each class. None: all that validation leaves.
    validation : int
        Number of validation images, the same number of each class. Which they are depends on `validation` and `seed`,
        never on `subset`: runs on subsets of any size are judged by the same images.
    seed : int
        Of the draw.

    Returns
    -------
    train, validation : Dataset
        Images (N, 32, 32, 3) uint8 and labels (N,) int64, in the order of the files. No image is in both.

    Raises
    ------
    FileNotFoundError
        No data there.
    DataError
        A file is missing, has a wrong size or a wrong label.
    ValueError
        `subset` or `validation` cannot be shared out among the classes, or is too large.
    """
    data = load(TRAINING_FILES, data_dir)
    train, held_out = split(data.labels, subset, validation, seed)
    return data.take(train), data.take(held_out)


def load_test(data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Read the test images: 10,000, to be used once, at the end.

    Parameters
    ----------
    data_dir : path, optional
        As for `load_training`.

    Returns
    -------
    Dataset
        Images (10000, 32, 32, 3) uint8 and labels (10000,) int64, in the order of the file.

    Raises
    ------
    FileNotFoundError, DataError
        As for `load_training`.
    """
    return load((TEST_FILE,), data_dir)


def download(
    *,
    url: str = URL,
    size: int = SIZE,
    sha256: str = SHA256,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Path:
    """Fetch the archive into the cache folder. Where it is there already, and whole, the network is not asked.

    The bytes go to a `.part` file, which becomes the archive once its size and hash are right. After a cut the
    `.part` stays, and the next call asks the server for the rest.

    Parameters
    ----------
    url, size, sha256
        Where the archive is; its number of bytes; its sha256, in lower-case hexadecimal digits.
    cache : path, optional
        The folder to keep it in; made where it is not there. None: `cache_folder()`.
    progress : bool
        Draw a progress bar (with tqdm).

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    ConnectionError
        The server cannot be reached, refuses, stays silent, or cuts the connection.
    DataError
        What came has the wrong size or hash. It is not kept.
    """
    archive = (cache_folder() if cache is None else Path(cache)) / ARCHIVE
    fetch(Source(url, size, "sha256", sha256), archive, progress=progress)
    return archive


# From a folder or an archive to arrays.


def load(files: tuple[str, ...], data_dir: str | os.PathLike[str] | None) -> Dataset:
    """Read whole files, and nothing but them."""
    source = find(cache_folder() if data_dir is None else Path(data_dir))
    contents = read_folder(source, files) if source.is_dir() else read_archive(source, files)
    images, labels = zip(*(parse(contents[file], f"{source}: {file}") for file in files), strict=True)
    return Dataset(np.concatenate(images), np.concatenate(labels), NAMES)


def find(folder: Path) -> Path:
    """Return the folder with the files, or the archive: whichever of them `folder` holds."""
    for candidate in (folder / FOLDER, folder):
        if any((candidate / file).is_file() for file in (*TRAINING_FILES, TEST_FILE)):
            return candidate
    if (folder / ARCHIVE).is_file():
        return folder / ARCHIVE
    raise FileNotFoundError(
        f"cifar10: {folder} holds neither {FOLDER}/ nor {ARCHIVE}. Run `xnp download`, or pass a folder "
        "that holds one of them (data_dir; on the command line --data-dir)"
    )


def read_folder(folder: Path, files: tuple[str, ...]) -> dict[str, bytes]:
    """Read files of the right size."""
    contents = {}
    for file in files:
        if not (folder / file).is_file():
            raise DataError(f"cifar10: {folder} has no {file}")
        check_size(f"{folder}: {file}", (folder / file).stat().st_size)
        contents[file] = (folder / file).read_bytes()
    return contents


def read_archive(archive: Path, files: tuple[str, ...]) -> dict[str, bytes]:
    """Read members of the right name and size, in one pass: a way back would unpack all of it again."""
    wanted = {f"{FOLDER}/{file}": file for file in files}
    contents = {}
    try:
        with gzip.open(archive) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as tar:
            for member in tar:
                if member.name in wanted and member.isfile() and (stream := tar.extractfile(member)):
                    file = wanted.pop(member.name)
                    check_size(f"{archive}: {file}", member.size)
                    contents[file] = stream.read()
            while unpacked.read(BLOCK):
                pass  # to the end, for it is there that gzip compares its checksum
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"cifar10: {archive} is damaged ({error}); delete it and run `xnp download`") from error
    if wanted:
        raise DataError(f"cifar10: {archive} has no {', '.join(wanted)}")
    return contents


def check_size(where: str, found: int) -> None:
    """Refuse a file that is not made of `RECORDS` whole records."""
    if found != RECORDS * RECORD:
        raise DataError(
            f"cifar10: {where} has {found:,} bytes; expected {RECORDS * RECORD:,}, {RECORDS:,} records of {RECORD:,}"
        )


def parse(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Turn records into images (N, 32, 32, 3) uint8 and labels (N,) int64."""
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0].astype(np.int64)
    if wrong := np.flatnonzero(labels >= len(NAMES)).tolist():
        raise DataError(f"cifar10: {where}, record {wrong[0]} has label {labels[wrong[0]]}; expected 0 to 9")
    planes = records[:, 1:].reshape(-1, 3, 32, 32)  # (N, C, H, W)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


def split(labels: np.ndarray, subset: int | None, validation: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Deal each class's images out: first those for validation, then those for training. Return indices of both."""
    for name, count in (("subset", subset), ("validation", validation)):
        if count is not None and (not isinstance(count, Integral) or count < 0 or count % len(NAMES)):
            raise ValueError(f"load_training: {name} is {count!r}; it must be a multiple of {len(NAMES)}, the classes")
    rng = np.random.default_rng(seed)
    train, held_out = [], []
    for label, name in enumerate(NAMES):
        order = rng.permutation(np.flatnonzero(labels == label))
        start = validation // len(NAMES)
        stop = len(order) if subset is None else start + subset // len(NAMES)
        if not start < stop <= len(order):
            raise ValueError(
                f"load_training: validation={validation} and subset={subset} do not fit: "
                f"there are {len(order)} images of class {name!r}, and at least one must be left for training"
            )
        held_out.append(order[:start])
        train.append(order[start:stop])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(held_out))
