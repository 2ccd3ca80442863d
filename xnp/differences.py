"""Slopes of a function, measured by running it.

    central difference   (f(x + eps) - f(x - eps)) / (2 * eps)    any function; half of the digits are lost
    complex step         imaginary part of f(x + i*h) / h         analytic functions; all digits stay

    y         f     A central difference is the slope of the line through two points near x.
    |       .*'     Its error has two parts: about eps^2 from the curve, and about 1e-16 / eps from rounding, since
    |   _.*'        two numbers that are almost equal lose their digits when they are subtracted. 1e-6 is a good eps.
    +----------     A complex step subtracts nothing, so h can be 1e-30: all 16 digits are right.

A backward returns many slopes in one: dx is the gradient of sum(f(x) * dy). Both methods take the same sum.
No slope can be measured at a corner such as relu's at 0: `kink` finds corners.

Source  Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998.

>>> x, dy = np.array([1.0, 2.0]), np.array([1.0, 10.0])
>>> central_difference(np.square, x, dy).round(6)          # 2 * x * dy
array([ 2., 40.])
>>> complex_step(np.square, x, dy)
array([ 2., 40.])
>>> kink(lambda t: max(t, 0.0)), kink(lambda t: t**2)
(True, False)
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

Function: TypeAlias = Callable[[np.ndarray], np.ndarray]

FLOOR = 1e-3  # a slope smaller than this counts as this large, when errors are compared with it: the rest is rounding


def central_difference(f: Function, x: np.ndarray, dy: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    """Measure the gradient of sum(f(x) * dy): move each number of x up and down.

    Parameters
    ----------
    f : function of an array
    x : float64 array
        It is left as it is.
    dy : array of f(x)'s shape
    eps : float
        How far up and down.

    Returns
    -------
    array of x's shape
    """
    dx = np.empty_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += eps
        down[index] -= eps
        dx[index] = ((f(up) - f(down)) * dy).sum() / (2 * eps)
    return dx


def complex_step(f: Function, x: np.ndarray, dy: np.ndarray, h: float = 1e-30) -> np.ndarray:
    """Measure the gradient of sum(f(x) * dy): move each number of x in the imaginary direction.

    f(x + i*h) = f(x) + i*h * f'(x) - h^2 * f''(x) / 2 - ...: the imaginary part is the slope times h, and what is
    left out is too small to be seen.

    Parameters
    ----------
    f : function of a complex128 array
        Analytic: sums, products, powers, exp, log; no comparison and no absolute value of its input.
    x : float64 array
        It is left as it is.
    dy : array of f(x)'s shape
    h : float

    Returns
    -------
    array of x's shape
    """
    dx = np.empty_like(x)
    for index in np.ndindex(x.shape):
        aside = x.astype(np.complex128)
        aside[index] += 1j * h
        dx[index] = (f(aside).imag * dy).sum() / h
    return dx


def relative_error(found: np.ndarray | float | None, measured: np.ndarray | float) -> float:
    """Compare two gradients: the length of their difference over the length of the longer one, or over `FLOOR`.

    A gradient that is missing, or has another shape, is infinitely wrong.
    """
    if found is None or np.shape(found) != np.shape(measured):
        return np.inf
    size = max(float(np.linalg.norm(found)), float(np.linalg.norm(measured)), FLOOR)
    return float(np.linalg.norm(np.subtract(found, measured))) / size


def kink(g: Callable[[float], float], eps: float = 1e-6, tolerance: float = 1e-6) -> bool:
    """Tell whether g(t) has a corner between -eps and eps, where its slope jumps.

    `bend(s)` is the slope on the right of 0 minus the slope on the left, measured with steps of s. A smooth curve bends
    too, but half as much when s is halved; what is not halved is a corner. One halving would overlook a corner that
    stands at a third of s, where two effects happen to cancel; so there are two halvings.

    Parameters
    ----------
    g : function of one number
    eps : float
        The step of the central difference that is in doubt.
    tolerance : float
        A jump counts if it is larger than this part of the slope, and larger than rounding.

    Returns
    -------
    bool
    """
    values = {t: g(t * eps) for t in (-1, -0.5, -0.25, 0, 0.25, 0.5, 1)}

    def bend(s: float) -> float:
        return (values[s] - 2 * values[0] + values[-s]) / (s * eps)

    jump = max(abs(bend(s) - 2 * bend(s / 2)) for s in (1, 0.5))
    slope = abs(values[1] - values[-1]) / (2 * eps)
    rounding = 64 * np.finfo(np.float64).eps * max(map(abs, values.values())) / eps
    return bool(jump > tolerance * max(slope, FLOOR) + rounding)


def count_kinks(f: Function, x: np.ndarray, dy: np.ndarray) -> int:
    """Count the numbers of x at which sum(f(x) * dy) has a corner."""

    def line(index: tuple[int, ...]) -> Callable[[float], float]:
        def g(t: float) -> float:
            moved = x.copy()
            moved[index] += t
            return float((f(moved) * dy).sum())

        return g

    return sum(kink(line(index)) for index in np.ndindex(x.shape))
