"""Max pooling where maxima are equal: the first of the window wins, row by row, as in the plain network."""

import numpy as np
import pytest

from xnp.engine import Engine
from xnp.layers import MaxPool2D, Sequential

WINDOWS = [(2, 1), (2, 2), (3, 1), (3, 2), (1, 2), (2, 3), (4, 3), ((2, 3), (1, 2)), ((3, 1), (4, 1))]
CASES = [
    (size, stride, padding)
    for size, stride in WINDOWS
    for padding in ("same", "valid", 1)
    if padding != 1 or np.min(size) > 1  # else a window would hold padding alone
]


@pytest.mark.parametrize(("size", "stride", "padding"), CASES)
def test_the_first_maximum_gets_the_gradient(size, stride, padding):
    rng = np.random.default_rng(0)
    model = Sequential(MaxPool2D(size, stride, padding=padding)).build((7, 8, 4), dtype=np.float64)
    with Engine(model, 5, 1) as engine:
        for highest in (1, 2, 4):  # all numbers equal, or some of them
            x = rng.integers(-highest, 0, (5, 7, 8, 4)).astype(float)
            expected = model.forward(x)
            dy = rng.integers(1, 99, expected.shape).astype(float)  # whole numbers: sums are exact
            np.testing.assert_array_equal(engine.forward(x), expected)
            np.testing.assert_array_equal(engine.backward(dy), model.backward(dy))
