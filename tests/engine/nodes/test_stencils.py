"""Bands and tiles against the sum that defines both, on offsets that no convolution would have too."""

import numpy as np
import pytest

from xnp.engine.nodes import stencils
from xnp.engine.nodes.stencils import Bands, Tiles

OFFSETS = {
    "3x3": [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)],
    "3x3 turned round": [(-i, -j) for i in (-1, 0, 1) for j in (-1, 0, 1)],
    "one pixel": [(0, 0)],
    "far away": [(-7, 0), (2, 9), (0, -8)],
    "all above": [(-3, -1), (-2, 0)],
    "all outside": [(20, 20), (-20, 1)],
    "dilated": [(i, j) for i in (0, 2, 4) for j in (-3, 0, 3)],
}
SIZES = [((5, 6), (5, 6)), ((4, 9), (6, 4)), ((1, 1), (3, 2)), ((6, 17), (4, 20))]


def take(name, shape):
    """Give memory full of NaN."""
    return np.full(shape, np.nan)


def definition(offsets, weights, x, out):
    """Sum pixel by pixel."""
    n, H, W, N = x.shape
    y = np.zeros((n, *out, N))
    for t, (row, column) in enumerate(offsets):
        for p, q in np.ndindex(*out):
            if 0 <= p + row < H and 0 <= q + column < W:
                y[:, p, q] += weights[:, t, None] * x[:, p + row, q + column]
    return y


@pytest.mark.parametrize("panel", [1, 1000, 256 * 1024])
@pytest.mark.parametrize(("size", "out"), SIZES)
@pytest.mark.parametrize("name", OFFSETS)
def test_both_forms_are_the_sum(name, size, out, panel, monkeypatch):
    monkeypatch.setattr(stencils, "PANEL", panel)
    offsets, rng = OFFSETS[name], np.random.default_rng(0)
    x, dy = rng.normal(size=(3, *size, 2)), rng.normal(size=(3, *out, 2))
    weights = rng.normal(size=(3, len(offsets)))
    expected = definition(offsets, weights, x, out)
    # the sum is linear in its weights: the slope along one is dy . (the sum with that weight alone)
    slopes = np.stack([(definition(offsets, np.tile(e, (3, 1)), x, out) * dy).sum((1, 2, 3))
                       for e in np.eye(len(offsets))], axis=1)  # fmt: skip
    for form in (Bands, Tiles):
        stencil, y = form(offsets, size, out, x.dtype), np.full((3, *out, 2), np.nan)
        stencil.summing(x, y, take)(weights)
        np.testing.assert_allclose(y, expected, atol=1e-13)
        for narrow in (0, 100):
            monkeypatch.setattr(stencils, "NARROW", narrow)
            np.testing.assert_allclose(stencil.sloping(x, dy, take)(), slopes, atol=1e-13)


def test_wide_rows_are_tiled():
    for size, out, form in (((2, 39), (2, 39), Bands), ((2, 40), (2, 38), Tiles), ((2, 38), (2, 40), Tiles)):
        assert type(stencils.stencil([(0, 0)], size, out, np.dtype(float))) is form
