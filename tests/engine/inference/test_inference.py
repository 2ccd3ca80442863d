"""Whole models, and how the class behaves: it folds again, repeats itself, changes nothing, refuses by name."""

import numpy as np
import pytest

from xnp import models
from xnp.engine.inference import Inference
from xnp.layers import Conv2D, Sequential
from xnp.models import inception


def perturb(model, seed=0):
    """Random statistics, scales and shifts, where a new model has ones and zeros."""
    rng = np.random.default_rng(seed)
    for path, array in model.state().items():
        if path.endswith("moving_variance"):
            array[...] = rng.uniform(0.5, 2.0, array.shape)
        elif array.ndim == 1:
            array[...] = rng.normal(path.endswith("gamma"), 0.3, array.shape)
    return model


@pytest.fixture
def tiny():
    return perturb(models.tiny_xception())


@pytest.fixture
def x():
    return np.random.default_rng(3).normal(size=(5, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "make",
    [
        lambda: models.tiny_xception((32, 32, 3), dtype=np.float64),
        lambda: models.tiny_xception((17, 22, 3), dtype=np.float64),
        lambda: models.small_xception((16, 16, 3), dtype=np.float64),
        pytest.param(lambda: models.xception((43, 39, 3), 10, dropout=0.5, dtype=np.float64), marks=pytest.mark.slow),
    ],
    ids=["tiny", "tiny, odd", "small", "xception"],
)
def test_models(make, agree):
    agree(perturb(make()), batches=(1, 2, 5), workers=(1, 2, 3))


@pytest.mark.parametrize(
    "module",
    [
        lambda: inception.canonical(2),
        lambda: inception.simplified(12, 3),
        lambda: inception.segmented(12, 3),
        lambda: inception.segmented(12, 12),
        lambda: inception.extreme(12),
        lambda: inception.depthwise_first(12),
        lambda: inception.pointwise_first(12),
    ],
)
def test_inception_modules(module, agree):
    agree(perturb(module().build((9, 10, 7), dtype=np.float64)))


def test_float32(tiny, agree):
    agree(tiny, by=2e-6)


def test_large_mean_and_variance(agree):
    """Statistics of the size that numbers in [0, 255] bring."""
    model = models.tiny_xception(dtype=np.float64)
    for path, array in perturb(model).state().items():
        if path.endswith("moving_mean"):
            array += 1e4
        elif path.endswith("moving_variance"):
            array *= 1e4
    agree(model, workers=(2,))


def test_every_layer_of_the_models_is_fast(tiny):
    for model in (tiny, models.small_xception(), inception.segmented(8, 2).build((5, 5, 3))):
        with Inference(model, 1) as inference:
            assert {step.form for step in inference.plan.steps} == {"fast"}


def test_all_norms_of_xception_are_folded():
    model = models.tiny_xception()
    norms = sum(row.kind == "BatchNorm" for row in model.rows(model.input_shape)[0])
    with Inference(model, 1) as inference:
        assert str(inference.plan).count("norm folded") == norms
        assert len(inference.plan.steps) == 17  # 12 convolutions, 2 skips' among them; 2 pools, average, classifier


def test_fold_sees_what_has_changed(tiny, x):
    with Inference(tiny, 2) as inference:
        before, same = inference.forward(x), tiny.forward(x)
        perturb(tiny, seed=1)
        for name, array in tiny.parameters().items():
            if name.endswith(("kernel", "pointwise", "depthwise")):
                array *= 1.1
        np.testing.assert_array_equal(inference.forward(x), before)  # copies: a training may go on meanwhile
        inference.fold()
        after = inference.forward(x)
    np.testing.assert_allclose(after, tiny.forward(x), rtol=1e-4, atol=1e-5)
    assert not np.allclose(after, same, rtol=1e-2)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_bits_each_time(workers, tiny, x):
    with Inference(tiny, workers) as inference:
        first = inference.forward(x)
        for _ in range(20):
            np.testing.assert_array_equal(inference.forward(x), first)
    with Inference(tiny, workers) as another:
        np.testing.assert_array_equal(another.forward(x), first)


def test_answers_are_new_arrays(tiny, x):
    with Inference(tiny, 2) as inference:
        first = inference.forward(x)
        kept = first.copy()
        inference.forward(-x)
        np.testing.assert_array_equal(first, kept)
        first[...] = np.nan
        np.testing.assert_array_equal(inference.forward(x), kept)


def test_images_do_not_feel_each_other(tiny, x):
    with Inference(tiny, 1) as inference:
        together = inference.forward(x)
        for n in range(len(x)):
            np.testing.assert_allclose(inference.forward(x[n : n + 1])[0], together[n], rtol=1e-4, atol=1e-5)


def test_many_batch_sizes_one_after_the_other(tiny):
    x = np.random.default_rng(4).normal(size=(70, 32, 32, 3)).astype(np.float32)
    expected = tiny.forward(x)
    with Inference(tiny, 2) as inference:
        for batch in (1, 70, 3, 64, 2, 70, 1):
            np.testing.assert_allclose(inference.forward(x[:batch]), expected[:batch], rtol=1e-4, atol=1e-5)


def test_the_model_is_not_changed(tiny, x):
    tiny.forward(x[:2], training=True)
    state = {path: array.copy() for path, array in tiny.state().items()}
    ran = {leaf.path: leaf._ran for leaf in tiny.leaves()}
    with Inference(tiny, 2) as inference:
        inference.forward(x)
        inference.fold()
    for path, array in tiny.state().items():
        np.testing.assert_array_equal(array, state[path])
    assert all(leaf._ran is ran[leaf.path] for leaf in tiny.leaves())


def test_the_input_is_not_changed_and_may_lie_anyhow(tiny, x):
    kept = x.copy()
    with Inference(tiny, 2) as inference:
        expected = inference.forward(x)
        np.testing.assert_array_equal(x, kept)
        np.testing.assert_array_equal(inference.forward(np.asfortranarray(x)), expected)
        x.flags.writeable = False
        np.testing.assert_array_equal(inference.forward(x), expected)


def test_an_unbuilt_model_is_refused():
    with pytest.raises(ValueError, match="knows no shapes yet"):
        Inference(Sequential(Conv2D(3, 3)))


def test_no_worker_is_refused(tiny):
    with pytest.raises(ValueError, match="workers is 0"):
        Inference(tiny, 0)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            np.zeros((2, 32, 31, 3), np.float32),
            ValueError,
            r"x has shape \(2, 32, 31, 3\); it must be \(N, 32, 32, 3\)",
        ),
        (np.zeros((32, 32, 3), np.float32), ValueError, r"x has shape \(32, 32, 3\); it must be \(N, H, W, C\)"),
        (np.zeros((0, 32, 32, 3), np.float32), ValueError, "no axis may be empty"),
        (np.zeros((1, 32, 32, 3)), TypeError, "x is float64 but the model is float32"),
        ([[1.0]], TypeError, "x is a list"),
    ],
)
def test_what_the_model_does_not_take_is_refused(x, error, message, tiny):
    with Inference(tiny, 1) as inference, pytest.raises(error, match=f"Inference: .*{message}|Inference: {message}"):
        inference.forward(x)


def test_a_closed_one_is_refused(tiny, x):
    for workers in (1, 2):
        inference = Inference(tiny, workers)
        inference.close()
        with pytest.raises(RuntimeError, match="closed"):
            inference.forward(x)


def test_the_plan_is_a_table(tiny, x):
    with Inference(tiny, 2) as inference:
        inference.forward(x)
        text = str(inference.plan)
    assert "middle/1/separable2  depthwise 3x3, pointwise, norm folded, add (middle/1/add)" in text
    assert "2 workers" in text
    assert "MB" in text
