"""Known numbers: what the paper's operations cost."""

import pytest

from xnp import ops
from xnp.shapes import Cost

IMAGE = (1, 8, 8, 3)


def test_the_example_of_8x8x3_pixels_and_16_outputs():
    conv = ops.conv2d.cost(IMAGE, (3, 3, 3, 16))
    depthwise = ops.depthwise_conv2d.cost(IMAGE, (3, 3, 3, 1))
    pointwise = ops.pointwise_conv2d.cost(IMAGE, (3, 16))
    separable = ops.separable_conv2d.cost(IMAGE, (3, 3, 3, 1), (3, 16))
    assert conv == Cost((1, 8, 8, 16), 432, 27_648, 0)
    assert depthwise == Cost((1, 8, 8, 3), 27, 1_728, 0)
    assert pointwise == Cost((1, 8, 8, 16), 48, 3_072, 0)
    assert separable == Cost((1, 8, 8, 16), 75, 4_800, 0)
    assert conv.macs / separable.macs == conv.parameters / separable.parameters == 5.76
    ratio = 1 / (1 / 16 + 1 / 9)
    assert ratio == pytest.approx(5.76)


def test_for_one_output_channel_the_separable_form_costs_more():
    conv = ops.conv2d.cost(IMAGE, (3, 3, 3, 1), padding="valid")
    depthwise = ops.depthwise_conv2d.cost(IMAGE, (3, 3, 3, 1), padding="valid")
    pointwise = ops.pointwise_conv2d.cost(depthwise.output_shape, (3, 1))
    separable = ops.separable_conv2d.cost(IMAGE, (3, 3, 3, 1), (3, 1), padding="valid")
    assert conv == Cost((1, 6, 6, 1), 27, 972, 0)
    assert (depthwise.parameters, depthwise.macs) == (27, 972)
    assert (pointwise.parameters, pointwise.macs) == (3, 108)
    assert separable == Cost((1, 6, 6, 1), 30, 1_080, 0)


def test_groups_divide_parameters_and_products():
    for groups in (1, 2, 4, 8):
        cost = ops.grouped_conv2d.cost((1, 8, 8, 16), (3, 3, 16 // groups, 32), groups=groups)
        assert cost == Cost((1, 8, 8, 32), 4608 // groups, 294_912 // groups, 0)


@pytest.mark.parametrize(
    ("cost", "parameters", "elementwise"),
    [
        (ops.conv2d.cost(IMAGE, (3, 3, 3, 16), (16,)), 432 + 16, 8 * 8 * 16),
        (ops.grouped_conv2d.cost(IMAGE, (3, 3, 1, 6), (6,), groups=3), 54 + 6, 8 * 8 * 6),
        (ops.depthwise_conv2d.cost(IMAGE, (3, 3, 3, 2), (6,), stride=2), 54 + 6, 4 * 4 * 6),
        (ops.pointwise_conv2d.cost(IMAGE, (3, 16), (16,), stride=3), 48 + 16, 3 * 3 * 16),
        (ops.separable_conv2d.cost(IMAGE, (3, 3, 3, 1), (3, 16), (16,)), 75 + 16, 8 * 8 * 16),
        (ops.separable_conv2d.cost(IMAGE, (3, 3, 3, 1), (3, 16), activation="relu"), 75, 8 * 8 * 3),
        (ops.separable_conv2d.cost(IMAGE, (3, 3, 3, 1), (3, 16), activation="elu"), 75, 3 * 8 * 8 * 3),
        (ops.dense.cost((5, 2048), (2048, 1000), (1000,)), 2_049_000, 5000),
        (ops.max_pool2d.cost(IMAGE), 0, 4 * 4 * 3 * 9),
        (ops.average_pool2d.cost(IMAGE, size=2, stride=2), 0, 4 * 4 * 3 * (4 + 1)),
        (ops.global_average_pool2d.cost(IMAGE), 0, 8 * 8 * 3 + 3),
        (ops.zero_padding2d.cost(IMAGE, padding=2), 0, 0),
        (ops.batch_norm.cost(IMAGE, (3,), (3,)), 6, 7 * 192),
        (ops.batch_norm_inference.cost(IMAGE, (3,), (3,), (3,), (3,)), 6, 2 * 192),
        (ops.relu.cost(IMAGE), 0, 192),
        (ops.elu.cost(IMAGE), 0, 3 * 192),
        (ops.softmax.cost((5, 10)), 0, 5 * 50),
        (ops.add.cost(IMAGE, IMAGE), 0, 192),
        (ops.concatenate.cost(IMAGE, IMAGE), 0, 0),
        (ops.dropout.cost(IMAGE, rate=0.5), 0, 192),
        (ops.softmax_cross_entropy.cost((5, 10), (5,)), 0, 7 * 50),
    ],
    ids=lambda value: "" if isinstance(value, Cost) else str(value),
)
def test_parameters_and_elementwise_operations(cost, parameters, elementwise):
    assert (cost.parameters, cost.elementwise) == (parameters, elementwise)


def test_the_cost_of_a_large_call_allocates_nothing():
    """A million images would not fit into memory."""
    cost = ops.conv2d.cost((10**6, 299, 299, 3), (3, 3, 3, 32), stride=2, padding="valid")
    assert cost == Cost((10**6, 149, 149, 32), 864, 10**6 * 149 * 149 * 864, 0)
