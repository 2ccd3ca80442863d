"""Dropout: how much is dropped, and that the mean stays."""

import numpy as np
import pytest

from xnp.ops import dropout


def draw(x, rate, seed=0):
    return dropout.forward(x, np.random.default_rng(seed), rate=rate)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(rate):
    y, _ = draw(np.ones(100_000), rate)
    assert (y == 0).mean() == pytest.approx(rate, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - rate)], rtol=1e-12)


def test_rate_0_changes_nothing():
    x = np.random.default_rng(1).normal(size=(3, 4))
    y, cache = draw(x, 0.0)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dropout.backward(x, cache), x)


def test_the_gradient_goes_where_the_numbers_went():
    x = np.random.default_rng(1).uniform(1, 2, size=1000)
    y, cache = draw(x, 0.3)
    np.testing.assert_array_equal(dropout.backward(x, cache), y)


def test_a_seed_means_one_mask_for_all_dtypes_and_another_draw_another_mask():
    x = np.ones(1000)
    mask = draw(x, 0.5)[0] == 0
    np.testing.assert_array_equal(draw(x.astype(np.float32), 0.5)[0] == 0, mask)
    rng = np.random.default_rng(0)
    first, second = (dropout.forward(x, rng, rate=0.5)[0] == 0 for _ in range(2))
    np.testing.assert_array_equal(first, mask)
    assert (second != mask).any()
