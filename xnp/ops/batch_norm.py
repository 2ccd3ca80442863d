"""Batch normalisation, training form: each channel gets mean 0 and variance 1 over the batch, then a scale and a shift.

    x, one channel      centred         * inv              gamma * (..) + beta
    1 3 5               -2 0 2          -1.2 0 1.2         the network may choose any scale and shift again

    All sums and means run over every axis but the channel's; R is how many rows they have (N * H * W for images).

    (1)  mean[c] = (1/R) sum over rows  of  x[r, c]
    (2)  var[c]  = (1/R) sum over rows  of  (x[r, c] - mean[c])^2            biased: divided by R, not R - 1
    (3)  xhat    = (x - mean) * inv,   inv = 1 / sqrt(var + eps)
    (4)  y       = gamma * xhat + beta

    (5)  dbeta   = sum over rows of dy
    (6)  dgamma  = sum over rows of dy * xhat
    (7)  dx      = gamma * inv * (dy - dbeta / R - xhat * dgamma / R)

Where (7) comes from: g = gamma * dy is the gradient of xhat, and x[r] reaches the loss in three ways: through xhat[r]
itself (g[r] * inv), through the mean, which every row feels (- inv * sum(g) / R), and through the variance
(- inv * xhat[r] * sum(g * xhat) / R). So dx has no part along 1 and none along xhat: shifting or scaling a whole
channel of x does not change y. A dy of equal numbers therefore gives dx = 0: a gradient check with it proves nothing.

Mean and variance are accumulated in float64. In float32, near a mean of 1e4, a plain sum is off by units.

Shapes  x (N, ..., C), gamma (C,), beta (C,), y as x.
Cost    2 * C parameters; 7 operations for each number of x (sum; subtract; square, sum; inv; gamma; beta).
Paper   figure 5: after every convolution and every separable convolution. Ioffe and Szegedy, 2015.

>>> y, cache = forward(np.array([[1.0], [3.0], [5.0]]), np.array([1.0]), np.array([10.0]), eps=0.0)
>>> cache.mean, cache.var.round(4)
(array([3.]), array([2.6667]))
>>> y[:, 0].round(4)
array([ 8.7753, 10.    , 11.2247])
>>> dx, dgamma, dbeta = backward(np.array([[1.0], [0.0], [0.0]]), cache)
>>> dx[:, 0].round(4)                            # the sum is 0, and so is the sum of dx * xhat
array([ 0.1021, -0.2041,  0.1021])
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward, and the statistics for the moving averages."""

    xhat: np.ndarray  # (N, ..., C) mean 0, variance 1
    gamma: np.ndarray  # (C,)
    inv: np.ndarray  # (C,) 1 / sqrt(var + eps)
    mean: np.ndarray  # (C,) of the batch
    var: np.ndarray  # (C,) of the batch, biased


def definition(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float = 1e-3) -> np.ndarray:
    """Equations (1) to (4), channel by channel, one number at a time."""
    check(x, gamma, beta, eps)
    rows, y = x.reshape(-1, len(gamma)), np.empty_like(x)
    R = len(rows)
    for c in range(len(gamma)):
        mean = sum(rows[r, c] for r in range(R)) / R
        var = sum((rows[r, c] - mean) ** 2 for r in range(R)) / R
        for index in np.ndindex(x.shape[:-1]):
            y[*index, c] = gamma[c] * (x[*index, c] - mean) / (var + eps) ** 0.5 + beta[c]
    return y


def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float = 1e-3) -> tuple[np.ndarray, Cache]:
    """Equations (1) to (4).

    Parameters
    ----------
    x : (N, ..., C) array
        Images (N, H, W, C) or rows (N, C).
    gamma, beta : (C,) arrays of x's dtype
        Scale and shift of each channel.
    eps : float
        Keeps the root away from 0.

    Returns
    -------
    y : array of x's shape and dtype
    cache : Cache
        For `backward`; `cache.mean` and `cache.var` are the batch's.

    Raises
    ------
    ValueError
        Shapes that do not belong together, an eps below 0.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    check(x, gamma, beta, eps)
    axes, wide = tuple(range(x.ndim - 1)), np.result_type(x.dtype, np.float64)
    mean = x.mean(axis=axes, dtype=wide).astype(x.dtype)  # (C,)
    xhat = x - mean  # centred for now
    var = np.square(xhat).mean(axis=axes, dtype=wide).astype(x.dtype)  # of the centred x: no large numbers subtracted
    inv = 1 / np.sqrt(var + float(eps))  # float: a float64 of NumPy would make inv float64
    xhat *= inv
    return gamma * xhat + beta, Cache(xhat, gamma, inv, mean, var)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equations (5) to (7).

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
    xhat, gamma, inv, _, _ = cache
    checks.upstream("batch_norm", dy, xhat.shape, xhat.dtype)
    axes, wide, R = tuple(range(dy.ndim - 1)), np.result_type(dy.dtype, np.float64), dy.size // len(gamma)
    dbeta = dy.sum(axis=axes, dtype=wide).astype(dy.dtype)  # (C,) beta was added to every row
    dgamma = (dy * xhat).sum(axis=axes, dtype=wide).astype(dy.dtype)  # (C,) gamma was multiplied into every row
    dx = dy - xhat * (dgamma / R)  # undoes `var = np.square(xhat)`: no part along xhat is left
    dx -= dbeta / R  # undoes `xhat = x - mean`: no mean is left
    dx *= gamma * inv  # undoes `xhat *= inv`, and gamma after it
    return dx, dgamma, dbeta


def cost(
    x_shape: tuple[int, ...], gamma_shape: tuple[int, ...], beta_shape: tuple[int, ...], *, eps: float = 1e-3
) -> Cost:
    """Count one call: no array is made."""
    size = int(np.prod(x_shape))
    return Cost(x_shape, gamma_shape[0] + beta_shape[0], 0, 7 * size)


def check(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> None:
    """Refuse, by name, what does not belong together."""
    checks.rank("batch_norm", "x", x, "N ... C")
    for name, array in (("gamma", gamma), ("beta", beta)):
        checks.shape("batch_norm", name, array, x.shape[-1:], f"x has {x.shape[-1]} channels")
    checks.dtypes("batch_norm", x=x, gamma=gamma, beta=beta)
    if not eps >= 0:  # so that nan is refused too
        raise ValueError(f"batch_norm: eps is {eps}; it must be 0 or more")
