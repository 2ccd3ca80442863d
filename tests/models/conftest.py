"""What the tests of the modules share."""

from collections.abc import Callable

import numpy as np
import pytest

from xnp.layers import Layer


@pytest.fixture
def built() -> Callable[..., Layer]:
    """Give a function that builds a layer in float64 and draws what starts at 0 or 1: all arrays of batch norm."""

    def built(layer: Layer, image: tuple[int, int, int] = (6, 7, 5)) -> Layer:
        layer.build(image, dtype=np.float64)
        rng = np.random.default_rng(5)
        for path, array in layer.state().items():
            if path.endswith("moving_variance"):
                array[...] = rng.uniform(0.3, 3, array.shape)
            elif array.ndim == 1:
                array[...] = rng.normal(size=array.shape)
        return layer

    return built
