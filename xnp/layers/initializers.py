"""How kernels start.

The spread of the first weights decides whether signals and gradients keep their size from layer to layer. Both rules
use the fan: how many inputs one output reads (fan_in), and how many outputs one input reaches at most (fan_out).

    Glorot uniform   U(-a, a),  a = sqrt(6 / (fan_in + fan_out))    as the author's code; for both directions
    He normal        N(0, s),   s = sqrt(2 / fan_in)                for ReLU, which drops half of the signal

A depthwise kernel reads kh * kw numbers of one channel: fan_in = kh * kw, not kh * kw * C.

Sources: Glorot and Bengio, 2010, formula 16; He, Zhang, Ren and Sun, 2015, formula 10 (here without truncation).
"""

from collections.abc import Callable
from math import sqrt
from typing import Literal, TypeAlias

import numpy as np

Initializer: TypeAlias = Literal["glorot_uniform", "he_normal"]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def kernel(name: Initializer, fan_in: int, fan_out: int) -> Draw:
    """Choose how a kernel is drawn.

    Parameters
    ----------
    name : "glorot_uniform" or "he_normal"
    fan_in, fan_out : int
        The true connections of one output, and of one input.

    Returns
    -------
    function of (generator, shape) that gives a float64 array

    Raises
    ------
    ValueError
        Another name.
    """
    if name == "glorot_uniform":
        limit = sqrt(6 / (fan_in + fan_out))
        return lambda rng, shape: rng.uniform(-limit, limit, shape)
    if name == "he_normal":
        deviation = sqrt(2 / fan_in)
        return lambda rng, shape: rng.normal(0.0, deviation, shape)
    raise ValueError(f'initializer is "{name}"; it must be "glorot_uniform" or "he_normal"')


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Start at 0: biases, beta, the moving mean."""
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Start at 1: gamma, the moving variance."""
    return np.ones(shape)
