"""Batch normalisation, inference form: mean and variance are constants, so each channel gets one scale and one shift.

    training                                         inference
    mean, var from this batch: rows feel each other  mean, var were learned: each number stands alone
    y depends on the whole batch                     y = x * scale + shift

    (1)  y      = gamma * xhat + beta,   xhat = (x - mean) * inv,   inv = 1 / sqrt(var + eps)

    (2)  dx     = gamma * inv * dy                   no mean terms: the statistics do not depend on x
    (3)  dgamma = sum over rows of dy * xhat
    (4)  dbeta  = sum over rows of dy

Shapes  x (N, ..., C), gamma, beta, mean, var (C,), y as x.
Cost    2 * C parameters; 2 operations for each number of x, since scale = gamma * inv and
        shift = beta - mean * scale can be computed once.
Paper   figure 5: batch normalisation, as it stands when the trained network is used.

>>> one = np.ones(1)
>>> y, cache = forward(np.array([[5.0], [9.0]]), 2 * one, 10 * one, mean=5 * one, var=4 * one, eps=0.0)
>>> y[:, 0]                                      # 2 * (5 - 5) / 2 + 10, and 2 * (9 - 5) / 2 + 10
array([10., 14.])
>>> dx, dgamma, dbeta = backward(np.ones((2, 1)), cache)
>>> dx[:, 0], dgamma, dbeta
(array([1., 1.]), array([2.]), array([2.]))
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    x: np.ndarray  # (N, ..., C)
    gamma: np.ndarray  # (C,)
    mean: np.ndarray  # (C,)
    inv: np.ndarray  # (C,) 1 / sqrt(var + eps)


def definition(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray, *, eps: float = 1e-3
) -> np.ndarray:
    """Equation (1), one number at a time."""
    check(x, gamma, beta, mean, var, eps)
    y = np.empty_like(x)
    for *index, c in np.ndindex(x.shape):
        y[*index, c] = gamma[c] * (x[*index, c] - mean[c]) / (var[c] + eps) ** 0.5 + beta[c]
    return y


def forward(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray, *, eps: float = 1e-3
) -> tuple[np.ndarray, Cache]:
    """Equation (1).

    Parameters
    ----------
    x : (N, ..., C) array
        Images (N, H, W, C) or rows (N, C).
    gamma, beta : (C,) arrays of x's dtype
        Scale and shift of each channel.
    mean, var : (C,) arrays of x's dtype
        Statistics of each channel; var must be 0 or more.
    eps : float
        As in training.

    Returns
    -------
    y : array of x's shape and dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        Shapes that do not belong together, a negative variance, an eps below 0.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    check(x, gamma, beta, mean, var, eps)
    inv = 1 / np.sqrt(var + float(eps))  # float: a float64 of NumPy would make inv float64
    y = x - mean  # first, so that a mean far from 0 loses no digits
    y *= gamma * inv
    y += beta
    return y, Cache(x, gamma, mean, inv)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equations (2) to (4). Mean and variance are constants here: they get no gradient.

    Parameters
    ----------
    dy : array of x's shape
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : array of x's shape
    dgamma, dbeta : (C,) arrays
    """
    x, gamma, mean, inv = cache
    checks.upstream("batch_norm_inference", dy, x.shape, x.dtype)
    axes, wide = tuple(range(dy.ndim - 1)), np.result_type(dy.dtype, np.float64)
    dbeta = dy.sum(axis=axes, dtype=wide).astype(dy.dtype)  # (C,) beta was added to every row
    dgamma = (dy * (x - mean)).sum(axis=axes, dtype=wide).astype(dy.dtype) * inv  # (C,) gamma met xhat in every row
    return dy * (gamma * inv), dgamma, dbeta


def cost(
    x_shape: tuple[int, ...],
    gamma_shape: tuple[int, ...],
    beta_shape: tuple[int, ...],
    mean_shape: tuple[int, ...],
    var_shape: tuple[int, ...],
    *,
    eps: float = 1e-3,
) -> Cost:
    """Count one call: no array is made. The statistics are not parameters: no gradient trains them."""
    return Cost(x_shape, gamma_shape[0] + beta_shape[0], 0, 2 * int(np.prod(x_shape)))


def check(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray, eps: float) -> None:
    """Refuse, by name, what does not belong together."""
    checks.rank("batch_norm_inference", "x", x, "N ... C")
    for name, array in (("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var)):
        checks.shape("batch_norm_inference", name, array, x.shape[-1:], f"x has {x.shape[-1]} channels")
    checks.dtypes("batch_norm_inference", x=x, gamma=gamma, beta=beta, mean=mean, var=var)
    if not eps >= 0:  # so that nan is refused too
        raise ValueError(f"batch_norm_inference: eps is {eps}; it must be 0 or more")
    if (var.real < 0).any():
        raise ValueError(f"batch_norm_inference: var holds {var.real.min()}; a variance must be 0 or more")
