"""The manners of every operation; and that each check of them can say no."""

from types import SimpleNamespace

import numpy as np
import pytest

from xnp import ops
from xnp.battery import CHECKS
from xnp.cases import cases_of
from xnp.shapes import Cost

CONTRACT = {name: check for name, check in CHECKS.items() if name.startswith("contract")}


@pytest.mark.parametrize("op_name", ops.__all__)
@pytest.mark.parametrize("check", CONTRACT.values(), ids=CONTRACT.keys())
def test_every_operation_keeps_the_contract(check, op_name):
    for case in cases_of(op_name):
        check(case)


# Operations with bad manners ---------------------------------------------------------------------------------------


def writes_to_an_argument(x, gamma, beta, mean, var, *, eps):
    y, cache = ops.batch_norm_inference.forward(x, gamma, beta, mean, var, eps=eps)
    mean += 0
    return y, cache


def wraps_a_single_gradient(dy, cache):
    return (ops.relu.backward(dy, cache),)


def lists_its_gradients(dy, cache):
    return list(ops.dense.backward(dy, cache))


def flattens_a_gradient(dy, cache):
    dx, dgamma, dbeta = ops.batch_norm.backward(dy, cache)
    return dx, dgamma[np.newaxis], dbeta


def answers_in_float64(x):
    y, cache = ops.softmax.forward(x)
    return y.astype(np.result_type(y, np.float64)), cache


def lets_numpys_float64_spread(x, rng, *, rate):
    y, cache = ops.dropout.forward(x, rng, rate=rate)
    return y * (1 - rate) / (1 - rate), cache


def returns_its_argument(x, *, padding):
    y, cache = ops.zero_padding2d.forward(x, padding=padding)
    return (x if y.shape == x.shape else y), cache


def returns_a_view_of_one_number(dy, cache):
    return np.broadcast_to(dy[:, np.newaxis, np.newaxis] / (cache.x_shape[1] * cache.x_shape[2]), cache.x_shape)


def keeps_its_answer(x):
    y, cache = ops.softmax.forward(x)
    return y, cache._replace(y=y)


def uses_its_cache_up(dy, cache):
    np.multiply(dy, cache.mask, out=cache.mask)
    return cache.mask.copy()


def draws_its_own_luck(x, rng, *, rate):
    return ops.dropout.forward(x, np.random.default_rng(), rate=rate)


def reads_memory_as_it_lies(x, w, b=None):
    return ops.dense.forward(x.ravel(order="K").reshape(x.shape), w, b)


def takes_any_dy(dy, cache):
    return dy * cache.passed


def refuses_dy_without_a_name(dy, cache):
    if dy.shape != cache.shape or dy.dtype != cache.dtype:
        raise ValueError("bad dy")
    return dy.copy(), dy.copy()


def takes_lists(x):
    return ops.softmax.forward(np.asarray(x))


def broadcasts_a_bias(x, w, b=None):
    if isinstance(b, np.ndarray) and b.shape == (1,):
        b = np.repeat(b, w.shape[1])
    return ops.dense.forward(x, w, b)


def refuses_without_a_name(x, w, b=None):
    if not isinstance(x, np.ndarray):
        raise TypeError("x must be an array")
    return ops.dense.forward(x, w, b)


def mixes_dtypes(a, b):
    return ops.add.forward(a.astype(b.dtype), b) if isinstance(a, np.ndarray) else ops.add.forward(a, b)


def takes_integers(x):
    return ops.relu.forward(x * 1.0 if isinstance(x, np.ndarray) and x.dtype.kind == "i" else x)


def forgets_the_bias(x_shape, w_shape, b_shape=None, **options):
    return ops.conv2d.cost(x_shape, w_shape, **options)


def counts_one_image(x_shape, w_shape, b_shape=None):
    return ops.dense.cost(x_shape, w_shape, b_shape)._replace(macs=w_shape[0] * w_shape[1])


def forgets_the_stride(x_shape, **options):
    return Cost(x_shape, 0, 0, 0)


@pytest.mark.parametrize(
    ("check", "op", "part", "function"),
    [
        ("unchanged", ops.batch_norm_inference, "forward", writes_to_an_argument),
        ("gradient shapes", ops.relu, "backward", wraps_a_single_gradient),
        ("gradient shapes", ops.dense, "backward", lists_its_gradients),
        ("gradient shapes", ops.batch_norm, "backward", flattens_a_gradient),
        ("dtype", ops.softmax, "forward", answers_in_float64),
        ("dtype", ops.dropout, "forward", lets_numpys_float64_spread),
        ("memory", ops.zero_padding2d, "forward", returns_its_argument),
        ("memory", ops.global_average_pool2d, "backward", returns_a_view_of_one_number),
        ("memory", ops.softmax, "forward", keeps_its_answer),
        ("repetition", ops.dropout, "backward", uses_its_cache_up),
        ("repetition", ops.dropout, "forward", draws_its_own_luck),
        ("layout", ops.dense, "forward", reads_memory_as_it_lies),
        ("wrong dy", ops.relu, "backward", takes_any_dy),
        ("wrong dy", ops.add, "backward", refuses_dy_without_a_name),
        ("wrong arrays", ops.softmax, "forward", takes_lists),
        ("wrong arrays", ops.dense, "forward", broadcasts_a_bias),
        ("wrong arrays", ops.dense, "forward", refuses_without_a_name),
        ("wrong dtypes", ops.add, "forward", mixes_dtypes),
        ("wrong dtypes", ops.relu, "forward", takes_integers),
        ("cost", ops.conv2d, "cost", forgets_the_bias),
        ("cost", ops.dense, "cost", counts_one_image),
        ("cost", ops.average_pool2d, "cost", forgets_the_stride),
    ],
    ids=lambda value: getattr(value, "__name__", value).rpartition(".")[2],
)
def test_bad_manners_are_found_by_the_check_for_them(check, op, part, function):
    parts = {name: getattr(op, name) for name in ("definition", "forward", "backward", "cost")} | {part: function}
    broken = SimpleNamespace(__name__=op.__name__, **parts)
    cases = [case._replace(op=broken) for case in cases_of(op.__name__.rpartition(".")[2])]

    def judge():
        for case in cases:
            CONTRACT[f"contract: {check}"](case)

    with pytest.raises(AssertionError):
        judge()
