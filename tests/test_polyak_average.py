"""The Polyak average: by hand, its first steps, what it covers, how it is saved and copied back."""

import re

import numpy as np
import pytest

from xnp.optimizers import PolyakAverage

SHAPES = {"conv/kernel": (3, 3, 2, 4), "norm/beta": (4,), "norm/moving_mean": (4,), "head/bias": (5,)}


def random_arrays(rng, dtype=np.float64):
    return {path: rng.normal(size=shape).astype(dtype) for path, shape in SHAPES.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for path, array in one.items():
        np.testing.assert_array_equal(array, other[path], strict=True, err_msg=path)


def averaged(values, decay=0.999):
    polyak = PolyakAverage(decay)
    for value in values:
        polyak.update({"norm/moving_mean": np.array([float(value)])})
    return polyak.average["norm/moving_mean"].item()


def test_the_first_averages_by_hand():
    assert averaged([4]) == 4  # a copy
    assert averaged([4, 15]) == pytest.approx(13, rel=1e-14)  # 2/11 * 4 + 9/11 * 15
    assert averaged([4, 15, 1]) == pytest.approx(4, rel=1e-14)  # 3/12 * 13 + 9/12 * 1
    assert averaged([4, 15, 1, 17]) == pytest.approx(13, rel=1e-14)  # 4/13 * 4 + 9/13 * 17


def test_the_decay_is_never_above_its_limit():
    assert averaged([4, 15, 1, 17], decay=0.25) == 13.75  # 0.25 * 4 + 0.75 * 17: not 4/13 and 9/13
    assert averaged([4, 15, 1, 17], decay=0.0) == 17


def test_the_random_start_is_forgotten():
    assert abs(averaged([1e6] + [0] * 100)) < 1e-4  # with 0.999 from the start it would be 9e5


def test_moving_statistics_are_averaged_and_the_model_is_only_read():
    rng = np.random.default_rng(7)
    polyak, states = PolyakAverage(), [random_arrays(rng, np.float32) for _ in range(3)]
    for state in states:
        for array in state.values():
            array.flags.writeable = False
        polyak.update(state)
    assert polyak.average.keys() == SHAPES.keys()
    for path, average in polyak.average.items():
        assert average.dtype == np.float32
        expected = 3 / 12 * (2 / 11 * states[0][path] + 9 / 11 * states[1][path]) + 9 / 12 * states[2][path]
        np.testing.assert_allclose(average, expected, rtol=0, atol=1e-6)


def test_averages_are_copied_into_the_live_arrays():
    rng = np.random.default_rng(8)
    polyak, live = PolyakAverage(), random_arrays(rng)
    polyak.update(random_arrays(rng))
    arrays = dict(live)
    polyak.copy_to(live)
    assert all(live[path] is arrays[path] for path in live)
    assert_same(live, polyak.average)
    live["head/bias"] += 1  # a copy: training on leaves the average as it is
    assert np.all(live["head/bias"] != polyak.average["head/bias"])


def test_a_polyak_round_trip_goes_on_with_the_same_bits():
    rng = np.random.default_rng(9)
    states = [random_arrays(rng, np.float32) for _ in range(6)]
    first, second = PolyakAverage(), PolyakAverage()
    for state in states[:3]:
        first.update(state)
    second.load_state(first.state())
    assert first.state().keys() == {"step"} | {f"average/{path}" for path in SHAPES}
    for state in states[3:]:
        first.update(state)
        second.update(state)
    assert_same(first.state(), second.state())
    assert_same(first.average, second.average)


def test_other_states_are_refused_and_change_nothing():
    rng = np.random.default_rng(10)
    polyak, good = PolyakAverage(), random_arrays(rng)
    with pytest.raises(ValueError, match="PolyakAverage: there is no average before the first update"):
        polyak.copy_to(good)
    polyak.update(good)
    before = polyak.state()
    for method in (polyak.update, polyak.copy_to):
        bad = {path: a.copy() for path, a in good.items()}
        with pytest.raises(ValueError, match=r"PolyakAverage: state has wrong keys: 1 missing \['conv/kern"):
            method({path: a for path, a in bad.items() if path != "conv/kernel"})
        with pytest.raises(ValueError, match=r"norm/beta as float64 \(2,\)"):
            method(bad | {"norm/beta": np.zeros(2)})
        assert_same(bad, good)
    assert_same(polyak.state(), before)


@pytest.mark.parametrize("decay", [1.0, -0.5])
def test_a_bad_decay_is_refused_by_name(decay):
    with pytest.raises(
        ValueError, match=re.escape(f"PolyakAverage: decay is {decay}; it must be at least 0 and below 1")
    ):
        PolyakAverage(decay)
