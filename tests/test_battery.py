"""The battery asks its checks in order, and gives the name of the first that says no."""

from types import SimpleNamespace

import numpy as np
import pytest

from xnp import ops
from xnp.battery import CHECKS, check_definition, check_gradient, check_ties, rejection
from xnp.cases import cases_of


def broken(op, **functions):
    parts = {name: getattr(op, name) for name in ("definition", "forward", "backward", "cost")} | functions
    namespace = SimpleNamespace(__name__=op.__name__, **parts)
    return [case._replace(op=namespace) for case in cases_of(op.__name__.rpartition(".")[2])]


def test_forward_is_compared_with_the_definition_also_in_shape():
    """One row of equal numbers would be broadcast against the definition without a word."""
    (case, *_) = broken(ops.relu, forward=lambda x: (ops.relu.forward(x)[0][np.newaxis], None))
    with pytest.raises(AssertionError, match="relu 3: forward and definition differ by inf"):
        check_definition(case)


def test_forward_in_float32_is_compared_too():
    def forward(x):
        y, cache = ops.softmax.forward(x)
        return (y if y.dtype == np.float64 else y + np.float32(1e-3)), cache

    with pytest.raises(AssertionError, match="forward in float32 is off by"):
        check_definition(broken(ops.softmax, forward=forward)[0])


def test_a_wrong_gradient_is_named_with_its_method():
    (case, *_) = broken(ops.add, backward=lambda dy, cache: (dy.copy(), 2 * dy))
    with pytest.raises(
        AssertionError, match=r"add 3: db is off by 5\.0e-01 by central difference, db is off by 5\.0e-01 by"
    ):
        check_gradient(case)


def test_ties_are_asked_of_max_pooling_alone():
    check_ties(cases_of("average_pool2d")[0])
    zero = broken(ops.max_pool2d, backward=lambda dy, cache: 0 * ops.max_pool2d.backward(dy, cache))
    with pytest.raises(AssertionError, match="in a tie, the gradient does not go to the first maximum"):
        check_ties(zero[0])


def test_the_first_check_that_says_no_is_named():
    def both_wrong(a, b):
        y, cache = ops.add.forward(a, b)
        return y + 1, cache

    assert rejection(broken(ops.add, forward=both_wrong, backward=lambda dy, cache: (dy, dy))) == "definition"
    assert rejection(broken(ops.add, backward=lambda dy, cache: (dy, dy))) == "contract: memory"
    assert rejection(cases_of("add")) is None


def test_an_error_of_another_kind_is_not_swallowed():
    def crashes(a, b):
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        rejection(broken(ops.add, forward=crashes))


def test_the_right_numbers_are_asked_for_before_the_manners():
    names = list(CHECKS)
    assert names[0] == "definition"
    assert all(name.startswith("contract") for name in names[4:])
