"""How kernels start: limits and deviations with the true fans, layer by layer."""

import numpy as np
import pytest

from xnp.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GroupedConv2D,
    PointwiseConv2D,
    SeparableConv2D,
)
from xnp.layers.initializers import kernel

# name: (layer, input shape, array, inputs that one output reads, outputs that one input reaches)
FANS = {
    "conv": (lambda **o: Conv2D(48, (3, 5), **o), (8, 8, 20), "kernel", 3 * 5 * 20, 3 * 5 * 48),
    "grouped": (lambda **o: GroupedConv2D(60, 3, groups=4, **o), (8, 8, 80), "kernel", 9 * 20, 9 * 15),
    "depthwise": (lambda **o: DepthwiseConv2D(3, **o), (8, 8, 2000), "kernel", 9, 9),
    "depthwise times 2": (lambda **o: DepthwiseConv2D(3, depth_multiplier=2, **o), (8, 8, 1000), "kernel", 9, 18),
    "pointwise": (lambda **o: PointwiseConv2D(300, **o), (8, 8, 60), "kernel", 60, 300),
    "separable, space": (lambda **o: SeparableConv2D(2, 3, **o), (8, 8, 2000), "depthwise", 9, 9),
    "separable, channels": (lambda **o: SeparableConv2D(300, 3, **o), (8, 8, 60), "pointwise", 60, 300),
    "separable times 2": (
        lambda **o: SeparableConv2D(300, 3, depth_multiplier=2, **o),
        (8, 8, 30),
        "pointwise",
        60,
        300,
    ),
    "dense": (lambda **o: Dense(300, **o), (60,), "kernel", 60, 300),
}


@pytest.fixture(params=FANS)
def fans(request):
    return FANS[request.param]


def test_glorot_uniform_fills_its_interval_evenly(fans):
    make, input_shape, name, fan_in, fan_out = fans
    w = make().build(input_shape, dtype=np.float64).array(name).ravel()
    limit = np.sqrt(6 / (fan_in + fan_out))
    assert w.size > 10_000
    assert 0.995 * limit < np.abs(w).max() <= limit
    assert w.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)  # of a uniform distribution
    assert abs(w.mean()) < 0.03 * limit
    np.testing.assert_allclose(np.histogram(w, 4, (-limit, limit))[0] / w.size, 0.25, atol=0.02)


def test_he_normal_has_its_deviation(fans):
    make, input_shape, name, fan_in, _ = fans
    w = make(initializer="he_normal").build(input_shape, dtype=np.float64).array(name).ravel()
    deviation = np.sqrt(2 / fan_in)
    assert w.std() == pytest.approx(deviation, rel=0.03)
    assert abs(w.mean()) < 0.03 * deviation
    assert np.mean(np.abs(w) < deviation) == pytest.approx(0.683, abs=0.02)  # of a normal distribution
    assert np.abs(w).max() > 3 * deviation  # not truncated at 2


def test_he_normal_keeps_the_size_of_the_signal_through_relu():
    w = Dense(4000, initializer="he_normal").build((400,), dtype=np.float64).array("kernel")
    x = np.maximum(np.random.default_rng(1).normal(size=(50, 400)), 0)
    assert np.square(np.maximum(x @ w, 0)).mean() == pytest.approx(np.square(x).mean(), rel=0.05)


def test_biases_start_at_0_and_batch_norm_as_the_identity():
    assert not Conv2D(4, 3).build((8, 8, 3)).array("bias").any()
    gamma, beta, mean, variance = (array.tolist() for array in BatchNorm().build((2,)).state().values())
    assert (gamma, beta, mean, variance) == ([1, 1], [0, 0], [0, 0], [1, 1])


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r'^initializer is "zeros"; it must be "glorot_uniform" or "he_normal"$'):
        kernel("zeros", 9, 9)
