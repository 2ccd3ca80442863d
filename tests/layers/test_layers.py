"""Each layer against its operation; the moving statistics by hand; dropout's generators; flatten."""

import numpy as np
import pytest

from xnp import ops
from xnp.layers import BatchNorm, Dense, Dropout, Flatten, ReLU, Sequential


def draw(shape, seed=1, batch=3):
    return np.random.default_rng(seed).normal(size=(batch, *shape))


# Against the operation


def test_inference_is_the_operation_on_the_layers_arrays(of_one_op, stir):
    layer = stir(of_one_op.make().build(of_one_op.input_shape, dtype=np.float64))
    x = draw(of_one_op.input_shape)
    y, _ = of_one_op.op.forward(x, *layer.state().values(), **of_one_op.options)
    np.testing.assert_array_equal(layer.forward(x), y)


def test_backward_is_the_operations_with_each_gradient_at_its_name(of_one_op, stir):
    layer = stir(of_one_op.make().build(of_one_op.input_shape, dtype=np.float64))
    x, dy = draw(of_one_op.input_shape), draw(of_one_op.output_shape, seed=2)
    layer.forward(x)
    dx = layer.backward(dy)
    _, cache = of_one_op.op.forward(x, *layer.state().values(), **of_one_op.options)
    gradients = of_one_op.op.backward(dy, cache)
    first, *others = gradients if isinstance(gradients, tuple) else (gradients,)
    np.testing.assert_array_equal(dx, first)
    found = list(layer.gradients().values())
    others = [gradient for gradient in others if gradient is not None]
    assert len(found) == len(others) == len(layer.parameters())
    for gradient, expected in zip(found, others, strict=True):
        np.testing.assert_array_equal(gradient, expected)


def test_only_batch_norm_and_dropout_know_of_training(of_one_op, stir):
    layer = stir(of_one_op.make().build(of_one_op.input_shape, dtype=np.float64))
    x, dy = draw(of_one_op.input_shape), draw(of_one_op.output_shape, seed=2)
    inference, dx = layer.forward(x), layer.backward(dy)
    equal = np.array_equal(layer.forward(x, training=True), inference) and np.array_equal(layer.backward(dy), dx)
    assert equal == (not isinstance(layer, BatchNorm))


def test_the_row_of_the_count_is_the_operations_cost(of_one_op):
    layer = of_one_op.make().build(of_one_op.input_shape)
    [row], output_shape = layer.rows(of_one_op.input_shape)
    cost = of_one_op.op.cost((1, *of_one_op.input_shape), *of_one_op.arrays.values(), **of_one_op.options)
    assert row.output_shape == output_shape == of_one_op.output_shape == cost.output_shape[1:]
    assert (row.trainable, row.macs, sum(row.elementwise.values())) == (cost.parameters, cost.macs, cost.elementwise)
    assert row.trainable == sum(array.size for array in layer.parameters().values())
    assert row.trainable + row.non_trainable == sum(array.size for array in layer.state().values())
    assert (row.path, row.kind) == ("", type(layer).__name__)


# Batch norm


def test_batch_norm_in_training_is_its_operation(stir):
    layer = stir(BatchNorm(eps=0.01).build((4, 5, 3), dtype=np.float64))
    x, dy = 2 + 3 * draw((4, 5, 3)), draw((4, 5, 3), seed=2)
    gamma, beta = layer.parameters().values()
    y, cache = ops.batch_norm.forward(x, gamma, beta, eps=0.01)
    np.testing.assert_array_equal(layer.forward(x, training=True), y)
    dx, dgamma, dbeta = ops.batch_norm.backward(dy, cache)
    np.testing.assert_array_equal(layer.backward(dy), dx)
    np.testing.assert_array_equal(layer.gradients()["gamma"], dgamma)
    np.testing.assert_array_equal(layer.gradients()["beta"], dbeta)


def test_moving_statistics_by_hand():
    layer = BatchNorm(momentum=0.9).build((1,), dtype=np.float64)
    state = layer.state()
    assert (state["moving_mean"], state["moving_variance"]) == (0, 1)
    layer.forward(np.array([[1.0], [3.0], [5.0], [7.0]]), training=True)  # mean 4, biased variance (9 + 1 + 1 + 9) / 4
    assert state["moving_mean"] == pytest.approx(0.9 * 0 + 0.1 * 4, rel=1e-14)
    assert state["moving_variance"] == pytest.approx(0.9 * 1 + 0.1 * 5, rel=1e-14)
    layer.forward(np.array([[-2.0], [2.0]]), training=True)  # mean 0, variance 4
    assert state["moving_mean"] == pytest.approx(0.9 * 0.4, rel=1e-14)
    assert state["moving_variance"] == pytest.approx(0.9 * 1.4 + 0.1 * 4, rel=1e-14)


def test_moving_statistics_run_over_all_axes_but_the_channels():
    layer = BatchNorm(momentum=0.0).build((4, 5, 3), dtype=np.float64)
    x = draw((4, 5, 3)) * [1, 2, 3] + [4, 5, 6]
    layer.forward(x, training=True)
    rows = x.reshape(-1, 3)
    np.testing.assert_allclose(layer.array("moving_mean"), rows.mean(0), rtol=1e-13)
    np.testing.assert_allclose(layer.array("moving_variance"), rows.var(0), rtol=1e-13)


def test_the_moving_statistics_come_to_what_the_batches_have():
    layer = BatchNorm(momentum=0.9).build((2,), dtype=np.float64)
    x = np.array([[1.0, 10.0], [5.0, 30.0]])  # means 3 and 20, variances 4 and 100
    for _ in range(400):
        training = layer.forward(x, training=True)
    np.testing.assert_allclose(layer.array("moving_mean"), [3, 20], rtol=1e-12)
    np.testing.assert_allclose(layer.array("moving_variance"), [4, 100], rtol=1e-12)
    np.testing.assert_allclose(layer.forward(x), training, rtol=1e-12)


def test_the_default_momentum_and_eps_are_the_authors():
    layer = BatchNorm().build((1,), dtype=np.float64)
    assert (layer.momentum, layer.eps) == (0.99, 1e-3)
    layer.forward(np.array([[100.0], [300.0]]), training=True)
    assert layer.array("moving_mean") == pytest.approx(2, rel=1e-13)
    assert layer.array("moving_variance") == pytest.approx(0.99 + 100, rel=1e-13)


def test_backward_follows_the_last_forward_of_either_kind(stir):
    def dx(*modes):
        layer = stir(Sequential(norm=BatchNorm(), drop=Dropout(0.5)).build((3,), dtype=np.float64))
        for training in modes:
            layer.forward(draw((3,)), training=training)
        return layer.backward(draw((3,), seed=2))

    np.testing.assert_array_equal(dx(False, True), dx(True))
    np.testing.assert_allclose(dx(False), dx(False, False), rtol=0)
    layer = stir(Sequential(norm=BatchNorm(momentum=0.0)).build((3,), dtype=np.float64))
    layer.forward(draw((3,)), training=True)
    trained = layer.backward(draw((3,), seed=2)).copy()
    layer.forward(draw((3,)))
    gamma, _, _, variance = layer.state().values()
    expected = draw((3,), seed=2) * gamma / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(layer.backward(draw((3,), seed=2)), expected, rtol=1e-13)
    assert np.abs(trained - expected).max() > 0.01


# Dropout


def dropped(layer, training=True):
    """Return what becomes of ones."""
    return layer.forward(np.ones((2, 40)), training=training)


def test_dropout_drops_and_scales_in_training_alone():
    layer = Dropout(0.25).build((40,), dtype=np.float64)
    y = dropped(layer)
    assert set(y.ravel()) == {0.0, 1 / 0.75}
    np.testing.assert_array_equal(layer.backward(np.full((2, 40), 3.0)), 3 * y)
    np.testing.assert_array_equal(dropped(layer, training=False), np.ones((2, 40)))
    np.testing.assert_array_equal(layer.backward(np.full((2, 40), 3.0)), np.full((2, 40), 3.0))


def test_dropout_is_its_operation_on_the_layers_generator():
    one, other = (Dropout(0.4).build((40,), path="drop", seed=3, dtype=np.float64) for _ in range(2))
    for _ in range(3):
        y, _ = ops.dropout.forward(np.ones((2, 40)), other.generators()["drop"], rate=0.4)
        np.testing.assert_array_equal(dropped(one), y)


def test_every_training_forward_draws_anew_and_the_seed_repeats_it():
    one, other = (Dropout(0.5).build((40,), seed=3) for _ in range(2))
    masks = [dropped(one) for _ in range(3)]
    assert len({mask.tobytes() for mask in masks}) == 3
    for mask in masks:
        np.testing.assert_array_equal(dropped(other), mask)
    assert not np.array_equal(dropped(Dropout(0.5).build((40,), seed=4)), masks[0])


def test_inference_leaves_the_generator_alone():
    one, other = (Dropout(0.5).build((40,)) for _ in range(2))
    dropped(other, training=False)
    np.testing.assert_array_equal(dropped(one), dropped(other))


def test_every_path_has_its_own_generator():
    two = Sequential(a=Dropout(0.5), b=Dropout(0.5)).build((40,))
    assert list(two.generators()) == ["a", "b"]
    alone = Sequential(b=Dropout(0.5)).build((40,))
    a, b = (two.children[name] for name in "ab")
    assert not np.array_equal(dropped(a), dropped(b))
    np.testing.assert_array_equal(dropped(alone), dropped(Sequential(a=ReLU(), b=Dropout(0.5)).build((40,))))


def test_generators_are_live():
    net = Sequential(drop=Dropout(0.5)).build((40,))
    before = net.generators()["drop"].bit_generator.state
    first, second = dropped(net), dropped(net)
    net.generators()["drop"].bit_generator.state = before
    np.testing.assert_array_equal(dropped(net), first)
    np.testing.assert_array_equal(dropped(net), second)


# Flatten


def test_flatten_keeps_the_order_of_memory():
    layer = Flatten().build((2, 3, 4))
    x = np.arange(48.0).reshape(2, 2, 3, 4)
    y = layer.forward(x)
    np.testing.assert_array_equal(y, np.arange(48.0).reshape(2, 24))
    np.testing.assert_array_equal(layer.backward(y), x)
    np.testing.assert_array_equal(layer.forward(x[:1]), y[:1])
    np.testing.assert_array_equal(layer.backward(y[:1]), x[:1])


# What reaches the operation's own checks


def test_x_of_another_dtype_is_refused():
    with pytest.raises(TypeError, match="x is float64 but w is float32"):
        Dense(2).build((3,)).forward(np.zeros((1, 3)))


def test_dy_of_another_shape_is_refused(of_one_op):
    layer = of_one_op.make().build(of_one_op.input_shape, dtype=np.float64)
    layer.forward(draw(of_one_op.input_shape))
    with pytest.raises(ValueError, match="dy has shape"):
        layer.backward(draw(of_one_op.output_shape, batch=1))


@pytest.mark.parametrize("dy", [np.ones((4, 1), np.float32), np.ones((1, 4))])
def test_flatten_refuses_a_dy_of_another_shape_or_dtype(dy):
    layer = Flatten().build((2, 2, 1))
    layer.forward(np.ones((1, 2, 2, 1), np.float32))
    with pytest.raises((ValueError, TypeError), match=r"^Flatten: dy "):
        layer.backward(dy)
