"""The exact test against all signs written out, the interval against printed tables and against what it promises."""

import itertools
import math
import statistics

import numpy as np
import pytest

from xnp.statistics import MOST_PAIRS, mean_interval, sign_flip, t_inside, t_quantile

# Two-sided 95 % and 99 % points of Student's distribution for 1 to 30 degrees of freedom, as every table prints them.
T95 = """12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262 2.228 2.201 2.179 2.160 2.145 2.131 2.120 2.110 2.101
2.093 2.086 2.080 2.074 2.069 2.064 2.060 2.056 2.052 2.048 2.045 2.042"""
T99 = """63.657 9.925 5.841 4.604 4.032 3.707 3.499 3.355 3.250 3.169 3.106 3.055 3.012 2.977 2.947 2.921 2.898 2.878
2.861 2.845 2.831 2.819 2.807 2.797 2.787 2.779 2.771 2.763 2.756 2.750"""


# The exact test -----------------------------------------------------------------------------------------------------


def by_hand(differences):
    """Write out all signs. Whole numbers: the sums are exact."""
    sums = [
        sum(sign * d for sign, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(abs(one) >= abs(sum(differences)) for one in sums) / len(sums)


@pytest.mark.parametrize("n", range(1, 11))
def test_all_signs_are_tried(n):
    rng = np.random.default_rng(n)
    for spread in (3, 1000):  # small whole numbers: many sums are equal, many differences 0
        for _ in range(5):
            whole = rng.integers(-spread, spread + 1, n)
            assert sign_flip(whole) == by_hand(whole.tolist())


def test_equal_sums_count_as_equal_though_they_are_rounded_otherwise():
    for unit in (0.1, 1e-4, 0.003, 700.7):
        rng = np.random.default_rng(1)
        for _ in range(20):
            whole = rng.integers(-4, 5, 9)
            assert sign_flip([unit * d for d in whole.tolist()]) == by_hand(whole.tolist())


@pytest.mark.parametrize("n", [1, 2, 5, 6, 10, MOST_PAIRS])
def test_all_of_one_sign_is_the_smallest_p(n):
    differences = np.random.default_rng(n).uniform(0.1, 1, n)
    assert sign_flip(differences) == sign_flip(-differences) == 2 ** (1 - n)


def test_five_pairs_cannot_reach_five_percent_and_ten_can():
    assert sign_flip([1.0] * 5) > 0.05 > sign_flip([1.0] * 6) > sign_flip([1.0] * 10) == 2 / 1024


@pytest.mark.parametrize("differences", [[0.0], [0.0] * 7, [1.0, -1.0], [0.3, -0.1, -0.2]])
def test_a_sum_of_zero_tells_nothing(differences):
    assert sign_flip(differences) == 1.0


def test_a_difference_of_zero_changes_nothing():
    differences = [1.0, 2.0, -0.5, 3.0]
    assert sign_flip([*differences, 0.0]) == sign_flip(differences)


def test_order_direction_and_unit_do_not_matter():
    rng = np.random.default_rng(0)
    for _ in range(10):
        differences = rng.normal(0.5, 1, 9)
        p = sign_flip(differences)
        assert 2 / 2**9 <= p <= 1
        assert sign_flip(rng.permutation(differences)) == p
        assert sign_flip(-differences) == p
        assert sign_flip(1e-6 * differences) == sign_flip(1e6 * differences) == p


def test_where_nothing_differs_p_is_small_as_rarely_as_it_says():
    rng = np.random.default_rng(0)
    found = np.array([sign_flip(rng.normal(size=8)) for _ in range(2000)])
    for level in (0.05, 0.2, 0.5):  # p takes steps of 2 / 256
        exactly = math.floor(level * 128) / 128
        assert np.mean(found <= level) == pytest.approx(exactly, abs=4 * math.sqrt(level / 2000))


@pytest.mark.parametrize("n", [0, MOST_PAIRS + 1, 1000])
def test_too_few_or_too_many_pairs(n):
    with pytest.raises(ValueError, match=f"^sign_flip: there are {n} differences; expected 1 to 20$"):
        sign_flip([1.0] * n)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_and_no_small_p(bad):
    with pytest.raises(ValueError, match=r"^sign_flip: differences are .*; all must be finite$"):
        sign_flip([1.0, bad])


# The interval -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("confidence", "printed"), [(0.95, T95), (0.99, T99)])
def test_quantiles_are_those_of_the_tables(confidence, printed):
    expected = [float(number) for number in printed.split()]
    assert len(expected) == 30
    for freedom, number in enumerate(expected, 1):
        assert t_quantile(confidence, freedom) == pytest.approx(number, abs=5.1e-4), freedom


def test_for_many_degrees_of_freedom_it_is_the_normal_distribution():
    assert t_quantile(0.95, 5001) == pytest.approx(1.959964, abs=1e-3)
    assert t_inside(1.0, 50_000) == pytest.approx(math.erf(math.sqrt(0.5)), abs=1e-5)


def test_one_and_two_degrees_have_closed_forms():
    for t in (0.1, 1.0, 7.0):
        assert t_inside(t, 1) == pytest.approx(2 / math.pi * math.atan(t), rel=1e-12)
        assert t_inside(t, 2) == pytest.approx(t / math.sqrt(2 + t * t), rel=1e-12)


def test_the_interval_by_hand():
    mean, low, high = mean_interval([1.0, 2.0, 3.0, 6.0])
    half = 3.182446 * math.sqrt(14 / 3) / 2  # t of 3 degrees; the squares of the deviations sum to 14
    assert (mean, low, high) == pytest.approx((3, 3 - half, 3 + half), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 10])
@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_the_interval_holds_the_true_mean_as_often_as_it_says(n, confidence):
    rng, repeats = np.random.default_rng(n), 2000
    held = 0
    for values in rng.normal(3, 2, (repeats, n)).tolist():
        _, low, high = mean_interval(values, confidence)
        held += low <= 3 <= high
    assert held / repeats == pytest.approx(confidence, abs=4 * math.sqrt(confidence * (1 - confidence) / repeats))


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.25] * 4) == (0.25, 0.25, 0.25)


def test_one_value_has_no_interval():
    mean, low, high = mean_interval([0.5])
    assert mean == 0.5
    assert math.isnan(low)
    assert math.isnan(high)


def test_a_shift_and_a_scale_go_through():
    values = [0.3, 0.7, 0.4]
    moved = mean_interval([5 + 2 * value for value in values])
    assert moved == pytest.approx([5 + 2 * end for end in mean_interval(values)])
    assert mean_interval(values).mean == pytest.approx(statistics.mean(values))


def test_an_interval_of_nothing():
    with pytest.raises(ValueError, match=r"^mean_interval: values is empty; at least one is needed$"):
        mean_interval([])


@pytest.mark.parametrize("confidence", [0, 1, 1.5, -0.1, math.nan])
def test_a_confidence_that_none_can_have(confidence):
    with pytest.raises(ValueError, match=r"^mean_interval: confidence is .*; it must be above 0 and below 1$"):
        mean_interval([1.0, 2.0], confidence)
