"""Figures 1 to 4, and the separable convolution in both orders: what they are made of, gradients, costs."""

import re

import numpy as np
import pytest

from xnp import models, ops
from xnp.count import count
from xnp.gradcheck import check_model, table
from xnp.layers import BatchNorm, Dense, GlobalAveragePool2D, ReLU, SeparableConv2D, Sequential
from xnp.models import inception, inception_arrays
from xnp.models.inception import canonical, depthwise_first, extreme, pointwise_first, reduction, segmented, simplified

IMAGE = (6, 7, 5)  # H, W, C
FILTERS = 12
SEGMENTS = [1, 2, 3, 4, 6, 12]
TRAINING = pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])


# The separable convolution ------------------------------------------------------------------------------------------


@TRAINING
def test_depthwise_first_is_the_separable_convolution_of_xception(built, training):
    whole = Sequential(separable=SeparableConv2D(FILTERS, 3, use_bias=False), norm=BatchNorm(), relu=ReLU())
    apart, whole = built(depthwise_first(FILTERS)), built(whole)
    names = {"depthwise/kernel": "separable/depthwise", "pointwise/kernel": "separable/pointwise"}
    for path, array in apart.state().items():
        whole.state()[names.get(path, path)][...] = array
    rng = np.random.default_rng(6)
    x, dy = rng.normal(size=(3, *IMAGE)), rng.normal(size=(3, 6, 7, FILTERS))
    np.testing.assert_allclose(apart.forward(x, training), whole.forward(x, training), rtol=0, atol=1e-12)
    np.testing.assert_allclose(apart.backward(dy), whole.backward(dy), rtol=0, atol=1e-12)


def test_pointwise_first_runs_its_halves_the_other_way_round(built):
    form = built(pointwise_first(FILTERS))
    x, state = np.random.default_rng(6).normal(size=(3, *IMAGE)), form.state()
    mixed, _ = ops.pointwise_conv2d.forward(x, state["pointwise/kernel"])
    filtered, _ = ops.depthwise_conv2d.forward(mixed, state["depthwise/kernel"])
    norm = [state[f"norm/{name}"] for name in ("gamma", "beta", "moving_mean", "moving_variance")]
    normalised, _ = ops.batch_norm_inference.forward(filtered, *norm)
    np.testing.assert_allclose(form.forward(x), ops.relu.forward(normalised)[0], rtol=0, atol=1e-12)


# What the forms are made of ------------------------------------------------------------------------------------------


def shapes(form):
    """Name the kernels, and the gammas: path -> shape."""
    state = form.build(IMAGE).state()
    return {path: array.shape for path, array in state.items() if path.endswith(("kernel", "gamma"))}


def kinds(form):
    return " ".join(row.kind for row in count(form).rows)


def test_figure_1():
    form = canonical(2)
    assert shapes(form) == {
        "1/conv1/kernel": (5, 8),
        "1/norm1/gamma": (8,),
        "2/conv1/kernel": (5, 6),
        "2/norm1/gamma": (6,),
        "2/conv2/kernel": (3, 3, 6, 8),
        "2/norm2/gamma": (8,),
        "3/conv1/kernel": (5, 8),
        "3/norm1/gamma": (8,),
        "3/conv2/kernel": (3, 3, 8, 12),
        "3/norm2/gamma": (12,),
        "3/conv3/kernel": (3, 3, 12, 12),
        "3/norm3/gamma": (12,),
        "4/conv1/kernel": (5, 8),
        "4/norm1/gamma": (8,),
    }
    pointwise, spatial = "PointwiseConv2D BatchNorm ReLU", "Conv2D BatchNorm ReLU"
    towers = (pointwise, f"{pointwise} {spatial}", f"{pointwise} {spatial} {spatial}", f"AveragePool2D {pointwise}")
    assert kinds(form) == " ".join(towers) + " Concatenate"
    assert form.output_shape == (6, 7, 36)
    pool = next(leaf for leaf in form.leaves() if leaf.path == "4/pool")
    assert (pool.size, pool.stride, pool.padding) == (3, 1, "same")


def test_figure_1_has_the_channels_of_inception_v3():
    report = count(canonical(16).build((35, 35, 288)))
    at = {row.path: row.output_shape for row in report.rows}
    ends = ["1/relu1", "2/relu1", "2/relu2", "3/relu1", "3/relu2", "3/relu3", "4/relu1", "concatenate"]
    assert [at[path] for path in ends] == [(35, 35, n) for n in (64, 48, 64, 64, 96, 96, 64, 288)]


def test_the_module_that_halves():
    form = reduction(2)
    assert shapes(form) == {
        "1/conv1/kernel": (3, 3, 5, 16),
        "1/norm1/gamma": (16,),
        "2/conv1/kernel": (5, 8),
        "2/norm1/gamma": (8,),
        "2/conv2/kernel": (3, 3, 8, 12),
        "2/norm2/gamma": (12,),
        "2/conv3/kernel": (3, 3, 12, 12),
        "2/norm3/gamma": (12,),
    }
    spatial = "Conv2D BatchNorm ReLU"
    towers = (spatial, f"PointwiseConv2D BatchNorm ReLU {spatial} {spatial}", "MaxPool2D")
    assert kinds(form) == " ".join(towers) + " Concatenate"
    at = {leaf.path: leaf for leaf in form.leaves()}
    assert [at[path].stride for path in ("1/conv1", "2/conv2", "2/conv3", "3/pool")] == [2, 1, 2, 2]
    assert (at["3/pool"].size, at["3/pool"].padding) == (3, "same")


@pytest.mark.parametrize(("image", "half"), [((6, 7, 5), (3, 4)), ((8, 8, 5), (4, 4)), ((1, 2, 5), (1, 1))])
def test_the_module_that_halves_keeps_its_channels_and_adds_14_a_width(image, half):
    form = reduction(2).build(image)
    assert form.output_shape == (*half, 5 + 28)
    x = np.random.default_rng(6).normal(size=(2, *image)).astype(np.float32)
    assert form.forward(x).shape == (2, *half, 33)
    pooled, _ = ops.max_pool2d.forward(x)
    np.testing.assert_array_equal(form.forward(x)[..., 28:], pooled)


def test_a_width_that_is_no_whole_number_is_rounded_by_each_convolution():
    at = shapes(canonical(1.3))  # 3, 4 and 6 times: 3.9, 5.2, 7.8
    assert [at[f"{path}/kernel"][-1] for path in ("1/conv1", "2/conv1", "2/conv2", "3/conv2", "4/conv1")] == [
        *(5, 4, 5, 8, 5)
    ]
    at = shapes(reduction(1.3))  # 4, 6 and 8 times: 5.2, 7.8, 10.4
    assert [at[f"{path}/kernel"][-1] for path in ("1/conv1", "2/conv1", "2/conv2", "2/conv3")] == [10, 5, 8, 8]
    for form in (canonical(0.01), reduction(0.01)):
        assert {shape[-1] for shape in shapes(form).values()} == {1}


def test_figure_2():
    form = simplified(4, 2)
    tower = {"conv1/kernel": (5, 2), "norm1/gamma": (2,), "conv2/kernel": (3, 3, 2, 2), "norm2/gamma": (2,)}
    assert shapes(form) == {f"{k}/{path}": shape for k in (1, 2) for path, shape in tower.items()}
    one = "PointwiseConv2D BatchNorm ReLU Conv2D BatchNorm ReLU"
    assert kinds(form) == f"{one} {one} Concatenate"


@pytest.mark.parametrize(
    ("make", "kind", "kernel"),
    [
        (lambda: segmented(4, 2), "GroupedConv2D", (3, 3, 2, 4)),
        (lambda: extreme(4), "DepthwiseConv2D", (3, 3, 4, 1)),
    ],
    ids=["figure 3", "figure 4"],
)
def test_figures_3_and_4(make, kind, kernel):
    form = make()
    expected = {"conv1/kernel": (5, 4), "norm1/gamma": (4,), "conv2/kernel": kernel, "norm2/gamma": (4,)}
    assert shapes(form) == expected
    assert kinds(form) == f"PointwiseConv2D BatchNorm ReLU {kind} BatchNorm ReLU"


def test_both_orders_of_the_separable_convolution():
    first, last = depthwise_first(4), pointwise_first(4)
    assert shapes(first) == {"depthwise/kernel": (3, 3, 5, 1), "pointwise/kernel": (5, 4), "norm/gamma": (4,)}
    assert shapes(last) == {"pointwise/kernel": (5, 4), "depthwise/kernel": (3, 3, 4, 1), "norm/gamma": (4,)}
    assert kinds(first) == "DepthwiseConv2D PointwiseConv2D BatchNorm ReLU"
    assert kinds(last) == "PointwiseConv2D DepthwiseConv2D BatchNorm ReLU"


FORMS = {
    "canonical": lambda momentum: canonical(1, momentum),
    "reduction": lambda momentum: reduction(0.7, momentum),
    "simplified": lambda momentum: simplified(6, 3, momentum),
    "segmented": lambda momentum: segmented(6, 3, momentum),
    "extreme": lambda momentum: extreme(6, momentum),
    "depthwise_first": lambda momentum: depthwise_first(6, momentum),
    "pointwise_first": lambda momentum: pointwise_first(6, momentum),
}


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_every_batch_norm_takes_the_momentum_and_no_convolution_has_a_bias(make):
    leaves = list(make(0.7).build(IMAGE).leaves())
    assert {leaf.momentum for leaf in leaves if isinstance(leaf, BatchNorm)} == {0.7}
    assert not any(leaf.use_bias for leaf in leaves if hasattr(leaf, "use_bias"))


def test_the_usual_momentum():
    forms = (
        canonical(1),
        reduction(1),
        simplified(2, 1),
        segmented(2, 1),
        extreme(2),
        depthwise_first(2),
        pointwise_first(2),
    )
    norms = [leaf for form in forms for leaf in form.build(IMAGE).leaves() if isinstance(leaf, BatchNorm)]
    assert {norm.momentum for norm in norms} == {0.99}


@TRAINING
@pytest.mark.parametrize("name", FORMS)
def test_gradients_are_the_measured_ones(built, name, training):
    """The form stands in a small network, since the check starts from logits.

    Its beta must not be 0: where relu has made a whole window 0, the next relu would stand exactly at its corner.
    """
    network = Sequential(form=FORMS[name](0.99), pool=GlobalAveragePool2D(), classifier=Dense(3))
    x, labels = np.random.default_rng(6).normal(size=(4, *IMAGE)), np.arange(4) % 3
    results = check_model(built(network), x, labels, name=name, training=training)
    assert all(result.passed for result in results), table(results)
    assert {result.case for result in results} == {*network.parameters(), "x", "all"}


# What they cost ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("segments", SEGMENTS)
@pytest.mark.parametrize("figure", [simplified, segmented])
def test_the_3x3_costs_the_filters_squared_over_the_segments(figure, segments):
    H, W, C = IMAGE
    report = count(figure(FILTERS, segments).build(IMAGE))
    kernels = C * FILTERS + 9 * FILTERS**2 // segments
    assert (report.trainable, report.non_trainable) == (kernels + 4 * FILTERS, 4 * FILTERS)
    assert report.macs == H * W * kernels


def test_figure_4_costs_what_the_last_of_the_spectrum_costs():
    last, one_each = (count(form.build(IMAGE)) for form in (segmented(FILTERS, FILTERS), extreme(FILTERS)))
    assert one_each.trainable == last.trainable == 5 * 12 + 9 * 12 + 4 * 12
    assert one_each.macs == last.macs == 6 * 7 * (5 * 12 + 9 * 12)


@pytest.mark.parametrize("width", [1, 2, 16])
def test_figure_1_costs_what_its_docstring_says(width):
    H, W, C = IMAGE
    report = count(canonical(width).build(IMAGE))
    kernels = 15 * C * width + 648 * width**2
    assert report.macs == H * W * kernels
    assert report.trainable == kernels + report.non_trainable == kernels + 2 * 31 * width
    assert report.rows[-1].output_shape == (H, W, 18 * width)


@pytest.mark.parametrize("width", [1, 2, 16])
def test_the_module_that_halves_costs_what_its_docstring_says(width):
    H, W, C = 6, 8, 5
    report = count(reduction(width).build((H, W, C)))
    kernels = 76 * C * width + 540 * width**2
    assert report.trainable == kernels + report.non_trainable == kernels + 2 * 24 * width
    whole = 4 * C * width + 9 * 4 * 6 * width**2  # the 1x1 and the 3x3 behind it see all pixels, the others a quarter
    assert report.macs == H * W * (whole + (kernels - whole) / 4)


def test_the_order_decides_which_channels_are_filtered():
    H, W, C = IMAGE
    first, last = (count(form(FILTERS).build(IMAGE)) for form in (depthwise_first, pointwise_first))
    assert first.macs == H * W * (9 * C + C * FILTERS)
    assert last.macs == H * W * (C * FILTERS + 9 * FILTERS)


# Misuse --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("figure", [simplified, segmented])
@pytest.mark.parametrize(
    ("filters", "segments", "message"),
    [
        (8, 3, "segments is 3 but filters is 8; segments must divide filters"),
        (8, 16, "segments is 16 but filters is 8; segments must divide filters"),
        (8, 0, "segments is 0; it must be a positive integer"),
        (8, -2, "segments is -2; it must be a positive integer"),
        (8, 2.0, "segments is 2.0; it must be a positive integer"),
        (0, 1, "filters is 0; it must be a positive integer"),
    ],
)
def test_bad_segments_are_refused_by_name(figure, filters, segments, message):
    with pytest.raises(ValueError, match="^" + re.escape(f"{figure.__name__}: {message}") + "$"):
        figure(filters, segments)


@pytest.mark.parametrize("width", [0, -1.5, True, "2", float("nan"), float("inf")])
@pytest.mark.parametrize("figure", [canonical, reduction])
def test_a_bad_width_is_refused_by_name(figure, width):
    message = re.escape(f"{figure.__name__}: width is {width!r}; it must be a number above 0")
    with pytest.raises(ValueError, match=f"^{message}$"):
        figure(width)


def test_the_modules_are_part_of_the_models():
    assert (models.inception, models.inception_arrays) == (inception, inception_arrays)
    assert {"inception", "inception_arrays"} <= set(models.__all__)
