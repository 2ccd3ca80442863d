"""Dropout: in training, each number is set to 0 with probability `rate`; the others grow, so that the mean stays.

    x       1   2   3   4        rate 0.5
    kept        x   x            a new draw at every call
    y       0   4   6   0        the kept ones times 1 / (1 - 0.5) = 2

    (1)  y  = x * mask,    mask = 1 / (1 - rate) where kept, else 0
    (2)  dx = dy * mask    the same mask

At inference nothing is dropped and nothing scaled: dropout is left out.

Shapes  x (N, ...): any shape, y as x.
Cost    no parameter, no multiply-accumulate; one multiplication a number.
Paper   section 4.3: rate 0.5 before the logistic regression, for ImageNet alone. Srivastava et al., 2014.

>>> y, cache = forward(np.array([1.0, 2.0, 3.0, 4.0]), np.random.default_rng(6), rate=0.5)
>>> y
array([0., 4., 6., 0.])
>>> backward(np.ones(4), cache)
array([0., 2., 2., 0.])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    mask: np.ndarray  # x's shape: 1 / (1 - rate) or 0


def definition(x: np.ndarray, rng: np.random.Generator, *, rate: float) -> np.ndarray:
    """Equation (1), one number at a time. The draws are forward's: float32, in x's order."""
    check(x, rng, rate)
    draws, y = rng.random(x.shape, np.float32), np.zeros_like(x)
    for index in np.ndindex(x.shape):
        if draws[index] >= rate:
            y[index] = x[index] / (1 - rate)
    return y


def forward(x: np.ndarray, rng: np.random.Generator, *, rate: float) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : array
        Any shape (N, ...).
    rng : numpy.random.Generator
        Draws the mask, one float32 a number whatever x's dtype is: a seed means the same mask for all dtypes.
    rate : float
        Probability to be dropped, in [0, 1).

    Returns
    -------
    y : array of x's shape and dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        A rate outside [0, 1).
    TypeError
        A dtype other than float32, float64, complex128; an rng that is no Generator.
    """
    check(x, rng, rate)
    kept = rng.random(x.shape, np.float32) >= rate
    mask = kept.astype(x.dtype) / (1 - float(rate))  # float: a float64 of NumPy would make y float64
    return x * mask, Cache(mask)


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
    checks.upstream("dropout", dy, cache.mask.shape, cache.mask.dtype)
    return dy * cache.mask


def cost(x_shape: tuple[int, ...], *, rate: float) -> Cost:
    """Count one training call: no array is made."""
    return Cost(x_shape, 0, 0, int(np.prod(x_shape)))


def check(x: np.ndarray, rng: np.random.Generator, rate: float) -> None:
    """Refuse, by name, what cannot be dropped from."""
    checks.rank("dropout", "x", x, "N ...")
    checks.dtypes("dropout", x=x)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"dropout: rng is a {type(rng).__name__}; it must be a numpy.random.Generator")
    checks.fraction("dropout", "rate", rate)
