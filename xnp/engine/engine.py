"""The engine: a model's forward and backward by a plan of its own, equal to the model's and several times as fast."""

from typing import Any

import numpy as np

from xnp import checks
from xnp.engine import processes
from xnp.engine.hands import ByProcesses, ByThreads, Plans
from xnp.engine.plan import Plan
from xnp.engine.team import usable_cores
from xnp.engine.tensors import Memory, from_library, to_library
from xnp.layers import Layer


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
    input_gradient : bool
        Whether `backward` gives the gradient of x. Training has no use for it.

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

    def __init__(
        self, model: Layer, batch_size: int = 64, workers: int | None = None, *, input_gradient: bool = True
    ) -> None:
        checks.positive("Engine", batch_size=batch_size)
        self.workers = len(usable_cores()) if workers is None else workers
        checks.positive("Engine", workers=self.workers)
        self.model, self.batch_size = model, batch_size
        memory = Memory()
        self._plans = Plans(model, self.workers, memory, input_gradient)
        self.plan = self._plans[batch_size]
        by_processes = self.workers > 1 and processes.available
        self._hands = ByProcesses(self._plans, batch_size) if by_processes else ByThreads(self._plans)
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
        plan = self._plans[len(x)]
        from_library(x, out=plan.x.value.whole())
        self._hands.forward(len(x), training)
        self._ran = plan
        return to_library(plan.y.value.whole())

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Compute dx, and overwrite the model's gradients, as `model.backward` does. Once for each forward.

        Parameters
        ----------
        dy : array of the output's shape
            Gradient of the loss with respect to the output.

        Returns
        -------
        dx : (N, H, W, C) array, or None without `input_gradient`

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
        return to_library(plan.x.gradient.whole()) if plan.x.wanted else None

    @property
    def dtype(self) -> np.dtype:
        """The model's."""
        return self.model.dtype

    def parameters(self) -> dict[str, np.ndarray]:
        """Give the model's."""
        return self.model.parameters()

    def gradients(self) -> dict[str, np.ndarray]:
        """Give the model's."""
        return self.model.gradients()

    def state(self) -> dict[str, np.ndarray]:
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
