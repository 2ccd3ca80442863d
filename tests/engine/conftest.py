"""What the tests of the engine share: arrays that no test can pass by luck, memory that hides nothing, the comparison.

Before each call, all memory that the call must write before it reads it is filled with NaN: scratch memory always;
values before forward; gradients, the model's too, before backward. What was left over from another call, from another
block, or from nobody, then shows in the result.
"""

from collections.abc import Callable

import numpy as np
import pytest

from xnp.engine import Engine, processes
from xnp.engine.plan import Plan
from xnp.layers import Layer

CONSTANT = ("ones", "zeros")  # pieces that are written once, when the plan is made


def fill(plan: Plan, which: Callable[[str], bool]) -> None:
    """Fill some pieces of memory, chosen by name, with NaN; what holds no floats, with True."""
    for name, piece in plan.memory.pieces.copy().items():  # other threads may take some at this moment
        if which(name) and name not in CONSTANT:
            piece[...] = 0xFF


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill with NaN whatever must not be read before it is written."""
    plan_forward, plan_backward = Plan.forward, Plan.backward
    engine_forward, engine_backward = Engine.forward, Engine.backward

    def by_worker(run: Callable[..., None]) -> Callable[..., None]:
        def poisoned(plan: Plan, worker: int, *others: object) -> None:
            fill(plan, lambda name: name.startswith(f"worker {worker} "))
            run(plan, worker, *others)

        return poisoned

    def forward(engine: Engine, x: np.ndarray, training: bool = False) -> np.ndarray:
        engine._plans[len(x)]  # is made now, if it was not yet
        fill(engine.plan, lambda name: not name.startswith("worker "))
        return engine_forward(engine, x, training)

    def backward(engine: Engine, dy: np.ndarray) -> np.ndarray | None:
        fill(engine.plan, lambda name: name.startswith("gradient "))
        for gradient in engine.gradients().values():
            gradient[...] = np.nan
        return engine_backward(engine, dy)

    monkeypatch.setattr(Plan, "forward", by_worker(plan_forward))
    monkeypatch.setattr(Plan, "backward", by_worker(plan_backward))
    monkeypatch.setattr(Engine, "forward", forward)
    monkeypatch.setattr(Engine, "backward", backward)


def draw_arrays(model: Layer) -> Layer:
    """Draw what would else be 0 or 1, so that nothing cancels."""
    rng = np.random.default_rng(1)
    for path, array in model.state().items():
        if path.endswith("variance"):
            array[...] = rng.uniform(0.5, 2, array.shape)
        elif array.ndim == 1:
            array[...] = rng.normal(path.endswith("gamma"), 0.5, array.shape)
    return model


def apart(found: np.ndarray, expected: np.ndarray, floor: float = 1e-12) -> float:
    """Give the relative distance of two arrays. What is smaller than `floor` is taken for rounding."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    return float(np.linalg.norm(found - expected) / (np.linalg.norm(expected) + floor))


@pytest.fixture
def equal_to_plain(poisoned: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Compare the engine with the model itself: outputs, gradients, moving statistics, generators."""
    available = processes.available

    def equal_to_plain(
        make: Callable[[], Layer],
        *,
        batches: tuple[int, ...] = (3, 2, 3),
        workers: int = 1,
        training: bool | None = None,
        by_processes: bool = False,
        seed: int = 0,
    ) -> None:
        """Run two copies of a float64 model through some batches; training=None takes turns, True first."""
        monkeypatch.setattr(processes, "available", available and by_processes)
        plain, fast = draw_arrays(make()), draw_arrays(make())
        rng = np.random.default_rng(seed)
        with Engine(fast, max(batches), workers) as engine:
            for k, n in enumerate(batches):
                mode = k % 2 == 0 if training is None else training
                x = rng.normal(size=(n, *plain.input_shape))
                expected = plain.forward(x, mode)
                assert apart(engine.forward(x, mode), expected) <= 1e-10
                dy = rng.normal(size=expected.shape)
                # a gradient that is 0 in exact arithmetic (of what a batch norm takes away) has only rounding
                floor = float(np.linalg.norm(dy))
                assert apart(engine.backward(dy), plain.backward(dy), floor) <= 1e-10
                for path, gradient in plain.gradients().items():
                    assert apart(fast.gradients()[path], gradient, floor) <= 1e-10, path
                for path, array in plain.state().items():
                    assert apart(fast.state()[path], array) <= 1e-10, path
                for path, generator in plain.generators().items():
                    assert fast.generators()[path].bit_generator.state == generator.bit_generator.state, path

    return equal_to_plain
