"""Rectified linear unit: negative numbers become 0, the others pass.

    x     -2  -1   0   1   2
    y      0   0   0   1   2
    dy/dx  0   0   0   1   1        the corner at 0 has no derivative; 0 is the custom

    (1)  y  = max(x, 0)
    (2)  dx = dy where x > 0, else 0

Shapes  x (N, ...): any shape, y as x.
Cost    no parameter, no multiply-accumulate; one comparison a number.
Paper   figure 5: after the stem's convolutions, before the blocks' separable ones (not the first), after the last two.

>>> y, cache = forward(np.array([-2.0, 0.0, 3.0]))
>>> y
array([0., 0., 3.])
>>> backward(np.array([10.0, 10.0, 10.0]), cache)
array([ 0.,  0., 10.])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    passed: np.ndarray  # bool, x's shape
    dtype: np.dtype


def definition(x: np.ndarray) -> np.ndarray:
    """Equation (1), one number at a time."""
    check(x)
    y = x.copy()
    for index in np.ndindex(x.shape):
        if x[index] < 0:
            y[index] = 0
    return y


def forward(x: np.ndarray) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : array, float32 or float64
        Any shape (N, ...).

    Returns
    -------
    y : array of x's shape and dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    TypeError
        A dtype other than float32 and float64.
    """
    check(x)
    return np.maximum(x, 0), Cache(x > 0, x.dtype)


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (2). A new array: dy also belongs to others, for example to the skip connection of a residual block.

    Parameters
    ----------
    dy : array of x's shape
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : array of x's shape
    """
    checks.upstream("relu", dy, cache.passed.shape, cache.dtype)
    return dy * cache.passed


def cost(x_shape: tuple[int, ...]) -> Cost:
    """Count one call: no array is made."""
    return Cost(x_shape, 0, 0, int(np.prod(x_shape)))


def check(x: np.ndarray) -> None:
    """Refuse, by name, what is not a real array."""
    checks.rank("relu", "x", x, "N ...")
    checks.dtypes("relu", checks.REAL, x=x)
