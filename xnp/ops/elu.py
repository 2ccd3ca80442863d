"""Exponential linear unit: positive numbers pass, negative ones bend smoothly towards -alpha.

    x      -inf      -1       0   1   2
    y      -alpha    -0.63    0   1   2        alpha = 1: exp(-1) - 1 = -0.63
    dy/dx   0         0.37    1   1   1        exp(-1) = 0.37: the slope does not jump at 0

    (1)  y  = x where x > 0, else alpha * (exp(x) - 1)
    (2)  dx = dy where x > 0, else dy * alpha * exp(x)       and alpha * exp(x) = y + alpha

Shapes  x (N, ...): any shape, y as x.
Cost    no parameter, no multiply-accumulate; three operations a number (exp, minus 1, times alpha).
Paper   section 4.7, figure 10: tried between depthwise and pointwise. Clevert, Unterthiner and Hochreiter, 2015.

>>> y, cache = forward(np.array([-1.0, 0.0, 2.0]))
>>> y.round(2)
array([-0.63,  0.  ,  2.  ])
>>> backward(np.array([10.0, 10.0, 10.0]), cache).round(1)
array([ 3.7, 10. , 10. ])
"""

from math import exp
from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    slope: np.ndarray  # dy/dx, x's shape


def definition(x: np.ndarray, *, alpha: float = 1.0) -> np.ndarray:
    """Equation (1), one number at a time."""
    check(x, alpha)
    y = np.empty_like(x)
    for index in np.ndindex(x.shape):
        y[index] = x[index] if x[index] > 0 else alpha * (exp(x[index]) - 1)
    return y


def forward(x: np.ndarray, *, alpha: float = 1.0) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : array, float32 or float64
        Any shape (N, ...).
    alpha : float
        Minus the limit on the left; more than 0.

    Returns
    -------
    y : array of x's shape and dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        An alpha that is not above 0.
    TypeError
        A dtype other than float32 and float64.
    """
    check(x, alpha)
    alpha, below = float(alpha), np.minimum(x, 0)  # minimum: exp of a large x, not needed here, would overflow
    y = np.where(x > 0, x, alpha * np.expm1(below))
    return y, Cache(np.where(x > 0, 1, alpha * np.exp(below)))  # y + alpha is the same, but its digits cancel


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (2).

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
    checks.upstream("elu", dy, cache.slope.shape, cache.slope.dtype)
    return dy * cache.slope


def cost(x_shape: tuple[int, ...], *, alpha: float = 1.0) -> Cost:
    """Count one call: no array is made."""
    return Cost(x_shape, 0, 0, 3 * int(np.prod(x_shape)))


def check(x: np.ndarray, alpha: float) -> None:
    """Refuse, by name, what is not a real array or not a slope."""
    checks.rank("elu", "x", x, "N ...")
    checks.dtypes("elu", checks.REAL, x=x)
    if not 0 < alpha < np.inf:
        raise ValueError(f"elu: alpha is {alpha}; it must be more than 0, and finite")
