"""Saving and loading: copies, and the refusal of every state that does not fit, with nothing changed."""

import numpy as np
import pytest

from xnp.stateful import Stateful, check_same


class Pair(Stateful):
    """Two arrays for each path."""

    slots = ("low", "high")


def state(step=3, **changes):
    """Return a good state of a Pair with the changes made; None takes an entry out."""
    entries = {
        "step": np.array(step, np.int64),
        "low/a/kernel": np.array([[1.0, 2.0]]),
        "high/a/kernel": np.array([[3.0, 4.0]]),
        "low/b": np.array([5.0], np.float32),
        "high/b": np.array([6.0], np.float32),
    }
    entries.update({key.replace("__", "/"): value for key, value in changes.items()})
    return {key: value for key, value in entries.items() if value is not None}


def loaded():
    pair = Pair()
    pair.load_state(state())
    return pair


def assert_same_state(one, other):
    assert one.keys() == other.keys()
    for key, array in one.items():
        np.testing.assert_array_equal(array, other[key], strict=True)


def test_a_new_object_keeps_nothing_but_step_0():
    assert_same_state(Pair().state(), {"step": np.array(0, np.int64)})
    Pair().load_state(Pair().state())


def test_state_is_what_was_loaded():
    assert_same_state(loaded().state(), state())
    assert loaded().steps == 3


def test_state_and_load_state_copy():
    mine, pair = state(), Pair()
    pair.load_state(mine)
    mine["low/b"][...] = 100
    pair.state()["low/b"][...] = 200
    assert_same_state(pair.state(), state())


BAD = {
    "no step": (state(step=3) | {"step": None}, "missing ['step']"),
    "negative step": (state(step=-1), "step -1"),
    "step 0 with arrays": (state(step=0), "step 0 and 4 arrays"),
    "step with an axis": (state() | {"step": np.array([3])}, "step as int64 (1,)"),
    "step of floats": (state() | {"step": np.array(3.0)}, "step as float64 ()"),
    "one slot misses a path": (state(high__b=None), "1 missing ['high/b']"),
    "unknown slot": (state(middle__b=np.zeros(1)), "1 unknown ['middle/b']"),
    "a slot without a path": (state(low=np.zeros(1)), "'low'"),
    "misshaped": (state(high__a__kernel=np.zeros((1, 3))), "/a/kernel as float64 (1, "),
    "other dtype": (state(high__b=np.array([6.0])), "/b as float"),
}


@pytest.mark.parametrize("make", [Pair, loaded])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_state_is_refused_by_name_and_changes_nothing(make, case):
    bad, message = BAD[case]
    pair = make()
    before = pair.state()
    with pytest.raises(ValueError, match=r"^Pair\.load_state: state ") as error:
        pair.load_state({key: value for key, value in bad.items() if value is not None})
    assert message in str(error.value)
    assert_same_state(pair.state(), before)


@pytest.mark.parametrize("step", [0, 3])
def test_arrays_that_are_lost_are_missed(step):
    with pytest.raises(ValueError, match=r"4 missing \['high/a/kernel', 'high/b', 'low/a/kernel'\]"):
        loaded().load_state({"step": np.array(step)})


def test_a_count_without_arrays_is_refused():
    with pytest.raises(ValueError, match="step 3 and 0 arrays"):
        Pair().load_state({"step": np.array(3)})


def test_a_path_that_was_not_there_is_refused():
    with pytest.raises(ValueError, match=r"keys: 2 unknown \['high/c', 'low/c'\]"):
        loaded().load_state(state(low__c=np.zeros(1), high__c=np.zeros(1)))


def test_check_same_names_the_first_three():
    like = {letter: np.zeros(1) for letter in "edcba"}
    message = r"^here: xs has wrong keys: 5 missing \['a', 'b', 'c'\], 1 unknown \['z'\]$"
    with pytest.raises(ValueError, match=message):
        check_same("here", "xs", {"z": np.zeros(1)}, like)
