"""The table of cases holds what it promises."""

import inspect

import numpy as np
import pytest

from xnp import ops
from xnp.cases import CASES, cases_of, make, random_like

WINDOWED = ("conv2d", "grouped_conv2d", "depthwise_conv2d", "separable_conv2d", "max_pool2d", "average_pool2d")


def test_every_operation_has_cases():
    assert {case.op_name for case in CASES} == set(ops.__all__)
    assert min(len(cases_of(name)) for name in ops.__all__) >= 3


def test_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("name", WINDOWED)
def test_windows_vary_in_all_that_is_easy_to_get_wrong(name):
    cases = cases_of(name)
    shapes = [case.arrays["x"].shape for case in cases]
    kernels = [
        case.options["size"] if "size" in case.options else list(case.arrays.values())[1].shape[:2] for case in cases
    ]
    strides = {case.options["stride"] for case in cases}
    assert {shape[0] for shape in shapes} == {2}
    assert {(h % 2, w % 2) for _, h, w, _ in shapes} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert any(h != w for _, h, w, _ in shapes)
    assert {k for kernel in kernels for k in kernel} >= {1, 2, 3}
    assert any(kh != kw for kh, kw in kernels)
    assert strides >= {1, 2, 3}
    assert any(isinstance(stride, tuple) for stride in strides)
    assert {case.options["padding"] for case in cases} >= {"same", "valid", 1}
    assert any(
        h % case.options["stride"]
        for (_, h, *_), case in zip(shapes, cases, strict=True)
        if case.options["stride"] == 2
    )
    assert any(h < kh for (_, h, *_), (kh, _) in zip(shapes, kernels, strict=True))


@pytest.mark.parametrize("name", WINDOWED[:4])
def test_convolutions_vary_in_bias_and_dilation(name):
    cases = cases_of(name)
    assert {case.arrays["b"] is None for case in cases} == {True, False}
    assert {case.options.get("dilation", 1) for case in cases} >= {1, 2, (2, 3)}


def test_the_options_that_one_operation_alone_has_vary():
    assert {case.arrays["w"].shape[3] for case in cases_of("depthwise_conv2d")} == {1, 2, 3}
    assert {case.options["groups"] for case in cases_of("grouped_conv2d")} == {1, 2, 4}
    separable = {(c.options["activation"], c.arrays["b"] is None) for c in cases_of("separable_conv2d")}
    assert separable == {(activation, bare) for activation in (None, "relu", "elu") for bare in (True, False)}
    assert len({case.options["alpha"] for case in cases_of("elu")}) == 3
    assert len({case.options["rate"] for case in cases_of("dropout")}) == 4
    assert {case.arrays["x"].ndim for case in cases_of("batch_norm")} == {2, 3, 4, 5}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_arrays_stand_in_the_order_of_forwards_arguments(case):
    parameters = list(inspect.signature(case.op.forward).parameters.values())
    if parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:  # concatenate
        assert list(case.arrays) == [f"xs[{k}]" for k in range(len(case.arrays))]
    else:
        assert list(case.arrays) == [parameter.name for parameter in parameters[: len(case.arrays)]]


def test_a_case_draws_the_same_numbers_each_time_whatever_the_others_are():
    first, again = (make(ops.relu, "anything", {"x": (3, 4)}) for _ in range(2))
    other = make(ops.relu, "anything else", {"x": (3, 4)})
    np.testing.assert_array_equal(first.arrays["x"], again.arrays["x"])
    assert (first.arrays["x"] != other.arrays["x"]).all()


def test_a_case_with_a_generator_draws_the_same_mask_at_each_call():
    case = cases_of("dropout")[1]
    np.testing.assert_array_equal(case.forward()[0], case.forward()[0])


def test_a_case_can_be_cast():
    case = cases_of("batch_norm_inference")[0].cast(np.float32)
    assert {a.dtype for a in (*case.arrays.values(), case.options["mean"], case.options["var"])} == {
        np.dtype(np.float32)
    }
    assert cases_of("softmax_cross_entropy")[0].cast(np.float32).options["labels"].dtype.kind == "i"
    assert cases_of("dense")[1].cast(np.float32).arrays["b"] is None


def test_dy_is_random_and_has_ys_shape_and_dtype():
    y = np.zeros((3, 4), np.float32)
    dy = random_like(y)
    assert (dy.shape, dy.dtype) == (y.shape, y.dtype)
    assert len(np.unique(dy)) == dy.size
    assert random_like(np.zeros(())).shape == ()
