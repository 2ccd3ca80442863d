r"""Schedules: the learning rate as a function of the step.

A schedule is called with the index of a step (the first is 0) and returns the learning rate of that step. A step is
one batch, so "every 2 epochs" is `2 * batches_per_epoch` steps.

    StepDecay           Cosine, warm-up      OneCycle
    ---                    _                     _
       ---                / \                  /   \
          ---            /   \_              _/     \_
             ---        /      \__         _/         \__

Paper   section 4.2: StepDecay. ImageNet: 0.045, times 0.94 every 2 epochs.
        JFT: 0.001, times 0.9 every 3,000,000 samples.

>>> imagenet = StepDecay(0.045, 0.94, every=2 * 10_000)      # an epoch of 10,000 batches
>>> for epoch in range(6):
...     print(epoch, round(imagenet(epoch * 10_000), 6))
0 0.045
1 0.045
2 0.0423
3 0.0423
4 0.039762
5 0.039762
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TypeAlias

Schedule: TypeAlias = Callable[[int], float]  # index of a step -> its learning rate


@dataclass(frozen=True)
class Constant:
    """The same learning rate at every step.

    Parameters
    ----------
    rate : float
        The learning rate, at least 0.

    Raises
    ------
    ValueError
        A negative or infinite rate; when called, a negative step.

    Examples
    --------
    >>> schedule = Constant(0.1)
    >>> [schedule(step) for step in (0, 1, 1000)]
    [0.1, 0.1, 0.1]
    """

    rate: float

    def __post_init__(self) -> None:
        _check(self, "rate", _is_rate(self.rate), "a number of at least 0")

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step."""
        _check_step(self, step)
        return float(self.rate)


@dataclass(frozen=True)
class StepDecay:
    """The paper's schedule: stairs, each lower than the one before by the same factor. They never end.

        rate * factor ** (step // every)

    Parameters
    ----------
    rate : float
        The learning rate of the first stair, at least 0.
    factor : float
        Height of a stair relative to the one before, above 0 and at most 1.
    every : int
        Length of a stair in steps, at least 1.

    Raises
    ------
    ValueError
        An argument out of its range; when called, a negative step.

    Examples
    --------
    >>> schedule = StepDecay(0.8, 0.5, every=2)
    >>> [schedule(step) for step in range(6)]
    [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]
    """

    rate: float
    factor: float
    every: int

    def __post_init__(self) -> None:
        _check(self, "rate", _is_rate(self.rate), "a number of at least 0")
        _check(self, "factor", 0 < self.factor <= 1, "above 0 and at most 1")
        _check(self, "every", _is_count(self.every, 1), "an integer of at least 1")

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step."""
        _check_step(self, step)
        return float(self.rate * self.factor ** (step // self.every))


@dataclass(frozen=True)
class Cosine:
    """A straight warm-up to the peak, then half a cosine down to the final rate (Loshchilov and Hutter 2017).

        step < warmup    peak * (step + 1) / warmup
        after that       from peak to final: see `half_cosine`

    The peak is reached at step warmup - 1 (at step 0 if there is no warm-up), the final rate at step steps - 1.
    A warm-up helps when the first gradients, those of random weights, are large (Goyal et al. 2017).

    Parameters
    ----------
    peak : float
        The highest learning rate, at least 0.
    steps : int
        Length of the training, at least 1. Later steps stay at the final rate.
    warmup : int
        Number of steps to the peak, below `steps`.
    final : float
        The learning rate of the last step, at least 0. With 0 the last step changes nothing.

    Raises
    ------
    ValueError
        An argument out of its range; when called, a negative step.

    Examples
    --------
    >>> schedule = Cosine(1.0, steps=8, warmup=4)
    >>> [round(schedule(step), 4) for step in range(10)]
    [0.25, 0.5, 0.75, 1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0, 0.0]
    """

    peak: float
    steps: int
    warmup: int = 0
    final: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "peak", _is_rate(self.peak), "a number of at least 0")
        _check(self, "steps", _is_count(self.steps, 1), "an integer of at least 1")
        _check(
            self, "warmup", _is_count(self.warmup, 0) and self.warmup < self.steps, f"an integer in 0..{self.steps - 1}"
        )
        _check(self, "final", _is_rate(self.final), "a number of at least 0")

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step."""
        _check_step(self, step)
        if step < self.warmup:
            return float(self.peak * ((step + 1) / self.warmup))
        top = max(self.warmup - 1, 0)
        return half_cosine(self.peak, self.final, step - top, self.steps - 1 - top)


@dataclass(frozen=True)
class OneCycle:
    """Half a cosine up to the peak, then half a cosine down to the final rate (Smith and Topin 2017).

        top = round(rise * (steps - 1))
        step < top       from start to peak: see `half_cosine`
        after that       from peak to final: see `half_cosine`

    Smith also lowers the momentum while the rate is high. Here the momentum stays: it belongs to the optimizer.

    Parameters
    ----------
    peak : float
        The highest learning rate, at least 0.
    steps : int
        Length of the training, at least 1. Later steps stay at the final rate.
    rise : float
        Share of the steps that leads up to the peak, between 0 and 1.
    start : float, optional
        The learning rate of step 0, at least 0. None is peak / 25.
    final : float
        The learning rate of the last step, at least 0. With 0 the last step changes nothing.

    Raises
    ------
    ValueError
        An argument out of its range; when called, a negative step.

    Examples
    --------
    >>> schedule = OneCycle(1.0, steps=11)
    >>> [round(schedule(step), 4) for step in range(13)]
    [0.04, 0.28, 0.76, 1.0, 0.9505, 0.8117, 0.6113, 0.3887, 0.1883, 0.0495, 0.0, 0.0, 0.0]
    """

    peak: float
    steps: int
    rise: float = 0.3
    start: float | None = None
    final: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "peak", _is_rate(self.peak), "a number of at least 0")
        _check(self, "steps", _is_count(self.steps, 1), "an integer of at least 1")
        _check(self, "rise", 0 < self.rise < 1, "between 0 and 1")
        _check(self, "start", self.start is None or _is_rate(self.start), "a number of at least 0, or None")
        _check(self, "final", _is_rate(self.final), "a number of at least 0")

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step."""
        _check_step(self, step)
        start = self.peak / 25 if self.start is None else self.start
        top = round(self.rise * (self.steps - 1))
        if step < top:
            return half_cosine(start, self.peak, step, top)
        return half_cosine(self.peak, self.final, step - top, self.steps - 1 - top)


def half_cosine(first: float, last: float, step: int, length: int) -> float:
    """Go from `first` at step 0 to `last` at step `length`, slowly at both ends, and stay there.

    share = step / length                  at most 1
    w     = (1 + cos(pi * share)) / 2      1 at the first step, 0 at the last
    rate  = w * first + (1 - w) * last     exact at both ends
    """
    w = (1 + math.cos(math.pi * min(step / max(length, 1), 1))) / 2  # one step is as short as a way can be
    return float(w * first + (1 - w) * last)


def _is_rate(value: float) -> bool:
    return 0 <= value < math.inf


def _is_count(value: int, least: int) -> bool:
    return isinstance(value, Integral) and value >= least


def _check(schedule: object, name: str, good: bool, rule: str) -> None:
    """Refuse an argument by name."""
    if not good:
        raise ValueError(f"{type(schedule).__name__}: {name} is {getattr(schedule, name)}; it must be {rule}")


def _check_step(schedule: object, step: int) -> None:
    """Refuse a step before the first."""
    if step < 0:
        raise ValueError(f"{type(schedule).__name__}: step is {step}; the first step is 0")
