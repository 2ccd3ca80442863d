"""Every gradient of every operation on every case: by central difference, and by complex step where it is analytic."""

import pytest

from xnp.battery import check_ties
from xnp.cases import CASES, cases_of, random_like
from xnp.differences import count_kinks
from xnp.gradcheck import check, table

CORNERED = [case for case in CASES if not case.analytic]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_gradients_are_the_measured_ones(case):
    results = check(case)
    assert all(result.passed for result in results), table(results)
    methods = ("central difference", "complex step") if case.analytic else ("central difference",)
    names = [f"d{name}" for name, array in case.arrays.items() if array is not None]
    assert [(r.gradient, r.method) for r in results] == [(name, method) for name in names for method in methods]


def test_only_operations_with_corners_are_not_analytic():
    assert {case.op_name for case in CORNERED} == {"relu", "elu", "max_pool2d", "separable_conv2d"}
    assert {c.options["activation"] for c in CORNERED if c.op_name == "separable_conv2d"} == {"relu", "elu"}


@pytest.mark.parametrize("case", CORNERED, ids=[case.name for case in CORNERED])
def test_no_case_stands_at_a_corner(case):
    dy = random_like(case.forward()[0])
    for name, array in case.arrays.items():
        if array is not None:
            assert count_kinks(case.as_function_of(name), array, dy) == 0


@pytest.mark.parametrize("case", cases_of("max_pool2d"), ids=[case.name for case in cases_of("max_pool2d")])
def test_the_first_of_equal_pixels_gets_the_gradient(case):
    check_ties(case)
