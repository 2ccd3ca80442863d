"""The 8x8x3 example is the same everywhere: its shapes, its range, and the number that the first lesson computes."""

import numpy as np

from xnp import ops
from xnp.data import example


def test_the_picture_holds_whole_numbers_from_0_to_9():
    x = example.image()
    assert (x.shape, x.dtype) == ((1, 8, 8, 3), np.float64)
    assert np.array_equal(x, x.round())
    assert (x.min(), x.max()) == (1, 9)


def test_every_call_gives_a_fresh_array():
    example.image()[...] = 0
    example.depthwise_kernel()[...] = 0
    assert example.image().any()
    assert example.depthwise_kernel().any()


def test_the_kernels_fit_the_operations():
    x, w = example.image(), example.depthwise_kernel()
    depthwise, _ = ops.depthwise_conv2d.forward(x, w, padding="valid")
    standard, _ = ops.conv2d.forward(x, example.standard_kernel(), padding="valid")
    one, _ = ops.pointwise_conv2d.forward(depthwise, example.pointwise_kernel())
    assert (depthwise.shape, standard.shape, one.shape) == ((1, 6, 6, 3), (1, 6, 6, 1), (1, 6, 6, 1))
    assert depthwise[0, 1, 2].tolist() == [12, 12, 21]
    assert standard[0, 1, 2, 0] == 45
    assert one[0, 1, 2, 0] == 12 + 2 * 12 - 21
