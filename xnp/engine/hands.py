"""Who does the work of a plan: threads of this process, or copies of it.

Both run the same plans, and the same numbers come out. Threads work on the model's own arrays. Copies of this process
have a copy of the model, whose arrays lie in shared memory: the model's numbers are copied there before each forward,
gradients and moving statistics back after. For a network of a million parameters that is a thousandth of a step.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from xnp.engine.plan import Plan
from xnp.engine.processes import Processes
from xnp.engine.team import Team
from xnp.engine.tensors import Memory
from xnp.layers import Layer
from xnp.layers.base import join

Arrays = dict[str, np.ndarray]


class Plans(dict[int, Plan]):
    """A model's plans by the number of images, each made when it is first asked for, all in the same memory."""

    def __init__(self, model: Layer, workers: int, memory: Memory, input_gradient: bool) -> None:
        super().__init__()
        self.model, self.workers, self.memory, self.input_gradient = model, workers, memory, input_gradient

    def __missing__(self, batch: int) -> Plan:
        plan = self[batch] = Plan(self.model, batch, self.workers, self.memory, self.input_gradient)
        return plan


class ByThreads:
    """Threads of this process."""

    def __init__(self, plans: Plans) -> None:
        self.plans, self.team = plans, Team(plans.workers)

    def forward(self, batch: int, training: bool) -> None:
        """Run a plan forward."""
        plan = self.plans[batch]
        self.team.run(lambda worker: plan.forward(worker, self.team.wait, training))

    def backward(self, batch: int) -> None:
        """Run a plan backward."""
        plan = self.plans[batch]
        self.team.run(lambda worker: plan.backward(worker, self.team.wait))

    def close(self) -> None:
        """Let the threads go."""
        self.team.close()


class ByProcesses:
    """Copies of this process."""

    def __init__(self, plans: Plans, largest: int) -> None:
        self.plans, self.model, memory = plans, plans.model, plans.memory
        self.state, self.gradients = (
            {path: memory.array(f"{kind} {path}", a.shape, a.dtype) for path, a in arrays.items()}
            for kind, arrays in (("state", self.model.state()), ("gradient of", self.model.gradients()))
        )
        self.processes = Processes(plans.workers, lambda: self._prepare(largest))

    def forward(self, batch: int, training: bool) -> None:
        """Run a plan forward. A layer that draws does so in a worker: its generator goes there, and comes back."""
        state, generators = self.model.state(), self.model.generators()
        for path, array in state.items():
            np.copyto(self.state[path], array)
        draws = {path: generator.bit_generator.state for path, generator in generators.items()}
        for path, drawn in self.processes.run(batch, training, draws).items():
            generators[path].bit_generator.state = drawn
        if training:
            for path in state.keys() - self.gradients.keys():  # the moving statistics
                np.copyto(state[path], self.state[path])

    def backward(self, batch: int) -> None:
        """Run a plan backward."""
        self.processes.run(batch, None, {})
        for path, gradient in self.model.gradients().items():
            np.copyto(gradient, self.gradients[path])

    def close(self) -> None:
        """End the processes."""
        self.processes.close()

    def _prepare(self, largest: int) -> Callable[..., Any]:
        """Make a worker, in its own process: from here on, `self.model` is that process's copy."""
        model, old = self.model, self.plans
        for leaf in model.leaves():
            for name in leaf.specs:
                path = join(leaf.path, name)
                leaf.adopt(name, self.state[path], self.gradients.get(path))
        plans = Plans(model, old.workers, old.memory, old.input_gradient)
        plans[largest]  # made at once: the first step shall not wait for it

        def work(
            worker: int, wait: Callable[[], None], batch: int, training: bool | None, draws: dict[str, Any]
        ) -> Any:
            generators = model.generators()
            for path, drawn in draws.items():
                generators[path].bit_generator.state = drawn
            if training is None:
                plans[batch].backward(worker, wait)
            else:
                plans[batch].forward(worker, wait, training)
            return {path: generator.bit_generator.state for path, generator in generators.items()}

        return work
