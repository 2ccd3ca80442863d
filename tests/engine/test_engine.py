"""The engine as its users see it."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from xnp import gradcheck, models
from xnp.engine import Engine, processes
from xnp.engine.team import usable_cores
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool2D, GroupedConv2D, ReLU, Sequential
from xnp.ops import softmax_cross_entropy
from xnp.optimizers import SGD


def make_model(dtype=np.float32):
    return Sequential(
        conv=Conv2D(6, 3, use_bias=False),
        norm=BatchNorm(),
        relu=ReLU(),
        drop=Dropout(0.2),
        grouped=GroupedConv2D(6, 3, groups=2),
        pool=GlobalAveragePool2D(),
        classifier=Dense(3),
    ).build((6, 5, 3), dtype=dtype)


def images(n, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 6, 5, 3)).astype(dtype)


def train_some_steps(model, workers, steps):
    optimizer = SGD(momentum=0.9)
    with Engine(model, 4, workers) as engine:
        for step in range(steps):
            x = images(4 - step % 3, seed=step)
            logits = engine.forward(x, training=True)
            _, cache = softmax_cross_entropy.forward(logits, np.arange(len(x)) % 3)
            engine.backward(softmax_cross_entropy.backward(1.0, cache))
            optimizer.step(model.parameters(), model.gradients(), 0.05)


def train(workers, steps=100):
    """Learn some steps; give the bytes of everything."""
    model = make_model()
    train_some_steps(model, workers, steps)
    return {path: array.tobytes() for path, array in (model.state() | model.gradients()).items()}


@pytest.mark.slow
@pytest.mark.parametrize("by_processes", [True, False])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_hundred_steps_twice_give_the_same_bits(workers, by_processes, monkeypatch):
    monkeypatch.setattr(processes, "available", processes.available and by_processes)
    assert train(workers) == train(workers)


def test_threads_and_processes_give_the_same_bits(monkeypatch):
    by_processes = train(2, steps=20)
    monkeypatch.setattr(processes, "available", False)
    assert train(2, steps=20) == by_processes


@pytest.mark.slow
def test_the_same_bits_a_hundred_times():
    first = train(2, steps=5)
    assert all(train(2, steps=5) == first for _ in range(100))


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_of_any_size_in_any_order(workers):
    plain, fast = make_model(np.float64), make_model(np.float64)
    with Engine(fast, 8, workers) as engine:
        kept = engine.plan.memory.megabytes()[0]
        for seed, n in enumerate((8, 3, 8, 1, 5, 3)):
            x = images(n, np.float64, seed)
            expected, found = plain.forward(x, True), engine.forward(x, True)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(engine.backward(expected), plain.backward(expected), rtol=1e-8, atol=1e-12)
        assert engine.plan.memory.megabytes()[0] == kept  # smaller batches use the same memory


@pytest.mark.parametrize("workers", [1, 2])
def test_the_arrays_stay_the_models(workers):
    model = make_model()
    before = {**model.state(), **model.gradients()}
    with Engine(model, 4, workers) as engine:
        assert engine.parameters().keys() == model.parameters().keys()
        first = engine.forward(images(4))
        model.parameters()["classifier/bias"][...] += 1  # what is written to the model, the next forward sees
        np.testing.assert_allclose(engine.forward(images(4)), first + 1, rtol=1e-5)
        engine.backward(engine.forward(images(4), training=True))
    after = {**model.state(), **model.gradients()}
    assert all(after[path] is array for path, array in before.items())
    assert np.abs(after["norm/moving_mean"]).max() > 0
    assert np.abs(model.gradients()["conv/kernel"]).max() > 0


@pytest.mark.parametrize("workers", [1, 2])
def test_asking_changes_nothing(workers):
    model = make_model()
    before = {path: array.copy() for path, array in model.state().items()}
    drawn = model.generators()["drop"].bit_generator.state
    with Engine(model, 4, workers) as engine:
        engine.backward(engine.forward(images(4)))
    for path, array in model.state().items():
        np.testing.assert_array_equal(array, before[path])
    assert model.generators()["drop"].bit_generator.state == drawn


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_slopes(workers, training):
    model = models.tiny_xception((8, 8, 3), dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
    with Engine(model, 4, workers) as engine:
        results = gradcheck.check_model(engine, x, np.array([1, 0, 2, 1]), training=training)
    assert len(results) == len(model.parameters()) + 2
    assert all(result.passed for result in results), gradcheck.table(results)


def test_gradients_are_slopes_where_there_is_none_of_the_images():
    model, x = make_model(np.float64), images(4, np.float64)
    with Engine(model, 4, 1, input_gradient=False) as engine:
        results = gradcheck.check_model(engine, x, np.array([1, 0, 2, 1]))
    assert [result.case for result in results] == [*model.parameters(), "all"]
    assert all(result.passed for result in results), gradcheck.table(results)


def test_without_the_gradient_of_the_images_the_others_are_the_same():
    gradients = []
    for wanted in (True, False):
        model = make_model()
        with Engine(model, 4, 2, input_gradient=wanted) as engine:
            dx = engine.backward(engine.forward(images(4), training=True))
        assert (dx is not None) == wanted
        gradients.append({path: array.tobytes() for path, array in model.gradients().items()})
    assert gradients[0] == gradients[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_model_goes_on_where_the_engine_stopped(workers):
    model = make_model()
    train_some_steps(model, workers, steps=3)
    with Engine(model, 4, workers) as engine:
        found = engine.forward(images(4))
    np.testing.assert_allclose(model.forward(images(4)), found, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_given_and_what_was_taken_stay_as_they_are(workers):
    model, x, dy = make_model(), images(4), images(4)[:, 0, 0]
    x.setflags(write=False)
    dy.setflags(write=False)
    with Engine(model, 4, workers) as engine:
        y = engine.forward(x, training=True)
        dx = engine.backward(dy)
        copies = y.copy(), dx.copy()
        engine.backward(engine.forward(images(4, seed=1)))
        np.testing.assert_array_equal(y, copies[0])
        np.testing.assert_array_equal(dx, copies[1])
        first = engine.forward(x)
        np.testing.assert_array_equal(engine.forward(np.asfortranarray(x)), first)
        np.testing.assert_array_equal(engine.forward(np.repeat(x, 2, axis=0)[::2]), first)


@pytest.mark.parametrize("by_processes", [True, False])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_closed_engine_says_so(workers, by_processes, monkeypatch):
    monkeypatch.setattr(processes, "available", processes.available and by_processes)
    with Engine(make_model(), 4, workers) as engine:
        y = engine.forward(images(4))
    engine.close()  # once more does nothing
    for call in (lambda: engine.backward(y), lambda: engine.forward(images(4))):
        with pytest.raises(RuntimeError, match=r"engine: the workers were closed.*make a new engine"):
            call()


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_failed_forward_there_is_no_backward(workers, monkeypatch):
    def fail(batch, training):
        raise ZeroDivisionError

    with Engine(make_model(), 4, workers) as engine:
        y = engine.forward(images(4))
        monkeypatch.setattr(engine._hands, "forward", fail)
        with pytest.raises(ZeroDivisionError):
            engine.forward(images(4), training=True)
        with pytest.raises(RuntimeError, match="backward was called without a forward"):
            engine.backward(y)


def test_workers_are_the_cores_if_nobody_says_how_many():
    with Engine(make_model(), 4) as engine:
        assert engine.workers == len(usable_cores())
        assert engine.dtype == np.float32


def test_blas_has_as_many_threads_as_before():
    with threadpool_limits(2, user_api="blas"):
        before = [library["num_threads"] for library in threadpool_info()]
        for workers in (1, 2):
            with Engine(make_model(), 4, workers) as engine:
                engine.backward(engine.forward(images(4)))
                assert [library["num_threads"] for library in threadpool_info()] == before


def test_the_plan_shows_what_has_no_fast_form():
    with Engine(make_model(), 4, 2) as engine:
        lines = str(engine.plan).splitlines()
    slow = [line.split() for line in lines if "the layer itself" in line]
    assert [words[words.index("the") - 2] for words in slow] == ["Dropout", "GroupedConv2D"]
    assert lines[-1].startswith("2 workers; ")


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"the Sequential knows no shapes yet; call build\(input_shape\) first"):
        Engine(Sequential(ReLU()))
    with pytest.raises(ValueError, match="Engine: batch_size is 0"):
        Engine(make_model(), 0)
    with pytest.raises(ValueError, match="Engine: workers is 0"):
        Engine(make_model(), 4, 0)
    with Engine(make_model(), 4, 1) as engine:
        with pytest.raises(RuntimeError, match="backward was called without a forward before it"):
            engine.backward(np.zeros((4, 3), np.float32))
        for shape in ((5, 6, 5, 3), (0, 6, 5, 3), (4, 5, 6, 3), (4, 90)):
            with pytest.raises(
                ValueError, match=r"Engine: x has shape .*; it must be \(N, 6, 5, 3\) with N from 1 to 4"
            ):
                engine.forward(np.zeros(shape, np.float32))
        with pytest.raises(TypeError, match="Engine: x is float64 but the model is float32"):
            engine.forward(images(4, np.float64))
        engine.forward(images(4))
        with pytest.raises(ValueError, match="Engine: dy"):
            engine.backward(np.zeros((3, 3), np.float32))
        with pytest.raises(TypeError, match="Engine: dy"):
            engine.backward(np.zeros((4, 3)))
        engine.backward(np.zeros((4, 3), np.float32))
        with pytest.raises(RuntimeError, match="backward was called without a forward"):
            engine.backward(np.zeros((4, 3), np.float32))
