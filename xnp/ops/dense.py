"""Dense layer: every output is a weighted sum of all inputs.

    x           w              y
    x0 x1       w00 w01        x0*w00 + x1*w10 + b0,   x0*w01 + x1*w11 + b1
                w10 w11

    (1)  y  = x @ w + b
    (2)  dx = dy @ w.T             x[n, i] was read by every output o, through w[i, o]
    (3)  dw = x.T @ dy             w[i, o] was used for every image n
    (4)  db = sum over n of dy

Shapes  x (N, I), w (I, O), b (O,), y (N, O).
Cost    I * O parameters (+ O), and as many multiply-accumulates an image.
Paper   figure 5: the logistic regression, 2048 in, 1000 out.

>>> x, w, b = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [1.0, 10.0]]), np.array([0.5, 0.5])
>>> y, cache = forward(x, w, b)
>>> y
array([[ 3.5, 20.5]])
>>> dx, dw, db = backward(np.array([[1.0, 1.0]]), cache)
>>> dx
array([[ 1., 11.]])
>>> dw
array([[1., 1.],
       [2., 2.]])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    x: np.ndarray  # (N, I)
    w: np.ndarray  # (I, O)
    biased: bool


def definition(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    """Equation (1), one number at a time."""
    check(x, w, b)
    y = np.zeros((len(x), w.shape[1]), x.dtype)
    for n, o in np.ndindex(y.shape):
        for i in range(len(w)):
            y[n, o] += x[n, i] * w[i, o]
        if b is not None:
            y[n, o] += b[o]
    return y


def forward(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : (N, I) array
        One row an image.
    w : (I, O) array of x's dtype
    b : (O,) array of x's dtype, optional

    Returns
    -------
    y : (N, O) array of x's dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        Shapes that do not belong together.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    check(x, w, b)
    y = x @ w  # (N, I) @ (I, O)
    if b is not None:
        y += b
    return y, Cache(x, w, b is not None)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Equations (2) to (4).

    Parameters
    ----------
    dy : (N, O) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, I) array
    dw : (I, O) array
    db : (O,) array, or None where forward had no b
    """
    x, w, biased = cache
    checks.upstream("dense", dy, (len(x), w.shape[1]), x.dtype)
    db = dy.sum(axis=0) if biased else None  # b was added to every row
    return dy @ w.T, x.T @ dy, db  # (N, O) @ (O, I), (I, N) @ (N, O)


def cost(x_shape: tuple[int, ...], w_shape: tuple[int, ...], b_shape: tuple[int, ...] | None = None) -> Cost:
    """Count one call: no array is made. The bias is one addition for each output number."""
    (N, _), (I, O) = x_shape, w_shape
    bias = 0 if b_shape is None else 1
    return Cost((N, O), (I + bias) * O, N * I * O, N * O * bias)


def check(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> None:
    """Refuse, by name, what does not belong together."""
    checks.rank("dense", "x", x, "N I")
    checks.rank("dense", "w", w, "I O")
    if w.shape[0] != x.shape[1]:
        raise ValueError(
            f"dense: w has shape {w.shape} but x has {x.shape[1]} columns; w.shape[0] must be {x.shape[1]}"
        )
    if b is not None:
        checks.shape("dense", "b", b, (w.shape[1],), f"w has {w.shape[1]} columns")
    checks.dtypes("dense", x=x, w=w, b=b)
