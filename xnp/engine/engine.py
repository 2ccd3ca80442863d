"""The engine: a model's forward and backward by a plan of its own, equal to the model's and several times as fast."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xnp import checks
from xnp.engine import processes
from xnp.engine.plan import Plan
from xnp.engine.team import Team, usable_cores
from xnp.engine.tensors import Memory, from_library, to_library
from xnp.layers import Layer
from xnp.layers.base import join

Arrays = dict[str, np.ndarray]


class Engine:
    """Runs a model's forward and backward. The arrays stay the model's: train here, look there, save, go on without.

    Parameters
    ----------
    model : Layer
        Built, of any layers and containers of the library.
    batch_size : int
        The most images of one call. Fewer are taken as well: each number gets a plan, in the same memory.
    workers : int, optional
        As many as there are cores, if not given. The last bits of the gradients depend on it.

    Raises
    ------
    ValueError
        A model that is not built; a batch size or a number of workers below 1.

    Examples
    --------
    >>> from xnp import models
    >>> model = models.tiny_xception()
    >>> x = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype(np.float32)
    >>> with Engine(model, batch_size=4) as engine:
    ...     logits = engine.forward(x, training=True)
    ...     dx = engine.backward(np.ones_like(logits))
    >>> logits.shape, dx.shape
    ((4, 10), (4, 32, 32, 3))
    """

    def __init__(self, model: Layer, batch_size: int = 64, workers: int | None = None) -> None:
        checks.positive("Engine", batch_size=batch_size)
        self.workers = len(usable_cores()) if workers is None else workers
        checks.positive("Engine", workers=self.workers)
        self.model, self.batch_size = model, batch_size
        self._memory = Memory()
        self._work = Work(model, self.workers, self._memory)
        self.plan = self._work.plan(batch_size)
        self._hands: Hands = (
            ByProcesses(model, batch_size, self._memory, self.workers)
            if self.workers > 1 and processes.available
            else ByThreads(self._work, self.workers)
        )
        self._ran: Plan | None = None

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Compute the output, as `model.forward` does.

        Parameters
        ----------
        x : (N, H, W, C) array
            At most `batch_size` images of the model's shape and dtype.
        training : bool
            Normalise by the batch, and let the moving statistics follow; drop.

        Returns
        -------
        array (N, classes), or of the shape that the model gives

        Raises
        ------
        ValueError
            Images of another shape, or too many.
        TypeError
            Another dtype than the model's.
        """
        if x.shape[1:] != self.model.input_shape or not 1 <= len(x) <= self.batch_size:
            wanted = ", ".join(map(str, self.model.input_shape or ()))
            raise ValueError(
                f"Engine: x has shape {x.shape}; it must be (N, {wanted}) with N from 1 to {self.batch_size}"
            )
        if x.dtype != self.dtype:
            raise TypeError(f"Engine: x is {x.dtype} but the model is {self.dtype}; they must be the same")
        self._ran = None  # a forward that fails leaves nothing to go back through
        plan = self._work.plan(len(x))
        from_library(x, out=plan.x.value.whole())
        self._hands.forward(len(x), training)
        self._ran = plan
        return to_library(plan.y.value.whole())

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Compute dx, and overwrite the model's gradients, as `model.backward` does. Once for each forward.

        Parameters
        ----------
        dy : array of the output's shape
            Gradient of the loss with respect to the output.

        Returns
        -------
        dx : (N, H, W, C) array

        Raises
        ------
        RuntimeError
            No forward came before; its values are gone after one backward.
        ValueError, TypeError
            A dy of another shape or dtype than the output.
        """
        plan = self._ran
        if plan is None:
            raise RuntimeError("Engine: backward was called without a forward before it")
        checks.upstream("Engine", dy, (plan.batch, *self.model.output_shape), self.dtype)
        self._ran = None  # the gradients take the values' places
        from_library(dy, out=plan.y.gradient.whole())
        self._hands.backward(plan.batch)
        return to_library(plan.x.gradient.whole())

    @property
    def dtype(self) -> np.dtype:
        """The model's."""
        return self.model.dtype

    def parameters(self) -> Arrays:
        """Give the model's."""
        return self.model.parameters()

    def gradients(self) -> Arrays:
        """Give the model's."""
        return self.model.gradients()

    def state(self) -> Arrays:
        """Give the model's."""
        return self.model.state()

    def generators(self) -> dict[str, np.random.Generator]:
        """Give the model's."""
        return self.model.generators()

    def close(self) -> None:
        """Let the workers go."""
        self._hands.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Work:
    """What a worker is asked to do: a plan for each size of batch, made when it first comes."""

    def __init__(self, model: Layer, workers: int, memory: Memory) -> None:
        self.model, self.workers, self.memory = model, workers, memory
        self.plans: dict[int, Plan] = {}

    def plan(self, batch: int) -> Plan:
        """Give the plan for so many images."""
        if batch not in self.plans:
            self.plans[batch] = Plan(self.model, batch, self.workers, self.memory)
        return self.plans[batch]


class Hands:
    """Who does the work."""

    def forward(self, batch: int, training: bool) -> None:
        """Run a plan forward."""
        raise NotImplementedError

    def backward(self, batch: int) -> None:
        """Run a plan backward."""
        raise NotImplementedError

    def close(self) -> None:
        """Let them go."""
        raise NotImplementedError


class ByThreads(Hands):
    """Threads of this process, which work on the model's own arrays."""

    def __init__(self, work: Work, workers: int) -> None:
        self.work, self.team = work, Team(workers)

    def forward(self, batch: int, training: bool) -> None:
        plan = self.work.plan(batch)
        self.team.run(lambda worker: plan.forward(worker, self.team.wait, training))

    def backward(self, batch: int) -> None:
        plan = self.work.plan(batch)
        self.team.run(lambda worker: plan.backward(worker, self.team.wait))

    def close(self) -> None:
        self.team.close()


class ByProcesses(Hands):
    """Copies of this process. The model's arrays are copied to shared memory before, and the results back after."""

    def __init__(self, model: Layer, batch_size: int, memory: Memory, workers: int) -> None:
        self.model = model
        self.arrays = shared(memory, "state", model.state())
        self.slopes = shared(memory, "gradient", model.gradients())

        def prepare() -> Callable[..., Any]:
            for leaf in model.leaves():  # of this worker's copy of the model
                for name in leaf.specs:
                    path = join(leaf.path, name)
                    leaf.adopt(name, self.arrays[path], self.slopes.get(path))
            work = Work(model, workers, memory)
            work.plan(batch_size)

            def do(worker: int, wait: Callable[[], None], batch: int, training: bool | None, draws: dict[str, Any]) -> Any:
                plan, generators = work.plan(batch), model.generators()
                for path, state in draws.items():
                    generators[path].bit_generator.state = state
                if training is None:
                    plan.backward(worker, wait)
                else:
                    plan.forward(worker, wait, training)
                return {path: generator.bit_generator.state for path, generator in generators.items()}

            return do

        self.processes = processes.Processes(workers, prepare)

    def forward(self, batch: int, training: bool) -> None:
        state, generators = self.model.state(), self.model.generators()
        for path, array in state.items():
            np.copyto(self.arrays[path], array)
        draws = {path: generator.bit_generator.state for path, generator in generators.items()}
        for path, drawn in self.processes.run(batch, training, draws).items():
            generators[path].bit_generator.state = drawn
        if training:
            for path in state.keys() - self.slopes.keys():  # the moving statistics
                np.copyto(state[path], self.arrays[path])

    def backward(self, batch: int) -> None:
        self.processes.run(batch, None, {})
        for path, gradient in self.model.gradients().items():
            np.copyto(gradient, self.slopes[path])

    def close(self) -> None:
        self.processes.close()


def shared(memory: Memory, kind: str, arrays: Arrays) -> Arrays:
    """Make arrays like these in memory that all workers see."""
    return {path: memory.array(f"{kind} {path}", array.shape, array.dtype) for path, array in arrays.items()}
