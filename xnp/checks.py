"""Errors that help: they name the operation, the argument, what came and what was expected.

NumPy would broadcast many a wrong shape without a word, and the result would be wrong numbers
in place of an error. So every operation asks these functions first.
"""

import math
from numbers import Integral, Real

import numpy as np

REAL = (np.dtype(np.float32), np.dtype(np.float64))
ANALYTIC = (*REAL, np.dtype(np.complex128))  # complex numbers serve the complex-step check of gradients


def rank(op: str, name: str, array: np.ndarray, axes: str) -> None:
    """Refuse what is not an array with the named axes, each with something in it.

    `axes` is written "N H W C", or "N ... C" where any axes may stand between.
    """
    letters = axes.split()
    wanted = f"({', '.join(letters)})"
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{op}: {name} is a {type(array).__name__}; it must be a NumPy array {wanted}")
    named = len(letters) - letters.count("...")
    if array.ndim < named or (array.ndim > named and "..." not in letters):
        raise ValueError(f"{op}: {name} has shape {array.shape}; it must be {wanted}")
    if array.size == 0:
        raise ValueError(f"{op}: {name} has shape {array.shape}; no axis may be empty")


def shape(op: str, name: str, array: np.ndarray, expected: tuple[int, ...], because: str) -> None:
    """Refuse an array that has not the expected shape."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{op}: {name} is a {type(array).__name__}; it must be a NumPy array of shape {expected}")
    if array.shape != expected:
        raise ValueError(f"{op}: {name} has shape {array.shape} but {because}; it must be {expected}")


def dtypes(op: str, allowed: tuple[np.dtype, ...] = ANALYTIC, **arrays: np.ndarray | None) -> None:
    """Refuse a dtype that is not allowed, and two that differ. An argument that is None is left out."""
    given = {name: array.dtype for name, array in arrays.items() if array is not None}
    first = next(iter(given))
    if given[first] not in allowed:
        raise TypeError(f"{op}: {first} is {given[first]}; it must be {' or '.join(str(d) for d in allowed)}")
    for name, dtype in given.items():
        if dtype != given[first]:
            raise TypeError(f"{op}: {first} is {given[first]} but {name} is {dtype}; they must be the same")


def upstream(op: str, dy: np.ndarray, y_shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse a gradient that has not the shape and dtype of the output it belongs to."""
    shape(op, "dy", dy, y_shape, f"y had {y_shape}")
    if dy.dtype != dtype:
        raise TypeError(f"{op}: dy is {dy.dtype} but y was {dtype}; they must be the same")


def fraction(op: str, name: str, value: float) -> None:
    """Refuse a number that is not in [0, 1)."""
    if not isinstance(value, Real) or not 0 <= value < 1:
        raise ValueError(f"{op}: {name} is {value}; it must be at least 0 and less than 1")


def above_zero(op: str, **numbers: float) -> None:
    """Refuse what is not a finite number above 0."""
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < math.inf:
            raise ValueError(f"{op}: {name} is {value!r}; it must be a number above 0")


def positive(op: str, **numbers: int) -> None:
    """Refuse numbers that are not integers, 1 or more."""
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{op}: {name} is {value!r}; it must be a positive integer")
