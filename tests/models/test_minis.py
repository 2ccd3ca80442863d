"""The small networks of the experiments: the same frame, parts in the reader's hand, gradients, refusals."""

import re
from functools import partial

import numpy as np
import pytest

from xnp.count import count
from xnp.gradcheck import TOLERANCES, along, check_model, table
from xnp.layers import BatchNorm, DepthwiseConv2D, PointwiseConv2D, Residual, SeparableConv2D, Sequential
from xnp.models import tiny_xception
from xnp.models.minis import mini_inception, mini_xception, stack

NETWORKS = {"mini_xception": mini_xception, "mini_inception": mini_inception, "stack": stack}
EACH = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


def shapes(model, part=""):
    return {path: array.shape for path, array in model.state().items() if path.startswith(part)}


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mini_xception_is_tiny_xception_number_for_number(seed, dtype):
    found, expected = mini_xception(seed=seed, dtype=dtype), tiny_xception(seed=seed, dtype=dtype)
    assert list(found.state()) == list(expected.state())
    for path, array in expected.state().items():
        assert (found.state()[path].dtype, found.state()[path].tobytes()) == (array.dtype, array.tobytes()), path
    momenta = [[leaf.momentum for leaf in model.leaves() if isinstance(leaf, BatchNorm)] for model in (found, expected)]
    assert momenta[0] == momenta[1]
    x = np.random.default_rng(seed).normal(size=(2, 32, 32, 3)).astype(dtype)
    assert found.forward(x, training=True).tobytes() == expected.forward(x, training=True).tobytes()


@EACH
def test_all_have_the_stem_and_the_end_of_the_tiny_one(make):
    model, tiny = make(), tiny_xception()
    size = {"conv2/kernel": (3, 3, 16, 64), "norm2": (64,)} if make is stack else {}  # one width from the stem on
    expected = {
        path: next((shape for name, shape in size.items() if path.startswith(f"stem/{name}")), shape)
        for path, shape in shapes(tiny, "stem/").items()
    }
    assert shapes(model, "stem/") == expected
    assert [type(leaf) for leaf in list(model.leaves())[:6]] == [type(leaf) for leaf in list(tiny.leaves())[:6]]
    assert [leaf.path for leaf in list(model.leaves())[-2:]] == ["pool", "classifier"]
    assert {leaf.momentum for leaf in model.leaves() if isinstance(leaf, BatchNorm)} == {0.9}


@EACH
def test_all_end_with_4x4_pixels(make):
    sizes = {leaf.path.split("/")[0]: leaf.output_shape[:2] for leaf in make().leaves()}  # each part's last layer
    expected = [(8, 8), (4, 4), (4, 4)] if make is stack else [(8, 8), (8, 8), (4, 4)]
    assert [sizes[part] for part in ("entry", "middle", "exit")] == expected


@EACH
def test_image_classes_seed_and_dtype_are_the_readers(make):
    model = make(3, input_shape=(20, 24, 1), classes=7, seed=4, dtype=np.float64)
    assert (model.input_shape, model.output_shape, model.dtype) == ((20, 24, 1), (7,), np.float64)
    again, other = make(3, input_shape=(20, 24, 1), classes=7, seed=4), make(3, input_shape=(20, 24, 1), seed=5)
    kernel = "stem/conv1/kernel"
    np.testing.assert_allclose(model.state()[kernel], again.state()[kernel], rtol=1e-6)
    assert not np.allclose(again.state()[kernel], other.state()[kernel])


# The mini Xception --------------------------------------------------------------------------------------------------


def test_width_goes_to_all_blocks_and_each_rounds_for_itself():
    sizes = shapes(mini_xception(21.4))
    assert [sizes[f"{path}/gamma"] for path in ("entry/1/norm1", "middle/2/norm2", "exit/1/norm1", "exit/1/norm2")] == [
        (21,),
        (21,),
        (32,),
        (43,),
    ]
    assert sizes["exit/2/norm1/gamma"] == (54,)  # 2.5 * 21.4 = 53.5, to the even number
    assert sizes["stem/norm2/gamma"] == (32,)


@pytest.mark.parametrize("multiple", [1, 4, 16])
def test_all_channels_are_a_multiple(multiple):
    sizes = shapes(mini_xception(50, multiple=multiple))
    channels = {shape[0] for path, shape in sizes.items() if path.endswith("gamma") and not path.startswith("stem")}
    assert all(number % multiple == 0 for number in channels)
    nearest = {1: {50, 75, 100, 125}, 4: {48, 76, 100, 124}, 16: {48, 80, 96, 128}}
    assert channels == nearest[multiple]


def test_the_smallest_width_has_one_channel():
    assert {shape[-1] for path, shape in shapes(mini_xception(1e-6)).items() if "pointwise" in path} == {1}


def test_a_module_stands_in_place_of_every_separable_convolution():
    asked = []

    def module(filters):
        asked.append(filters)
        return Sequential(first=PointwiseConv2D(filters), second=DepthwiseConv2D(3))

    model = mini_xception(8, module=module)
    assert asked == [8, 8, 8, 8, 8, 8, 12, 16, 20]
    assert not any(isinstance(leaf, SeparableConv2D) for leaf in model.leaves())
    assert sum(leaf.path.endswith("/first") for leaf in model.leaves()) == 9


def test_without_residual_no_path_but_the_skips_is_lost():
    with_them, without = (
        [leaf.path for leaf in mini_xception(8, residual=residual).leaves()] for residual in (True, False)
    )
    assert without == [path for path in with_them if "/skip/" not in path]
    assert len(with_them) - len(without) == 4  # two skips with a convolution; the others are the identity


# The mini Inception --------------------------------------------------------------------------------------------------


def test_mini_inception_has_as_many_parameters_as_the_mini_xception():
    found, expected = count(mini_inception()).trainable, count(mini_xception()).trainable
    assert abs(found / expected - 1) < 0.005  # its docstring: half of a percent


def test_mini_inception_has_the_modules_of_inception_and_no_residual():
    model = mini_inception()
    kinds = {type(leaf).__name__ for leaf in model.leaves()}
    convolutions = {"Conv2D", "PointwiseConv2D"}
    frame = {"BatchNorm", "ReLU", "Concatenate", "GlobalAveragePool2D", "Dense"}
    assert kinds - frame - {"Parallel"} == convolutions | {"MaxPool2D", "AveragePool2D"}

    def containers(layer):
        return [layer, *(one for child in getattr(layer, "children", {}).values() for one in containers(child))]

    assert not any(isinstance(layer, Residual) for layer in containers(model))
    towers = {path: len(model.children[path].children) for path in ("entry", "middle", "exit")}
    assert towers == {"entry": 3, "middle": 2, "exit": 2}
    assert [len(module.children) for module in model.children["middle"].children.values()] == [4, 4]
    assert [len(module.children) for module in model.children["exit"].children.values()] == [3, 4]


def test_the_exit_of_mini_inception_is_one_and_a_half_times_as_wide():
    sizes = shapes(mini_inception(4))
    assert sizes["middle/1/3/conv3/kernel"] == (3, 3, 24, 24)
    assert sizes["exit/2/3/conv3/kernel"] == (3, 3, 36, 36)
    assert sizes["entry/1/conv1/kernel"] == (3, 3, 32, 32)
    assert sizes["exit/1/1/conv1/kernel"] == (3, 3, 72, 48)


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_gradients_of_a_very_small_mini_inception(training):
    model = mini_inception(0.4, input_shape=(14, 12, 2), classes=4, seed=1, dtype=np.float64)
    rng = np.random.default_rng(2)
    for array in (array for path, array in model.state().items() if path.endswith(("beta", "moving_mean"))):
        array[...] = rng.normal(size=array.shape)  # else a relu behind a window of zeros stands at its corner
    x, labels = rng.normal(size=(5, 14, 12, 2)), np.arange(5) % 4
    results = check_model(model, x, labels, name="mini_inception", training=training)
    assert all(result.passed for result in results), table(results)
    assert {result.case for result in results} == {*model.parameters(), "x", "all"}

    dy = rng.normal(size=(5, 4))  # and with an upstream gradient that comes from no loss
    model.forward(x, training)
    dx = model.backward(dy)

    def slope_of():
        return float((model.forward(x, training) * dy).sum())

    arrays, gradients = [x, *model.parameters().values()], [dx, *(g.copy() for g in model.gradients().values())]
    for part in (slice(0, 1), slice(1, None), slice(None)):  # the input, all parameters, both
        error, _ = along(slope_of, arrays[part], gradients[part], rng)
        assert error <= TOLERANCES["directional"]


# The chain -----------------------------------------------------------------------------------------------------------


def test_the_chain_has_six_modules_of_one_width():
    asked = []

    def module(filters):
        asked.append(filters)
        return SeparableConv2D(filters, 3)

    model = stack(7.6, module=module)
    assert asked == [8] * 6
    assert {shape for path, shape in shapes(model).items() if path.endswith("pointwise")} == {(8, 8)}


def test_a_module_that_cannot_change_the_number_of_channels_fits_in():
    model = stack(8, module=lambda filters: DepthwiseConv2D(3, use_bias=False))
    assert model.forward(np.ones((2, 32, 32, 3), np.float32)).shape == (2, 10)


@pytest.mark.parametrize("width", [64, 64.0, 63.6])
def test_the_width_of_the_chain_may_be_any_number(width):
    assert count(stack(width)).trainable == 39_258


# Misuse --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, -2, True, "64", float("nan"), float("inf"), None])
@EACH
def test_a_bad_width_is_refused_by_name(make, width):
    message = re.escape(f"{make.__name__}: width is {width!r}; it must be a number above 0")
    with pytest.raises(ValueError, match=f"^{message}$"):
        make(width)


@pytest.mark.parametrize("compress", [0, -0.5, float("nan"), "all"])
def test_a_bad_compression_is_refused_by_name(compress):
    message = re.escape(f"mini_xception: compress is {compress!r}; it must be a number above 0")
    with pytest.raises(ValueError, match=f"^{message}$"):
        mini_xception(compress=compress)


@pytest.mark.parametrize("multiple", [0, -1, 2.0])
def test_a_bad_multiple_is_refused_by_name(multiple):
    message = re.escape(f"mini_xception: multiple is {multiple!r}; it must be a positive integer")
    with pytest.raises(ValueError, match=f"^{message}$"):
        partial(mini_xception, multiple=multiple)()
