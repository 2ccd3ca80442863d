"""Who takes part, who is left out and why; and that those of the library compute what its models compute."""

import numpy as np
import pytest

from xnp import models
from xnp.bench import by_xnp, contestants
from xnp.bench.contestants import CONTESTANTS, NAMES, Contestant, entrants
from xnp.bench.naive import NaiveNetwork
from xnp.bench.scaled import scaled_xception
from xnp.bench.work import Work, batch_of, default_size, network
from xnp.count import count

ALL_INSTALLED = {"torch", "keras", "onnx", "onnxruntime", "mygrad"}


@pytest.fixture
def installed(monkeypatch):
    """Pretend that these packages are installed, on Linux with glibc, and no others."""

    def pretend(packages, libc="glibc"):
        monkeypatch.setattr(contestants, "missing", lambda needs: [name for name in needs if name not in packages])
        monkeypatch.setattr(contestants.platform, "libc_ver", lambda: (libc, ""))

    return pretend


def test_with_everything_installed_all_take_part(installed):
    installed(ALL_INSTALLED)
    for what, absent in (("training", "onnxruntime"), ("inference", "mygrad")):
        able, left_out = entrants(what)
        assert [one.name for one in able] == [name for name in NAMES if name != absent]
        assert left_out == {absent: f"it does no {what} here"}


def test_those_not_installed_are_left_out_and_named(installed):
    installed({"keras"})
    able, left_out = entrants("training")
    assert [one.name for one in able] == ["xnp engine", "xnp plain", "naive numpy"]
    assert set(left_out) == set(NAMES) - {one.name for one in able}
    assert left_out["keras on torch"] == "torch not installed"
    assert left_out["mygrad"] == "mygrad not installed"
    assert entrants("inference")[1]["onnxruntime"] == "onnxruntime and onnx not installed"


def test_the_tuned_malloc_needs_glibc(installed):
    installed(ALL_INSTALLED, libc="")
    assert list(entrants("training")[1]) == ["torch channels_last tuned malloc", "onnxruntime"]


def test_only_those_that_are_asked_for(installed):
    installed(set())
    able, left_out = entrants("training", ["mygrad", "xnp plain"])
    assert [one.name for one in able] == ["xnp plain"]
    assert list(left_out) == ["mygrad"]


def test_missing_packages_are_found_missing():
    assert contestants.missing(["numpy", "no_such_package"]) == ["no_such_package"]


def test_names_differ():
    assert len(set(NAMES)) == len(NAMES) == len(CONTESTANTS)


def test_a_part_of_the_work():
    quarter = Contestant("a", "b", share=4)
    assert quarter.part(Work(batch=64)) == Work(batch=16)
    assert quarter.part(Work(batch=2)).batch == 1


# The work


def test_a_smaller_batch_holds_the_first_images_of_a_larger_one():
    (few, labels), (many, more) = (batch_of(Work(model="tiny", batch=n)) for n in (2, 5))
    assert few.dtype == np.float32
    assert np.array_equal(few, many[:2])
    assert np.array_equal(labels, more[:2])


def test_work_in_words():
    assert str(Work()) == "training step of small_xception, 32x32, batch 64, float32"
    assert str(Work("inference", "xception", 299, 1)) == "inference of xception, 299x299, batch 1, float32"
    words = "training step of scaled_xception, width x2, 6 middle blocks, 32x32, batch 8, float32"
    assert str(Work(model="scaled", batch=8, width=2, depth=6)) == words


def test_sizes_are_the_networks_own():
    assert [default_size(model) for model in ("tiny", "small", "xception")] == [32, 32, 299]
    assert network(Work(size=48)).input_shape == (48, 48, 3)


def test_the_scaled_network_is_the_small_one_made_wider_and_deeper():
    def shapes(model):
        return [(row.path, row.kind, row.output_shape, row.trainable, row.macs) for row in count(model).rows]

    assert shapes(scaled_xception()) == shapes(models.small_xception())
    assert shapes(network(Work(model="scaled"))) == shapes(models.small_xception())
    wide, deep = count(network(Work(model="scaled", width=2))), count(network(Work(model="scaled", depth=5)))
    assert 3.8 < wide.macs / count(scaled_xception()).macs < 4
    assert len({row.path.split("/")[1] for row in deep.rows if row.path.startswith("middle/")}) == 5


# The library's own contestants


@pytest.mark.parametrize("make", [models.tiny_xception, models.small_xception])
@pytest.mark.parametrize("training", [True, False])
def test_naive_numpy_is_the_same_network(make, training):
    size = (8, 8, 3)
    plain, naive = make(size, seed=1, dtype=np.float64), NaiveNetwork(make(size, seed=1, dtype=np.float64))
    rng = np.random.default_rng(2)
    for path, array in plain.state().items():
        array += rng.uniform(0.1, 0.5, array.shape) * array.std() + 0.1 * ("moving" in path)
        naive.model.state()[path][...] = array
    x = rng.standard_normal((3, *size))
    logits = plain.forward(x, training=training)
    np.testing.assert_allclose(naive.forward(x, training), logits, rtol=1e-9, atol=1e-12)
    for path, array in plain.state().items():
        np.testing.assert_allclose(naive.model.state()[path], array, rtol=1e-9, atol=1e-12, err_msg=path)
    if training:
        dlogits = rng.standard_normal(logits.shape)
        np.testing.assert_allclose(naive.backward(dlogits), plain.backward(dlogits), rtol=1e-8, atol=1e-10)
        for path, gradient in plain.gradients().items():
            tolerance = 1e-9 * np.abs(gradient).max() + 1e-12
            np.testing.assert_allclose(naive.gradients()[path], gradient, atol=tolerance, err_msg=path)


@pytest.mark.parametrize("prepare", [by_xnp.plain, by_xnp.naive, by_xnp.fast])
def test_a_step_is_a_training_step(prepare):
    step = prepare(Work(model="tiny", batch=4), 1)
    losses = [float(step()) for _ in range(4)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("prepare", [by_xnp.plain, by_xnp.naive])
def test_inference_gives_the_model_s_logits(prepare):
    work = Work("inference", "tiny", batch=2)
    expected = models.tiny_xception().forward(batch_of(work)[0])
    np.testing.assert_allclose(prepare(work, 1)(), expected, rtol=1e-4, atol=1e-6)
