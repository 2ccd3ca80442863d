"""What must hold between the convolutions, and of all linear operations: relations that need no oracle."""

import numpy as np
import pytest

from xnp import ops
from xnp.cases import CASES, cases_of, random_like

RNG = np.random.default_rng(0)
WINDOWS = [
    {"stride": 1, "padding": "same"},
    {"stride": 2, "padding": "same"},
    {"stride": (2, 1), "padding": "valid", "dilation": (1, 2)},
    {"stride": 3, "padding": 2, "dilation": 2},
]
every_window = pytest.mark.parametrize("window", WINDOWS, ids=lambda w: " ".join(f"{k} {v}" for k, v in w.items()))


def normal(*shape):
    return RNG.normal(size=shape)


def assert_near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def both_ways(op, dy, *arrays, **options):
    """Run forward and backward: y and the gradients."""
    y, cache = op.forward(*arrays, **options)
    return y, op.backward(dy(y) if callable(dy) else dy, cache)


# The convolutions are one family -----------------------------------------------------------------------------------


@every_window
def test_the_depthwise_outputs_of_all_channels_add_up_to_the_full_convolution(window):
    """Depthwise is the convolution before the sum over channels: kernel [..., c, o] gives output c * O + o."""
    x, w = normal(2, 7, 8, 3), normal(3, 2, 3, 4)
    y, (dx, dw, _) = both_ways(ops.conv2d, random_like, x, w, **window)
    apart, cache = ops.depthwise_conv2d.forward(x, w, **window)
    assert_near(apart.reshape(*y.shape[:3], 3, 4).sum(axis=3), y)
    dx_apart, dw_apart, _ = ops.depthwise_conv2d.backward(np.tile(random_like(y), 3), cache)
    assert_near(dx_apart, dx)
    assert_near(dw_apart, dw)


@every_window
def test_one_group_is_the_convolution(window):
    x, w, b = normal(2, 7, 8, 4), normal(3, 3, 4, 6), normal(6)
    y, gradients = both_ways(ops.conv2d, random_like, x, w, b, **window)
    y_grouped, gradients_grouped = both_ways(ops.grouped_conv2d, random_like, x, w, b, groups=1, **window)
    assert_near(y_grouped, y)
    for found, expected in zip(gradients_grouped, gradients, strict=True):
        assert_near(found, expected)


@every_window
def test_a_group_for_each_channel_is_the_depthwise_convolution(window):
    """The kernel (kh, kw, C, m) of depthwise, read as (kh, kw, 1, C * m): output c * m + k belongs to group c."""
    x, w, b = normal(2, 7, 8, 4), normal(3, 3, 4, 2), normal(8)
    y, (dx, dw, db) = both_ways(ops.depthwise_conv2d, random_like, x, w, b, **window)
    one_each = w.reshape(3, 3, 1, 8)
    y_grouped, (dx_g, dw_g, db_g) = both_ways(ops.grouped_conv2d, random_like, x, one_each, b, groups=4, **window)
    assert_near(y_grouped, y)
    assert_near(dx_g, dx)
    assert_near(dw_g.reshape(w.shape), dw)
    assert_near(db_g, db)


def test_groups_are_convolutions_side_by_side():
    x, w = normal(2, 5, 6, 6), normal(3, 3, 2, 9)
    y, _ = ops.grouped_conv2d.forward(x, w, groups=3)
    parts = [ops.conv2d.forward(x[..., 2 * g : 2 * g + 2], w[..., 3 * g : 3 * g + 3])[0] for g in range(3)]
    assert_near(y, ops.concatenate.forward(*parts)[0])


@every_window
def test_separable_is_the_convolution_with_the_product_of_its_kernels(window):
    """The kernel is sum over k of w_depthwise[i, j, c, k] * w_pointwise[c * m + k, o]: few numbers, many entries."""
    x, w_depthwise, w_pointwise, b = normal(2, 7, 8, 3), normal(3, 3, 3, 2), normal(6, 5), normal(5)
    y, _ = ops.separable_conv2d.forward(x, w_depthwise, w_pointwise, b, **window)
    kernel = np.einsum("ijck,cko->ijco", w_depthwise, w_pointwise.reshape(3, 2, 5))
    assert_near(y, ops.conv2d.forward(x, kernel, b, **window)[0])


@pytest.mark.parametrize("activation", [None, "relu", "elu"])
def test_separable_is_its_steps_one_after_the_other(activation):
    x, w_depthwise, w_pointwise, b = normal(2, 5, 6, 3), normal(3, 3, 3, 1), normal(3, 4), normal(4)
    y, cache = ops.separable_conv2d.forward(x, w_depthwise, w_pointwise, b, stride=2, activation=activation)
    h, first = ops.depthwise_conv2d.forward(x, w_depthwise, stride=2)
    a, between = (h, None) if activation is None else getattr(ops, activation).forward(h)
    expected, second = ops.pointwise_conv2d.forward(a, w_pointwise, b)
    assert_near(y, expected)
    da, dw_pointwise, db = ops.pointwise_conv2d.backward(random_like(y), second)
    dh = da if activation is None else getattr(ops, activation).backward(da, between)
    dx, dw_depthwise, _ = ops.depthwise_conv2d.backward(dh, first)
    found = ops.separable_conv2d.backward(random_like(y), cache)
    for gradient, wanted in zip(found, (dx, dw_depthwise, dw_pointwise, db), strict=True):
        assert_near(gradient, wanted)


@pytest.mark.parametrize("stride", [1, 2, (3, 2)])
def test_pointwise_is_the_convolution_with_a_1x1_kernel(stride):
    x, w, b = normal(2, 5, 6, 3), normal(3, 4), normal(4)
    y, (dx, dw, db) = both_ways(ops.pointwise_conv2d, random_like, x, w, b, stride=stride)
    y_conv, (dx_c, dw_c, db_c) = both_ways(ops.conv2d, random_like, x, w.reshape(1, 1, 3, 4), b, stride=stride)
    assert_near(y, y_conv)
    assert_near(dx, dx_c)
    assert_near(dw, dw_c[0, 0])
    assert_near(db, db_c)


def test_pointwise_is_dense_at_every_pixel():
    x, w, b = normal(2, 3, 4, 5), normal(5, 6), normal(6)
    y, (dx, dw, db) = both_ways(ops.pointwise_conv2d, random_like, x, w, b)
    rows, (drows, dw_d, db_d) = both_ways(ops.dense, random_like(y).reshape(-1, 6), x.reshape(-1, 5), w, b)
    assert_near(y, rows.reshape(y.shape))
    assert_near(dx, drows.reshape(x.shape))
    assert_near(dw, dw_d)
    assert_near(db, db_d)


def test_a_valid_convolution_over_the_whole_image_is_dense():
    x, w = normal(2, 3, 4, 5), normal(3, 4, 5, 6)
    y, _ = ops.conv2d.forward(x, w, padding="valid")
    assert_near(y.reshape(2, 6), ops.dense.forward(x.reshape(2, -1), w.reshape(-1, 6))[0])


@pytest.mark.parametrize("padding", ["same", 2])
def test_padding_is_zero_padding_before_a_valid_convolution(padding):
    x, w = normal(2, 5, 6, 3), normal(3, 3, 3, 2)
    sides = 2 if padding == 2 else ((1, 1), (0, 1))  # 5 and 6 pixels, stride 2
    padded, _ = ops.zero_padding2d.forward(x, padding=sides)
    y, _ = ops.conv2d.forward(x, w, stride=2, padding=padding)
    assert_near(y, ops.conv2d.forward(padded, w, stride=2, padding="valid")[0])


def test_dilation_is_a_kernel_with_holes():
    x, w = normal(2, 8, 9, 3), normal(2, 3, 3, 4)
    holes = np.zeros((4, 5, 3, 4))
    holes[::3, ::2] = w
    y, _ = ops.conv2d.forward(x, w, dilation=(3, 2), padding="valid")
    assert_near(y, ops.conv2d.forward(x, holes, padding="valid")[0])


def test_a_stride_takes_some_of_the_windows():
    x, w = normal(2, 8, 9, 3), normal(3, 3, 3, 4)
    y, _ = ops.conv2d.forward(x, w, padding="valid")
    assert_near(ops.conv2d.forward(x, w, padding="valid", stride=(2, 3))[0], y[:, ::2, ::3])


@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d"])
def test_a_shifted_image_gives_a_shifted_answer(name):
    """Far from the border: the same window, the same answer, wherever it stands."""
    x = np.zeros((1, 9, 9, 2))
    x[:, 3:6, 2:5] = normal(1, 3, 3, 2)
    arguments = () if "pool" in name else (normal(3, 3, 2, 2),)
    options = {"size": 3, "stride": 1} if "pool" in name else {}
    op = getattr(ops, name)
    y, _ = op.forward(x, *arguments, **options)
    shifted, _ = op.forward(np.roll(x, (1, 2), axis=(1, 2)), *arguments, **options)
    assert_near(shifted[:, 2:8, 3:8], y[:, 1:7, 1:6])


@pytest.mark.parametrize("name", ["conv2d", "grouped_conv2d", "depthwise_conv2d", "average_pool2d", "max_pool2d"])
def test_height_and_width_play_the_same_part(name):
    """Turn image and kernel over the diagonal, and the answer turns too."""
    turned = {"stride": (1, 2), "dilation": (2, 1)} if "pool" not in name else {"stride": (1, 2), "size": (2, 3)}
    options = {key: value[::-1] for key, value in turned.items()}
    extra = {"groups": 2} if name == "grouped_conv2d" else {}
    x = normal(2, 7, 6, 4)
    w = normal(2, 3, 2 if extra else 4, 4)
    arrays, arrays_turned = (
        ((x,), (x.swapaxes(1, 2),)) if "pool" in name else ((x, w), (x.swapaxes(1, 2), w.swapaxes(0, 1)))
    )
    y, _ = getattr(ops, name).forward(*arrays, **options, **extra)
    assert_near(getattr(ops, name).forward(*arrays_turned, **turned, **extra)[0], y.swapaxes(1, 2))


# Linear operations: backward is the transpose of forward -----------------------------------------------------------

LINEAR = ("conv2d", "grouped_conv2d", "depthwise_conv2d", "pointwise_conv2d", "separable_conv2d", "dense")
LINEAR_IN_X = (*LINEAR, "average_pool2d", "global_average_pool2d", "zero_padding2d", "dropout")
linear_cases = [c for name in LINEAR_IN_X for c in cases_of(name) if c.analytic]


@pytest.mark.parametrize("case", linear_cases, ids=[case.name for case in linear_cases])
def test_the_product_with_dy_is_the_same_before_and_after(case):
    """<f(x), dy> = <x, backward(dy)>, for f without bias; and the same with each weight in the place of x."""
    case = case._replace(arrays=case.arrays | ({"b": None} if "b" in case.arrays else {}))
    y, cache = case.forward()
    dy = random_like(y)
    for name, gradient in case.backward(dy, cache).items():
        if gradient is not None:
            assert_near((case.arrays[name] * gradient).sum(), (y * dy).sum())


@pytest.mark.parametrize("case", linear_cases, ids=[case.name for case in linear_cases])
def test_backward_adds_and_scales(case):
    """Any backward is linear in dy: the gradients of 2 * dy1 + dy2 are 2 * those of dy1, plus those of dy2."""
    y, cache = case.forward()
    dy1, dy2 = random_like(y, 1), random_like(y, 2)
    first, second, both = (case.backward(dy, cache) for dy in (dy1, dy2, 2 * dy1 + dy2))
    for name, gradient in both.items():
        if gradient is not None:
            assert_near(gradient, 2 * first[name] + second[name])


# Images do not meet, unless they must ------------------------------------------------------------------------------

SEPARATE = [
    c for c in CASES if "x" in c.arrays and c.arrays["x"].ndim > 1 and c.op_name not in ("batch_norm", "dropout")
]


@pytest.mark.parametrize("case", SEPARATE, ids=[case.name for case in SEPARATE])
def test_each_image_is_treated_by_itself(case):
    """A batch is its images, one by one; the gradients of the weights add up over them."""
    x = case.arrays["x"]
    y, cache = case.forward()
    dy = random_like(y)
    whole = case.backward(dy, cache)
    parts = []
    for n in range(len(x)):
        y_n, cache_n = case.forward({"x": x[n : n + 1]})
        assert_near(y_n, y[n : n + 1])
        parts.append(case.backward(dy[n : n + 1], cache_n))
    for name, gradient in whole.items():
        if gradient is not None:
            pieces = [part[name] for part in parts]
            assert_near(np.concatenate(pieces) if name == "x" else sum(pieces), gradient)


def test_global_average_pool_loses_no_digits_over_many_pixels():
    x = np.full((1, 299, 299, 2), 1.1, np.float32)
    np.testing.assert_allclose(ops.global_average_pool2d.forward(x)[0], np.float32(1.1), rtol=1e-6)
