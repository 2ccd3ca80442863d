"""A labelled set of images, as every part of xnp hands it on.

>>> import numpy as np
>>> data = Dataset(np.zeros((4, 8, 8, 3), np.uint8), np.array([0, 1, 0, 1]), ("cat", "dog"))
>>> data.take(np.array([3, 1])).labels
array([1, 1])
"""

from typing import NamedTuple

import numpy as np


class DataError(ValueError):
    """Data that are there, but are not what they should be: too short, damaged, or another file."""


class Dataset(NamedTuple):
    """Images, their labels, and the names of the classes."""

    images: np.ndarray  # (N, H, W, C) uint8: as in a picture file; the trainer standardises each batch
    labels: np.ndarray  # (N,) int64, 0 to len(names) - 1
    names: tuple[str, ...]

    def take(self, indices: np.ndarray) -> "Dataset":
        """Return the images at `indices`, in that order, with their labels."""
        return Dataset(self.images[indices], self.labels[indices], self.names)
