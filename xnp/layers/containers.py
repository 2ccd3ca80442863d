r"""Containers: layers one after the other, around each other, side by side.

    Sequential(a, b)           x --- a --- b --- y
    Residual(main, skip)       x --+-- main --+-- add --- y          skip=None: x itself
                                   \-- skip --/
    Parallel(a, b)             x --+-- a --+-- concatenate --- y     along the channels
                                   \-- b --/

Layers that are given by name sit at that name in the path, the others are numbered from 1. The layers of a Residual's
main path sit directly under the block; those of its skip under "skip".

Backward runs each container the other way round. Where x went two ways, its gradients add up.
"""

from collections.abc import Iterator

import numpy as np

from xnp.count import Row
from xnp.layers.base import Layer, Leaf, Shape, join
from xnp.ops import add, concatenate


class Container(Layer):
    """What the containers share: children by name."""

    children: dict[str, Layer]

    def leaves(self) -> Iterator[Leaf]:
        """Yield the layers of all children."""
        for child in self.children.values():
            yield from child.leaves()

    def _connect(self, input_shape: Shape) -> Shape:
        output_shape = self._build_children(input_shape)
        paths = [leaf.path for child in self.children.values() for leaf in child.leaves()]
        for path in set(paths):
            if paths.count(path) > 1:
                raise ValueError(f'{self.label}: two layers have the path "{path}"; give one of them another name')
        return output_shape

    def _build_children(self, input_shape: Shape) -> Shape:
        for name in self.children:
            self._build_child(name, input_shape)
        return self.rows(input_shape)[1]

    def _build_child(self, name: str, input_shape: Shape) -> Shape:
        child = self.children[name]
        return child.build(input_shape, path=join(self.path, name), seed=self.seed, dtype=self.dtype).output_shape


class Sequential(Container):
    """Layers one after the other: `Sequential(conv1=Conv2D(32, 3), norm1=BatchNorm(), relu1=ReLU())`."""

    def __init__(self, *layers: Layer, **named: Layer) -> None:
        self.children = by_name(layers, named)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Run the layers in their order."""
        for child in self.children.values():
            x = child.forward(x, training)
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Run the layers in the other order."""
        for child in reversed(self.children.values()):
            dy = child.backward(dy)
        return dy

    def rows(self, input_shape: Shape) -> tuple[list[Row], Shape]:
        """Count the layers one after the other."""
        rows = []
        for child in self.children.values():
            more, input_shape = child.rows(input_shape)
            rows += more
        return rows, input_shape

    def _build_children(self, input_shape: Shape) -> Shape:
        for name in self.children:
            input_shape = self._build_child(name, input_shape)
        return input_shape


class Residual(Container):
    """main(x) + skip(x). Without a skip, main(x) + x."""

    _added: add.Cache | None = None

    def __init__(self, main: Layer, skip: Layer | None = None) -> None:
        if skip is not None and isinstance(main, Container) and "skip" in main.children:
            raise ValueError('Residual: main has a layer named "skip"; the skip path needs that name')
        self.main, self.skip = main, skip
        self.children = {"": main} if skip is None else {"": main, "skip": skip}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Run both ways and add."""
        skipped = x if self.skip is None else self.skip.forward(x, training)
        y, cache = add.forward(self.main.forward(x, training), skipped)
        self._added = cache
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Send dy both ways; x was read twice, so its two gradients add up."""
        if self._added is None:
            raise RuntimeError(f"{self.label}: backward was called before forward")
        dmain, dskipped = add.backward(dy, self._added)
        return self.main.backward(dmain) + (dskipped if self.skip is None else self.skip.backward(dskipped))

    def rows(self, input_shape: Shape) -> tuple[list[Row], Shape]:
        """Count main path, skip, and the addition."""
        rows, main = self.main.rows(input_shape)
        more, skip = ([], input_shape) if self.skip is None else self.skip.rows(input_shape)
        if main != skip:
            raise ValueError(
                f"{self.label}: the main path gives {main} but the skip gives {skip}; "
                "they must be the same to be added "
                "(a 1x1 convolution with the main path's stride and channels as skip makes them so)"
            )
        added = Row(join(self.path, "add"), "Add", main, main, 0, 0, 0, {"add": add.cost(main, skip).elementwise})
        return [*rows, *more, added], main


class Parallel(Container):
    """Branches that all read x; their channels are put side by side."""

    _joined: concatenate.Cache | None = None

    def __init__(self, *branches: Layer, **named: Layer) -> None:
        self.children = by_name(branches, named)
        if not self.children:
            raise ValueError("Parallel: branches is empty; at least one is needed")

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Run every branch on x and concatenate."""
        y, cache = concatenate.forward(*(child.forward(x, training) for child in self.children.values()))
        self._joined = cache
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Cut dy into the branches' parts; every branch read x, so their gradients add up."""
        if self._joined is None:
            raise RuntimeError(f"{self.label}: backward was called before forward")
        parts = concatenate.backward(dy, self._joined)
        parts = parts if isinstance(parts, tuple) else (parts,)
        first, *others = (child.backward(part) for child, part in zip(self.children.values(), parts, strict=True))
        return sum(others, start=first)

    def rows(self, input_shape: Shape) -> tuple[list[Row], Shape]:
        """Count the branches; to concatenate costs nothing."""
        rows, shapes = [], []
        for child in self.children.values():
            more, shape = child.rows(input_shape)
            rows += more
            shapes.append(shape)
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ValueError(
                f"{self.label}: the branches give {', '.join(map(str, shapes))}; "
                "they must agree in all but the channels"
            )
        output_shape = concatenate.cost(*shapes).output_shape
        joined = Row(join(self.path, "concatenate"), "Concatenate", shapes[0], output_shape, 0, 0, 0, {})
        return [*rows, joined], output_shape


def by_name(layers: tuple[Layer, ...], named: dict[str, Layer]) -> dict[str, Layer]:
    """Name layers by their place, from 1; then come those that have a name."""
    numbered = {str(place): layer for place, layer in enumerate(layers, 1)}
    if twice := numbered.keys() & named.keys():
        raise ValueError(f'the name "{min(twice)}" is the place of another layer; choose one that is no number')
    return numbered | named


def chain(layer: Layer) -> Iterator[Layer]:
    """Yield what a layer runs one after the other: operations, and containers whose ways part."""
    if isinstance(layer, Sequential):
        for child in layer.children.values():
            yield from chain(child)
    else:
        yield layer
