"""Pictures from files: PNG or JPEG, any size, as the uint8 images that the networks take."""

from pathlib import Path

import numpy as np

from xnp.data.dataset import DataError


def read_picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read one picture and bring it to a network's size, bilinearly.

    Parameters
    ----------
    path : Path
        A file that Pillow can read. Grey and transparent ones become RGB; a photo's orientation mark is followed.
    size : (int, int)
        Height, width. Other proportions are stretched.

    Returns
    -------
    (height, width, 3) uint8 array

    Raises
    ------
    OSError
        The file cannot be read.
    DataError
        It is no picture, or a damaged one.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.asarray(upright.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is no picture that can be read; PNG and JPEG can") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # not there, not readable
            raise
        raise DataError(f"{path} is damaged: {error}") from error
