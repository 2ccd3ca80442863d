"""Pictures from files: PNG, JPEG and more, any size, as the uint8 images that the networks take."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xnp.data.dataset import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


class NoPictureError(DataError):
    """A file that is something else."""


def read_picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read one picture and bring it to a network's size, bilinearly.

    Parameters
    ----------
    path : Path
        A file that Pillow can read; of an animated one, the first picture counts. Grey becomes RGB, and what is
        transparent shows white; a photo's orientation mark is followed.
    size : (int, int)
        Height, width. Other proportions are stretched.

    Returns
    -------
    (height, width, 3) uint8 array

    Raises
    ------
    OSError
        The file cannot be read.
    NoPictureError
        It is no picture.
    DataError
        It is a damaged one.
    """
    from PIL import Image, ImageOps

    with opened(path) as picture:
        upright = opaque(ImageOps.exif_transpose(picture))
        return np.asarray(upright.resize((size[1], size[0]), Image.Resampling.BILINEAR))


@contextmanager
def opened(path: Path) -> Iterator["Picture"]:
    """Open a picture, and say in our words what is wrong with it. Pillow decodes late: within the `with`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            yield picture
    except UnidentifiedImageError as error:
        raise NoPictureError(f"{path} is no picture that can be read; PNG, JPEG, WebP and GIF can") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # not there, not readable
            raise
        raise DataError(f"{path} is damaged: {error}") from error


def opaque(picture: "Picture") -> "Picture":
    """Bring any picture to RGB with 8 bits a channel."""
    from PIL import Image

    if picture.mode.startswith("I"):  # grey with 16 bits: convert would cut off all above 255
        return Image.fromarray((np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
