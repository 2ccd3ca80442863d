"""Who runs a model: both give the same numbers, and what is neither is refused."""

import numpy as np
import pytest

from xnp.data.dataset import Dataset
from xnp.engine.team import usable_cores
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU, SeparableConv2D, Sequential
from xnp.optimizers import SGD
from xnp.runner import check_engine, threads_of
from xnp.schedules import Constant
from xnp.training import evaluate, fit, measure


def make_data(seed, n):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    images = rng.integers(0, 120, (n, 8, 8, 3)) + 60 * labels[:, None, None, None]
    return Dataset(images.astype(np.uint8), labels, ("a", "b", "c"))


def make_model():
    return Sequential(
        conv=Conv2D(8, 3, use_bias=False),
        norm=BatchNorm(),
        relu=ReLU(),
        separable=SeparableConv2D(12, 3),
        dropout=Dropout(0.2),
        pool=GlobalAveragePool2D(),
        classifier=Dense(3),
    ).build((8, 8, 3), seed=4, dtype=np.float64)


def train(engine, workers=None):
    model = make_model()
    options = {"epochs": 3, "batch_size": 5, "optimizer": SGD(), "schedule": Constant(0.05), "progress": False}
    past = fit(model, make_data(0, 22), make_data(1, 7), engine=engine, workers=workers, **options)
    return model, past


@pytest.mark.parametrize("workers", [1, 2, None])
def test_the_engine_trains_to_the_same_weights(workers):
    plain, past = train("plain")
    fast, other = train("fast", workers)
    for path, array in plain.state().items():
        np.testing.assert_allclose(fast.state()[path], array, rtol=1e-9, atol=1e-11, err_msg=path)
    for row, fast_row in zip(past.rows, other.rows, strict=True):
        assert fast_row["validation_accuracy"] == row["validation_accuracy"]
        np.testing.assert_allclose(fast_row["validation_loss"], row["validation_loss"], rtol=1e-9)
    bits = [generator.bit_generator.state for generator in plain.generators().values()]
    assert [generator.bit_generator.state for generator in fast.generators().values()] == bits


@pytest.mark.parametrize("workers", [1, 2, None])
def test_the_engine_evaluates_alike(workers):
    model, data = train("plain")[0], make_data(2, 70)
    expected = evaluate(model, data, measure(data), engine="plain")
    found = evaluate(model, data, measure(data), batch_size=32, workers=workers)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=1e-9)
    assert found.accuracy == expected.accuracy


@pytest.mark.parametrize(
    ("engine", "workers", "message"),
    [
        ("quick", None, "fit: engine is 'quick'; it must be one of 'fast', 'plain'"),
        ("fast", 0, "fit: workers is 0; it must be 1 or more"),
        ("plain", 2, 'fit: workers is 2; the engine "plain" has none'),
    ],
)
def test_what_is_refused(engine, workers, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_engine("fit", engine, workers)
    with pytest.raises(ValueError, match=f"^{message}$"):
        train(engine, workers)
    with pytest.raises(ValueError, match=f"^{message.replace('fit', 'evaluate')}$"):
        evaluate(make_model(), make_data(0, 3), measure(make_data(0, 3)), engine=engine, workers=workers)


def test_the_number_of_threads():
    assert threads_of("plain", None) is None
    assert threads_of("fast", 3) == 3
    assert threads_of("fast", None) == len(usable_cores())
