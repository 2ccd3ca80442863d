"""Every rung of a ladder computes what the operation computes, and the ladders hold together."""

import numpy as np
import pytest

from xnp import ops
from xnp.bench import ladder, rungs
from xnp.bench.contestants import NAMES
from xnp.bench.work import Work

WORK = Work("layer", size=5, batch=3)


@pytest.fixture(autouse=True)
def few_channels(monkeypatch):
    monkeypatch.setattr(rungs, "CHANNELS", 7)  # the last block is not full
    monkeypatch.setattr(rungs, "BLOCK", 2 * 75 + 1)  # two channels of 5 * 5 * 3 numbers in a block


def inputs():
    """Draw what `prepare` draws, for three images."""
    x = np.random.default_rng(0).standard_normal((3, 5, 5, 7), np.float32)
    rng = np.random.default_rng(1)
    return x, rng.standard_normal((3, 3, 7), np.float32), rng.standard_normal((7, 7), np.float32)


def depthwise():
    x, w, _ = inputs()
    return ops.depthwise_conv2d.forward(x, w[..., None])[0]


def normalised():
    x, one = inputs()[0], np.ones(7, np.float32)
    return np.maximum(ops.batch_norm.forward(x, one, 0 * one)[0], 0)


def mixed():
    x, _, mix = inputs()
    return ops.pointwise_conv2d.forward(x, mix)[0]


EXPECTED = dict(zip([one.title for one in ladder.ladders()], [None, depthwise, normalised, mixed], strict=True))
LAYERS = [(one.title, rung.contestant) for one in ladder.ladders() for rung in one.rungs if one.work.what == "layer"]


@pytest.mark.parametrize(("title", "contestant"), LAYERS, ids=[contestant.name for _, contestant in LAYERS])
def test_a_rung_computes_what_the_operation_does(title, contestant):
    assert contestant.prepare == "xnp.bench.rungs:prepare"
    step = rungs.prepare(WORK, 1, **contestant.arguments)
    for _ in range(2):  # buffers that are kept must not remember
        np.testing.assert_allclose(step(), EXPECTED[title](), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("zeros", [None, np.zeros((2, 75), np.float32)])
def test_blocks_reach_every_channel(zeros):
    rows = np.random.default_rng(0).standard_normal((7, 75), np.float32)
    found = rungs.normalise_in_blocks(rows, np.full_like(rows, np.nan), zeros)
    np.testing.assert_allclose(found, rungs.normalise(rows), atol=1e-5)


def test_answers_of_a_part_are_the_first_of_the_whole():
    one = rungs.prepare(WORK._replace(batch=1), 1, rung="loops")()
    np.testing.assert_allclose(one.flat[:175], depthwise().flat[:175], rtol=1e-4, atol=1e-5)


def test_rungs_of_a_ladder_differ_in_name_and_say_what_they_changed():
    for one in ladder.ladders():
        names = [rung.contestant.name for rung in one.rungs]
        assert len(set(names)) == len(names) >= 3
        assert all(rung.change for rung in one.rungs)


def test_the_first_ladder_leads_from_naive_numpy_to_the_engine_on_all_workers():
    first = ladder.ladders()[0]
    assert first.work == Work("training", "small", 32, 64)
    assert [rung.contestant.workers for rung in first.rungs] == [1, 1, 1, None]
    assert [rung.contestant.prepare.split(":")[1] for rung in first.rungs] == ["naive", "plain", "fast", "fast"]


def test_contestants_of_the_table_stay_as_they_are():
    assert {"naive numpy", "xnp plain", "xnp engine"} <= set(NAMES)
