"""Schedules: the rates at the steps that matter, the shape between them, refusals by name."""

import dataclasses
import math
import re

import numpy as np
import pytest

from xnp.schedules import Constant, Cosine, OneCycle, StepDecay, half_cosine

ALL = [Constant(0.1), StepDecay(0.1, 0.5, 3), Cosine(0.1, 10, warmup=3), OneCycle(0.1, 10)]


def test_constant_never_changes():
    assert [Constant(0.3)(step) for step in (0, 7, 10**9)] == [0.3, 0.3, 0.3]


def test_step_decay_is_the_papers():
    batches = 40_037  # an epoch of ImageNet, 32 images a batch
    schedule = StepDecay(0.045, 0.94, every=2 * batches)
    assert schedule(0) == schedule(2 * batches - 1) == 0.045
    assert schedule(2 * batches) == schedule(4 * batches - 1) == pytest.approx(0.0423, rel=1e-12)
    assert schedule(4 * batches) == pytest.approx(0.039762, rel=1e-12)
    assert schedule(20 * batches) == pytest.approx(0.045 * 0.94**10, rel=1e-12)


def test_cosine_starts_at_the_peak_and_stays_at_the_final_rate():
    schedule = Cosine(0.8, steps=5, final=0.2)
    w = (1 + math.sqrt(0.5)) / 2  # a quarter of the way: cos(pi / 4)
    expected = [0.8, 0.2 + 0.6 * w, 0.5, 0.8 - 0.6 * w, 0.2, 0.2, 0.2]
    assert [schedule(step) for step in range(7)] == pytest.approx(expected, rel=1e-12)
    assert (schedule(0), schedule(4), schedule(10**9)) == (0.8, 0.2, 0.2)


def test_cosine_warms_up_in_equal_steps_to_the_peak():
    schedule = Cosine(0.8, steps=8, warmup=4)
    assert [schedule(step) for step in range(4)] == pytest.approx([0.2, 0.4, 0.6, 0.8], rel=1e-12)
    assert schedule(3) == 0.8  # exactly, and there alone
    assert schedule(5) == pytest.approx(0.4, rel=1e-12)
    assert (schedule(7), schedule(8)) == (0.0, 0.0)


def test_cosine_of_one_step_is_its_peak():
    assert [Cosine(0.1, steps=1, final=0.01)(step) for step in range(3)] == [0.1, 0.01, 0.01]


def test_cosine_whose_warm_up_is_nearly_all():
    assert [Cosine(0.3, steps=4, warmup=3)(step) for step in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.0, 0.0])


def test_one_cycle_rises_from_a_25th_of_the_peak_and_falls():
    schedule = OneCycle(1.0, steps=11)
    assert (schedule(0), schedule(3), schedule(10), schedule(11), schedule(10**9)) == (1 / 25, 1.0, 0.0, 0.0, 0.0)
    assert schedule(1) == pytest.approx(0.75 * 0.04 + 0.25, rel=1e-12)  # a third of the way up: cos(pi / 3) = 1/2
    assert schedule(2) == pytest.approx(0.25 * 0.04 + 0.75, rel=1e-12)
    rates = [schedule(step) for step in range(11)]
    assert rates[:4] == sorted(rates[:4])
    assert rates[3:] == sorted(rates[3:], reverse=True)


def test_one_cycle_takes_its_ends_and_its_top():
    schedule = OneCycle(1.0, steps=9, rise=0.5, start=0.2, final=0.1)
    assert (schedule(0), schedule(4), schedule(8), schedule(9)) == (0.2, 1.0, 0.1, 0.1)
    assert schedule(2) == pytest.approx(0.6, rel=1e-12)
    assert schedule(6) == pytest.approx(0.55, rel=1e-12)
    rates = [OneCycle(1.0, steps=9, rise=0.2)(step) for step in range(9)]
    assert rates.index(1.0) == 2  # 0.2 * 8 = 1.6, rounded


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("rise", [0.1, 0.9])
def test_one_cycle_of_few_steps_reaches_its_peak(steps, rise):
    schedule = OneCycle(1.0, steps=steps, rise=rise, final=0.5)
    assert max(schedule(step) for step in range(steps)) == 1.0
    assert schedule(steps) == 0.5


def test_half_cosine_is_exact_at_both_ends():
    assert [half_cosine(0.1, 0.3, step, 7) for step in (0, 7, 8)] == [0.1, 0.3, 0.3]  # 0.1 + (0.3 - 0.1) is not 0.3


@pytest.mark.parametrize("schedule", ALL, ids=lambda s: type(s).__name__)
def test_a_rate_is_a_python_float(schedule):
    of_numpy = dataclasses.replace(schedule, **{dataclasses.fields(schedule)[0].name: np.float32(0.5)})
    for step in (0, np.int64(1), 4, 100):
        assert type(schedule(step)) is float
        assert type(of_numpy(step)) is float  # a NumPy scalar would pull float32 parameters up


@pytest.mark.parametrize("schedule", ALL, ids=lambda s: type(s).__name__)
def test_a_negative_step_is_refused(schedule):
    with pytest.raises(ValueError, match=rf"^{type(schedule).__name__}: step is -1; the first step is 0"):
        schedule(-1)


def test_schedules_are_values():
    assert Cosine(0.1, 10) == Cosine(0.1, 10) != Cosine(0.1, 11)
    with pytest.raises(dataclasses.FrozenInstanceError):
        ALL[0].rate = 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(-0.1), "Constant: rate is -0.1; it must be a number of at least 0"),
        (lambda: Constant(math.nan), "Constant: rate is nan"),
        (lambda: StepDecay(math.inf, 0.9, 1), "StepDecay: rate is inf"),
        (lambda: StepDecay(0.1, 0.0, 1), "StepDecay: factor is 0.0; it must be above 0 and at most 1"),
        (lambda: StepDecay(0.1, 1.1, 1), "StepDecay: factor is 1.1"),
        (lambda: StepDecay(0.1, 0.9, 0), "StepDecay: every is 0; it must be an integer of at least 1"),
        (lambda: StepDecay(0.1, 0.9, 2.5), "StepDecay: every is 2.5"),
        (lambda: Cosine(-1.0, 10), "Cosine: peak is -1.0"),
        (lambda: Cosine(0.1, 0), "Cosine: steps is 0"),
        (lambda: Cosine(0.1, 10.5), "Cosine: steps is 10.5"),
        (lambda: Cosine(0.1, 10, warmup=10), "Cosine: warmup is 10; it must be an integer in 0..9"),
        (lambda: Cosine(0.1, 10, warmup=-1), "Cosine: warmup is -1"),
        (lambda: Cosine(0.1, 10, final=-0.1), "Cosine: final is -0.1"),
        (lambda: OneCycle(math.nan, 10), "OneCycle: peak is nan"),
        (lambda: OneCycle(0.1, -3), "OneCycle: steps is -3"),
        (lambda: OneCycle(0.1, 10, rise=0.0), "OneCycle: rise is 0.0; it must be between 0 and 1"),
        (lambda: OneCycle(0.1, 10, rise=1.0), "OneCycle: rise is 1.0"),
        (lambda: OneCycle(0.1, 10, start=-0.1), "OneCycle: start is -0.1; it must be a number of at least 0, or None"),
        (lambda: OneCycle(0.1, 10, final=math.inf), "OneCycle: final is inf"),
    ],
)
def test_bad_arguments_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make()
