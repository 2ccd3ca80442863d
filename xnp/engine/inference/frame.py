"""The frame: the rows that a block's windows read, with zeros around the image, in scratch memory.

    x, 4 rows        block: rows 0-2 of y, 3x3, "same"      its frame, in the cache
    a b c                                                   0 0 0 0 0
    d e f            reads rows -1 to 3                     0 a b c 0
    g h i                                                   0 d e f 0
    j k l                                                   0 g h i 0

A copy, but not one for its own sake: the padding needs it, and a ReLU that stands before the convolution happens on
the way. The rows at the edge of a block are copied twice, once for each neighbour: cheaper than to talk about it.
Where there is neither padding nor ReLU, the frame is a view of x.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from xnp.engine.inference.blocks import Block, Scratch
from xnp.engine.inference.step import Call
from xnp.shapes import Window


def frame(
    x: np.ndarray, window: Window, block: Block, scratch: Scratch, *, relu: bool = False, repeat: int = 1
) -> tuple[np.ndarray, Iterator[Call]]:
    """Lay out what a block's windows read.

    Parameters
    ----------
    x : (N, H, W, C) array
    window : Window
        How the kernel visits an image.
    block : Block
        Rows of the output.
    scratch : Scratch
    relu : bool
        Whether negative numbers become 0.
    repeat : int
        How often each channel stands there: a b -> a a b b.

    Returns
    -------
    array (n, rows, left + W + right, C * repeat)
        Its row 0 is the first that the block's first window reads.
    calls that fill it
    """
    (top, _), (left, right), (_, H, W, C) = *window.padding, x.shape
    reach = (window.kernel[0] - 1) * window.dilation[0] + 1
    first = block.rows.start * window.stride[0] - top
    last = (block.rows.stop - 1) * window.stride[0] - top + reach
    start = max(first, 0)
    stop = max(min(last, H), start)  # the rows that the image has
    seen = x[block.images, start:stop]
    if (start, stop) == (first, last) and left == right == 0 and not relu and repeat == 1:
        return seen, iter(())
    images = block.images.stop - block.images.start
    whole = scratch.take(images, last - first, left + W + right, C * repeat)
    return whole, fill(whole, seen, start - first, stop - first, left, relu=relu, repeat=repeat)


def fill(
    whole: np.ndarray, seen: np.ndarray, start: int, stop: int, left: int, *, relu: bool, repeat: int
) -> Iterator[Call]:
    """Give the calls: zeros above, below, left and right of what is seen; then what is seen."""
    W, C = seen.shape[2:]
    middle = whole[:, start:stop]
    for border in (whole[:, :start], whole[:, stop:], middle[:, :, :left], middle[:, :, left + W :]):
        if border.size:
            yield partial(border.fill, 0)
    inside = middle[:, :, left : left + W]
    if repeat > 1:
        seen, inside = seen[..., np.newaxis], inside.reshape(*inside.shape[:3], C, repeat)
    if relu:
        yield partial(np.maximum, seen, whole.dtype.type(0), out=inside)
    else:
        yield partial(np.copyto, inside, seen)
