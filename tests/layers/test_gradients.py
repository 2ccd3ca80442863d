"""Gradients of layers, containers and whole networks, against slopes of forward alone.

All arrays, and x, are moved a little along a random direction d of length 1, and the other way:

    (f(a + h d) - f(a - h d)) / 2h   must be   sum(gradient * d),      f(a) = sum(forward(a) * dy), dy random

One number for all arrays hides little: a gradient that is wrong somewhere agrees by luck alone. But a small array could
drown beside large ones, so each array is moved by itself as well.
"""

import numpy as np
import pytest

from xnp import models

H = 1e-6  # far below the distance of most numbers to a corner of relu or of a pool


def errors(layer, x, training):
    """Return, for x and each array by itself and for all together, how far the gradient is from the slope."""
    rng = np.random.default_rng(3)
    draws = {path: generator.bit_generator.state for path, generator in layer.generators().items()}

    def forward():
        for path, generator in layer.generators().items():
            generator.bit_generator.state = draws[path]  # every forward drops the same numbers
        return layer.forward(x, training=training).copy()  # some give x itself, which is moved below

    dy = rng.normal(size=forward().shape)
    arrays = {"x": x, **layer.parameters()}
    gradients = {"x": layer.backward(dy), **layer.gradients()}
    found = {}
    for name, moved in {**{name: [name] for name in arrays}, "all": list(arrays)}.items():
        directions = {path: rng.normal(size=arrays[path].shape) for path in moved}
        length = np.sqrt(sum(np.square(direction).sum() for direction in directions.values()))
        sides = []
        for step in (H, -H):
            before = {path: arrays[path].copy() for path in moved}
            for path, direction in directions.items():
                arrays[path] += step / length * direction
            sides.append(forward())
            for path in moved:
                arrays[path][...] = before[path]
        slope = np.sum((sides[0] - sides[1]) * dy) / (2 * H)  # the difference first: less is rounded away
        terms = np.concatenate([(gradients[path] * directions[path]).ravel() / length for path in moved])
        found[name] = abs(slope - terms.sum()) / np.linalg.norm(terms)
    return found


@pytest.mark.parametrize("training", [False, True])
def test_every_layer_and_container(expected, stir, training):
    layer = stir(expected.make().build(expected.input_shape, dtype=np.float64))
    x = np.random.default_rng(1).normal(size=(4, *expected.input_shape))
    found = errors(layer, x, training)
    assert set(found) == {"x", "all", *layer.parameters()}
    assert max(found.values()) < 1e-6, found


@pytest.mark.parametrize("training", [False, True])
def test_a_whole_network(stir, training):
    net = stir(models.tiny_xception((16, 17, 3), classes=5, dtype=np.float64))
    x = np.random.default_rng(1).normal(size=(2, 16, 17, 3))
    found = errors(net, x, training)
    assert len(found) == len(net.parameters()) + 2
    assert max(found.values()) < 1e-5, found
