"""More images than were taken: mirror them, shift them, hide a part of them. The label stays true.

        an image          flip            pad_and_crop        cutout
        a b c d           d c b a         0 a b c             a b c d
        e f g h           h g f e         0 e f g             a 0 0 h
        i j k l           l k j i         0 i j k             i 0 0 l

Each function takes a batch (N, H, W, C) of any dtype and a random generator, and returns a new batch of the same shape
and dtype. Each image draws its own luck. The same generator state gives the same batch.

Zero is black in a uint8 image. In a standardised batch it is the mean of the training images.

Source  flip and pad_and_crop: He et al. 2016, section 4.2, with a padding of 4 for CIFAR-10.
        cutout: DeVries and Taylor 2017.

>>> image = np.arange(1, 13).reshape(1, 3, 4, 1)  # a batch of one: 1 2 3 4 / 5 6 7 8 / 9 10 11 12
>>> pad_and_crop(image, np.random.default_rng(12), padding=1)[0, :, :, 0]
array([[ 0,  1,  2,  3],
       [ 0,  5,  6,  7],
       [ 0,  9, 10, 11]])
>>> both = compose(flip, pad_and_crop)
>>> both(image, np.random.default_rng(0)).shape
(1, 3, 4, 1)
"""

from collections.abc import Callable
from numbers import Integral
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from xnp import checks

Augment: TypeAlias = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def flip(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror each image left to right, with probability 1/2.

    Parameters
    ----------
    images : (N, H, W, C) array
    rng : numpy.random.Generator

    Returns
    -------
    (N, H, W, C) array of the same dtype
        A new array; `images` is left as it was.
    """
    check("flip", images, rng)
    mirrored = rng.random(len(images)) < 0.5  # (N,)
    flipped = images.copy()
    flipped[mirrored] = images[mirrored, :, ::-1]
    return flipped


def pad_and_crop(images: np.ndarray, rng: np.random.Generator, *, padding: int = 4) -> np.ndarray:
    """Put zeros around each image, then cut a window of the old size out of it, at a random place.

    Parameters
    ----------
    images : (N, H, W, C) array
    rng : numpy.random.Generator
    padding : int
        Pixels of zeros on each of the four sides. An image moves by -padding to +padding pixels along each axis;
        all of these (2 * padding + 1)**2 places are equally likely.

    Returns
    -------
    (N, H, W, C) array of the same dtype
        A new array; `images` is left as it was.
    """
    check("pad_and_crop", images, rng, padding=padding)
    N, H, W, C = images.shape
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = sliding_window_view(padded, (H, W, C), axis=(1, 2, 3))  # [n, i, j, 0]: image n from the corner (i, j)
    top, left = rng.integers(0, 2 * padding, size=(2, N), endpoint=True)
    return windows[np.arange(N), top, left, 0]


def cutout(images: np.ndarray, rng: np.random.Generator, *, size: int = 8) -> np.ndarray:
    """Set a square of each image to zero, so that no single part decides what is seen.

    Parameters
    ----------
    images : (N, H, W, C) array
    rng : numpy.random.Generator
    size : int
        Side of the square, in pixels. Its centre may be any pixel of the image, so that near the border
        a part of the square falls outside. With an even size the centre is the pixel below and right of the middle.

    Returns
    -------
    (N, H, W, C) array of the same dtype
        A new array; `images` is left as it was.
    """
    check("cutout", images, rng, size=size)
    N, H, W, _ = images.shape
    top = rng.integers(0, H, size=(N, 1)) - size // 2
    left = rng.integers(0, W, size=(N, 1)) - size // 2
    rows = (top <= np.arange(H)) & (np.arange(H) < top + size)  # (N, H): true in the square's rows
    columns = (left <= np.arange(W)) & (np.arange(W) < left + size)  # (N, W)
    cut = images.copy()
    cut[rows[:, :, None] & columns[:, None, :]] = 0
    return cut


def compose(*functions: Augment) -> Augment:
    """Join functions of (images, rng) into one that calls them in turn, with the same generator."""

    def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for function in functions:
            images = function(images, rng)
        return images

    return augment


def check(function: str, images: np.ndarray, rng: np.random.Generator, **pixels: int) -> None:
    """Refuse, by name, what is no batch, no generator or no number of pixels."""
    checks.rank(function, "images", images, "N H W C")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{function}: rng is a {type(rng).__name__}; it must be a numpy.random.Generator, "
            "such as numpy.random.default_rng(0)"
        )
    for name, value in pixels.items():
        if not isinstance(value, Integral) or value < 0:
            raise ValueError(f"{function}: {name} is {value!r}; it must be a whole number of pixels, 0 or more")
