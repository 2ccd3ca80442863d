"""Evaluation: redone by hand; nothing in the model moves; the scale is the exact one."""

import math

import numpy as np
import pytest

from xnp.data.dataset import Dataset
from xnp.evaluation import Scale, averaged, evaluate, measure
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool2D, Sequential
from xnp.optimizers import PolyakAverage


@pytest.fixture
def model():
    """Give a model with moving statistics and dropout, none of whose numbers is 0 or 1."""
    layers = Conv2D(4, 3), BatchNorm(), Dropout(0.5), GlobalAveragePool2D(), Dense(3)
    model = Sequential(*layers).build((6, 5, 2), seed=1)
    rng = np.random.default_rng(2)
    for array in model.state().values():
        array += rng.uniform(0.1, 0.5, array.shape)
    return model


@pytest.fixture
def data():
    """Give eleven images of three classes."""
    rng = np.random.default_rng(3)
    return Dataset(rng.integers(0, 256, (11, 6, 5, 2), np.uint8), rng.integers(0, 3, 11), ("a", "b", "c"))


SCALE = Scale((0.4, 0.5), (0.2, 0.3))


def test_a_result_by_hand():
    model = Sequential(Flatten(), Dense(2)).build((1, 1, 1), dtype=np.float64)
    model.parameters()["2/kernel"][...] = [[1.0, -1.0]]  # logits (x, -x)
    images = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1)  # x = -1, 0, 4
    result = evaluate(model, Dataset(images, np.array([0, 0, 1]), ("up", "down")), Scale((0.2,), (0.2,)))
    x = np.array([-1.0, 0.0, 4.0])
    p = 1 / (1 + np.exp(-2 * x))  # of "up"
    np.testing.assert_allclose(result.probabilities, np.stack([p, 1 - p], axis=1), rtol=1e-12)
    assert result.loss == pytest.approx(-(math.log(p[0]) + math.log(0.5) + math.log(1 - p[2])) / 3, rel=1e-12)
    assert result.accuracy == pytest.approx(1 / 3)  # a tie goes to the first class: only the second image is right


def test_images_are_scaled_to_numbers_around_zero():
    images = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1).repeat(2, axis=3)
    for dtype in (np.float32, np.float64):
        x = SCALE.apply(images, np.dtype(dtype))
        assert x.dtype == dtype
        expected = [[-0.4 / 0.2, -0.5 / 0.3], [0.6 / 0.2, 0.5 / 0.3]]
        np.testing.assert_allclose(x[:, 0, 0], expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("batch_size", [1, 4, 10, 11, 12, 1000])
def test_the_batch_size_changes_nothing_but_rounding(model, data, batch_size):
    expected = evaluate(model, data, SCALE)
    found = evaluate(model, data, SCALE, batch_size=batch_size)
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    assert found.accuracy == expected.accuracy
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=1e-5)
    assert found.probabilities.shape == (11, 3)


def test_nothing_in_the_model_moves(model, data):
    before = {path: array.copy() for path, array in model.state().items()}
    draws = {path: rng.bit_generator.state for path, rng in model.generators().items()}
    evaluate(model, data, SCALE)
    assert all((array == before[path]).all() for path, array in model.state().items())
    assert draws == {path: rng.bit_generator.state for path, rng in model.generators().items()}


@pytest.mark.parametrize(
    ("images", "batch_size", "message"),
    [
        (0, 4, "evaluate: images is 0; it must be a positive integer"),
        (3, 0, "evaluate: batch_size is 0; it must be a positive integer"),
    ],
)
def test_no_images_are_refused(model, data, images, batch_size, message):
    with pytest.raises(ValueError, match=message):
        evaluate(model, data.take(np.arange(images)), SCALE, batch_size=batch_size)


def test_the_scale_is_exact():
    rng = np.random.default_rng(4)
    images = np.stack([rng.integers(0, high, (50, 20, 20)) for high in (256, 30, 3)], axis=-1).astype(np.uint8)
    scale = measure(Dataset(images, np.zeros(50, np.int64), ("a",)))
    pixels = images.astype(np.float64) / 255
    np.testing.assert_allclose(scale.mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(scale.std, pixels.std(axis=(0, 1, 2)), rtol=1e-12)
    assert all(type(number) is float for number in (*scale.mean, *scale.std))  # JSON takes them as they are
    x = scale.apply(images, np.dtype(np.float64))
    np.testing.assert_allclose(x.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(axis=(0, 1, 2)), 1, rtol=1e-12)


def test_a_channel_of_one_value_is_left_near_zero():
    for value in range(256):  # with fractions, the deviation of some of them is 1e-18 instead of 0
        images = np.full((7, 1, 1, 1), value, np.uint8)
        scale = measure(Dataset(images, np.zeros(7, np.int64), ("a",)))
        assert scale.std == (1.0,)
        np.testing.assert_allclose(scale.apply(images, np.dtype(np.float32)), 0, atol=1e-7)


def test_averaged_lends_the_average_and_takes_it_back(model):
    state = model.state()
    average = PolyakAverage(0.5)
    average.update(state)
    before = {path: array.copy() for path, array in state.items()}
    for array in state.values():
        array += 1
    with averaged(model, average):
        assert all((state[path] == before[path]).all() for path in state)
    assert all((state[path] == before[path] + 1).all() for path in state)
    with pytest.raises(RuntimeError, match="inside"), averaged(model, average):
        raise RuntimeError("inside")
    assert all((state[path] == before[path] + 1).all() for path in state)
    assert all((average.average[path] == before[path]).all() for path in state)


@pytest.mark.parametrize("average", [None, PolyakAverage(0.5)])
def test_without_an_average_the_weights_stay(model, average):
    before = {path: array.copy() for path, array in model.state().items()}
    with averaged(model, average):
        assert all((array == before[path]).all() for path, array in model.state().items())
