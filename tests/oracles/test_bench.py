"""What torch, Keras and ONNX Runtime run in `xnp bench` is the library's network: same answers, same gradients."""

import os

import numpy as np
import pytest

from xnp import models
from xnp.bench import by_keras, by_onnxruntime, by_torch
from xnp.bench.work import Work, batch_of
from xnp.count import count
from xnp.ops import softmax_cross_entropy

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it once, at its import
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")

# 75 pixels: the paper's network then has pools of odd and of even sizes, whose paddings differ
MODELS = {"tiny": (models.tiny_xception, 32), "small": (models.small_xception, 32), "xception": (models.xception, 75)}


def changed(make, size, dtype):
    """Build a network none of whose arrays is as it was drawn: so each must have been copied."""
    model = make((size, size, 3), 10, dtype=dtype)
    rng = np.random.default_rng(0)
    for path, array in model.state().items():
        if array.ndim == 1:
            array += rng.uniform(0.1, 0.5, array.shape) if "moving" in path else rng.uniform(-0.3, 0.3, array.shape)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_torch_infers_the_same(name, distance):
    make, size = MODELS[name]
    model = changed(make, size, np.float64)
    x = np.random.default_rng(1).standard_normal((1, size, size, 3))
    network = by_torch.translate(model).double().eval()
    assert sum(p.numel() for p in network.parameters()) == count(model).trainable
    with torch.inference_mode():
        theirs = network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    # torch holds the moving statistics in float32 for a moment, when they are copied
    assert distance(theirs, model.forward(x)) < 1e-5


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_torch_trains_the_same(name, distance):
    make, size = MODELS[name]
    model = changed(make, size, np.float64)
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal((2, size, size, 3)), np.array([3, 7])
    network = by_torch.translate(model).double()
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).requires_grad_()
    loss = torch.nn.functional.cross_entropy(network(images), torch.from_numpy(labels))
    loss.backward()
    expected, cache = softmax_cross_entropy.forward(model.forward(x, training=True), labels)
    dx = model.backward(softmax_cross_entropy.backward(1.0, cache))
    assert loss.item() == pytest.approx(float(expected), rel=1e-10)
    assert distance(images.grad.numpy().transpose(0, 2, 3, 1), dx) < 1e-9
    ours = sorted(np.abs(gradient).sum() for gradient in model.gradients().values())
    theirs = sorted(p.grad.abs().sum().item() for p in network.parameters())
    np.testing.assert_allclose(theirs, ours, rtol=1e-8)


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_keras_infers_the_same(name, distance):
    pytest.importorskip("keras")
    make, size = MODELS[name]
    model = changed(make, size, np.float32)
    x = np.random.default_rng(1).standard_normal((2, size, size, 3), np.float32)
    assert distance(by_keras.translate(model).predict_on_batch(x), model.forward(x)) < 1e-4


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_step_of_torch_learns(channels_last):
    step = by_torch.prepare(Work(model="tiny", batch=4), 1, channels_last=channels_last)
    losses = [float(step()) for _ in range(4)]
    assert losses[-1] < losses[0]


def test_a_step_of_keras_learns():
    pytest.importorskip("keras")
    step = by_keras.prepare(Work(model="tiny", batch=4), 1)
    losses = [float(step()) for _ in range(4)]
    assert losses[-1] < losses[0]


def test_inference_of_torch_and_keras_gives_the_logits(distance):
    work = Work("inference", "tiny", batch=2)
    expected = models.tiny_xception().forward(batch_of(work)[0])
    assert distance(by_torch.prepare(work, 1, channels_last=True)(), expected) < 1e-4
    pytest.importorskip("keras")
    assert distance(by_keras.prepare(work, 1)(), expected) < 1e-4


def test_inference_of_onnxruntime_gives_the_logits(tmp_path, distance):
    pytest.importorskip("onnxruntime")
    work = Work("inference", "tiny", batch=2)
    by_onnxruntime.bring(work, tmp_path)
    expected = models.tiny_xception().forward(batch_of(work)[0])
    assert distance(by_onnxruntime.prepare(work, 1, folder=str(tmp_path))(), expected) < 1e-5
