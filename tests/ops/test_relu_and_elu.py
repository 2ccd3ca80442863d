"""The activations: what they do at 0, far from it, and with numbers that are none."""

import numpy as np

from xnp.ops import elu, relu


def test_relu_at_its_corner_has_slope_0():
    y, cache = relu.forward(np.array([-1.0, -0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(y, [0, 0, 0, 1])
    np.testing.assert_array_equal(relu.backward(np.full(4, 5.0), cache), [0, 0, 0, 5])


def test_relu_shows_nan():
    """A training that has gone wrong must be seen: max(nan, 0) may not be 0."""
    assert np.isnan(relu.forward(np.array([np.nan]))[0]).all()


def test_elu_by_hand():
    y, cache = elu.forward(np.array([-np.log(2), 0.0, 3.0]), alpha=2.0)
    np.testing.assert_allclose(y, [2 * (0.5 - 1), 0, 3], rtol=1e-15)
    np.testing.assert_allclose(elu.backward(np.full(3, 10.0), cache), [10, 20, 10], rtol=1e-15)


def test_elu_is_smooth_at_0_for_alpha_1():
    _, cache = elu.forward(np.array([-1e-12, 0.0, 1e-12]))
    np.testing.assert_allclose(elu.backward(np.ones(3), cache), 1, rtol=1e-11)


def test_elu_neither_overflows_nor_loses_small_numbers():
    y, cache = elu.forward(np.array([-1e5, -1e-20, 1e5]))
    np.testing.assert_allclose(y, [-1, -1e-20, 1e5], rtol=1e-15)
    np.testing.assert_array_equal(elu.backward(np.ones(3), cache), [0, 1, 1])


def test_a_nan_stays_visible():
    x = np.array([np.nan, -1.0, 2.0])
    assert np.isnan(relu.definition(x)[0])
    assert np.isnan(relu.forward(x)[0][0])
