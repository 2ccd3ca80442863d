"""How sure is a ratio? Medians over the rounds, and a bootstrap interval.

    round       1     2     3          the bootstrap draws as many rounds again, each any of the three, and takes the
    A / B      1.4   1.6   1.5         median; it does so many times. 95 % of these medians lie in the interval

Source  Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (the percentile interval).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Ratio(NamedTuple):
    """A median, and the interval that holds 95 % of the bootstrap's medians."""

    median: float
    low: float
    high: float


def ratio(times: Sequence[float], reference: Sequence[float], *, draws: int = 10_000, seed: int = 0) -> Ratio:
    """Divide times by the reference's of the same rounds.

    Parameters
    ----------
    times, reference : sequences of float
        One number a round, above 0.
    draws : int
        Samples of the bootstrap.
    seed : int
        Of their generator.

    Raises
    ------
    ValueError
        No round, or other rounds than the reference's.

    Examples
    --------
    >>> ratio([3.0, 4.0, 6.0], [2.0, 2.0, 2.0])
    Ratio(median=2.0, low=1.5, high=3.0)
    """
    if not len(times) or len(times) != len(reference):
        raise ValueError(
            f"ratio: times has {len(times)} rounds and reference {len(reference)}; both must have the same"
        )
    ratios = np.divide(times, reference)
    rng = np.random.default_rng(seed)
    medians = np.median(rng.choice(ratios, (draws, len(ratios))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return Ratio(float(np.median(ratios)), float(low), float(high))
