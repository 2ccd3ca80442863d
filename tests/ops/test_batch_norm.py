"""Batch normalisation: by hand, and far from 0 in float32."""

import numpy as np
import pytest

from xnp.ops import batch_norm, batch_norm_inference


def test_by_hand():
    """Channel 0: mean 3, variance 4. Channel 1: mean 10, variance 0."""
    x = np.array([[1.0, 10.0], [5.0, 10.0]])
    y, cache = batch_norm.forward(x, np.array([2.0, 3.0]), np.array([0.5, -1.0]), eps=5.0)
    np.testing.assert_array_equal(cache.mean, [3, 10])
    np.testing.assert_array_equal(cache.var, [4, 0])
    np.testing.assert_allclose(y, [[2 * -2 / 3 + 0.5, -1], [2 * 2 / 3 + 0.5, -1]], rtol=1e-15)


@pytest.mark.parametrize("mean", [0.0, 1e4, -1e4])
def test_float32_is_right_far_from_zero(mean):
    """262,144 rows, mean 1e4, standard deviation 1: a plain float32 sum loses the small numbers in the large total."""
    rng = np.random.default_rng(0)
    x = (mean + rng.normal(size=(4, 256, 256, 2))).astype(np.float32)
    one, zero = np.ones(2, np.float32), np.zeros(2, np.float32)
    y, cache = batch_norm.forward(x, one, zero)
    exact, exact_cache = batch_norm.forward(x.astype(np.float64), one.astype(np.float64), zero.astype(np.float64))
    assert y.dtype == np.float32
    assert np.abs(y - exact).max() < 5e-3
    np.testing.assert_allclose(cache.mean, exact_cache.mean, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(cache.var, exact_cache.var, rtol=1e-5)
    inference, _ = batch_norm_inference.forward(x, one, zero, cache.mean, cache.var)
    assert np.abs(inference - exact).max() < 5e-3


def test_the_gradients_of_many_float32_rows_are_summed_in_float64():
    """A million times 0.1: float32 has 7 digits, and a sum that grows has none left for the small ones."""
    x = np.random.default_rng(0).normal(size=(2**20, 1)).astype(np.float32)
    for op, statistics in ((batch_norm, ()), (batch_norm_inference, (np.zeros(1, np.float32), np.ones(1, np.float32)))):
        _, cache = op.forward(x, np.ones(1, np.float32), np.zeros(1, np.float32), *statistics)
        _, _, dbeta = op.backward(np.full_like(x, 0.1), cache)
        np.testing.assert_allclose(dbeta, 2**20 * np.float64(np.float32(0.1)), rtol=1e-7)


def test_a_channel_of_equal_numbers_becomes_beta_and_takes_no_gradient():
    x = np.full((4, 3), 7.0)
    y, cache = batch_norm.forward(x, np.ones(3), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(y, [[1, 2, 3]] * 4)
    dx, dgamma, _ = batch_norm.backward(np.random.default_rng(0).normal(size=x.shape), cache)
    np.testing.assert_array_equal(dgamma, 0)
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)


def test_inference_by_hand():
    x, one = np.array([[5.0], [9.0]]), np.ones(1)
    y, _ = batch_norm_inference.forward(x, 3 * one, 10 * one, 7 * one, 3 * one, eps=1.0)
    np.testing.assert_array_equal(y, [[3 * -2 / 2 + 10], [3 * 2 / 2 + 10]])
