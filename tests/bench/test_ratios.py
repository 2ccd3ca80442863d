"""Ratios of times: the median, and the bootstrap's interval against what it must be."""

from math import comb

import numpy as np
import pytest

from xnp.bench.ratios import ratio


def test_ratios_are_taken_round_by_round():
    assert ratio([1.0, 20.0, 300.0], [1.0, 10.0, 100.0]).median == 2.0  # not 20 / 10 of the medians by chance:
    assert ratio([1.0, 20.0, 300.0], [2.0, 100.0, 150.0]).median == 0.5  # 20 / 100 would be 0.2


def test_equal_ratios_leave_no_doubt():
    assert ratio([3.0, 6.0, 9.0], [2.0, 4.0, 6.0]) == (1.5, 1.5, 1.5)
    assert ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)


def test_the_reference_against_itself_is_one():
    times = np.random.default_rng(0).uniform(1, 2, 30)
    assert ratio(times, times) == (1.0, 1.0, 1.0)


def chance_of_a_median_up_to(k, n):
    """Give the chance that the median of n draws from n numbers (n odd) is at most the k-th smallest.

    It is, if more than half of the draws are.
    """
    p = k / n
    return sum(comb(n, m) * p**m * (1 - p) ** (n - m) for m in range(n // 2 + 1, n + 1))


@pytest.mark.parametrize("n", [5, 11, 29])
def test_the_interval_is_the_exact_one_of_all_resamples(n):
    ratios = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    _, low, high = ratio(ratios, np.ones(n), draws=200_000)
    chances = np.array([chance_of_a_median_up_to(k, n) for k in range(1, n + 1)])
    assert np.abs(chances - 0.025).min() > 1e-3  # else the sampling could fall on either side
    assert low == 1 + np.searchsorted(chances, 0.025)
    assert high == 1 + np.searchsorted(chances, 0.975)


def test_the_same_seed_gives_the_same_interval():
    times = np.random.default_rng(1).uniform(1, 2, 10)
    ones = np.ones(10)
    assert ratio(times, ones, draws=50) == ratio(times, ones, draws=50)
    assert ratio(times, ones, draws=50) != ratio(times, ones, draws=50, seed=1)


@pytest.mark.parametrize(("times", "reference"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0])])
def test_rounds_must_belong_together(times, reference):
    with pytest.raises(ValueError, match="both must have the same"):
        ratio(times, reference)
