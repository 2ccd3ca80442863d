"""The recorded vectors that the package of the ONNX project ships: a model of one operation, an input, the output.

They were recorded once, from torch, in float32. The images are (N, C, H, W), the kernels (O, C / groups, kh, kw).
Every recorded operation on images is here, or is left out for a reason; a new one makes a test fail.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnp import ops

onnx = pytest.importorskip("onnx")
RECORDED = Path(onnx.__file__).parent / "backend" / "test" / "data" / "pytorch-converted"

TOLERANCE = 1e-6
CONVOLUTIONS = [
    "Conv2d",
    "Conv2d_depthwise",
    "Conv2d_depthwise_padded",
    "Conv2d_depthwise_strided",
    "Conv2d_depthwise_with_multiplier",
    "Conv2d_dilated",
    "Conv2d_groups",
    "Conv2d_groups_thnn",
    "Conv2d_no_bias",
    "Conv2d_padding",
    "Conv2d_strided",
]
POOLS = ["MaxPool2d", "MaxPool2d_stride_padding_dilation", "AvgPool2d", "AvgPool2d_stride"]
NORMS = ["BatchNorm2d_eval", "BatchNorm2d_momentum_eval"]
LEFT_OUT = {
    "ConstantPad2d": "pads with 2",
    "ConvTranspose2d": "xnp has no transposed convolution",
    "ConvTranspose2d_no_bias": "xnp has no transposed convolution",
    "PReLU_2d": "xnp has no leaky activation",
    "PReLU_2d_multiparam": "xnp has no leaky activation",
    "ReflectionPad2d": "pads with a reflection",
    "ReplicationPad2d": "pads with copies of the border",
}


def recorded(name: str) -> tuple[list[np.ndarray], dict[str, Any], np.ndarray]:
    """Read the inputs (the image first, then the parameters), the attributes and the output."""
    folder = RECORDED / f"test_{name}"
    model = onnx.load(folder / "model.onnx")
    image, y = (
        onnx.numpy_helper.to_array(onnx.load_tensor(folder / "test_data_set_0" / file))
        for file in ("input_0.pb", "output_0.pb")
    )
    parameters = {array.name: onnx.numpy_helper.to_array(array) for array in model.graph.initializer}
    node = model.graph.node[-1]  # Linear_no_bias transposes its matrix in a node of its own; all others have one node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return [image, *(parameters[key] for key in sorted(parameters))], attributes, y


def nhwc(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def test_no_recorded_vector_is_left_out_without_a_reason():
    found = [path.name.removeprefix("test_") for path in RECORDED.glob("test_*2d*")]
    assert sorted(found) == sorted([*CONVOLUTIONS, *POOLS, *NORMS, "ZeroPad2d", *LEFT_OUT])
    assert len(found) == 25


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name, distance):
    """As the general grouped one, and as conv2d and depthwise_conv2d where the number of groups allows."""
    (x, w, *b), attributes, y = recorded(name)
    x, groups, (O, per_group, kh, kw) = nhwc(x), attributes["group"], w.shape
    (padding,) = set(attributes["pads"])
    options = {"stride": attributes["strides"], "dilation": attributes["dilations"], "padding": padding}
    w = np.ascontiguousarray(w.transpose(2, 3, 1, 0))  # (kh, kw, C / groups, O)
    answers = [ops.grouped_conv2d.forward(x, w, *b, groups=groups, **options)[0]]
    if groups == 1:
        answers.append(ops.conv2d.forward(x, w, *b, **options)[0])
    if per_group == 1:
        by_channel = w.reshape(kh, kw, groups, O // groups)  # output c*m + k is kernel k of channel c
        answers.append(ops.depthwise_conv2d.forward(x, by_channel, *b, **options)[0])
    assert len(answers) == (2 if 1 in (groups, per_group) else 1)
    for answer in answers:
        assert answer.dtype == np.float32
        assert distance(answer, nhwc(y)) <= TOLERANCE


@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d", "AvgPool2d_stride"])
def test_pools(name, distance):
    (x,), attributes, y = recorded(name)
    (padding,) = set(attributes["pads"])
    op = ops.max_pool2d if name.startswith("Max") else ops.average_pool2d
    size, stride = attributes["kernel_shape"], attributes["strides"]
    assert distance(op.forward(nhwc(x), size=size, stride=stride, padding=padding)[0], nhwc(y)) <= TOLERANCE


def test_a_dilated_max_pool_is_a_plain_one_of_fewer_pixels():
    """A dilated pool is not in xnp. But here the stride is the dilation: all windows read the same pixels, a few."""
    (x,), attributes, y = recorded("MaxPool2d_stride_padding_dilation")
    assert attributes["strides"] == attributes["dilations"] == [10, 10]
    assert attributes["pads"] == [10, 20, 10, 20]  # of the pixels that are left: 1 above and below, 2 on either side
    fewer = np.pad(x[:, :, ::10, ::10], ((0, 0), (0, 0), (1, 1), (2, 2)), constant_values=-np.inf)
    got, _ = ops.max_pool2d.forward(nhwc(fewer), size=attributes["kernel_shape"], stride=1, padding="valid")
    np.testing.assert_array_equal(got, nhwc(y))


@pytest.mark.parametrize("name", NORMS)
def test_batch_norms(name, distance):
    (x, gamma, beta, mean, var), attributes, y = recorded(name)
    got, _ = ops.batch_norm_inference.forward(nhwc(x), gamma, beta, mean, var, eps=attributes["epsilon"])
    assert distance(got, nhwc(y)) <= TOLERANCE


def softmax(x: np.ndarray, *, axis: int) -> np.ndarray:
    assert axis in (-1, x.ndim - 1)
    return ops.softmax.forward(x)[0]


def zero_padding(x: np.ndarray, *, pads: list[int], value: float, **_: Any) -> np.ndarray:
    assert value == 0
    _, _, top, left, _, _, bottom, right = pads
    padded, _ = ops.zero_padding2d.forward(nhwc(x), padding=((top, bottom), (left, right)))
    return padded.transpose(0, 3, 1, 2)


OTHERS: dict[str, Callable[..., np.ndarray]] = {
    "ELU": lambda x, *, alpha: ops.elu.forward(x, alpha=alpha)[0],
    "ReLU": lambda x: ops.relu.forward(x)[0],
    "Softmax": softmax,
    "softmax_lastdim": softmax,
    "softmax_functional_dim3": softmax,
    "Linear": lambda x, w, b, **_: ops.dense.forward(x, w.T, b)[0],
    "Linear_no_bias": lambda x, w: ops.dense.forward(x, w.T)[0],
    "ZeroPad2d": zero_padding,
}


@pytest.mark.parametrize("name", OTHERS)
def test_others(name, distance):
    arrays, attributes, y = recorded(name)
    assert distance(OTHERS[name](*arrays, **attributes), y) <= TOLERANCE
