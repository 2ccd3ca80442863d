"""What a place sees by gradient: never more than the windows reach, all of it with enough images."""

import re

import numpy as np
import pytest

from xnp.inside import Extent, ReceptiveField, possible_field, receptive_field
from xnp.layers import Conv2D, ReLU, Sequential


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("position", [None, (0, 0), (1, 3)])
@pytest.mark.parametrize("at", ["stem/conv1", "stem", "entry/1", "middle"])
def test_all_that_the_windows_reach_is_seen(model, at, position):
    found = receptive_field(model, at, position)
    assert found.seen == found.possible == possible_field(model, at, position)
    assert found.strength.shape == (16, 16)
    assert (found.strength >= 0).all()


def test_strength_is_the_sum_of_the_gradients_sizes():
    model = Sequential(conv=Conv2D(3, 3)).build((6, 6, 2), dtype=np.float64)
    sizes = np.abs(model.parameters()["conv/kernel"].sum(axis=-1)).sum(axis=-1)  # (3, 3): of the three channels' sum
    found = receptive_field(model, "conv", (2, 3), images=4)
    expected = np.zeros((6, 6))
    expected[1:4, 2:5] = 4 * sizes
    np.testing.assert_allclose(found.strength, expected, rtol=1e-12)


def test_a_closed_relu_hides_pixels_from_one_image():
    model = Sequential(conv=Conv2D(1, 1, use_bias=False), relu=ReLU(), wide=Conv2D(1, 5)).build((5, 5, 1))
    one, many = (receptive_field(model, "wide", images=n) for n in (1, 16))
    assert (one.strength == 0).sum() > (many.strength == 0).sum() == 0
    assert many.seen == Extent(0, 0, 4, 4)


def test_half_of_the_strength():
    strength = np.zeros((7, 7))
    strength[3, 3], strength[2, 3], strength[0, 0] = 4, 1, 5
    field = ReceptiveField("a", strength, Extent(0, 0, 6, 6), Extent(0, 0, 6, 6))
    assert field.half_within == 3
    strength[0, 0] = 3
    assert field.half_within == 1
    strength[0, 0] = 30
    assert field.half_within == 7


def test_a_dead_network_is_refused():
    model = Sequential(conv=Conv2D(2, 3), relu=ReLU()).build((4, 4, 1))
    model.parameters()["conv/bias"][...] = -1e6
    message = 'receptive_field: none of 8 random images lets a gradient through "relu"'
    with pytest.raises(ValueError, match=re.escape(message)):
        receptive_field(model, "relu")


def test_bad_requests(model):
    with pytest.raises(ValueError, match="receptive_field: images is 0"):
        receptive_field(model, "stem", images=0)
    with pytest.raises(ValueError, match="cut: at is 'entry/1/norm1'"):
        receptive_field(model, "entry/1/norm1")
    with pytest.raises(ValueError, match="possible_field: at is 'pool'"):
        receptive_field(model, "pool")
