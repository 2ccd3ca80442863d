"""How sure is a difference? An interval for a mean, and an exact test of pairs.

    seed            0      1      2      3      4
    A              71.2   70.9   71.8   71.1   71.5
    B              70.1   70.3   70.6   70.8   70.9
    difference      1.1    0.6    1.2    0.3    0.6     all above zero

If A and B were alike, each difference could as well have had the other sign. Five signs: 2^5 = 32 ways to set them, all
as likely. How many give a sum as far from zero as the one that we saw? Here two: all +, all -. p = 2 / 32.

>>> round(sign_flip([1.1, 0.6, 1.2, 0.3, 0.6]), 4)
0.0625

With 5 pairs p can never be smaller, and 0.05 is out of reach. With 10 it can be 2 / 1024.

Source  Fisher, "The Design of Experiments", 1935, section 21 (the test); Student, "The Probable Error of a Mean", 1908
        (the interval).
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MOST_PAIRS = 20  # 2^20 sums: more take too long, and nobody needs them


class Interval(NamedTuple):
    """A mean, and where the true one lies, with the confidence that was asked for."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Give the mean and Student's interval around it. One value has no interval: its ends are not numbers.

    Parameters
    ----------
    values : sequence of float
        As from a normal distribution.
    confidence : float
        How often such an interval holds the true mean: above 0, below 1.

    Raises
    ------
    ValueError
        No value, or a confidence that none can have.

    Examples
    --------
    >>> interval = mean_interval([1.1, 0.6, 1.2, 0.3, 0.6])
    >>> [round(number, 2) for number in interval]
    [0.76, 0.29, 1.23]
    """
    if not len(values):
        raise ValueError("mean_interval: values is empty; at least one is needed")
    if not 0 < confidence < 1:
        raise ValueError(f"mean_interval: confidence is {confidence}; it must be above 0 and below 1")
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Interval(mean, math.nan, math.nan)
    half = t_quantile(confidence, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def sign_flip(differences: Sequence[float]) -> float:
    """Give the two-sided p of the exact paired test: the share of all 2^n signs with a sum as far from zero.

    Parameters
    ----------
    differences : sequence of float
        One a pair: 1 to 20.

    Raises
    ------
    ValueError
        No difference, too many, or one that is no finite number.
    """
    if not 1 <= len(differences) <= MOST_PAIRS:
        raise ValueError(f"sign_flip: there are {len(differences)} differences; expected 1 to {MOST_PAIRS}")
    if not np.isfinite(differences).all():
        raise ValueError(f"sign_flip: differences are {list(differences)}; all must be finite")
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    seen = abs(math.fsum(differences))
    rounding = 1e-9 * math.fsum(map(abs, differences))  # equal sums, added in another order, shall count as equal
    return float(np.mean(np.abs(sums) >= seen - rounding))


def t_quantile(confidence: float, freedom: int) -> float:
    """Give t so that a number of Student's distribution lies in -t to t with this probability.

    >>> round(t_quantile(0.95, 4), 3), round(t_quantile(0.95, 9), 3)
    (2.776, 2.262)
    """
    low, high = 0.0, 1.0
    while t_inside(high, freedom) < confidence:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_inside(middle, freedom) < confidence else (low, middle)
    return high


def t_inside(t: float, freedom: int) -> float:
    """Give the probability of -t to t. For whole degrees of freedom it is a finite sum in the angle atan(t / sqrt(n)).

    Source  Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    if freedom % 2:  # angle + sin (cos + 2/3 cos^3 + 2/3 4/5 cos^5 + ...), over pi/2
        term, total = cosine, 0.0
        for k in range(1, freedom - 1, 2):
            total += term
            term *= cosine**2 * (k + 1) / (k + 2)
        return (angle + math.sin(angle) * total) * 2 / math.pi
    term, total = 1.0, 0.0  # sin (1 + 1/2 cos^2 + 1/2 3/4 cos^4 + ...)
    for k in range(0, freedom - 1, 2):
        total += term
        term *= cosine**2 * (k + 1) / (k + 2)
    return math.sin(angle) * total
