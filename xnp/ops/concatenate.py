"""Concatenation: the channels of several arrays stand side by side.

    a (.., 2)      b (.., 3)          y (.., 5)
    a0 a1          b0 b1 b2           a0 a1 b0 b1 b2        dy is cut at the same places

    (1)  y  = x0, x1, ... along the last axis
    (2)  dx0, dx1, ... = the parts of dy at the same places

Shapes  xs (..., C0), (..., C1), ...; y (..., C0 + C1 + ...).
Cost    nothing is computed.
Paper   figures 1 to 4: how the towers of an Inception module end.

>>> y, cache = forward(np.array([[1.0, 2.0]]), np.array([[3.0]]))
>>> y
array([[1., 2., 3.]])
>>> backward(np.array([[10.0, 20.0, 30.0]]), cache)
(array([[10., 20.]]), array([[30.]]))
"""

from typing import Any, NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    ends: tuple[int, ...]  # where each array ends along y's last axis
    y_shape: tuple[int, ...]
    dtype: np.dtype


def definition(*xs: np.ndarray) -> np.ndarray:
    """Equation (1), one number at a time."""
    check(*xs)
    y = np.empty(cost(*(x.shape for x in xs)).output_shape, xs[0].dtype)
    start = 0
    for x in xs:
        for *index, c in np.ndindex(x.shape):
            y[*index, start + c] = x[*index, c]
        start += x.shape[-1]
    return y


def forward(*xs: np.ndarray) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    *xs : (..., C0), (..., C1), ... arrays
        One or more, alike in dtype and in all axes but the last.

    Returns
    -------
    y : (..., C0 + C1 + ...) array of their dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        No array, or shapes that differ before the last axis.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    check(*xs)
    y = np.concatenate(xs, axis=-1)
    return y, Cache(tuple(int(end) for end in np.cumsum([x.shape[-1] for x in xs])), y.shape, y.dtype)


def backward(dy: np.ndarray, cache: Cache) -> np.ndarray | tuple[np.ndarray, ...]:
    """Equation (2).

    Parameters
    ----------
    dy : array of y's shape
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx0, dx1, ... : arrays of the shapes that came in; a single one comes bare
    """
    checks.upstream("concatenate", dy, cache.y_shape, cache.dtype)
    parts = tuple(part.copy() for part in np.split(dy, cache.ends[:-1], axis=-1))
    return parts if len(parts) > 1 else parts[0]


def cost(*x_shapes: tuple[int, ...]) -> Cost:
    """Count one call: no array is made."""
    return Cost((*x_shapes[0][:-1], sum(shape[-1] for shape in x_shapes)), 0, 0, 0)


def check(*xs: np.ndarray) -> None:
    """Refuse, by name, what cannot stand side by side."""
    if not xs:
        raise ValueError("concatenate: xs is empty; at least one array is needed")
    for k, x in enumerate(xs):
        checks.rank("concatenate", f"xs[{k}]", x, "... C")
        if x.shape[:-1] != xs[0].shape[:-1]:
            raise ValueError(
                f"concatenate: xs[{k}] has shape {x.shape} but xs[0] has {xs[0].shape}; "
                "they must agree in all axes but the last"
            )
    named: dict[str, Any] = {f"xs[{k}]": x for k, x in enumerate(xs)}
    checks.dtypes("concatenate", **named)
