"""Every operation against torch: the output and all gradients, on configurations drawn at random.

For each operation there are two functions. `draw_...` gives a random configuration: the arrays that have a gradient,
and the other arguments. `torch_...` is the same operation in torch, of the same arguments; autograd does the backward.

torch keeps images as (N, C, H, W) and kernels as (O, C / groups, kh, kw), and has no asymmetric padding:
"same" is padded here, by the formula of TensorFlow's documentation, which is not the one in `xnp.shapes`.
"""

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from xnp import ops

torch = pytest.importorskip("torch")
F = torch.nn.functional

DRAWS = 40
ENOUGH = 20  # of the drawn configurations, some have a kernel larger than the image: both must refuse them

Drawn = tuple[tuple[np.ndarray | None, ...], dict[str, Any]]


# Spatial operations.


def framed(x: Any, padding: Any, kernel: Any, stride: Any, dilation: Any = 1, value: float = 0.0) -> tuple[Any, int]:
    """Pad (N, C, H, W) images as TensorFlow's "same" does; an integer is torch's own padding, so it is handed on."""
    if padding != "same":
        return x, 0 if padding == "valid" else padding
    sides: list[int] = []
    for n, k, s, d in zip(x.shape[2:], *(np.broadcast_to(v, 2) for v in (kernel, stride, dilation)), strict=True):
        total = max((k - 1) * d + 1 - (n % s or s), 0)
        sides = [int(total // 2), int(total - total // 2), *sides]  # torch lists the last axis first
    return F.pad(x, sides, value=value), 0


def torch_conv(x: Any, w: Any, b: Any, *, padding: Any, stride: Any, dilation: Any = 1, groups: int = 1) -> Any:
    w = w.permute(3, 2, 0, 1).contiguous()
    x, padding = framed(x.permute(0, 3, 1, 2), padding, w.shape[2:], stride, dilation)
    return F.conv2d(x, w, b, stride, padding, dilation, groups).permute(0, 2, 3, 1)


def draw_conv2d(draw: Any) -> Drawn:
    x, outputs = draw.images(), draw.whole(1, 6)
    return (x, draw.normal(*draw.pair(4), x.shape[3], outputs), draw.bias(outputs)), draw.window()


def draw_grouped(draw: Any) -> Drawn:
    groups, channels, outputs = (draw.whole(1, 3) for _ in range(3))  # channels and outputs of one group
    w, b = draw.normal(*draw.pair(4), channels, groups * outputs), draw.bias(groups * outputs)
    return (draw.images(groups * channels), w, b), {"groups": groups, **draw.window()}


def draw_depthwise(draw: Any) -> Drawn:
    x, m = draw.images(), draw.whole(1, 3)
    return (x, draw.normal(*draw.pair(4), x.shape[3], m), draw.bias(x.shape[3] * m)), draw.window()


def torch_depthwise(x: Any, w: Any, b: Any = None, **options: Any) -> Any:
    kh, kw, C, m = w.shape
    return torch_conv(x, w.reshape(kh, kw, 1, C * m), b, groups=C, **options)


def draw_pointwise(draw: Any) -> Drawn:
    x, outputs = draw.images(), draw.whole(1, 6)
    return (x, draw.normal(x.shape[3], outputs), draw.bias(outputs)), {"stride": draw.one_or_two(3)}


def torch_pointwise(x: Any, w: Any, b: Any, *, stride: Any = 1) -> Any:
    return torch_conv(x, w[None, None], b, stride=stride, padding="valid")


def draw_separable(draw: Any) -> Drawn:
    x, m, outputs = draw.images(), draw.whole(1, 3), draw.whole(1, 6)
    w_depthwise, w_pointwise = draw.normal(*draw.pair(4), x.shape[3], m), draw.normal(x.shape[3] * m, outputs)
    options = {"activation": draw.one_of(None, "relu", "elu"), **draw.window()}
    return (x, w_depthwise, w_pointwise, draw.bias(outputs)), options


def torch_separable(x: Any, w_depthwise: Any, w_pointwise: Any, b: Any, *, activation: Any, **options: Any) -> Any:
    h = torch_depthwise(x, w_depthwise, **options)
    return torch_pointwise(h if activation is None else getattr(F, activation)(h), w_pointwise, b)


def draw_pool(draw: Any) -> Drawn:
    padding = draw.one_of("same", "valid", draw.whole(0, 2))
    return (draw.images(),), {"size": draw.one_or_two(4), "stride": draw.one_or_two(3), "padding": padding}


def torch_max_pool(x: Any, *, size: Any, stride: Any, padding: Any) -> Any:
    x, padding = framed(x.permute(0, 3, 1, 2), padding, size, stride, value=-torch.inf)
    return F.max_pool2d(x, size, stride, padding).permute(0, 2, 3, 1)


def torch_average_pool(x: Any, *, size: Any, stride: Any, padding: Any) -> Any:
    def pool(images: Any) -> Any:
        images, given = framed(images.permute(0, 3, 1, 2), padding, size, stride)
        return F.avg_pool2d(images, size, stride, given, count_include_pad=False).permute(0, 2, 3, 1)

    return pool(x) / pool(torch.ones_like(x))  # pooled ones: the share of each window that "same" has not padded


def draw_zero_padding(draw: Any) -> Drawn:
    top, bottom, left, right = (draw.whole(0, 3) for _ in range(4))
    return (draw.images(),), {"padding": draw.one_of(((top, bottom), (left, right)), top)}


def torch_zero_padding(x: Any, *, padding: Any) -> Any:
    (top, bottom), (left, right) = np.broadcast_to(padding, (2, 2)).tolist()
    return F.pad(x, (0, 0, left, right, top, bottom))


# The others.


def draw_batch_norm(draw: Any) -> Drawn:
    C = draw.whole(1, 6)
    x = draw.normal(draw.whole(4, 8), *draw.rng.integers(1, 6, draw.whole(0, 2)), C)  # of two rows, nothing is left
    x = x * draw.rng.uniform(0.5, 3, C) + 5 * draw.normal(C)
    return (x, draw.normal(C), draw.normal(C)), {"eps": 10 ** draw.number(-5, -1)}


def draw_batch_norm_inference(draw: Any) -> Drawn:
    (x, gamma, beta), options = draw_batch_norm(draw)
    C = len(gamma)
    return (x, gamma, beta), {"mean": draw.normal(C), "var": draw.rng.uniform(0, 3, C), **options}


def torch_batch_norm(x: Any, gamma: Any, beta: Any, *, eps: float, mean: Any = None, var: Any = None) -> Any:
    statistics = (None, None) if mean is None else (torch.from_numpy(mean), torch.from_numpy(var))
    y = F.batch_norm(x.movedim(-1, 1), *statistics, gamma, beta, training=mean is None, eps=eps)
    return y.movedim(1, -1)


def draw_add(draw: Any) -> Drawn:
    a = draw.anything()
    return (a, draw.normal(*a.shape)), {}


def draw_concatenate(draw: Any) -> Drawn:
    front = draw.rng.integers(1, 5, draw.whole(0, 3))
    return tuple(draw.normal(*front, draw.whole(1, 5)) for _ in range(draw.whole(1, 4))), {}


def draw_dense(draw: Any) -> Drawn:
    N, I, O = (draw.whole(1, 8) for _ in range(3))
    return (draw.normal(N, I), draw.normal(I, O), draw.bias(O)), {}


def draw_dropout(draw: Any) -> Drawn:
    return (draw.anything(),), {"rng": draw.rng, "rate": draw.number(0, 0.9)}


def torch_dropout(x: Any, *, rng: np.random.Generator, rate: float) -> Any:
    kept = torch.from_numpy(rng.random(tuple(x.shape), np.float32) >= rate)
    return torch.where(kept, x / (1 - rate), 0.0)


def draw_cross_entropy(draw: Any) -> Drawn:
    N, K = draw.whole(1, 6), draw.whole(2, 8)
    smoothing = draw.one_of(0.0, draw.number(0, 0.5))
    return (10 * draw.normal(N, K),), {"labels": draw.rng.integers(0, K, N), "label_smoothing": smoothing}


def torch_cross_entropy(logits: Any, *, labels: np.ndarray, label_smoothing: float) -> Any:
    return F.cross_entropy(logits, torch.from_numpy(labels), label_smoothing=label_smoothing)


CASES: dict[str, tuple[Callable, Callable]] = {
    "add": (draw_add, torch.add),
    "average_pool2d": (draw_pool, torch_average_pool),
    "batch_norm": (draw_batch_norm, torch_batch_norm),
    "batch_norm_inference": (draw_batch_norm_inference, torch_batch_norm),
    "concatenate": (draw_concatenate, lambda *xs: torch.cat(xs, dim=-1)),
    "conv2d": (draw_conv2d, torch_conv),
    "dense": (draw_dense, lambda x, w, b: F.linear(x, w.T, b)),
    "depthwise_conv2d": (draw_depthwise, torch_depthwise),
    "dropout": (draw_dropout, torch_dropout),
    "elu": (lambda draw: ((draw.anything(),), {"alpha": draw.number(0.1, 3)}), F.elu),
    "global_average_pool2d": (lambda draw: ((draw.images(),), {}), lambda x: x.mean(dim=(1, 2))),
    "grouped_conv2d": (draw_grouped, torch_conv),
    "max_pool2d": (draw_pool, torch_max_pool),
    "pointwise_conv2d": (draw_pointwise, torch_pointwise),
    "relu": (lambda draw: ((draw.anything(),), {}), F.relu),
    "separable_conv2d": (draw_separable, torch_separable),
    "softmax": (lambda draw: ((draw.anything(),), {}), lambda x: F.softmax(x, dim=-1)),
    "softmax_cross_entropy": (draw_cross_entropy, torch_cross_entropy),
    "zero_padding2d": (draw_zero_padding, torch_zero_padding),
}


# The comparison.


def in_dtype(drawn: Drawn, dtype: type) -> Drawn:
    """Give the float arrays a dtype. The rest is copied, so that no call uses up another one's generator."""

    def convert(value: Any) -> Any:
        is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        return value.astype(dtype) if is_float else deepcopy(value)

    arrays, options = drawn
    return tuple(convert(array) for array in arrays), {name: convert(value) for name, value in options.items()}


def upstream(y: np.ndarray) -> np.ndarray:
    """Give a random dy, the same one for every y of a shape; each number fits into float32 and float64."""
    return np.asarray(np.random.default_rng(y.ndim).standard_normal(y.shape, np.float32), y.dtype)


def by_library(name: str, drawn: Drawn, dtype: type) -> list[np.ndarray | None]:
    """Compute y, and the gradients in the order of the arrays."""
    op, (arrays, options) = getattr(ops, name), in_dtype(drawn, dtype)
    y, cache = op.forward(*arrays, **options)
    gradients = op.backward(upstream(y), cache)
    return [y, *(gradients if isinstance(gradients, tuple) else [gradients])]


def by_torch(name: str, drawn: Drawn, dtype: type) -> list[np.ndarray | None]:
    """Compute the same by torch; autograd derives the gradients."""
    (_, oracle), (arrays, options) = CASES[name], in_dtype(drawn, dtype)
    tensors = [None if a is None else torch.tensor(a, requires_grad=True) for a in arrays]
    y = oracle(*tensors, **options)
    dy = torch.from_numpy(upstream(y.detach().numpy()))
    gradients = iter(torch.autograd.grad(y, [t for t in tensors if t is not None], dy))
    return [y.detach().numpy(), *(None if t is None else next(gradients).numpy() for t in tensors)]


@pytest.fixture(autouse=True)
def torch_s_own_kernels(monkeypatch):
    """Leave oneDNN out: for some float32 images that are narrower than their padding, it ends the whole process."""
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)


def test_every_operation_has_an_oracle():
    assert sorted(CASES) == sorted(ops.__all__)


@pytest.mark.parametrize("name", CASES)
def test_output_and_all_gradients_are_torch_s_in_float64(name, draw_from, distance):
    ran = 0
    for seed in range(DRAWS):
        drawn = CASES[name][0](draw_from(seed))
        try:
            got = by_library(name, drawn, np.float64)
        except ValueError as error:
            if not str(error).startswith(f"{name}: "):
                raise  # no refusal, but an accident inside NumPy
            with pytest.raises(RuntimeError):
                by_torch(name, drawn, np.float64)
            continue
        for k, (one, other) in enumerate(zip(got, by_torch(name, drawn, np.float64), strict=True)):
            where = f"{name}, seed {seed}, {'y' if k == 0 else f'gradient {k}'}, {drawn[1]}"
            assert (one is None) == (other is None), where
            assert one is None or distance(one, other) <= 1e-9, where
        ran += 1
    assert ran >= ENOUGH


@pytest.mark.parametrize("name", CASES)
def test_float32_is_as_exact_as_torch_s(name, draw_from, distance):
    """Both round in float32. The worst error of each, over all configurations, is measured against float64."""
    ours, theirs = defaultdict(float), defaultdict(float)
    for seed in range(DRAWS):
        drawn = in_dtype(CASES[name][0](draw_from(seed)), np.float32)
        try:
            got = by_library(name, drawn, np.float32)
        except ValueError:
            continue
        in_float32, in_float64 = by_torch(name, drawn, np.float32), by_torch(name, drawn, np.float64)
        for k, (one, other, exact) in enumerate(zip(got, in_float32, in_float64, strict=True)):
            if exact is not None:
                assert one.dtype == np.float32
                ours[k], theirs[k] = max(ours[k], distance(one, exact)), max(theirs[k], distance(other, exact))
    for k, error in ours.items():
        assert error <= 4 * max(theirs[k], np.finfo(np.float32).eps), f"{name}, {k}: torch's error is {theirs[k]}"


def test_the_cache_holds_torch_s_statistics_once_its_variance_is_made_biased(draw_from, distance):
    for seed in range(DRAWS):
        (x, gamma, beta), options = draw_batch_norm(draw_from(seed))
        rows, (mean, var) = x.size // len(gamma), torch.zeros(2, len(gamma), dtype=torch.float64)
        F.batch_norm(torch.from_numpy(x).movedim(-1, 1), mean, var, training=True, momentum=1.0)
        _, cache = ops.batch_norm.forward(x, gamma, beta, **options)
        assert distance(cache.mean, mean.numpy()) <= 1e-9
        assert distance(cache.var, var.numpy() * (rows - 1) / rows) <= 1e-9
