"""Blocks: who computes which part of a value, and how much of it at a time.

    2 images of 5 rows, 2 workers, 2 rows at a time

    worker 0   image 0: rows 0-2   rows 2-4   row 4
    worker 1   image 1: rows 0-2   rows 2-4   row 4

The numbers of a value (N, H, W, C) lie in memory row by row, image by image. A block is a piece without gaps: some
rows of one image, or some whole images. So it is a matrix of pixels by channels without moving a number. And it is
small: what a step writes is still in the processor's cache when the next pass over it begins.
"""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

import numpy as np

BUDGET = 1536 * 1024  # bytes of scratch for a block: it stays in a cache of 2 MB, and its products are long enough


class Block(NamedTuple):
    """A piece of a value (N, H, W, C), or of (N, F)."""

    images: slice
    rows: slice  # of the first axis after the images: rows of pixels, or features
    pixels: slice = slice(None)  # of all that images and rows hold: the first row and the last may be shared

    def of(self, value: np.ndarray) -> np.ndarray:
        """Give the piece: (n, rows, W, C) or (n, features); (pixels, C) where not all pixels belong to it."""
        piece = value[self.images, self.rows]
        return piece if self.pixels == slice(None) else piece.reshape(-1, piece.shape[-1])[self.pixels]


class Scratch:
    """One worker's memory for what lives within a block, cut from one buffer, the same for all steps.

    Without a buffer it only measures: how large must it be?
    """

    def __init__(self, dtype: np.dtype, buffer: np.ndarray | None = None) -> None:
        self.dtype, self.buffer = dtype, buffer
        self.used = self.peak = 0

    def clear(self) -> None:
        """Begin a block: nothing of the last one is needed any more."""
        self.used = 0

    def take(self, *shape: int) -> np.ndarray:
        """Cut off an array, with whatever numbers it holds."""
        nbytes = int(np.prod(shape)) * self.dtype.itemsize
        start, self.used = self.used, self.used + aligned(nbytes)
        self.peak = max(self.peak, self.used)
        if self.buffer is None:
            return np.empty(shape, self.dtype)
        return self.buffer[start : start + nbytes].view(self.dtype).reshape(shape)


def aligned(nbytes: int) -> int:
    """Round up to whole cache lines, so that two arrays never share one."""
    return -(-nbytes // 64) * 64


def split(images: int, extent: int, workers: int, most: int, width: int = 1) -> list[list[Block]]:
    """Give each worker its blocks: equal shares of all rows, each cut into pieces of at most `most` rows.

    19 rows for 2 workers are 10 and 9: one would wait for the other a tenth of its time. With the `width` of the rows
    the shares are equal to a pixel: row 9 is in a block of both workers, each of which has a part of its pixels.

    Parameters
    ----------
    images, extent : int
        How many images, and the rows of each.
    workers : int
    most : int
        At least 1. Pieces are cut evenly: 10 rows by at most 4 are 4, 3, 3.
    width : int
        Pixels of a row, where blocks may end within rows.

    Returns
    -------
    A list of blocks for each worker; it is empty where there are more workers than rows.
    """
    shares = []
    for worker in range(workers):
        start, stop = (share * images * extent * width // workers for share in (worker, worker + 1))
        first, last = start // width, ceil(stop / width)
        blocks = list(cut(first, last, extent, most)) if start < stop else []
        if stop % width and blocks:
            blocks[-1] = blocks[-1]._replace(pixels=slice(stop - last * width))  # from behind: -1 leaves one out
        if start % width and blocks:
            blocks[0] = blocks[0]._replace(pixels=slice(start - first * width, blocks[0].pixels.stop))
        shares.append(blocks)
    return shares


def cut(start: int, stop: int, extent: int, most: int) -> Iterator[Block]:
    """Cut rows, counted through all images, into blocks."""
    while start < stop:
        image, row = divmod(start, extent)
        whole, together = (stop - start) // extent, most // extent
        if row == 0 and whole and together:
            count = ceil(whole / ceil(whole / together))
            yield Block(slice(image, image + count), slice(0, extent))
            start += count * extent
        else:
            left = min(extent - row, stop - start)
            count = ceil(left / ceil(left / most))
            yield Block(slice(image, image + 1), slice(row, row + count))
            start += count
