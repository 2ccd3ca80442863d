"""What the tests of inference share: arrays that no test can pass by luck, and the comparison with the model."""

from collections.abc import Callable

import numpy as np
import pytest

from xnp.engine.inference import Inference
from xnp.layers import Layer

Shape = tuple[int, ...]


@pytest.fixture
def randomized() -> Callable[[Layer, Shape], Layer]:
    """Build a layer in float64, and draw all biases, scales, shifts and statistics."""

    def randomized(layer: Layer, input_shape: Shape, dtype: type = np.float64) -> Layer:
        rng = np.random.default_rng(7)
        layer.build(input_shape, dtype=dtype)
        for path, array in layer.state().items():
            if path.endswith("moving_variance"):
                array[...] = rng.uniform(0.3, 3.0, array.shape)
            elif array.ndim == 1:
                array[...] = rng.normal(path.endswith("gamma"), 0.5, array.shape)
        return layer

    return randomized


@pytest.fixture
def agree() -> Callable[..., None]:
    """Compare with the model's own forward."""

    def agree(
        model: Layer, *, batches: tuple[int, ...] = (1, 2, 5), workers: tuple[int, ...] = (1, 2, 3), by: float = 1e-10
    ) -> None:
        assert model.input_shape is not None
        x = np.random.default_rng(8).normal(size=(max(batches), *model.input_shape)).astype(model.dtype)
        expected = model.forward(x)
        for count in workers:
            with Inference(model, count) as inference:
                for batch in batches:
                    y = inference.forward(x[:batch])
                    assert y.shape == expected[:batch].shape
                    assert y.dtype == model.dtype
                    error = np.linalg.norm(y - expected[:batch]) / np.linalg.norm(expected[:batch])
                    assert error <= by, f"{count} workers, {batch} images: off by {error}\n{inference.plan}"

    return agree
