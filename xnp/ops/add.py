r"""Addition: where a residual connection comes back to the main path.

    a ---\                 dy ---> da
          + ---> y             \
    b ---/                      \-> db        both ways get the whole gradient

    (1)  y  = a + b
    (2)  da = dy,  db = dy

Shapes  a, b and y (N, ...): any shape, the same for all three. Nothing is broadcast.
Cost    no parameter, no multiply-accumulate; one addition a number.
Paper   figure 5 and section 4.6: the residual connections of twelve of the fourteen modules.

>>> y, cache = forward(np.array([1.0, 2.0]), np.array([10.0, 20.0]))
>>> y
array([11., 22.])
>>> backward(np.array([3.0, 4.0]), cache)
(array([3., 4.]), array([3., 4.]))
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    shape: tuple[int, ...]
    dtype: np.dtype


def definition(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Equation (1), one number at a time."""
    check(a, b)
    y = np.empty_like(a)
    for index in np.ndindex(a.shape):
        y[index] = a[index] + b[index]
    return y


def forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    a, b : arrays
        Of one shape and dtype.

    Returns
    -------
    y : array of a's shape and dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        Two shapes that differ.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    check(a, b)
    return a + b, Cache(a.shape, a.dtype)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray]:
    """Equation (2). Two copies, so that what is done with one does not reach the other.

    Parameters
    ----------
    dy : array of y's shape
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    da, db : arrays of y's shape
    """
    checks.upstream("add", dy, cache.shape, cache.dtype)
    return dy.copy(), dy.copy()


def cost(a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> Cost:
    """Count one call: no array is made."""
    return Cost(a_shape, 0, 0, int(np.prod(a_shape)))


def check(a: np.ndarray, b: np.ndarray) -> None:
    """Refuse, by name, what cannot be added number by number."""
    checks.rank("add", "a", a, "N ...")
    checks.shape("add", "b", b, a.shape, f"a has shape {a.shape}")
    checks.dtypes("add", a=a, b=b)
