"""How much rounding the engine adds in float32, beside PyTorch's own: its errors are at most twice as large."""

import numpy as np
import pytest

from xnp import models
from xnp.engine import Engine
from xnp.layers import BatchNorm, MaxPool2D, Residual, Sequential

torch = pytest.importorskip("torch")
F = torch.nn.functional


@pytest.fixture(autouse=True)
def no_onednn(monkeypatch):
    """Turn oneDNN off: its float32 convolutions crash on some permuted images."""
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)


def run_torch(layer, x, arrays):
    """Run a layer of the library in PyTorch: x (N, C, H, W), arrays path -> tensor."""
    name = type(layer).__name__
    own = {path.rpartition("/")[2]: array for path, array in arrays.items() if path.rpartition("/")[0] == layer.path}
    if isinstance(layer, Sequential):
        for child in layer.children.values():
            x = run_torch(child, x, arrays)
        return x
    if isinstance(layer, Residual):
        return run_torch(layer.main, x, arrays) + (x if layer.skip is None else run_torch(layer.skip, x, arrays))
    if name == "Conv2D":
        return F.conv2d(same(x, layer), own["kernel"].permute(3, 2, 0, 1), stride=layer.stride)
    if name == "SeparableConv2D":
        C = x.shape[1]
        x = F.conv2d(same(x, layer), own["depthwise"].permute(2, 3, 0, 1), groups=C)
        return F.conv2d(x, own["pointwise"].T[:, :, None, None])
    if name == "BatchNorm":
        return F.batch_norm(x, None, None, own["gamma"], own["beta"], training=True, eps=layer.eps)
    if name == "MaxPool2D":
        return F.max_pool2d(same(x, layer, -torch.inf), layer.size, layer.stride)
    if name == "GlobalAveragePool2D":
        return x.mean((2, 3))
    if name == "Dense":
        return x @ own["kernel"] + own["bias"]
    assert name == "ReLU"
    return F.relu(x)


def same(x, layer, value=0.0):
    """Pad as "same" does: the larger half at the bottom and at the right."""
    size = layer.size if isinstance(layer, MaxPool2D) else layer.kernel_size
    total = [max((-(-n // layer.stride) - 1) * layer.stride + size - n, 0) for n in x.shape[2:]]
    (top, bottom), (left, right) = ((t // 2, t - t // 2) for t in total)
    return F.pad(x, (left, right, top, bottom), value=value)


def gradients_by_torch(model, x, dy, dtype):
    arrays = {path: torch.tensor(array, dtype=dtype, requires_grad=True) for path, array in model.parameters().items()}
    images = torch.tensor(x.transpose(0, 3, 1, 2), dtype=dtype, requires_grad=True)
    y = run_torch(model, images, arrays)
    y.backward(torch.tensor(dy if dy.ndim == 2 else dy.transpose(0, 3, 1, 2), dtype=dtype))
    gradients = {path: array.grad.numpy() for path, array in arrays.items()}
    return gradients | {"x": images.grad.numpy().transpose(0, 2, 3, 1)}


def gradients_by_engine(model, x, dy):
    with Engine(model, len(x), 2) as engine:
        engine.forward(x, training=True)
        dx = engine.backward(dy)
    return {**model.gradients(), "x": dx}


def error(found, exact):
    """Give the relative error of all gradients together, each array counting alike."""
    errors = [np.linalg.norm(found[path] - exact[path]) / np.linalg.norm(exact[path]) for path in exact]
    return float(np.sqrt(np.mean(np.square(errors))))


def compare(make, draw, seed):
    """Give the engine's and PyTorch's float32 errors against float64."""
    rng, model = np.random.default_rng(seed), make(seed)
    x = draw(rng, model).astype(np.float32)
    dy = rng.normal(size=(len(x), *model.output_shape)).astype(np.float32)
    exact = gradients_by_torch(model, x.astype(np.float64), dy.astype(np.float64), torch.float64)
    theirs = gradients_by_torch(model, x, dy, torch.float32)
    return error(gradients_by_engine(model, x, dy), exact), error(theirs, exact)


def test_the_whole_network_in_float32():
    errors = [
        compare(
            lambda seed: models.tiny_xception(seed=seed),
            lambda rng, model: rng.normal(size=(8, *model.input_shape)),
            seed,
        )
        for seed in range(10)
    ]
    ours, theirs = np.median(errors, axis=0)
    assert ours <= 2 * theirs


@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_batch_norm_in_float32(mean):
    def make(seed):
        model = Sequential(BatchNorm()).build((12, 12, 5), seed=seed)
        rng = np.random.default_rng(seed)
        model.parameters()["1/gamma"][...] = rng.normal(1, 0.3, 5)
        model.parameters()["1/beta"][...] = rng.normal(0, 1, 5)
        return model

    errors = [
        compare(make, lambda rng, model: rng.normal(mean, 1, (16, *model.input_shape)), seed) for seed in range(10)
    ]
    ours, theirs = np.median(errors, axis=0)
    assert ours <= 2 * theirs
