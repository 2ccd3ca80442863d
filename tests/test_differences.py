"""The measuring instruments themselves: right on functions whose slopes are known, and corners found where they are."""

import numpy as np
import pytest

from xnp.differences import FLOOR, central_difference, complex_step, count_kinks, kink, relative_error

RNG = np.random.default_rng(0)
X, DY = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))

# name -> function, its slope
ANALYTIC = {
    "x": (lambda x: 1 * x, np.ones_like),
    "3 x^2": (lambda x: 3 * x**2, lambda x: 6 * x),
    "exp(x)": (np.exp, np.exp),
    "1 / (1 + x^2)": (lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2),
}


@pytest.mark.parametrize(("f", "slope"), ANALYTIC.values(), ids=ANALYTIC.keys())
def test_both_methods_find_known_slopes(f, slope):
    assert relative_error(slope(X) * DY, central_difference(f, X, DY)) < 1e-8
    assert relative_error(slope(X) * DY, complex_step(f, X, DY)) < 1e-15


@pytest.mark.parametrize("method", [central_difference, complex_step])
def test_an_output_of_another_shape_is_summed_with_its_dy(method):
    """With y = x @ a, dx is dy @ a.T."""
    a, dy = RNG.normal(size=(4, 2)), RNG.normal(size=(3, 2))
    assert relative_error(dy @ a.T, method(lambda x: x @ a, X, dy)) < 1e-8


@pytest.mark.parametrize("method", [central_difference, complex_step])
def test_a_wrong_slope_is_not_found(method):
    assert relative_error(2 * X * DY, method(lambda x: x**3, X, DY)) > 0.1


@pytest.mark.parametrize("method", [central_difference, complex_step])
def test_x_is_left_as_it_is(method):
    x = X.copy()
    x.flags.writeable = False
    method(np.square, x, DY)
    np.testing.assert_array_equal(x, X)


def test_a_number_without_axes_has_a_slope_too():
    x, dy = np.array(3.0), np.array(2.0)
    assert relative_error(np.array(12.0), central_difference(np.square, x, dy)) < 1e-8
    assert complex_step(np.square, x, dy) == 12.0


def test_the_complex_step_is_exact_where_the_central_difference_is_not():
    slope = np.exp(X) * DY
    assert relative_error(slope, central_difference(np.exp, X, DY)) > 1e-12
    assert relative_error(slope, complex_step(np.exp, X, DY)) < 1e-15


def test_relative_error_is_the_length_of_the_difference_over_the_longer_length():
    assert relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0
    assert relative_error(np.array([3.0, 4.0]), np.array([3.0, 2.0])) == pytest.approx(2 / 5)
    assert relative_error(np.array([0.0]), np.array([FLOOR / 10])) == pytest.approx(0.1)  # not 1: too small to matter


@pytest.mark.parametrize("found", [np.ones((1, 2)), np.ones(3), np.float64(1), None])
def test_a_gradient_of_another_shape_is_infinitely_wrong(found):
    assert relative_error(found, np.ones(2)) == np.inf


def test_a_gradient_with_nan_has_the_error_nan():
    assert np.isnan(relative_error(np.array([1.0, np.nan]), np.ones(2)))


SMOOTH = {
    "constant": lambda t: 5.0,
    "line": lambda t: 3 * t + 1,
    "t^2": lambda t: 1e3 * t**2,
    "t^2 without a slope, on top of 100": lambda t: 100 + t**2,
    "exp(20 t)": lambda t: np.exp(20 * t),
    "sin(1000 t)": lambda t: np.sin(1000 * t),
    "relu far from its corner": lambda t: max(t + 1e-3, 0.0),
}


@pytest.mark.parametrize("g", SMOOTH.values(), ids=SMOOTH.keys())
@pytest.mark.parametrize("eps", [1e-5, 1e-6])
def test_a_smooth_function_has_no_kink(g, eps):
    assert not kink(g, eps)


@pytest.mark.parametrize("where", [*np.linspace(-0.95, 0.95, 39).round(3), 1 / 3, -1 / 3, 1 / 6])
@pytest.mark.parametrize("eps", [1e-5, 1e-6])
def test_a_corner_within_eps_is_a_kink(where, eps):
    """Wherever the corner stands: some distances make one of the two halvings blind, never both."""
    assert kink(lambda t: np.exp(t) + max(t - where * eps, 0.0), eps)
    assert kink(lambda t: np.sin(t) - 0.01 * abs(t - where * eps), eps)


def test_a_jump_is_a_kink():
    assert kink(lambda t: float(t > 3e-7))


def test_a_corner_too_small_to_matter_is_no_kink():
    assert not kink(lambda t: t + 1e-8 * abs(t))


def test_kinks_are_counted_for_each_number():
    x = np.array([[1.0, 0.0, -2.0], [3.0, 1e-7, 0.0]])
    assert count_kinks(lambda x: np.maximum(x, 0), x, RNG.normal(size=x.shape)) == 3
    assert count_kinks(np.square, x, RNG.normal(size=x.shape)) == 0
