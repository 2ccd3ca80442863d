"""Convolution: rows shared by few workers and by many, windows that reach over the border between two of them."""

import numpy as np
import pytest

from xnp.layers import Conv2D, Dense, DepthwiseConv2D, Flatten, PointwiseConv2D, Sequential


@pytest.mark.parametrize("workers", [2, 3, 5, 9])
@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"stride": 3}, {"dilation": 3}, {"padding": 2, "stride": 2}])
def test_any_number_of_workers(workers, options, equal_to_plain):
    equal_to_plain(lambda: Conv2D(3, 3, **options).build((7, 5, 2), dtype=np.float64), workers=workers, batches=(2,))


def test_more_workers_than_work(equal_to_plain):
    def make():
        return Sequential(
            DepthwiseConv2D(3), PointwiseConv2D(1), Conv2D(1, 3, padding="valid"), Flatten(), Dense(2)
        ).build((3, 3, 2), dtype=np.float64)

    equal_to_plain(make, workers=7, batches=(2, 1))
