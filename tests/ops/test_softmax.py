"""Softmax and the cross-entropy: large logits, smoothing by hand."""

import numpy as np
import pytest

from xnp.ops import softmax, softmax_cross_entropy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_takes_logits_of_any_size(dtype):
    x = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4], [1e4, 1e4, 0.0]], dtype)
    y, cache = softmax.forward(x)
    np.testing.assert_allclose(y, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [1 / 2, 1 / 2, 0]], rtol=1e-6)
    assert np.isfinite(softmax.backward(np.ones_like(x), cache)).all()


def test_rows_of_probabilities_sum_to_1_and_keep_the_order_of_the_logits():
    x = 10 * np.random.default_rng(0).normal(size=(20, 7))
    y, _ = softmax.forward(x)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(y.argsort(axis=1), x.argsort(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_large_logits_is_their_distance(dtype):
    """Right by 1e4: loss 0. Wrong by 1e4: loss 1e4; a log of a probability that has become 0 would be infinite."""
    logits = np.array([[1e4, 0.0, -1e4]], dtype)
    for label, expected in ((0, 0.0), (1, 1e4), (2, 2e4)):
        loss, cache = softmax_cross_entropy.forward(logits, np.array([label]))
        assert loss == expected
        one_hot = np.eye(3)[label]
        np.testing.assert_array_equal(softmax_cross_entropy.backward(1.0, cache), [[1, 0, 0] - one_hot])


def test_knowing_nothing_costs_log_k_whatever_the_smoothing():
    for smoothing in (0.0, 0.1, 0.9):
        loss, _ = softmax_cross_entropy.forward(np.zeros((4, 10)), np.arange(4), label_smoothing=smoothing)
        assert float(loss) == pytest.approx(np.log(10))


def test_smoothing_by_hand():
    """K = 4, e = 0.2: the label has 0.8 + 0.05, the three others 0.05 each."""
    logits = np.log(np.array([[1.0, 2.0, 3.0, 4.0]]))  # p = 0.1 0.2 0.3 0.4
    loss, cache = softmax_cross_entropy.forward(logits, np.array([2]), label_smoothing=0.2)
    expected = -(0.05 * np.log(0.1) + 0.05 * np.log(0.2) + 0.85 * np.log(0.3) + 0.05 * np.log(0.4))
    assert float(loss) == pytest.approx(expected)
    found = softmax_cross_entropy.backward(1.0, cache)
    np.testing.assert_allclose(found, [[0.05, 0.15, 0.3 - 0.85, 0.35]], rtol=1e-12)


def test_without_smoothing_the_gradient_is_p_minus_one_hot_over_n():
    logits = np.log(np.array([[1.0, 3.0], [4.0, 1.0]]))  # p = 0.25 0.75 and 0.8 0.2
    _, cache = softmax_cross_entropy.forward(logits, np.array([0, 0]))
    expected = [[-0.75 / 2, 0.75 / 2], [-0.2 / 2, 0.2 / 2]]
    np.testing.assert_allclose(softmax_cross_entropy.backward(1.0, cache), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_are_integers_of_any_size(dtype):
    loss, _ = softmax_cross_entropy.forward(np.eye(3), np.array([0, 1, 2], dtype))
    assert float(loss) == pytest.approx(np.log(np.e + 2) - 1)
