"""Global average pooling: a whole image becomes one number a channel, its mean.

    x, one channel      y
    1 2                 (1 + 2 + 3 + 6) / 4 = 3
    3 6

    (1)  y[n, c]        = (sum over h, w  of  x[n, h, w, c]) / (H * W)
    (2)  dx[n, h, w, c] = dy[n, c] / (H * W)        every pixel had the same share

Shapes  x (N, H, W, C), y (N, C).
Cost    no parameter, no multiply-accumulate; one addition a pixel and one division a channel.
Paper   figure 5: between the last separable convolution and the classifier.

>>> y, cache = forward(np.array([[1.0, 2.0], [3.0, 6.0]]).reshape(1, 2, 2, 1))
>>> y
array([[3.]])
>>> backward(np.ones_like(y), cache)[0, :, :, 0]
array([[0.25, 0.25],
       [0.25, 0.25]])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    x_shape: tuple[int, ...]
    dtype: np.dtype


def definition(x: np.ndarray) -> np.ndarray:
    """Equation (1), one number at a time."""
    check(x)
    N, H, W, C = x.shape
    y = np.zeros((N, C), x.dtype)
    for n, h, w, c in np.ndindex(x.shape):
        y[n, c] += x[n, h, w, c] / (H * W)
    return y


def forward(x: np.ndarray) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.

    Returns
    -------
    y : (N, C) array of x's dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        A shape that is not (N, H, W, C).
    TypeError
        A dtype other than float32, float64, complex128.
    """
    check(x)
    wide = np.result_type(x.dtype, np.float64)  # float32 would lose digits over many pixels
    return x.mean(axis=(1, 2), dtype=wide).astype(x.dtype), Cache(x.shape, x.dtype)


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (2).

    Parameters
    ----------
    dy : (N, C) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, H, W, C) array
    """
    N, H, W, C = cache.x_shape
    checks.upstream("global_average_pool2d", dy, (N, C), cache.dtype)
    share = dy / (H * W)
    return np.broadcast_to(share[:, np.newaxis, np.newaxis], cache.x_shape).copy()  # (N, 1, 1, C) -> (N, H, W, C)


def cost(x_shape: tuple[int, ...]) -> Cost:
    """Count one call: no array is made."""
    N, H, W, C = x_shape
    return Cost((N, C), 0, 0, N * H * W * C + N * C)


def check(x: np.ndarray) -> None:
    """Refuse, by name, what cannot be pooled."""
    checks.rank("global_average_pool2d", "x", x, "N H W C")
    checks.dtypes("global_average_pool2d", x=x)
