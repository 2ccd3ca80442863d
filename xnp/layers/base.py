"""What every layer can do: know its shapes, hold its arrays, run forward and backward.

A layer is made in two steps. The constructor only stores what the author wrote: `Conv2D(32, 3, stride=2)`.
`build` then tells it the shape of its input and its path in the network, and from there it knows all shapes.
No array exists yet: each is drawn when it is first asked for, by a generator of its own that is seeded with
(seed, path). So a network can be counted without memory, and one layer more leaves all other weights as they were.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from numbers import Integral
from types import ModuleType
from typing import Any, NamedTuple, Self

import numpy as np

from xnp.count import Row, count
from xnp.shapes import Cost

Shape = tuple[int, ...]  # of one image: without the batch axis


class Spec(NamedTuple):
    """An array of a layer before it is drawn."""

    shape: Shape
    initialize: Callable[[np.random.Generator, Shape], np.ndarray]
    trainable: bool = True


class Layer(ABC):
    """A piece of a network: one operation, or a container of layers."""

    path = ""
    input_shape: Shape | None = None  # None until `build`
    output_shape: Shape
    seed: int
    dtype: np.dtype

    def build(self, input_shape: Shape, *, path: str = "", seed: int = 0, dtype: Any = np.float32) -> Self:
        """Fix all shapes. Draws nothing.

        Parameters
        ----------
        input_shape : tuple of int
            (H, W, C) of one image, or (I,) of one row.
        path : str
            Where the layer sits in the network, such as "stem/conv1".
        seed : int
            0 or more; with the path it seeds each array's generator.
        dtype : float32 or float64
            Of all arrays.

        Returns
        -------
        The layer itself.

        Raises
        ------
        ValueError
            A layer that does not fit its input, or that is part of a network already; it names the path.
        """
        if self.input_shape is not None:
            raise ValueError(f'{type(self).__name__}: the layer is in use already, as "{self.path}"; make a new one')
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(f"{type(self).__name__}: dtype is {np.dtype(dtype)}; it must be float32 or float64")
        if not isinstance(seed, Integral) or seed < 0:
            raise ValueError(f"{type(self).__name__}: seed is {seed!r}; it must be an integer, 0 or more")
        input_shape = tuple(input_shape)
        self.path, self.seed, self.dtype = path, int(seed), np.dtype(dtype)
        if not input_shape or any(not isinstance(n, Integral) or n < 1 for n in input_shape):
            raise ValueError(
                f"{self.label}: input_shape is {input_shape}; it must be positive integers, without the batch axis"
            )
        self.output_shape = self._connect(input_shape)
        self.input_shape = input_shape
        return self

    @property
    def label(self) -> str:
        """What errors call the layer: its path, or its class where it stands alone."""
        return self.path or type(self).__name__

    @abstractmethod
    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Compute the output, and keep what `backward` needs."""

    @abstractmethod
    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Turn the gradient of the output into that of the input; overwrite the parameters' gradients."""

    @abstractmethod
    def leaves(self) -> Iterator["Leaf"]:
        """Yield the layers that hold an operation, in the order of forward."""

    @abstractmethod
    def rows(self, input_shape: Shape) -> tuple[list[Row], Shape]:
        """Count one image of `input_shape`: a row for each operation, and the output's shape."""

    @abstractmethod
    def _connect(self, input_shape: Shape) -> Shape:
        """Fix the shapes inside; give the output's."""

    def parameters(self) -> dict[str, np.ndarray]:
        """Path -> live array of all that is trained. Update in place; the arrays are never replaced."""
        return {join(leaf.path, name): leaf.array(name) for leaf in self.leaves() for name in leaf.trainable()}

    def gradients(self) -> dict[str, np.ndarray]:
        """Path -> live array: what the last `backward` found, for each of `parameters`. Zeros before the first."""
        return {join(leaf.path, name): leaf.gradient(name) for leaf in self.leaves() for name in leaf.trainable()}

    def state(self) -> dict[str, np.ndarray]:
        """Path -> live array of the parameters and the moving statistics: what makes the trained network."""
        return {join(leaf.path, name): leaf.array(name) for leaf in self.leaves() for name in leaf.specs}

    def generators(self) -> dict[str, np.random.Generator]:
        """Path -> live generator of each layer that draws in training."""
        return {leaf.path: leaf.rng for leaf in self.leaves() if leaf.rng is not None}

    def __repr__(self) -> str:
        return str(count(self)) if self.input_shape is not None else f"{type(self).__name__}: not built yet"


class Leaf(Layer):
    """A layer of one operation. Subclasses say which, with which options, and which arrays it takes."""

    op: ModuleType
    axes: str = "H W C"  # of the input; "" takes any
    elementwise: str = "bias"  # what the operation's elementwise work is, for the counting conventions
    rng: np.random.Generator | None = None
    specs: dict[str, Spec]
    _ran: tuple[ModuleType, Any] | None = None  # the operation that ran forward, and its cache

    def arrays(self, input_shape: Shape) -> dict[str, Spec]:
        """Describe the arrays, in the order in which the operation takes them."""
        return {}

    def options(self) -> dict[str, Any]:
        """Give the operation's keyword arguments."""
        return {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Run the operation on x and the layer's arrays."""
        self._ready()
        y, cache = self.op.forward(x, *(self.array(name) for name in self.specs), **self.options())
        self._ran = self.op, cache
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Run the backward of whichever operation ran forward."""
        if self._ran is None:
            raise RuntimeError(f"{self.label}: backward was called before forward")
        op, cache = self._ran
        gradients = op.backward(dy, cache)
        dx, *others = gradients if isinstance(gradients, tuple) else (gradients,)
        for name, gradient in zip(self.trainable(), others, strict=False):  # a bias that is not there comes as None
            self.gradient(name)[...] = gradient
        return dx

    def array(self, name: str) -> np.ndarray:
        """Give an array of the layer; draw it if it was never asked for."""
        if name not in self._arrays:
            self._ready()
            spec = self.specs[name]
            rng = generator(self.seed, join(self.path, name))
            self._arrays[name] = spec.initialize(rng, spec.shape).astype(self.dtype)
        return self._arrays[name]

    def gradient(self, name: str) -> np.ndarray:
        """Give the gradient of an array of the layer."""
        if name not in self._gradients:
            self._gradients[name] = np.zeros(self.specs[name].shape, self.dtype)
        return self._gradients[name]

    def adopt(self, name: str, array: np.ndarray, gradient: np.ndarray | None) -> None:
        """Use these arrays from now on. For a copy of the model in another process, which must read shared memory."""
        self._arrays[name] = array
        if gradient is not None:
            self._gradients[name] = gradient

    def trainable(self) -> list[str]:
        """Name the arrays that are trained."""
        return [name for name, spec in self.specs.items() if spec.trainable]

    def plan(self, input_shape: Shape) -> tuple[dict[str, Spec], Cost]:
        """Describe the arrays, and count the operation, for one image of `input_shape`. Errors name the path."""
        axes = self.axes.split()
        try:
            if axes and len(input_shape) != len(axes):
                raise ValueError(
                    f"{type(self).__name__} takes ({', '.join(axes)}) for one image but gets {input_shape}"
                )
            specs = self.arrays(input_shape)
            shapes = (spec.shape for spec in specs.values())
            return specs, self.op.cost((1, *input_shape), *shapes, **self.options())
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}" if self.path else str(error)) from error

    def leaves(self) -> Iterator["Leaf"]:
        """Yield the layer itself."""
        self._ready()
        yield self

    def rows(self, input_shape: Shape) -> tuple[list[Row], Shape]:
        """Count the operation on one image of any size that the layer's arrays fit."""
        asked, cost = self.plan(input_shape)
        for name, spec in self.specs.items():
            if asked[name].shape != spec.shape:
                raise ValueError(
                    f"{self.label}: {name} has shape {spec.shape} but an input of {input_shape} "
                    f"asks for {asked[name].shape}"
                )
        sizes = {name: int(np.prod(spec.shape)) for name, spec in self.specs.items()}
        trained = sum(sizes[name] for name in self.trainable())
        row = Row(
            path=self.path,
            kind=type(self).__name__,
            input_shape=input_shape,
            output_shape=cost.output_shape[1:],
            trainable=trained,
            non_trainable=sum(sizes.values()) - trained,
            macs=cost.macs,
            elementwise={self.elementwise: cost.elementwise},
        )
        return [row], row.output_shape

    def _connect(self, input_shape: Shape) -> Shape:
        self._arrays: dict[str, np.ndarray] = {}
        self._gradients: dict[str, np.ndarray] = {}
        self.specs, cost = self.plan(input_shape)
        return cost.output_shape[1:]

    def _ready(self) -> None:
        if self.input_shape is None:
            raise RuntimeError(f"{type(self).__name__}: the layer knows no shapes yet; call build(input_shape) first")


def join(path: str, name: str) -> str:
    """Put a name behind a path, with a stroke between where both are there."""
    return f"{path}/{name}" if path and name else path or name


def generator(seed: int, path: str) -> np.random.Generator:
    """Make the generator that belongs to one path: always the same for the same seed, unrelated to all others."""
    return np.random.default_rng([seed, *path.encode()])
