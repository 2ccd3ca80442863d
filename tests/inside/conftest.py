"""What the tests of this folder share."""

import numpy as np
import pytest

from xnp import models
from xnp.layers import Layer


@pytest.fixture
def model() -> Layer:
    """Give a small network in float64 whose batch norms do something, and whose gradients are not 0."""
    model = models.tiny_xception((16, 16, 3), 4, dtype=np.float64)
    rng = np.random.default_rng(3)
    for array in model.state().values():
        if array.ndim == 1:
            array += rng.uniform(-0.4, 0.4, array.shape)  # a variance stays above 0
    for gradient in model.gradients().values():
        gradient[...] = rng.normal(size=gradient.shape)
    return model


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(4).normal(size=(3, 16, 16, 3))


@pytest.fixture
def unchanged(model: Layer):
    """Fail if the model's parameters, moving statistics or gradients differ after the test."""
    before = [{path: a.copy() for path, a in part.items()} for part in (model.state(), model.gradients())]
    yield
    for was, now in zip(before, (model.state(), model.gradients()), strict=True):
        assert was.keys() == now.keys()
        for path in was:
            np.testing.assert_array_equal(was[path], now[path], err_msg=path)
