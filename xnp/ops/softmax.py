"""Softmax: numbers of any size become probabilities.

    x          0        1        3
    exp(x)     1.00     2.72    20.09       sum 23.80
    y          0.04     0.11     0.84       sum 1

    (1)  y[k]  = exp(x[k]) / sum over l of exp(x[l])
    (2)  dx[k] = y[k] * (dy[k] - sum over l of dy[l] * y[l])

Where (2) comes from: dy[l]/dx[k] is y[k] * (1 - y[k]) for l = k, and - y[l] * y[k] for the others,
since a larger x[k] takes probability from all the others.
Adding the same number to all x[k] changes nothing, so the largest is subtracted first: exp never overflows.

Shapes  x (..., K), y as x: over the last axis.
Cost    no parameter, no multiply-accumulate; five operations a number (compare, subtract, exp, sum, divide).
Paper   section 3 and figure 5: the logistic regression at the end, once it is asked for probabilities.

>>> y, cache = forward(np.array([[0.0, 1.0, 3.0]]))
>>> y.round(2)
array([[0.04, 0.11, 0.84]])
>>> backward(np.array([[0.0, 0.0, 1.0]]), cache).round(2)     # what the third gains, the others lose
array([[-0.04, -0.1 ,  0.13]])
"""

from math import fsum
from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    y: np.ndarray  # (..., K)


def definition(x: np.ndarray) -> np.ndarray:
    """Equation (1), one number at a time; each row shifted by its largest number."""
    check(x)
    y = np.empty_like(x)
    for row in np.ndindex(x.shape[:-1]):
        largest = max(x[row])
        total = fsum(np.exp(value - largest) for value in x[row])
        for k, value in enumerate(x[row]):
            y[*row, k] = np.exp(value - largest) / total
    return y


def forward(x: np.ndarray) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : (..., K) array
        K logits in each row.

    Returns
    -------
    y : array of x's shape and dtype
        Each row sums to 1.
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        A shape without axes.
    TypeError
        A dtype other than float32, float64, complex128.
    """
    check(x)
    exps = np.exp(x - x.max(axis=-1, keepdims=True))
    y = exps / exps.sum(axis=-1, keepdims=True)
    return y, Cache(y.copy())  # a copy: a caller who writes to y must not change the cache


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (2).

    Parameters
    ----------
    dy : (..., K) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (..., K) array
    """
    (y,) = cache
    checks.upstream("softmax", dy, y.shape, y.dtype)
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


def cost(x_shape: tuple[int, ...]) -> Cost:
    """Count one call: no array is made."""
    return Cost(x_shape, 0, 0, 5 * int(np.prod(x_shape)))


def check(x: np.ndarray) -> None:
    """Refuse, by name, what has no last axis."""
    checks.rank("softmax", "x", x, "... K")
    checks.dtypes("softmax", x=x)
