"""The checks of gradients pass what is right and reject what is wrong, in operations and in networks."""

from types import SimpleNamespace

import numpy as np
import pytest

from xnp import gradcheck, ops
from xnp.cases import CASES, cases_of, make
from xnp.cli import main
from xnp.gradcheck import TOLERANCES, TRIES, Result, along, check, check_model, table
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU, Sequential
from xnp.models import tiny_xception
from xnp.mutants import without_windows

RNG = np.random.default_rng(0)


def with_backward(op, backward):
    """Give a case of an operation whose backward is another one."""
    case = cases_of(op.__name__.rpartition(".")[2])[1]
    return case._replace(op=SimpleNamespace(__name__=op.__name__, forward=op.forward, backward=backward))


# One operation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1 + 1e-6, 0.5, -1, 0])
def test_a_gradient_that_is_off_is_rejected_by_both_methods(factor):
    results = check(with_backward(ops.softmax, lambda dy, cache: factor * ops.softmax.backward(dy, cache)))
    assert [(r.method, r.passed) for r in results] == [("central difference", False), ("complex step", False)]


def test_the_complex_step_sees_what_the_central_difference_cannot():
    results = check(with_backward(ops.softmax, lambda dy, cache: (1 + 1e-10) * ops.softmax.backward(dy, cache)))
    assert [(r.method, r.passed) for r in results] == [("central difference", True), ("complex step", False)]


def test_one_wrong_number_among_many_is_enough():
    def backward(dy, cache):
        dx = ops.relu.backward(dy, cache)
        dx[0, 0] += 1e-5
        return dx

    assert not any(result.passed for result in check(with_backward(ops.relu, backward)))


@pytest.mark.parametrize(
    "backward",
    [
        lambda dy, cache: np.full_like(dy, np.nan),
        lambda dy, cache: ops.softmax.backward(dy, cache)[0],
        lambda dy, cache: None,
    ],
    ids=["nan", "another shape", "none at all"],
)
def test_what_is_no_gradient_is_rejected(backward):
    assert not any(result.passed for result in check(with_backward(ops.softmax, backward)))


def test_a_backward_that_writes_into_dy_cannot_bend_the_measure():
    def backward(dy, cache):
        dy *= 0
        return dy.copy()

    assert not any(result.passed for result in check(with_backward(ops.softmax, backward)))


def test_a_random_dy_finds_what_a_uniform_one_hides():
    """For a dy of ones, the variance's term in batch norm's dx is 0, so that nobody misses it."""
    case = cases_of("batch_norm")[0]
    broken = case._replace(op=without_windows.variance_taken_for_constant.op)
    assert not all(result.passed for result in check(broken))
    y, cache = case.forward()
    ones = np.ones_like(y)
    right, wrong = case.backward(ones, cache)["x"], broken.backward(ones, cache)["x"]
    np.testing.assert_allclose(wrong, right, atol=1e-12)


def test_a_failure_at_a_corner_says_so():
    """Two of the three numbers stand at relu's corner, where the measured slope is a half."""
    case = make(
        ops.relu, "at its corner", {"x": (3,)}, draw=lambda rng, shape: np.array([0.0, 1.0, 0.0]), analytic=False
    )
    (result,) = check(case)
    assert (result.passed, result.kinks) == (False, 2)
    assert "corners met: 2" in table([result])


# A network ---------------------------------------------------------------------------------------------------------


def small_network():
    layers = {"conv": Conv2D(4, 3, stride=2), "norm": BatchNorm(), "relu": ReLU(), "pool": GlobalAveragePool2D()}
    return Sequential(**layers, drop=Dropout(0.5), classifier=Dense(3)).build((6, 7, 2), seed=0, dtype=np.float64)


def batch(model, N=4):
    return RNG.normal(size=(N, *model.input_shape)), np.arange(N) % 3


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_the_gradients_of_tiny_xception_are_the_measured_ones(training):
    model = tiny_xception((16, 16, 3), dtype=np.float64)
    results = check_model(model, *batch(model), name="tiny_xception", training=training)
    assert all(result.passed for result in results), table(results)
    assert {result.case for result in results} == {*model.parameters(), "x", "all"}
    assert {r.gradient for r in results} == {"stem", "entry", "middle", "exit", "classifier", "input", "all parameters"}


@pytest.mark.parametrize("seed", range(3))
def test_a_network_that_drops_is_measured_with_one_mask(seed):
    model = small_network()
    results = check_model(model, *batch(model), seed=seed)
    assert all(result.passed for result in results), table(results)


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_the_network_is_left_as_it_was(training):
    model = small_network()
    x, labels = batch(model)
    model.forward(x, training=True)  # so that the moving statistics are not those of a new network
    before = {path: array.copy() for path, array in model.state().items()}
    live = model.state()
    x.flags.writeable = False
    draws = {path: generator.bit_generator.state for path, generator in model.generators().items()}
    check_model(model, x, labels, training=training)
    for path, array in model.state().items():
        assert array is live[path]
        np.testing.assert_array_equal(array, before[path], err_msg=path)
    assert {path: generator.bit_generator.state for path, generator in model.generators().items()} == draws


@pytest.mark.parametrize("path", ["conv/kernel", "conv/bias", "norm/gamma", "norm/beta", "classifier/kernel"])
def test_one_wrong_gradient_in_a_network_is_found_and_named(path, monkeypatch):
    """The bias before batch norm has gradient 0; so the wrong one is not scaled but has something added."""
    model = small_network()
    gradients = model.gradients

    def wrong():
        found = gradients()
        return found | {path: found[path] + 0.01 * np.linalg.norm(found["conv/kernel"])}

    monkeypatch.setattr(model, "gradients", wrong)
    failed = [result for result in check_model(model, *batch(model)) if not result.passed]
    assert {result.case for result in failed} == {path, "all"}
    assert path.split("/")[0] in {result.gradient for result in failed}


def test_a_wrong_gradient_of_the_input_is_found(monkeypatch):
    model = small_network()
    backward = model.backward
    monkeypatch.setattr(model, "backward", lambda dy: 1.001 * backward(dy))
    assert [r.case for r in check_model(model, *batch(model)) if not r.passed] == ["x"]


def test_a_direction_that_crosses_a_corner_is_drawn_again_with_a_smaller_step():
    """A thousand relus with inputs close together around 0: a large step crosses some corners, a small one none."""
    x = 1e-7 * (np.arange(1000) - 499.5)
    before, slope = x.copy(), (x > 0).astype(np.float64)
    error, kinks = along(lambda: float(np.maximum(x, 0).sum()), [x], [slope], np.random.default_rng(0))
    assert error < TOLERANCES["directional"]
    assert 0 < kinks < TRIES
    np.testing.assert_array_equal(x, before)


def test_a_wrong_gradient_is_not_excused_by_corners(monkeypatch):
    monkeypatch.setattr(gradcheck, "kink", lambda line, step: True)
    model = small_network()
    backward = model.backward
    monkeypatch.setattr(model, "backward", lambda dy: 2 * backward(dy))
    (failed,) = [result for result in check_model(model, *batch(model)) if result.case == "x"]
    assert not failed.passed
    assert failed.kinks == TRIES


def test_float32_is_refused():
    model = small_network()
    x, labels = batch(model)
    with pytest.raises(ValueError, match="check_model: x is float32; slopes are measured in float64"):
        check_model(model, x.astype(np.float32), labels)


# The table ---------------------------------------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_gradient_with_the_worst_error_of_each_method():
    results = [
        Result("conv2d", "dx", "one", "central difference", 1e-9),
        Result("conv2d", "dx", "one", "complex step", 1e-16),
        Result("conv2d", "dx", "two", "central difference", 3e-9),
        Result("conv2d", "dx", "two", "complex step", 2e-16),
        Result("relu", "dx", "three", "central difference", 0.5, kinks=1),
        Result("relu", "dx", "four", "central difference", np.nan),
    ]
    assert table(results).splitlines() == [
        "op      gradient  cases  central difference  complex step",
        "                         below 1e-07         below 1e-12",
        "conv2d  dx        2      3.0e-09             2.0e-16       ok",
        "relu    dx        2      nan                 -             FAILED 2 of 2, the first in three (corners met: 1)",
    ]


def test_run_checks_every_case_of_every_operation_and_a_network(monkeypatch):
    """With the measuring left out: only what would be measured."""
    monkeypatch.setattr(gradcheck, "check", lambda case: [case.name])
    monkeypatch.setattr(gradcheck, "check_model", lambda model, x, labels, name: [(name, model.dtype, x.dtype)])
    *cases, network = gradcheck.run()
    assert cases == [case.name for case in CASES]
    assert network == ("tiny_xception", np.float64, np.float64)


@pytest.mark.parametrize(("error", "status"), [(1e-13, 0), (1e-11, 1)])
def test_the_command_prints_the_table_and_fails_where_a_gradient_fails(error, status, monkeypatch, capsys):
    results = [Result("conv2d", "dx", "one", "complex step", error)]
    monkeypatch.setattr(gradcheck, "run", lambda: results)
    assert main(["gradcheck"]) == status
    assert capsys.readouterr().out.startswith(table(results))
