"""ImageNet: the published weights of Xception, the names of the 1,000 classes, and pictures as these weights know them.

The weights were trained by the paper's author, and are published with Keras. A network gives the answers of Keras only
if its pictures come as Keras brings them. Its documented way is two calls, and both are here:

    keras.utils.load_img(path, target_size=(299, 299))        read_picture(path)        (299, 299, 3) uint8
    keras.applications.xception.preprocess_input(x)           prepare(images, dtype)    (N, 299, 299, 3) in -1 to 1

Source  https://keras.io/api/applications/
"""

import json
import warnings
from pathlib import Path

import numpy as np

from xnp.data.dataset import DataError
from xnp.data.fetch import Source, cache_folder, fetch, is_right
from xnp.data.pictures import opened

WEIGHTS = Source(
    "https://storage.googleapis.com/tensorflow/keras-applications/xception/"
    "xception_weights_tf_dim_ordering_tf_kernels.h5",
    91_884_032,
    "md5",  # the only hash that Keras publishes; the way is https, so it has accidents to find, not forgeries
    "0a58e3b7378bc2990ea3b43d5981f1f6",
)
CLASS_INDEX = Source(
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    35_363,
    "sha256",
    "a1e7a966a1f601d39e4b43e119b3e7dd4a2ad3ea08cf69847cbaf021013767bc",
)
NUMBERS = tuple(f"class {k}" for k in range(1000))  # in place of the names, where these are not here
ORIENTATION = 0x0112  # the mark in a photo's Exif; 1 is upright


def download(*, progress: bool = False) -> tuple[Path, Path]:
    """Fetch the weights and the class index, 92 MB, into the cache folder. What is there already is not fetched.

    Parameters
    ----------
    progress : bool
        Draw progress bars (with tqdm).

    Returns
    -------
    weights, class_index : Path
        For `xnp.weights.load_keras` and `read_names`.

    Raises
    ------
    ConnectionError, DataError
        As for `xnp.data.fetch.fetch`.
    """
    for source in (WEIGHTS, CLASS_INDEX):
        fetch(source, cached(source), progress=progress)
    return cached(WEIGHTS), cached(CLASS_INDEX)


def cached(source: Source) -> Path:
    """Name a file's place in the cache folder: there under its name in the web."""
    return cache_folder() / source.url.rpartition("/")[2]


def default_names() -> tuple[str, ...]:
    """Give the names of the 1,000 classes if `download` has brought them, else their numbers. No network is asked."""
    path = cached(CLASS_INDEX)
    return read_names(path) if is_right(path, CLASS_INDEX) else NUMBERS


def read_names(path: Path) -> tuple[str, ...]:
    """Read the names of classes, from class 0 on.

    Parameters
    ----------
    path : Path
        A class index as Keras has it, if the name ends in .json: `{"0": ["n01440764", "tench"], "1": ...}`.
        Else a text in UTF-8 with one name a line.

    Returns
    -------
    tuple of str

    Raises
    ------
    OSError
        The file cannot be read.
    DataError
        It is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        names = index_names(json.loads(text)) if path.suffix.lower() == ".json" else text.splitlines()
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise ValueError("there is none, or one of them is empty")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        wanted = 'a .json like {"0": ["n01440764", "tench"], ...}, or a text with one name a line'
        raise DataError(f"{path} holds no names of classes: {error!r}; it must be {wanted}") from error
    return tuple(name.strip() for name in names)


def index_names(index: dict[str, list[str]]) -> list[str]:
    """Take the names out of a class index: 0, 1, ... without a gap."""
    entries = [index[str(k)] for k in range(len(index))]
    if not all(isinstance(entry, list) for entry in entries):
        raise ValueError("an entry is no pair of identifier and name")
    return [entry[1] for entry in entries]


def read_picture(path: Path, size: tuple[int, int] = (299, 299)) -> np.ndarray:
    """Read one picture exactly as `keras.utils.load_img(path, target_size=size)` does.

    So each pixel is the nearest one of the file (`xnp.data.pictures.read_picture` averages), what is transparent shows
    the colour beneath, and a photo's orientation mark is not followed: where there is one, a warning says it.

    Parameters
    ----------
    path : Path
        A file that Pillow can read.
    size : (int, int)
        Height, width. Other proportions are stretched.

    Returns
    -------
    (height, width, 3) uint8 array

    Raises
    ------
    OSError, NoPictureError, DataError
        As for `xnp.data.pictures.read_picture`.
    """
    from PIL import Image

    with opened(path) as picture:
        if picture.getexif().get(ORIENTATION, 1) != 1:
            warnings.warn(f"{path} is marked as turned; Keras does not turn it back, so xnp does not", stacklevel=2)
        return np.asarray(picture.convert("RGB").resize((size[1], size[0]), Image.Resampling.NEAREST))


def prepare(images: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Bring uint8 images (N, H, W, C) to -1 to 1, exactly as Keras' `preprocess_input` for Xception.

    >>> prepare(np.array([[[[0, 51, 255]]]], np.uint8), np.dtype("float32")).tolist()
    [[[[-1.0, -0.6000000238418579, 1.0]]]]
    """
    return images.astype(dtype) / 127.5 - 1
