"""Grad-CAM: the weights are the mean gradients, measured without any backward, and the map is their positive sum."""

import re

import numpy as np
import pytest

from xnp import differences, models
from xnp.inside import cut, grad_cam
from xnp.layers import Conv2D, Dense, GlobalAveragePool2D, ReLU, Residual, Sequential, Softmax


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("at", [pytest.param("middle/1", marks=pytest.mark.slow), "exit/1", "exit"])
def test_weights_are_the_measured_gradients_of_the_score(model, images, at):
    front, back = cut(model, at)
    maps, class_ = front.forward(images[:1]), 2
    one = np.eye(4)[[class_]]
    gradient = differences.central_difference(back.forward, maps, one)  # (1, H', W', C)
    found = grad_cam(model, images[:1], class_, at=at)
    assert differences.relative_error(found.weights, gradient.mean(axis=(1, 2))) < 1e-7
    expected = np.maximum((maps * gradient.mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0)
    assert differences.relative_error(found.map, expected) < 1e-6
    assert found.map.max() > 0


def test_before_the_pooling_the_weights_are_the_classifiers_and_the_map_adds_up_to_the_score(model, images):
    found = grad_cam(model, images, 1, at="exit")
    kernel, bias = (model.parameters()[f"classifier/{name}"] for name in ("kernel", "bias"))
    np.testing.assert_allclose(found.weights, np.tile(kernel[:, 1] / found.map[0].size, (3, 1)), rtol=1e-12)
    maps = cut(model, "exit")[0].forward(images)
    evidence = (maps @ kernel[:, 1]).sum(axis=(1, 2)) / found.map[0].size
    np.testing.assert_allclose(evidence + bias[1], model.forward(images)[:, 1], rtol=1e-12)


@pytest.mark.usefixtures("unchanged")
def test_each_image_of_a_batch_gets_its_own_map(model, images):
    together = grad_cam(model, images, 3, at="middle/2")
    assert together.map.shape == (3, 4, 4)
    for n in range(3):
        alone = grad_cam(model, images[n : n + 1], 3, at="middle/2")
        np.testing.assert_allclose(together.map[n : n + 1], alone.map, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(together.weights[n : n + 1], alone.weights, rtol=1e-10, atol=1e-14)


def test_nothing_is_below_zero_and_classes_differ(model, images):
    maps = [grad_cam(model, images, k, at="exit").map for k in range(4)]
    assert min(cam.min() for cam in maps) == 0
    assert not np.allclose(maps[0], maps[1])


def test_the_score_is_taken_before_a_softmax():
    def build(*end):
        layers = {"conv": Conv2D(5, 3), "relu": ReLU(), "pool": GlobalAveragePool2D(), "top": Dense(3)}
        return Sequential(**layers, **dict(end)).build((6, 6, 2), dtype=np.float64)

    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2))
    bare, with_softmax = build(), build(("softmax", Softmax()))
    for a, b in zip(grad_cam(bare, x, 1, at="relu"), grad_cam(with_softmax, x, 1, at="relu"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_follows_a_block_with_two_ways():
    model = Sequential(conv=Conv2D(4, 3), block=Residual(ReLU()), pool=GlobalAveragePool2D(), top=Dense(2))
    model.build((5, 5, 1), dtype=np.float64)
    x = np.random.default_rng(1).normal(size=(1, 5, 5, 1))
    maps = model.children["conv"].forward(x)
    slope = (1 + (maps > 0)).mean(axis=(1, 2)) / 25 * model.parameters()["top/kernel"][:, 0]
    np.testing.assert_allclose(grad_cam(model, x, 0, at="conv").weights, slope, rtol=1e-12)


def test_the_shipped_network_runs_on_an_image_of_another_size():
    model = models.tiny_xception(weights="cifar10")
    assert grad_cam(model, np.zeros((1, 32, 64, 3), np.float32), 9, at="exit").map.shape == (1, 4, 8)


@pytest.mark.parametrize(
    ("class_", "at", "message"),
    [
        (4, "exit", "grad_cam: class_ is 4; it must be 0 to 3"),
        (-1, "exit", "grad_cam: class_ is -1; it must be 0 to 3"),
        (0, "pool", 'grad_cam: the output of "pool" has shape (3, 160); it must be (N, H, W, C)'),
        (0, "top", "cut: at is 'top'; the model has stem"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_what_cannot_be_asked(model, images, class_, at, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        grad_cam(model, images, class_, at=at)


def test_a_model_without_classes_is_refused():
    model = Sequential(a=Conv2D(2, 3), b=ReLU()).build((4, 4, 1))
    with pytest.raises(ValueError, match=re.escape("grad_cam: the model's output has shape (1, 4, 4, 2)")):
        grad_cam(model, np.zeros((1, 4, 4, 1), np.float32), 0, at="a")
