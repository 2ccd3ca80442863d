"""Wrong dtypes, things that are no arrays, and a wrong dy: each error names operation and argument."""

import re

import numpy as np
import pytest

from xnp import ops

IMAGE, ROWS, C = np.ones((2, 8, 9, 3)), np.ones((2, 3)), np.ones(3)
LABELS = np.array([0, 2])


def ones(*shape, dtype=np.float64):
    return np.ones(shape, dtype)


# operation, bad arguments, bad options, message
SINGLE = np.float32
WRONG_TYPES = [
    ("add", (IMAGE, IMAGE.astype(SINGLE)), {}, "a is float64 but b is float32; they must be the same"),
    ("add", (IMAGE, 1.0), {}, "b is a float; it must be a NumPy array of shape (2, 8, 9, 3)"),
    ("batch_norm", (IMAGE, C, C.astype(SINGLE)), {}, "x is float64 but beta is float32; they must be the same"),
    (
        "batch_norm_inference",
        (IMAGE.astype(SINGLE), *[C.astype(SINGLE)] * 3, C),
        {},
        "x is float32 but var is float64; they must be the same",
    ),
    ("concatenate", (ROWS, ROWS.astype(SINGLE)), {}, "xs[0] is float64 but xs[1] is float32; they must be the same"),
    (
        "conv2d",
        (np.ones((1, 8, 8, 3), np.uint8), ones(3, 3, 3, 4)),
        {},
        "x is uint8; it must be float32 or float64 or complex128",
    ),
    ("conv2d", ([[1.0]], ones(3, 3, 3, 4)), {}, "x is a list; it must be a NumPy array (N, H, W, C)"),
    (
        "conv2d",
        (IMAGE, ones(3, 3, 3, 4), ones(4, dtype=SINGLE)),
        {},
        "x is float64 but b is float32; they must be the same",
    ),
    ("dense", (ROWS, ones(3, 4, dtype=SINGLE)), {}, "x is float64 but w is float32; they must be the same"),
    ("dropout", (IMAGE, 0), {"rate": 0.5}, "rng is a int; it must be a numpy.random.Generator"),
    ("elu", (IMAGE + 0j,), {}, "x is complex128; it must be float32 or float64"),
    ("max_pool2d", (IMAGE + 0j,), {}, "x is complex128; it must be float32 or float64"),
    ("relu", (np.arange(3),), {}, "x is int64; it must be float32 or float64"),
    ("relu", (None,), {}, "x is a NoneType; it must be a NumPy array (N, ...)"),
    (
        "separable_conv2d",
        (IMAGE + 0j, ones(3, 3, 3, 1) + 0j, ones(3, 4) + 0j),
        {"activation": "relu"},
        "x is complex128; it must be float32 or float64",
    ),
    ("softmax", (ones(2, 3, dtype=np.float16),), {}, "x is float16; it must be float32 or float64 or complex128"),
    ("softmax_cross_entropy", (ROWS, C[:2]), {}, "labels is float64; it must be an integer dtype"),
    ("softmax_cross_entropy", (ROWS, [0, 1]), {}, "labels is a list; it must be a NumPy array of shape (2,)"),
]


@pytest.mark.parametrize("function", ["forward", "definition"])
@pytest.mark.parametrize(
    ("op", "arguments", "options", "message"),
    WRONG_TYPES,
    ids=[f"{op}: {message[:40]}" for op, _, _, message in WRONG_TYPES],
)
def test_wrong_types(op, arguments, options, message, function):
    with pytest.raises(TypeError, match=f"^{re.escape(f'{op}: {message}')}$"):
        getattr(getattr(ops, op), function)(*arguments, **options)


@pytest.mark.parametrize(
    ("dy", "error", "message"),
    [
        (
            ones(2, 8, 9, 1),
            ValueError,
            "conv2d: dy has shape (2, 8, 9, 1) but y had (2, 8, 9, 4); it must be (2, 8, 9, 4)",
        ),
        (ones(2, 8, 9, 4, dtype=SINGLE), TypeError, "conv2d: dy is float32 but y was float64; they must be the same"),
        (1.0, TypeError, "conv2d: dy is a float; it must be a NumPy array of shape (2, 8, 9, 4)"),
    ],
    ids=["shape", "dtype", "type"],
)
def test_a_wrong_dy(dy, error, message):
    _, cache = ops.conv2d.forward(IMAGE, ones(3, 3, 3, 4))
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        ops.conv2d.backward(dy, cache)


@pytest.mark.parametrize("dy", [np.ones(2), None, "1"])
def test_the_dy_of_a_loss_is_one_number(dy):
    _, cache = ops.softmax_cross_entropy.forward(ROWS, LABELS)
    message = f"softmax_cross_entropy: dy is {dy!r}; the loss is one number, so dy must be one"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ops.softmax_cross_entropy.backward(dy, cache)
