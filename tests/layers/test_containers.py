"""Sequential, Residual and Parallel: names, what flows forward and back, branches that do not fit."""

import re

import numpy as np
import pytest

from xnp.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    Parallel,
    PointwiseConv2D,
    ReLU,
    Residual,
    Sequential,
)


def draw(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def matrix(layer, name="kernel"):
    """Return the one array of that name."""
    [array] = [array for path, array in layer.state().items() if path.endswith(name)]
    return array


# Names


def test_positions_count_from_1_and_names_follow():
    net = Sequential(Dense(2), ReLU(), Dense(2), top=Dense(1, use_bias=False)).build((3,))
    assert list(net.state()) == ["1/kernel", "1/bias", "3/kernel", "3/bias", "top/kernel"]
    net = Parallel(Dense(2, use_bias=False), right=Dense(1, use_bias=False)).build((3,))
    assert list(net.state()) == ["1/kernel", "right/kernel"]


def test_paths_lead_through_the_containers():
    inner = Residual(Sequential(sep=Dense(3, use_bias=False)), Sequential(conv=Dense(3, use_bias=False)))
    net = Sequential(entry=Sequential(inner), wide=Parallel(Sequential(Dense(2, use_bias=False)))).build((3,))
    assert list(net.state()) == ["entry/1/sep/kernel", "entry/1/skip/conv/kernel", "wide/1/1/kernel"]


def test_a_main_path_of_one_layer_sits_at_the_block_itself():
    net = Sequential(block=Residual(Dense(3), Dense(3))).build((3,))
    assert list(net.state()) == ["block/kernel", "block/bias", "block/skip/kernel", "block/skip/bias"]


def test_the_name_skip_is_taken():
    with pytest.raises(ValueError, match=r'^Residual: main has a layer named "skip"; the skip path needs that name$'):
        Residual(Sequential(skip=Dense(3)), Dense(3))
    Residual(Sequential(skip=Dense(3))).build((3,))


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Residual(Residual(Sequential(skip=Dense(3))), Dense(3)), "net/skip"),
        (lambda: Sequential(a=Sequential(b=Dense(3)), **{"a/b": Dense(3)}), "net/a/b"),
    ],
)
def test_two_layers_at_one_path_are_an_error(make, path):
    with pytest.raises(ValueError, match=f'^net: two layers have the path "{path}"; give one of them another name$'):
        make().build((3,), path="net")


def test_seed_and_dtype_reach_every_layer():
    net = Sequential(Residual(Dense(3)), Parallel(Sequential(Dropout(0.5)))).build((3,), seed=7, dtype=np.float64)
    assert {(leaf.seed, leaf.dtype) for leaf in net.leaves()} == {(7, np.dtype(np.float64))}


# Sequential


def test_sequential_is_a_composition():
    net = Sequential(a=Dense(4, use_bias=False), b=Dense(2, use_bias=False)).build((3,), dtype=np.float64)
    a, b = net.state().values()
    x, dy = draw(5, 3), draw(5, 2, seed=2)
    np.testing.assert_allclose(net.forward(x), x @ a @ b, rtol=1e-13)
    np.testing.assert_allclose(net.backward(dy), dy @ b.T @ a.T, rtol=1e-13)
    np.testing.assert_allclose(net.gradients()["a/kernel"], x.T @ dy @ b.T, rtol=1e-12)
    np.testing.assert_allclose(net.gradients()["b/kernel"], (x @ a).T @ dy, rtol=1e-12)


def test_an_empty_sequential_is_the_identity():
    net = Sequential().build((3,))
    x = draw(2, 3)
    np.testing.assert_array_equal(net.forward(x), x)
    np.testing.assert_array_equal(net.backward(x), x)


@pytest.mark.parametrize(
    "container",
    [
        Sequential,
        Parallel,
        lambda *layers: Residual(Sequential(*layers)),
        lambda *layers: Residual(ReLU(), Sequential(*layers)),
    ],
)
def test_training_reaches_every_layer(container):
    net = container(Dropout(0.5), BatchNorm(momentum=0.5)).build((30,), dtype=np.float64)
    statistics = matrix(net, "moving_mean")
    x = 5 + draw(4, 30)
    one, other = net.forward(x), net.forward(x)
    np.testing.assert_array_equal(one, other)
    assert not statistics.any()
    assert not np.array_equal(net.forward(x, training=True), net.forward(x, training=True))
    assert statistics.all()


# Residual


def test_residual_adds_the_identity_and_its_gradient():
    net = Residual(Dense(3, use_bias=False)).build((3,), dtype=np.float64)
    w, x, dy = matrix(net), draw(5, 3), draw(5, 3, seed=2)
    np.testing.assert_allclose(net.forward(x), x @ w + x, rtol=1e-13)
    np.testing.assert_allclose(net.backward(dy), dy @ w.T + dy, rtol=1e-13)
    np.testing.assert_allclose(net.gradients()["kernel"], x.T @ dy, rtol=1e-13)


def test_residual_adds_the_skip_and_its_gradient():
    net = Residual(Dense(2, use_bias=False), Dense(2, use_bias=False)).build((3,), dtype=np.float64)
    (main, skip), x, dy = net.state().values(), draw(5, 3), draw(5, 2, seed=2)
    np.testing.assert_allclose(net.forward(x), x @ main + x @ skip, rtol=1e-13)
    np.testing.assert_allclose(net.backward(dy), dy @ main.T + dy @ skip.T, rtol=1e-13)
    for gradient in net.gradients().values():
        np.testing.assert_allclose(gradient, x.T @ dy, rtol=1e-13)


def test_a_relu_at_the_head_of_the_main_path_leaves_the_skip_alone():
    net = Residual(Sequential(ReLU(), ELU())).build((3,), dtype=np.float64)
    x = np.array([[-1.0, 2.0, -3.0]])
    np.testing.assert_array_equal(net.forward(x), [[-1.0, 4.0, -3.0]])
    np.testing.assert_array_equal(net.backward(np.ones((1, 3))), [[1.0, 2.0, 1.0]])


def test_a_main_path_that_changes_the_shape_needs_a_skip():
    message = "block: the main path gives (3, 3, 4) but the skip gives (5, 6, 3); they must be the same to be added"
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        Sequential(block=Residual(Sequential(Conv2D(4, 3), MaxPool2D()))).build((5, 6, 3))
    message = "Residual: the main path gives (5, 6, 4) but the skip gives (3, 3, 4)"
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        Residual(Conv2D(4, 3), Conv2D(4, 1, stride=2)).build((5, 6, 3))


# Parallel


def test_parallel_puts_the_channels_side_by_side_and_adds_the_gradients():
    net = Parallel(Dense(2, use_bias=False), ELU(), Dense(4, use_bias=False)).build((3,), dtype=np.float64)
    (first, third), x, dy = net.state().values(), np.abs(draw(5, 3)), draw(5, 9, seed=2)
    np.testing.assert_allclose(net.forward(x), np.hstack([x @ first, x, x @ third]), rtol=1e-13)
    expected = dy[:, :2] @ first.T + dy[:, 2:5] + dy[:, 5:] @ third.T
    np.testing.assert_allclose(net.backward(dy), expected, rtol=1e-13)
    np.testing.assert_allclose(net.gradients()["1/kernel"], x.T @ dy[:, :2], rtol=1e-13)
    np.testing.assert_allclose(net.gradients()["3/kernel"], x.T @ dy[:, 5:], rtol=1e-13)


def test_parallel_joins_images_along_the_channels():
    net = Parallel(a=PointwiseConv2D(2), b=ReLU()).build((4, 5, 3), dtype=np.float64)
    x = draw(2, 4, 5, 3)
    y = net.forward(x)
    np.testing.assert_array_equal(y[..., :2], net.children["a"].forward(x))
    np.testing.assert_array_equal(y[..., 2:], np.maximum(x, 0))


@pytest.mark.parametrize(("other", "shape"), [(MaxPool2D(), "(2, 3, 3)"), (GlobalAveragePool2D(), "(3,)")])
def test_branches_of_different_sizes_are_an_error(other, shape):
    message = f"wide: the branches give (4, 5, 3), {shape}; they must agree in all but the channels"
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        Sequential(wide=Parallel(ReLU(), other)).build((4, 5, 3))


def test_parallel_needs_a_branch():
    with pytest.raises(ValueError, match=r"^Parallel: branches is empty; at least one is needed$"):
        Parallel()


# Sizes that are not the built ones


def test_a_convolutional_network_takes_images_of_other_sizes():
    layers = {"conv": Conv2D(4, 3), "block": Residual(Conv2D(4, 3)), "pool": GlobalAveragePool2D(), "top": Dense(2)}
    net = Sequential(**layers).build((8, 8, 3), dtype=np.float64)
    x = draw(2, 5, 6, 3)
    assert net.forward(x).shape == (2, 2)
    assert net.backward(np.ones((2, 2))).shape == x.shape


def test_a_flattened_network_does_not():
    net = Sequential(flat=Flatten(), top=Dense(2)).build((4, 4, 3), dtype=np.float64)
    with pytest.raises(ValueError, match=r"dense: .*\(48, 2\)"):
        net.forward(draw(2, 5, 5, 3))


@pytest.mark.parametrize("container", [Sequential, Parallel])
def test_a_name_that_is_the_place_of_another_layer_is_refused(container):
    with pytest.raises(ValueError, match='the name "1" is the place of another layer'):
        container(ReLU(), **{"1": ReLU()})
