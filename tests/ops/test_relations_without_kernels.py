"""What must hold between operations without kernels: pools, normalisation, activations, losses, joins."""

import numpy as np
import pytest

from xnp import ops
from xnp.cases import cases_of, random_like
from xnp.shapes import pad

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def both_ways(op, dy, *arrays, **options):
    """Run forward and backward: y and the gradients."""
    y, cache = op.forward(*arrays, **options)
    return y, op.backward(dy(y) if callable(dy) else dy, cache)


# Pools -------------------------------------------------------------------------------------------------------------


def test_an_average_pool_over_everything_is_the_global_average_pool():
    x = normal(2, 3, 4, 5)
    y, dx = both_ways(ops.average_pool2d, random_like(normal(2, 1, 1, 5)), x, size=(3, 4), stride=1, padding="valid")
    y_global, dx_global = both_ways(ops.global_average_pool2d, random_like(normal(2, 5)), x)
    assert_near(y[:, 0, 0], y_global)
    assert_near(dx, dx_global)


def test_an_average_pool_without_padding_is_a_depthwise_convolution():
    x = normal(2, 5, 6, 3)
    y, _ = ops.average_pool2d.forward(x, size=(2, 3), stride=(1, 2), padding="valid")
    mean = np.full((2, 3, 3, 1), 1 / 6)
    assert_near(y, ops.depthwise_conv2d.forward(x, mean, stride=(1, 2), padding="valid")[0])


def test_the_padding_of_an_average_pool_is_not_counted():
    """The sum over the window, divided by the sum of an image of ones."""
    x = normal(2, 5, 6, 3)
    kernel = np.ones((3, 3, 3, 1))
    total, _ = ops.depthwise_conv2d.forward(x, kernel, stride=2)
    count, _ = ops.depthwise_conv2d.forward(np.ones_like(x), kernel, stride=2)
    assert_near(ops.average_pool2d.forward(x, size=3, stride=2)[0], total / count)


@pytest.mark.parametrize("name", ["max_pool2d", "average_pool2d"])
def test_a_pool_of_1x1_changes_nothing(name):
    x = normal(2, 3, 4, 5)
    y, dx = both_ways(getattr(ops, name), random_like, x, size=1, stride=1)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, random_like(x))


@pytest.mark.parametrize("case", cases_of("average_pool2d"), ids=[case.name for case in cases_of("average_pool2d")])
def test_a_pool_gives_back_as_much_gradient_as_it_gets(case):
    y, cache = case.forward()
    assert_near(case.backward(random_like(y), cache)["x"].sum(), random_like(y).sum())


# Normalisation -----------------------------------------------------------------------------------------------------


def test_inference_with_the_statistics_of_the_batch_is_training():
    x, gamma, beta = normal(4, 3, 2, 5), normal(5), normal(5)
    y, cache = ops.batch_norm.forward(x, gamma, beta)
    y_inference, _ = ops.batch_norm_inference.forward(x, gamma, beta, cache.mean, cache.var)
    assert_near(y_inference, y)


def test_batch_norm_gives_mean_0_and_variance_1():
    y, _ = ops.batch_norm.forward(100 + 7 * normal(64, 3), np.ones(3), np.zeros(3), eps=0.0)
    assert_near(y.mean(axis=0), 0)
    assert_near(y.var(axis=0), 1)


def test_the_statistics_are_the_batchs_and_the_variance_is_biased():
    x = normal(4, 3, 2, 5)
    _, cache = ops.batch_norm.forward(x, np.ones(5), np.zeros(5))
    assert_near(cache.mean, x.mean(axis=(0, 1, 2)))
    assert_near(cache.var, x.var(axis=(0, 1, 2)))  # NumPy's var divides by R


def test_batch_norm_does_not_see_scale_and_shift():
    x, ones, zeros = normal(8, 3), np.ones(3), np.zeros(3)
    y, _ = ops.batch_norm.forward(x, ones, zeros, eps=0.0)
    assert_near(ops.batch_norm.forward(5 * x + 3, ones, zeros, eps=0.0)[0], y)


def test_so_dx_of_batch_norm_has_no_part_along_1_and_none_along_xhat():
    x = normal(4, 3, 2, 5)
    _, cache = ops.batch_norm.forward(x, normal(5), normal(5), eps=0.0)
    dx, _, _ = ops.batch_norm.backward(random_like(x), cache)
    assert_near(dx.sum(axis=(0, 1, 2)), 0)
    assert_near((dx * cache.xhat).sum(axis=(0, 1, 2)), 0)


def test_a_dy_of_equal_numbers_gives_batch_norm_a_dx_of_0():
    """So a gradient check with it would pass whatever dx is computed from it."""
    x = normal(4, 3, 2, 5)
    _, cache = ops.batch_norm.forward(x, normal(5), normal(5))
    dx, _, dbeta = ops.batch_norm.backward(np.full_like(x, 0.7), cache)
    assert_near(dx, 0)
    assert_near(dbeta, 0.7 * 24)


def test_images_and_rows_are_normalised_alike():
    x, gamma, beta = normal(2, 3, 4, 5), normal(5), normal(5)
    y, gradients = both_ways(ops.batch_norm, random_like, x, gamma, beta)
    rows, gradients_rows = both_ways(ops.batch_norm, random_like(x).reshape(-1, 5), x.reshape(-1, 5), gamma, beta)
    assert_near(y, rows.reshape(x.shape))
    for found, expected in zip(gradients, gradients_rows, strict=True):
        assert_near(found, expected.reshape(found.shape))


def test_batch_norm_at_inference_folds_into_the_convolution_before_it():
    x, w, gamma, beta, mean, var = normal(2, 5, 6, 3), normal(3, 3, 3, 4), *normal(3, 4), normal(4) ** 2
    h, _ = ops.conv2d.forward(x, w)
    y, _ = ops.batch_norm_inference.forward(h, gamma, beta, mean, var)
    scale = gamma / np.sqrt(var + 1e-3)
    assert_near(ops.conv2d.forward(x, w * scale, beta - mean * scale)[0], y)


# Softmax and loss --------------------------------------------------------------------------------------------------


def test_softmax_then_log_is_the_cross_entropy():
    logits, labels = normal(5, 4), np.array([0, 3, 2, 1, 3])
    p, cache = ops.softmax.forward(logits)
    loss, loss_cache = ops.softmax_cross_entropy.forward(logits, labels)
    assert_near(loss, -np.log(p[np.arange(5), labels]).mean())
    dp = np.zeros_like(p)  # d loss / d p is -1 / p at the label, over N
    dp[np.arange(5), labels] = -1 / p[np.arange(5), labels] / 5
    assert_near(ops.softmax_cross_entropy.backward(1.0, loss_cache), ops.softmax.backward(dp, cache))


@pytest.mark.parametrize("name", ["softmax", "softmax_cross_entropy"])
def test_the_same_number_on_all_logits_changes_nothing(name):
    logits, labels = normal(5, 4), () if name == "softmax" else (np.array([0, 3, 2, 1, 3]),)
    y, dx = both_ways(getattr(ops, name), random_like, logits, *labels)
    shifted, dx_shifted = both_ways(getattr(ops, name), random_like, logits + 10 * normal(5, 1), *labels)
    assert_near(shifted, y)
    assert_near(dx_shifted, dx)
    assert_near(dx.sum(axis=1), 0)  # so the gradient has no part along it


def test_the_cross_entropy_is_the_mean_over_the_batch():
    logits, labels = normal(5, 4), np.array([0, 3, 2, 1, 3])
    losses = [ops.softmax_cross_entropy.forward(logits[n : n + 1], labels[n : n + 1])[0] for n in range(5)]
    assert_near(ops.softmax_cross_entropy.forward(logits, labels)[0], np.mean(losses))


def test_the_gradient_of_the_loss_scales_with_what_follows():
    _, cache = ops.softmax_cross_entropy.forward(normal(5, 4), np.array([0, 3, 2, 1, 3]))
    once = ops.softmax_cross_entropy.backward(1.0, cache)
    assert_near(ops.softmax_cross_entropy.backward(-3.0, cache), -3 * once)
    assert_near(ops.softmax_cross_entropy.backward(np.array(2.0), cache), 2 * once)


# The rest ----------------------------------------------------------------------------------------------------------


def test_elu_with_a_small_alpha_is_nearly_relu():
    x = normal(3, 4)
    y, dx = both_ways(ops.elu, random_like, x, alpha=1e-13)
    y_relu, dx_relu = both_ways(ops.relu, random_like, x)
    assert_near(y, y_relu)
    assert_near(dx, dx_relu)


def test_relu_of_x_minus_relu_of_minus_x_is_x():
    x = normal(3, 4)
    np.testing.assert_array_equal(ops.relu.forward(x)[0] - ops.relu.forward(-x)[0], x)


def test_relu_after_max_pool_is_max_pool_after_relu():
    x = normal(2, 7, 6, 3)
    one, other = (ops.relu.forward(ops.max_pool2d.forward(x)[0])[0], ops.max_pool2d.forward(ops.relu.forward(x)[0])[0])
    np.testing.assert_array_equal(one, other)


def test_a_weight_matrix_on_joined_channels_is_a_sum_of_two():
    a, b, w = normal(2, 3, 4, 2), normal(2, 3, 4, 3), normal(5, 4)
    joined, _ = ops.pointwise_conv2d.forward(ops.concatenate.forward(a, b)[0], w)
    apart = [ops.pointwise_conv2d.forward(x, part)[0] for x, part in ((a, w[:2]), (b, w[2:]))]
    assert_near(ops.add.forward(*apart)[0], joined)


def test_zero_padding_of_zero_padding_is_zero_padding():
    x = normal(2, 3, 4, 2)
    once, _ = ops.zero_padding2d.forward(x, padding=((3, 1), (2, 5)))
    first, _ = ops.zero_padding2d.forward(x, padding=((1, 1), (2, 0)))
    np.testing.assert_array_equal(ops.zero_padding2d.forward(first, padding=((2, 0), (0, 5)))[0], once)
    np.testing.assert_array_equal(once, pad(x, ((3, 1), (2, 5))))
