"""Batch norm: rounding far from 0, and arrays that are there before the workers ask for them."""

import time

import numpy as np
import pytest

from xnp.engine import Engine, processes
from xnp.layers import BatchNorm, Leaf, Sequential


def make_model(dtype):
    model = Sequential(norm=BatchNorm(momentum=0.0)).build((8, 8, 6), dtype=dtype)
    model.parameters()["norm/gamma"][...] = np.linspace(0.5, 2, 6)
    model.parameters()["norm/beta"][...] = np.linspace(-1, 1, 6)
    return model


@pytest.mark.parametrize("mean", [0, 1e4, -1e4])
def test_float32_far_from_zero(mean):
    rng = np.random.default_rng(0)
    x = rng.normal(mean, 1, (32, 8, 8, 6)).astype(np.float32)
    dy = rng.normal(size=x.shape).astype(np.float32)
    exact, model = make_model(np.float64), make_model(np.float32)
    expected = exact.forward(x.astype(float), True), exact.backward(dy.astype(float))
    with Engine(model, 32, 1) as engine:
        found = engine.forward(x, True), engine.backward(dy)
    for a, b in [*zip(found, expected, strict=True)] + [
        (array, exact.gradients()[path]) for path, array in model.gradients().items()
    ]:
        assert np.linalg.norm(a - b) < 1e-6 * np.linalg.norm(b)
    moving, batch = model.state(), exact.state()  # the same, for momentum is 0
    np.testing.assert_allclose(moving["norm/moving_mean"], batch["norm/moving_mean"], rtol=6e-8, atol=1e-7)
    np.testing.assert_allclose(moving["norm/moving_variance"], batch["norm/moving_variance"], rtol=1e-6)


def test_workers_who_ask_for_an_array_at_once_get_the_same(monkeypatch):
    """A layer makes an array when it is first asked for it; two threads in the middle of that would make two."""

    def gradient(self, name):
        if name not in self._gradients:
            fresh = np.zeros(self.specs[name].shape, self.dtype)
            time.sleep(0.02)
            self._gradients[name] = fresh
        return self._gradients[name]

    monkeypatch.setattr(Leaf, "gradient", gradient)
    monkeypatch.setattr(processes, "available", False)
    model, x = Sequential(norm=BatchNorm()).build((3, 3, 4)), np.ones((2, 3, 3, 4), np.float32)
    with Engine(model, 2, 2) as engine:
        engine.backward(engine.forward(x, True) + 1)
    np.testing.assert_allclose(model.gradients()["norm/beta"], 18)
