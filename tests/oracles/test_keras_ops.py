"""The layers of Keras take the same arrays, and give the same answers and the same gradients.

The arrays go into `set_weights` as they are. That proves the layouts: convolution (kh, kw, C, O), grouped
(kh, kw, C / groups, O), depthwise (kh, kw, C, m) with output channel c*m + k, dense (I, O), batch normalisation
gamma, beta, mean, var. Pointwise (C, O) is Keras' (1, 1, C, O) without two axes. Nothing is permuted.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from xnp import ops
from xnp.shapes import Window, slide, slide_pool

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it once, at its import
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
layers = keras.layers

DRAWS = 30
TOLERANCE = 1e-5  # with torch below it, Keras rounds to float32 inside some layers, whatever their dtype
ENOUGH = 15  # of the drawn configurations, some do not fit or are not comparable: they are left out


@pytest.fixture(autouse=True)
def float64_on_the_cpu() -> Iterator[None]:
    """Give the layers float64, and keep Keras from a graphics card, which may not know it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    with keras.device("cpu"):
        yield
    keras.config.set_dtype_policy(before)


@pytest.fixture
def compare(distance: Callable) -> Callable:
    """Give the function that runs an operation and a layer, and compares them."""

    def compare(op: Any, arrays: tuple, options: dict[str, Any], layer: Any, state: tuple = (), **call: Any) -> Any:
        """Compare the output, and the gradients for a random dy; give the cache. `state`: weights of the layer only."""
        y, cache = op.forward(*arrays, **options)
        x, *weights = (a for a in (*arrays, *state) if a is not None)
        layer.build(x.shape)
        layer.set_weights([with_axes(w, v) for w, v in zip(weights, layer.weights, strict=True)])
        tensor = torch.tensor(x, requires_grad=True)
        expected = layer(tensor, **call)
        assert distance(y, expected.detach().numpy()) <= TOLERANCE, (layer.get_config(), x.shape)

        dy = np.random.default_rng(y.ndim).standard_normal(y.shape)
        gradients = op.backward(dy, cache)
        gradients = [g for g in (gradients if isinstance(gradients, tuple) else (gradients,)) if g is not None]
        variables = [tensor, *(variable.value for variable in layer.trainable_variables)]
        for got, wanted in zip(gradients, torch.autograd.grad(expected, variables, torch.from_numpy(dy)), strict=True):
            assert distance(with_axes(got, wanted), wanted.numpy()) <= TOLERANCE, (layer.get_config(), x.shape)
        return cache

    return compare


def with_axes(w: np.ndarray, like: Any) -> np.ndarray:
    """Put axes of length 1 in front, until there are as many as `like` has."""
    return w[(None,) * (like.ndim - w.ndim)]


def windows(lay: Callable, x: np.ndarray, size: tuple[int, int], **options: Any) -> Window | None:
    """Lay the windows over the image; None where one does not fit."""
    try:
        return lay("test", x.shape, size, **options)
    except ValueError:
        return None


def convolution(draw: Any, kind: str) -> tuple[Any, tuple, dict[str, Any], Any] | None:
    """Draw an operation, its arrays, its options, and the layer; None if it does not fit. Keras pads by no integer."""
    x, kernel, padding = draw.images(), draw.pair(4), draw.one_of("same", "valid")
    stride, dilation = draw.one_of((draw.one_or_two(3), 1), (1, draw.one_or_two(3)))  # Conv2D refuses both
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    if windows(slide, x, kernel, **options) is None:
        return None
    C, m = x.shape[3], draw.whole(1, 3)
    groups = draw.one_of(*(g for g in (1, 2, 3) if C % g == 0)) if kind == "grouped_conv2d" else 1
    outputs = groups * draw.whole(2, 4)  # not 1: torch has no gradient for the view of the kernel that Keras gives it
    if kind == "depthwise_conv2d":
        weights = draw.normal(*kernel, C, m), draw.bias(C * m)
        layer = partial(layers.DepthwiseConv2D, kernel, depth_multiplier=m)
    elif kind == "separable_conv2d":
        weights = draw.normal(*kernel, C, m), draw.normal(C * m, outputs), draw.bias(outputs)
        layer = partial(layers.SeparableConv2D, outputs, kernel, depth_multiplier=m)
    else:
        weights = draw.normal(*kernel, C // groups, outputs), draw.bias(outputs)
        layer = partial(layers.Conv2D, outputs, kernel, groups=groups)
    in_keras = {"strides": stride, "padding": padding, "dilation_rate": dilation, "use_bias": weights[-1] is not None}
    if kind == "grouped_conv2d":
        options["groups"] = groups
    return getattr(ops, kind), (x, *weights), options, layer(**in_keras)


@pytest.mark.parametrize("kind", ["conv2d", "grouped_conv2d", "depthwise_conv2d", "separable_conv2d"])
def test_convolutions(kind, draw_from, compare):
    drawn = [convolution(draw_from(seed), kind) for seed in range(DRAWS)]
    fitting = [case for case in drawn if case is not None]
    for case in fitting:
        compare(*case)
    assert len(fitting) >= ENOUGH


@pytest.mark.parametrize("kind", ["max_pool2d", "average_pool2d"])
def test_pools(kind, draw_from, compare):
    """Average pools only where "same" pads both sides alike: else, with torch, Keras pads with copies of the border."""
    layer, ran = {"max_pool2d": layers.MaxPooling2D, "average_pool2d": layers.AveragePooling2D}[kind], 0
    for seed in range(2 * DRAWS):
        draw = draw_from(seed)
        x, size, stride, padding = draw.images(), draw.pair(4), draw.pair(3), draw.one_of("same", "valid")
        window = windows(slide_pool, x, size, stride=stride, padding=padding)
        if window is None or (kind == "average_pool2d" and any(a != b for a, b in window.padding)):
            continue
        options = {"size": size, "stride": stride, "padding": padding}
        compare(getattr(ops, kind), (x,), options, layer(size, stride, padding))
        ran += 1
    assert ran >= ENOUGH


def test_batch_norm_in_inference(draw_from, compare):
    for seed in range(DRAWS):
        draw = draw_from(seed)
        x, eps = draw.images(), draw.rng.uniform(1e-5, 1e-1)
        C = x.shape[3]
        arrays = x, draw.normal(C), draw.normal(C), draw.normal(C), draw.rng.uniform(0, 3, C)
        compare(ops.batch_norm_inference, arrays, {"eps": eps}, layers.BatchNormalization(epsilon=eps))


def test_batch_norm_in_training_and_its_moving_statistics(draw_from, compare, distance):
    for seed in range(DRAWS):
        draw = draw_from(seed)
        C, eps = draw.whole(1, 6), draw.rng.uniform(1e-5, 1e-1)
        x, mean, var = 3 * draw.normal(4, *draw.pair(12), C) + 5, draw.normal(C), draw.rng.uniform(0, 3, C)
        layer = layers.BatchNormalization(momentum=0.9, epsilon=eps)
        arrays = x, draw.normal(C), draw.normal(C)
        cache = compare(ops.batch_norm, arrays, {"eps": eps}, layer, state=(mean, var), training=True)
        moving_mean, moving_variance = (v.value.detach().numpy() for v in layer.non_trainable_variables)
        assert distance(0.9 * mean + 0.1 * cache.mean, moving_mean) <= TOLERANCE
        assert distance(0.9 * var + 0.1 * cache.var, moving_variance) <= TOLERANCE  # biased in Keras too


def test_dense(draw_from, compare):
    for seed in range(DRAWS):
        draw = draw_from(seed)
        N, I, O = (draw.whole(1, 8) for _ in range(3))
        b = draw.bias(O)
        layer = layers.Dense(O, use_bias=b is not None)
        compare(ops.dense, (draw.normal(N, I), draw.normal(I, O), b), {}, layer)


def test_zero_padding(draw_from, compare):
    for seed in range(DRAWS):
        draw = draw_from(seed)
        top, bottom, left, right = (draw.whole(0, 3) for _ in range(4))
        padding = draw.one_of(((top, bottom), (left, right)), top)
        layer = layers.ZeroPadding2D(padding)
        compare(ops.zero_padding2d, (draw.images(),), {"padding": padding}, layer)


@pytest.mark.parametrize(
    ("op", "options", "layer"),
    [
        (ops.elu, {"alpha": 0.7}, partial(layers.ELU, 0.7)),
        (ops.relu, {}, layers.ReLU),
        (ops.softmax, {}, layers.Softmax),
        (ops.global_average_pool2d, {}, layers.GlobalAveragePooling2D),
    ],
)
def test_layers_without_weights(op, options, layer, draw_from, compare):
    for seed in range(DRAWS):
        compare(op, (3 * draw_from(seed).images(channels=3),), options, layer())
