"""Max pooling: every window keeps its largest pixel, channel by channel.

    x           y, size 2, stride 1, "valid"      wins
    1 5 2       5 5                               0 2 0        5 is the largest of two windows,
    3 4 0       8 7                               0 0 0        8 and 7 of one each:
    8 7 6                                         1 1 0        the gradient goes back to the winners alone

    P is x with -inf around it; s the stride; (p, q) a window, (i, j) a place in it.

    (1)  y[n, p, q, c]  = max over i, j  of  P[n, p*s + i, q*s + j, c]
    (2)  dP[n, r, t, c] = sum over all windows (p, q) whose winner stands at (r, t)  of  dy[n, p, q, c]

The padding is -inf, not 0: a window of negative pixels at the border would else answer 0, a pixel that does not exist.
A tie goes to the first maximum, row by row: the gradient is sent once, not to all.
A window with a NaN answers NaN, so that a training that has gone wrong is seen.

Shapes  x (N, H, W, C), y (N, H', W', C).
Cost    no parameter, no multiply-accumulate; kh * kw comparisons for each output number.
Paper   figure 5: 3x3, stride 2, "same", at the end of the entry and exit blocks.

>>> x = np.array([[1.0, 5.0, 2.0], [3.0, 4.0, 0.0], [8.0, 7.0, 6.0]]).reshape(1, 3, 3, 1)
>>> y, cache = forward(x, size=2, stride=1, padding="valid")
>>> y[0, :, :, 0]
array([[5., 5.],
       [8., 7.]])
>>> backward(np.ones_like(y), cache)[0, :, :, 0]           # 5 won two windows, 8 and 7 one each
array([[0., 2., 0.],
       [0., 0., 0.],
       [1., 1., 0.]])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost, Padding, Pair, Window, crop, pad, slide_pool


class Cache(NamedTuple):
    """What backward needs of forward."""

    x_shape: tuple[int, ...]
    winner: np.ndarray  # (N, H', W', C) small integers: which place of the window won, counted row by row
    window: Window
    dtype: np.dtype


def definition(x: np.ndarray, *, size: Pair = 3, stride: Pair = 2, padding: Padding = "same") -> np.ndarray:
    """Equation (1), one window at a time. Only pixels of the image compete."""
    window = check(x, size, stride, padding)
    N, H, W, C = x.shape
    y = np.empty((N, *window.output, C), x.dtype)
    for n, p, q, c in np.ndindex(y.shape):
        seen = []
        for i, j in window.offsets():
            row, column = window.position(p, q, i, j)
            if 0 <= row < H and 0 <= column < W:
                seen.append(x[n, row, column, c])
        y[n, p, q, c] = np.max(seen)  # a NaN among them is the maximum; to Python's max it might not be
    return y


def forward(x: np.ndarray, *, size: Pair = 3, stride: Pair = 2, padding: Padding = "same") -> tuple[np.ndarray, Cache]:
    """Equation (1): the places of the window challenge the best so far, one after the other.

    Parameters
    ----------
    x : (N, H, W, C) array, float32 or float64
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
        A dtype other than float32 and float64.
    """
    window = check(x, size, stride, padding)
    padded = pad(x, window.padding, -np.inf)
    y = np.full((len(x), *window.output, x.shape[3]), -np.inf, x.dtype)
    places = window.kernel[0] * window.kernel[1]
    winner = np.zeros(y.shape, np.min_scalar_type(places - 1))
    for place, (i, j) in enumerate(window.offsets()):
        challenger = padded[window.reads(i, j)]
        better = challenger > y  # > and not >= : in a tie the first stays
        # who is better last wins; places rise, so the winner's is the largest of those that were better
        np.maximum(winner, better * winner.dtype.type(place), out=winner)
        np.maximum(y, challenger, out=y)
    return y, Cache(x.shape, winner, window, x.dtype)


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (2): each place of the window takes the gradients of the windows that it won.

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
    x_shape, winner, window, dtype = cache
    checks.upstream("max_pool2d", dy, winner.shape, dtype)
    (N, H, W, C), ((top, bottom), (left, right)) = x_shape, window.padding
    dpadded = np.zeros((N, top + H + bottom, left + W + right, C), dtype)
    for place, (i, j) in enumerate(window.offsets()):
        dpadded[window.reads(i, j)] += dy * (winner == place)  # += : one pixel can win several windows
    return crop(dpadded, window.padding)


def cost(x_shape: tuple[int, ...], *, size: Pair = 3, stride: Pair = 2, padding: Padding = "same") -> Cost:
    """Count one call: no array is made."""
    window = slide_pool("max_pool2d", x_shape, size, stride=stride, padding=padding)
    output_shape = (x_shape[0], *window.output, x_shape[3])
    outputs = output_shape[0] * output_shape[1] * output_shape[2] * output_shape[3]
    return Cost(output_shape, 0, 0, outputs * window.kernel[0] * window.kernel[1])


def check(x: np.ndarray, size: Pair, stride: Pair, padding: Padding) -> Window:
    """Refuse, by name, what cannot be pooled; lay the windows."""
    checks.rank("max_pool2d", "x", x, "N H W C")
    checks.dtypes("max_pool2d", checks.REAL, x=x)
    return slide_pool("max_pool2d", x.shape, size, stride=stride, padding=padding)
