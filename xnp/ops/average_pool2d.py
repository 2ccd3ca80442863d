"""Average pooling: every window answers the mean of its pixels, channel by channel. Padding is not counted.

        x         size 2, stride 1, padding 1: the corner window holds one real pixel
    2 4           2/1       (2+4)/2       4/1
    6 8           (2+6)/2   (2+4+6+8)/4   (4+8)/2
                  6/1       (6+8)/2       8/1

    P is x with 0 around it; s the stride; (p, q) a window, (i, j) a place in it; count[p, q] the real pixels.

    (1)  y[n, p, q, c]  = (sum over i, j  of  P[n, p*s + i, q*s + j, c]) / count[p, q]
    (2)  dP[n, r, t, c] = sum over all (p, q, i, j) with p*s + i = r, q*s + j = t  of  dy[n, p, q, c] / count[p, q]

Shapes  x (N, H, W, C), y (N, H', W', C).
Cost    no parameter, no multiply-accumulate; kh * kw additions and one division for each output number.
Paper   figure 1: the pooling tower of the canonical Inception module.

>>> x = np.array([[2.0, 4.0], [6.0, 8.0]]).reshape(1, 2, 2, 1)
>>> y, cache = forward(x, size=2, stride=1, padding=1)
>>> y[0, :, :, 0]
array([[2., 3., 4.],
       [4., 5., 6.],
       [6., 7., 8.]])
>>> backward(np.ones_like(y), cache)[0, :, :, 0]           # each pixel: 1 + 1/2 + 1/2 + 1/4
array([[2.25, 2.25],
       [2.25, 2.25]])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost, Padding, Pair, Window, crop, pad, slide_pool


class Cache(NamedTuple):
    """What backward needs of forward."""

    x_shape: tuple[int, ...]
    counts: np.ndarray  # (H', W', 1) pixels of the image in each window
    window: Window


def definition(x: np.ndarray, *, size: Pair, stride: Pair, padding: Padding = "same") -> np.ndarray:
    """Equation (1), one window at a time. Only pixels of the image are summed and counted."""
    window = check(x, size, stride, padding)
    N, H, W, C = x.shape
    y = np.zeros((N, *window.output, C), x.dtype)
    for n, p, q, c in np.ndindex(y.shape):
        count = 0
        for i, j in window.offsets():
            row, column = window.position(p, q, i, j)
            if 0 <= row < H and 0 <= column < W:
                y[n, p, q, c] += x[n, row, column, c]
                count += 1
        y[n, p, q, c] /= count
    return y


def forward(x: np.ndarray, *, size: Pair, stride: Pair, padding: Padding = "same") -> tuple[np.ndarray, Cache]:
    """Equation (1): add up the places of the window, then divide by how many were real.

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.
    size, stride : int or (int, int)
        Height, width.
    padding : "same", "valid" or int
        An integer must be at most half the size, so that no window holds padding alone.

    Returns
    -------
    y : (N, H', W', C) array of x's dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        A shape that is not (N, H, W, C), a window larger than the padded image, too much padding.
    TypeError
        A dtype other than float32, float64, complex128.
    """
    window = check(x, size, stride, padding)
    padded = pad(x, window.padding)
    real = pad(np.ones((1, *x.shape[1:3], 1), x.dtype), window.padding)  # 1 inside the image, 0 in the padding
    y = np.zeros((len(x), *window.output, x.shape[3]), x.dtype)
    count = np.zeros((*window.output, 1), x.dtype)
    for i, j in window.offsets():
        y += padded[window.reads(i, j)]
        count += real[window.reads(i, j)][0]
    return y / count, Cache(x.shape, count, window)


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (2): each pixel of a window takes an equal share of the window's gradient.

    Parameters
    ----------
    dy : (N, H', W', C) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, H, W, C) array
    """
    x_shape, count, window = cache
    (N, H, W, C), ((top, bottom), (left, right)) = x_shape, window.padding
    checks.upstream("average_pool2d", dy, (N, *window.output, C), count.dtype)
    share = dy / count  # undoes `y / count`
    dpadded = np.zeros((N, top + H + bottom, left + W + right, C), dy.dtype)
    for i, j in window.offsets():
        dpadded[window.reads(i, j)] += share  # += : windows overlap, a pixel hears from each
    return crop(dpadded, window.padding)


def cost(x_shape: tuple[int, ...], *, size: Pair, stride: Pair, padding: Padding = "same") -> Cost:
    """Count one call: no array is made."""
    window = slide_pool("average_pool2d", x_shape, size, stride=stride, padding=padding)
    output_shape = (x_shape[0], *window.output, x_shape[3])
    outputs = output_shape[0] * output_shape[1] * output_shape[2] * output_shape[3]
    return Cost(output_shape, 0, 0, outputs * (window.kernel[0] * window.kernel[1] + 1))


def check(x: np.ndarray, size: Pair, stride: Pair, padding: Padding) -> Window:
    """Refuse, by name, what cannot be pooled; lay the windows."""
    checks.rank("average_pool2d", "x", x, "N H W C")
    checks.dtypes("average_pool2d", x=x)
    return slide_pool("average_pool2d", x.shape, size, stride=stride, padding=padding)
