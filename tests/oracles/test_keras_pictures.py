"""Pictures for the published weights: Keras reads the same files into the same numbers, to the last bit."""

import inspect
import os
from pathlib import Path

import numpy as np
import pytest

from xnp.data import imagenet

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it once, at its import
pytest.importorskip("torch")
keras = pytest.importorskip("keras")
Image = pytest.importorskip("PIL.Image")
xception = keras.applications.xception


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("a.png", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
        *(("a.jpg", mode) for mode in ("RGB", "L", "CMYK", "YCbCr")),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (40, 50), (299, 299), (400, 333), (700, 600)])
def test_a_picture_becomes_what_keras_makes_of_it(tmp_path: Path, name: str, mode: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    if mode == "I;16":
        picture = Image.fromarray(rng.integers(0, 65536, size, np.uint16))
    else:
        picture = Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).convert(mode)
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.fromarray(rng.integers(0, 256, size, np.uint8)))
    picture.save(tmp_path / name)
    theirs = keras.utils.img_to_array(keras.utils.load_img(tmp_path / name, target_size=(299, 299)))
    ours = imagenet.read_picture(tmp_path / name)
    assert np.array_equal(ours, theirs)
    theirs = xception.preprocess_input(theirs[None])
    ours = imagenet.prepare(ours[None], np.dtype(np.float32))
    assert ours.dtype == theirs.dtype
    assert np.array_equal(ours, theirs)


def test_a_turned_photo_is_not_turned_back_by_keras_either(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[imagenet.ORIENTATION] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    with pytest.warns(UserWarning, match="is marked as turned"):
        ours = imagenet.read_picture(tmp_path / "a.jpg")
    assert np.array_equal(ours, keras.utils.load_img(tmp_path / "a.jpg", target_size=(299, 299)))


def test_keras_takes_the_weights_from_the_same_place_with_the_same_hash() -> None:
    source = inspect.getsource(inspect.getmodule(keras.applications.Xception))
    start, end = imagenet.WEIGHTS.url.split("xception/")
    assert start in source
    assert f"xception/{end}" in source
    assert imagenet.WEIGHTS.hash in source


def test_keras_takes_the_names_from_the_same_place() -> None:
    source = inspect.getsource(inspect.getmodule(keras.applications.imagenet_utils.decode_predictions))
    start, end = imagenet.CLASS_INDEX.url.split("data/")
    assert start in source
    assert f"data/{end}" in source
