"""What all layers share: build, paths, arrays drawn late and never replaced, gradients."""

import numpy as np
import pytest

import xnp.layers
from xnp import ops
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, Leaf, ReLU, Residual, SeparableConv2D, Sequential


def draw(shape, dtype=np.float64, seed=1, batch=3):
    return np.random.default_rng(seed).normal(size=(batch, *shape)).astype(dtype)


def small(**options):
    """Make a network with a bit of everything."""
    return Sequential(
        conv=Conv2D(4, 3),
        norm=BatchNorm(),
        block=Residual(Sequential(ReLU(), Conv2D(4, 3, use_bias=False), Dropout(0.5))),
        flat=Flatten(),
        top=Dense(2),
    ).build((5, 6, 3), **options)


def same(one, other):
    """Compare two dicts of arrays to the last bit."""
    assert list(one) == list(other)
    return all(np.array_equal(one[path], other[path]) for path in one)


# The table of layers


def test_the_table_has_every_layer(all_expected):
    made = {type(entry.make()).__name__ for entry in all_expected.values()}
    assert made == set(xnp.layers.__all__) - {"Layer", "Leaf"}


def test_every_operation_but_the_loss_is_held_by_a_layer():
    held = {layer.op.__name__.rpartition(".")[2] for layer in vars(xnp.layers).values() if hasattr(layer, "op")}
    by_containers = {"add", "concatenate"}
    by_batch_norm_in_training = {"batch_norm"}
    assert held | by_containers | by_batch_norm_in_training == set(ops.__all__) - {"softmax_cross_entropy"}


# Shapes and paths


def test_shapes_and_arrays_are_as_expected(expected):
    layer = expected.make().build(expected.input_shape, dtype=np.float64)
    assert (layer.input_shape, layer.output_shape) == (expected.input_shape, expected.output_shape)
    state = layer.state()
    assert [(path, array.shape) for path, array in state.items()] == list(expected.arrays.items())
    assert {array.dtype for array in state.values()} <= {np.dtype(np.float64)}
    for training in (False, True):
        y = layer.forward(draw(expected.input_shape), training=training)
        assert (y.shape, y.dtype) == ((3, *expected.output_shape), np.float64)


def test_float32_stays_float32(expected):
    layer = expected.make().build(expected.input_shape)
    x = draw(expected.input_shape, np.float32)
    for training in (False, True):
        y = layer.forward(x, training=training)
        dx = layer.backward(y)
        assert (y.dtype, dx.dtype, dx.shape) == (np.float32, np.float32, x.shape)
    arrays = [*layer.state().values(), *layer.gradients().values()]
    assert {array.dtype for array in arrays} <= {np.dtype(np.float32)}


def test_the_path_stands_before_every_name(expected):
    layer = expected.make().build(expected.input_shape, path="a/b")
    assert list(layer.state()) == [f"a/b/{path}" for path in expected.arrays]
    assert all(path.startswith("a/b") for path in layer.generators())


def test_parameters_are_the_state_without_the_moving_statistics():
    net = small()
    statistics = {"norm/moving_mean", "norm/moving_variance"}
    assert list(net.parameters()) == [path for path in net.state() if path not in statistics]
    assert list(net.gradients()) == list(net.parameters())
    assert len(net.parameters()) == 7
    assert list(net.generators()) == ["block/3"]


def test_leaves_are_in_the_order_of_forward():
    kinds = [type(leaf).__name__ for leaf in small().leaves()]
    assert kinds == ["Conv2D", "BatchNorm", "ReLU", "Conv2D", "Dropout", "Flatten", "Dense"]


# Arrays are drawn late, each by its own generator


def test_build_draws_nothing(monkeypatch):
    def refuse(self, name):
        raise AssertionError(f"{self.path}/{name} was drawn")

    monkeypatch.setattr(Leaf, "array", refuse)
    net = small()
    repr(net)
    with pytest.raises(AssertionError, match="conv/kernel was drawn"):
        net.parameters()


def test_arrays_are_the_same_whatever_the_order_of_their_drawing():
    forward, backward, by_running = small(seed=5), small(seed=5), small(seed=5)
    for leaf in reversed(list(backward.leaves())):
        for name in reversed(list(leaf.specs)):
            leaf.array(name)
    by_running.forward(draw((5, 6, 3), np.float32))
    assert same(forward.state(), backward.state())
    assert same(forward.state(), by_running.state())


def test_one_layer_more_leaves_the_others_as_they_were():
    few = Sequential(a=Conv2D(4, 3), c=Conv2D(4, 3)).build((5, 6, 4), seed=3).state()
    more = Sequential(a=Conv2D(4, 3), b=Conv2D(4, 3), drop=Dropout(0.5), c=Conv2D(4, 3)).build((5, 6, 4), seed=3)
    assert same(few, {path: more.state()[path] for path in few})


def test_every_path_and_every_seed_draws_other_numbers():
    kernels = [
        Sequential(a=Conv2D(4, 3), b=Conv2D(4, 3)).build((5, 6, 4), seed=seed).state()[path]
        for seed in (0, 1, 2**40)
        for path in ("a/kernel", "b/kernel")
    ]
    assert len({kernel.tobytes() for kernel in kernels}) == 6
    rows = np.array([kernel.ravel() for kernel in kernels])
    correlation = np.corrcoef(rows) - np.eye(6)
    assert np.abs(correlation).max() < 0.35  # 144 numbers each: the deviation is 1/12


def test_the_two_kernels_of_a_separable_convolution_differ():
    layer = SeparableConv2D(9, 3).build((5, 6, 9), dtype=np.float64)
    depthwise, pointwise = layer.array("depthwise").ravel(), layer.array("pointwise").ravel()
    assert abs(np.corrcoef(depthwise, pointwise)[0, 1]) < 0.4  # 81 numbers each


def test_float32_weights_are_the_rounded_float64_ones():
    single, double = small(seed=2), small(seed=2, dtype=np.float64)
    assert same(single.state(), {path: array.astype(np.float32) for path, array in double.state().items()})
    assert not same(double.state(), {path: array.astype(np.float64) for path, array in single.state().items()})


def test_seed_may_be_any_integer():
    assert same(small(seed=np.int64(4)).state(), small(seed=4).state())


# Arrays are live


def test_arrays_and_gradients_are_never_replaced(expected):
    layer = expected.make().build(expected.input_shape, dtype=np.float64)
    before = [layer.state(), layer.parameters(), layer.gradients()]
    for training in (True, False):
        layer.backward(layer.forward(draw(expected.input_shape), training=training))
    after = [layer.state(), layer.parameters(), layer.gradients()]
    for old, new in zip(before, after, strict=True):
        assert all(old[path] is new[path] for path in old)
    for path, array in layer.parameters().items():
        assert array is layer.state()[path]
        assert array is not layer.gradients()[path]


def test_forward_sees_what_was_written_into_an_array():
    net = small(dtype=np.float64)
    x = draw((5, 6, 3))
    for path, array in net.state().items():
        before = net.forward(x)
        array += 0.5
        assert np.abs(net.forward(x) - before).max() > 1e-3, path


def test_gradients_are_zeros_before_the_first_backward(expected):
    layer = expected.make().build(expected.input_shape)
    for path, gradient in layer.gradients().items():
        assert gradient.shape == layer.parameters()[path].shape
        assert not gradient.any()


def test_gradients_are_overwritten_not_added_up(expected, stir):
    layer = stir(expected.make().build(expected.input_shape, dtype=np.float64))
    x, dy = draw(expected.input_shape), draw(expected.output_shape, seed=2)
    layer.forward(x)
    layer.backward(dy)
    once = {path: gradient.copy() for path, gradient in layer.gradients().items()}
    layer.backward(3 * dy)
    layer.forward(x)
    layer.backward(dy)
    assert same(once, layer.gradients())
    assert all(gradient.any() for gradient in once.values())


def test_inference_and_backward_change_no_state(expected, stir):
    layer = stir(expected.make().build(expected.input_shape, dtype=np.float64))
    draws = {path: rng.bit_generator.state for path, rng in layer.generators().items()}
    before = {path: array.copy() for path, array in layer.state().items()}
    layer.backward(layer.forward(draw(expected.input_shape)))
    assert same(before, layer.state())
    assert draws == {path: rng.bit_generator.state for path, rng in layer.generators().items()}


def test_neither_x_nor_dy_is_written_to(expected, stir):
    layer = stir(expected.make().build(expected.input_shape, dtype=np.float64))
    x, dy = draw(expected.input_shape), draw(expected.output_shape, seed=2)
    x.flags.writeable = dy.flags.writeable = False
    for training in (True, False):
        layer.forward(x, training=training)
        layer.backward(dy)
