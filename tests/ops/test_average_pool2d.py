"""Average pooling: the padding is not counted."""

import numpy as np
import pytest

from xnp.ops import average_pool2d


@pytest.mark.parametrize("padding", ["same", "valid", 1])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_image_of_one_colour_keeps_it_up_to_the_border(padding, stride):
    x = np.full((2, 5, 6, 3), 7.0)
    y, _ = average_pool2d.forward(x, size=3, stride=stride, padding=padding)
    np.testing.assert_allclose(y, 7.0, rtol=1e-15)


def test_a_corner_is_the_mean_of_its_real_pixels():
    x = np.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    y, cache = average_pool2d.forward(x, size=3, stride=1)
    assert y[0, 0, 0, 0] == (1 + 2 + 4 + 5) / 4
    assert y[0, 0, 1, 0] == (1 + 2 + 3 + 4 + 5 + 6) / 6
    assert y[0, 1, 1, 0] == 5
    dy = np.zeros_like(y)
    dy[0, 0, 0, 0] = 12
    expected = [[3, 3, 0], [3, 3, 0], [0, 0, 0]]
    np.testing.assert_array_equal(average_pool2d.backward(dy, cache)[0, :, :, 0], expected)
