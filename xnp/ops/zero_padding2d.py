"""Zero padding: a frame of zeros around every image.

    x         padding ((0, 1), (1, 0))
    1 2       0 1 2        one column of zeros on the left,
    3 4       0 3 4        one row at the bottom
              0 0 0

    (1)  y[n, top + h, left + w, c] = x[n, h, w, c], and 0 elsewhere
    (2)  dx[n, h, w, c]             = dy[n, top + h, left + w, c]      the frame's gradient goes nowhere

Shapes  x (N, H, W, C), y (N, top + H + bottom, left + W + right, C).
Cost    nothing is computed.
Paper   not in figure 5; other Xceptions pad in separate layers where the paper's convolutions pad themselves.

>>> y, cache = forward(np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1), padding=((0, 1), (1, 0)))
>>> y[0, :, :, 0]
array([[0., 1., 2.],
       [0., 3., 4.],
       [0., 0., 0.]])
>>> backward(y, cache)[0, :, :, 0]
array([[1., 2.],
       [3., 4.]])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost, Sides, crop, pad


class Cache(NamedTuple):
    """What backward needs of forward."""

    y_shape: tuple[int, ...]
    dtype: np.dtype
    padding: Sides


def definition(x: np.ndarray, *, padding: Sides | int) -> np.ndarray:
    """Equation (1), one number at a time."""
    (top, _), (left, _) = check(x, padding)
    y = np.zeros(cost(x.shape, padding=padding).output_shape, x.dtype)
    for n, h, w, c in np.ndindex(x.shape):
        y[n, top + h, left + w, c] = x[n, h, w, c]
    return y


def forward(x: np.ndarray, *, padding: Sides | int) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.
    padding : int or ((top, bottom), (left, right))
        Rows and columns of zeros.

    Returns
    -------
    y : (N, top + H + bottom, left + W + right, C) array of x's dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        A shape that is not (N, H, W, C), a padding below 0 or of another form.
    TypeError
        A dtype other than float32, float64, complex128.
    """
    sides = check(x, padding)
    y = pad(x, sides)
    return y, Cache(y.shape, x.dtype, sides)


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (2).

    Parameters
    ----------
    dy : array of y's shape
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, H, W, C) array
    """
    checks.upstream("zero_padding2d", dy, cache.y_shape, cache.dtype)
    return crop(dy, cache.padding)


def cost(x_shape: tuple[int, ...], *, padding: Sides | int) -> Cost:
    """Count one call: no array is made."""
    (top, bottom), (left, right) = read(padding)
    N, H, W, C = x_shape
    return Cost((N, top + H + bottom, left + W + right, C), 0, 0, 0)


def read(padding: Sides | int) -> Sides:
    """Read one number for all four sides, or ((top, bottom), (left, right))."""
    try:
        (top, bottom), (left, right) = padding if isinstance(padding, tuple | list) else ((padding, padding),) * 2
        valid = all(
            isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 0 for n in (top, bottom, left, right)
        )
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"zero_padding2d: padding is {padding!r}; it must be an integer >= 0 or ((top, bottom), (left, right))"
        )
    return (top, bottom), (left, right)


def check(x: np.ndarray, padding: Sides | int) -> Sides:
    """Refuse, by name, what cannot be padded; read the padding."""
    checks.rank("zero_padding2d", "x", x, "N H W C")
    checks.dtypes("zero_padding2d", x=x)
    return read(padding)
