"""Wrong shapes and numbers: each error names operation and argument, and says what came and what was expected."""

import re

import numpy as np
import pytest

from xnp import ops

IMAGE, ROWS, C = np.ones((2, 8, 9, 3)), np.ones((2, 3)), np.ones(3)
LABELS = np.array([0, 2])
RNG = np.random.default_rng(0)


def ones(*shape, dtype=np.float64):
    return np.ones(shape, dtype)


# operation, bad arguments, bad options, message
WRONG_VALUES = [
    ("add", (IMAGE, ROWS), {}, "b has shape (2, 3) but a has shape (2, 8, 9, 3); it must be (2, 8, 9, 3)"),
    ("add", (IMAGE, ones(3)), {}, "b has shape (3,) but a has shape (2, 8, 9, 3); it must be (2, 8, 9, 3)"),
    ("average_pool2d", (ROWS,), {"size": 2, "stride": 1}, "x has shape (2, 3); it must be (N, H, W, C)"),
    (
        "average_pool2d",
        (IMAGE,),
        {"size": 3, "stride": 1, "padding": 2},
        "padding is 2 but size is (3, 3); an integer padding must be at most half the size, "
        "so that no window holds padding alone",
    ),
    (
        "average_pool2d",
        (IMAGE,),
        {"size": 9, "stride": 1, "padding": "valid"},
        "the kernel covers 9 pixels along H (size 9, dilation 1) but the padded image has 8 (0 + 8 + 0); it must fit",
    ),
    (
        "average_pool2d",
        (IMAGE,),
        {"size": 2, "stride": 0},
        "stride is 0; it must be a positive integer or a pair of them (height, width)",
    ),
    ("batch_norm", (C, C, C), {}, "x has shape (3,); it must be (N, ..., C)"),
    ("batch_norm", (IMAGE, ones(2), C), {}, "gamma has shape (2,) but x has 3 channels; it must be (3,)"),
    ("batch_norm", (IMAGE, C, ones(1)), {}, "beta has shape (1,) but x has 3 channels; it must be (3,)"),
    ("batch_norm", (IMAGE, C, C), {"eps": -1e-3}, "eps is -0.001; it must be 0 or more"),
    ("batch_norm", (IMAGE, C, C), {"eps": np.nan}, "eps is nan; it must be 0 or more"),
    ("batch_norm", (ones(0, 3), C, C), {}, "x has shape (0, 3); no axis may be empty"),
    (
        "batch_norm_inference",
        (IMAGE, C, C, ones(1), C),
        {},
        "mean has shape (1,) but x has 3 channels; it must be (3,)",
    ),
    ("batch_norm_inference", (IMAGE, C, C, C, ones(4)), {}, "var has shape (4,) but x has 3 channels; it must be (3,)"),
    ("batch_norm_inference", (IMAGE, C, C, C, -C), {}, "var holds -1.0; a variance must be 0 or more"),
    ("batch_norm_inference", (IMAGE, C, C, C, C), {"eps": -1}, "eps is -1; it must be 0 or more"),
    ("concatenate", (), {}, "xs is empty; at least one array is needed"),
    (
        "concatenate",
        (IMAGE, ones(2, 8, 8, 3)),
        {},
        "xs[1] has shape (2, 8, 8, 3) but xs[0] has (2, 8, 9, 3); they must agree in all axes but the last",
    ),
    ("conv2d", (ones(8, 9, 3), ones(3, 3, 3, 4)), {}, "x has shape (8, 9, 3); it must be (N, H, W, C)"),
    ("conv2d", (IMAGE, ones(3, 3, 4)), {}, "w has shape (3, 3, 4); it must be (kh, kw, C, O)"),
    (
        "conv2d",
        (IMAGE, ones(3, 3, 2, 4)),
        {},
        "w has shape (3, 3, 2, 4) but x has 3 channels; w.shape[2] must be 3",
    ),
    ("conv2d", (IMAGE, ones(3, 3, 3, 4), ones(1)), {}, "b has shape (1,) but w has 4 output channels; it must be (4,)"),
    (
        "conv2d",
        (IMAGE, ones(3, 3, 3, 4)),
        {"padding": "full"},
        'padding is "full"; it must be "same", "valid" or an integer',
    ),
    (
        "conv2d",
        (IMAGE, ones(5, 3, 3, 4)),
        {"padding": "valid", "dilation": (2, 1)},
        "the kernel covers 9 pixels along H (size 5, dilation 2) but the padded image has 8 (0 + 8 + 0); it must fit",
    ),
    (
        "conv2d",
        (IMAGE, ones(3, 3, 3, 4)),
        {"dilation": 0},
        "dilation is 0; it must be a positive integer or a pair of them (height, width)",
    ),
    ("dense", (IMAGE, ones(3, 4)), {}, "x has shape (2, 8, 9, 3); it must be (N, I)"),
    ("dense", (ROWS, ones(4, 3)), {}, "w has shape (4, 3) but x has 3 columns; w.shape[0] must be 3"),
    ("dense", (ROWS, ones(3, 4), ones(3)), {}, "b has shape (3,) but w has 4 columns; it must be (4,)"),
    (
        "depthwise_conv2d",
        (IMAGE, ones(3, 3, 8, 1)),
        {},
        "w has shape (3, 3, 8, 1) but x has 3 channels; w.shape[2] must be 3",
    ),
    (
        "depthwise_conv2d",
        (IMAGE, ones(3, 3, 3, 2), ones(3)),
        {},
        "b has shape (3,) but w makes 6 output channels; it must be (6,)",
    ),
    ("depthwise_conv2d", (IMAGE, ones(3, 3, 3)), {}, "w has shape (3, 3, 3); it must be (kh, kw, C, m)"),
    ("dropout", (IMAGE, RNG), {"rate": 1.0}, "rate is 1.0; it must be at least 0 and less than 1"),
    ("dropout", (IMAGE, RNG), {"rate": -0.1}, "rate is -0.1; it must be at least 0 and less than 1"),
    ("dropout", (IMAGE, RNG), {"rate": np.nan}, "rate is nan; it must be at least 0 and less than 1"),
    ("elu", (IMAGE,), {"alpha": 0}, "alpha is 0; it must be more than 0, and finite"),
    ("elu", (IMAGE,), {"alpha": np.inf}, "alpha is inf; it must be more than 0, and finite"),
    ("global_average_pool2d", (ROWS,), {}, "x has shape (2, 3); it must be (N, H, W, C)"),
    ("global_average_pool2d", (ones(2, 0, 9, 3),), {}, "x has shape (2, 0, 9, 3); no axis may be empty"),
    (
        "grouped_conv2d",
        (IMAGE, ones(3, 3, 1, 4)),
        {"groups": 3},
        "groups is 3 but there are 3 channels in and 4 out; groups must divide both",
    ),
    (
        "grouped_conv2d",
        (IMAGE, ones(3, 3, 3, 6)),
        {"groups": 3},
        "w has shape (3, 3, 3, 6) but x has 3 channels in 3 groups; w.shape[2] must be 1",
    ),
    ("grouped_conv2d", (IMAGE, ones(3, 3, 1, 3)), {"groups": 0}, "groups is 0; it must be a positive integer"),
    ("grouped_conv2d", (IMAGE, ones(3, 3, 1, 3)), {"groups": 3.0}, "groups is 3.0; it must be a positive integer"),
    (
        "grouped_conv2d",
        (IMAGE, ones(3, 3, 1, 3), ones(1)),
        {"groups": 3},
        "b has shape (1,) but w has 3 output channels; it must be (3,)",
    ),
    ("max_pool2d", (ROWS,), {}, "x has shape (2, 3); it must be (N, H, W, C)"),
    (
        "max_pool2d",
        (IMAGE,),
        {"size": (3, 0)},
        "size is (3, 0); it must be a positive integer or a pair of them (height, width)",
    ),
    (
        "max_pool2d",
        (IMAGE,),
        {"padding": None},
        'padding is None; it must be "same", "valid" or an integer, 0 or more',
    ),
    ("pointwise_conv2d", (ROWS, ones(3, 4)), {}, "x has shape (2, 3); it must be (N, H, W, C)"),
    ("pointwise_conv2d", (IMAGE, ones(1, 1, 3, 4)), {}, "w has shape (1, 1, 3, 4); it must be (C, O)"),
    ("pointwise_conv2d", (IMAGE, ones(4, 3)), {}, "w has shape (4, 3) but x has 3 channels; w.shape[0] must be 3"),
    ("pointwise_conv2d", (IMAGE, ones(3, 4), C), {}, "b has shape (3,) but w has 4 output channels; it must be (4,)"),
    (
        "pointwise_conv2d",
        (IMAGE, ones(3, 4)),
        {"stride": (1, 2, 3)},
        "stride is (1, 2, 3); it must be a positive integer or a pair of them (height, width)",
    ),
    ("relu", (ones(2, 0),), {}, "x has shape (2, 0); no axis may be empty"),
    (
        "separable_conv2d",
        (IMAGE, ones(3, 3, 2, 1), ones(2, 4)),
        {},
        "w_depthwise has shape (3, 3, 2, 1) but x has 3 channels; w_depthwise.shape[2] must be 3",
    ),
    (
        "separable_conv2d",
        (IMAGE, ones(3, 3, 3, 2), ones(3, 4)),
        {},
        "w_pointwise has shape (3, 4) but w_depthwise makes 3 * 2 channels; w_pointwise.shape[0] must be 6",
    ),
    (
        "separable_conv2d",
        (IMAGE, ones(3, 3, 3, 1), ones(3, 4), C),
        {},
        "b has shape (3,) but w_pointwise has 4 output channels; it must be (4,)",
    ),
    (
        "separable_conv2d",
        (IMAGE, ones(3, 3, 3, 1), ones(3, 4)),
        {"activation": "gelu"},
        "activation is 'gelu'; it must be None, 'relu' or 'elu'",
    ),
    (
        "separable_conv2d",
        (IMAGE, ones(9, 3, 3, 1), ones(3, 4)),
        {"padding": "valid"},
        "the kernel covers 9 pixels along H (size 9, dilation 1) but the padded image has 8 (0 + 8 + 0); it must fit",
    ),
    ("softmax", (np.array(1.0),), {}, "x has shape (); it must be (..., K)"),
    ("softmax_cross_entropy", (IMAGE, LABELS), {}, "logits has shape (2, 8, 9, 3); it must be (N, K)"),
    (
        "softmax_cross_entropy",
        (ROWS, np.eye(3, dtype=int)[LABELS]),
        {},
        "labels has shape (2, 3) but logits has 2 rows; it must be (2,)",
    ),
    (
        "softmax_cross_entropy",
        (ROWS, np.array([0, 3])),
        {},
        "labels holds 0 to 3 but logits has 3 columns; labels must be 0 to 2",
    ),
    (
        "softmax_cross_entropy",
        (ROWS, np.array([-1, 0])),
        {},
        "labels holds -1 to 0 but logits has 3 columns; labels must be 0 to 2",
    ),
    (
        "softmax_cross_entropy",
        (ROWS, LABELS),
        {"label_smoothing": 1.0},
        "label_smoothing is 1.0; it must be at least 0 and less than 1",
    ),
    (
        "zero_padding2d",
        (IMAGE,),
        {"padding": -1},
        "padding is -1; it must be an integer >= 0 or ((top, bottom), (left, right))",
    ),
    (
        "zero_padding2d",
        (IMAGE,),
        {"padding": (1, 1)},
        "padding is (1, 1); it must be an integer >= 0 or ((top, bottom), (left, right))",
    ),
    ("zero_padding2d", (ROWS,), {"padding": 1}, "x has shape (2, 3); it must be (N, H, W, C)"),
]


@pytest.mark.parametrize("function", ["forward", "definition"])
@pytest.mark.parametrize(
    ("op", "arguments", "options", "message"),
    WRONG_VALUES,
    ids=[f"{op}: {message[:40]}" for op, _, _, message in WRONG_VALUES],
)
def test_wrong_shapes_and_numbers(op, arguments, options, message, function):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{op}: {message}')}$"):
        getattr(getattr(ops, op), function)(*arguments, **options)


def test_every_operation_is_here():
    assert {op for op, *_ in WRONG_VALUES} == set(ops.__all__)


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d", "grouped_conv2d", "separable_conv2d"])
def test_cost_refuses_a_kernel_that_does_not_fit_too(op):
    shapes = {"separable_conv2d": ((3, 3, 3, 1), (3, 4))}.get(op, ((3, 3, 3, 3),))
    options = {"groups": 1} if op == "grouped_conv2d" else {}
    with pytest.raises(ValueError, match=r"the kernel covers 3 pixels along W"):
        getattr(ops, op).cost((1, 8, 2, 3), *shapes, padding="valid", **options)
