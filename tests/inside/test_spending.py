"""Time and memory: every operation is there once, with its own numbers. The clock is ours, so speed does not matter."""

from itertools import accumulate, chain

import numpy as np
import pytest

from xnp import inside
from xnp.count import count
from xnp.inside import spending, time_and_memory
from xnp.layers import Conv2D, Dropout, Flatten, Parallel, ReLU, Sequential


@pytest.mark.usefixtures("unchanged")
def test_every_operation_of_the_count_is_there(model, images):
    spent = time_and_memory(model, images, rounds=1)
    rows = {row.path: row for row in count(model).rows}
    assert {one.path for one in spent} == rows.keys()
    assert len(spent) == len(rows)
    for one in spent:
        assert (one.kind, one.macs) == (rows[one.path].kind, 3 * rows[one.path].macs)
        assert one.bytes == 3 * rows[one.path].activations * 8  # float64


def test_they_stand_in_the_order_in_which_they_run(model, images):
    paths = [one.path for one in time_and_memory(model, images, rounds=1)]
    assert paths[:3] == ["stem/conv1", "stem/norm1", "stem/relu1"]
    assert paths[-2:] == ["pool", "classifier"]
    assert paths.index("entry/1/pool") < paths.index("entry/1/add") < paths.index("middle/1/relu1")


def test_it_runs_what_the_model_runs(model, images, monkeypatch):
    last, seen = model.children["classifier"], []
    forward = last.forward
    monkeypatch.setattr(last, "forward", lambda x: seen.append(forward(x)) or seen[-1])
    time_and_memory(model, images, rounds=1)
    monkeypatch.undo()
    np.testing.assert_array_equal(seen[-1], model.forward(images))


def test_seconds_are_the_median_of_the_rounds_without_the_first(monkeypatch):
    model = Sequential(a=ReLU(), b=ReLU()).build((2, 2, 1))
    durations = [100, 100, 1, 10, 5, 30, 2, 20]  # a, b in four rounds
    readings = accumulate(chain.from_iterable((0, seconds) for seconds in durations))  # before and after each

    monkeypatch.setattr(spending, "perf_counter", lambda: next(readings))
    spent = time_and_memory(model, np.ones((1, 2, 2, 1), np.float32), rounds=3)
    assert [one.seconds for one in spent] == [2, 20]


def test_an_output_that_is_the_input_takes_no_memory():
    branches = Parallel(Dropout(0.5), Conv2D(2, 1))
    model = Sequential(branches=branches, flat=Flatten()).build((4, 4, 1))
    spent = time_and_memory(model, np.ones((2, 4, 4, 1), np.float32), rounds=1)
    assert {one.path: one.bytes for one in spent} == {
        "branches/1": 0,
        "branches/2": 2 * 32 * 4,
        "branches/concatenate": 2 * 48 * 4,
        "flat": 0,
    }
    assert [one.kind for one in spent] == ["Dropout", "Conv2D", "Concatenate", "Flatten"]


def test_no_round_is_refused(model, images):
    with pytest.raises(ValueError, match="time_and_memory: rounds is 0"):
        inside.time_and_memory(model, images, rounds=0)
