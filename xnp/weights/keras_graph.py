r"""From a graph to containers: who reads whom becomes Sequential, Residual and Parallel.

    x --+-- a --- b --+-- add --- c      Sequential(add=Residual(Sequential(a, b), Sequential(s)), c)
        \------ s ----/

The graph is followed from its output to its input. A layer with one input goes in front of a chain. At an addition or
concatenation, the ways that meet there have parted somewhere: at the nearest value that all of them come from. That
value is the input of the container, and each way from there is a chain of its own.

So each layer has its place in one chain. Where a second chain asks for it, two ways cross that no nesting can say, as
when x feeds a and b, a feeds c, and c + b is wanted, but so is a + b.
"""

from typing import Any

import numpy as np

from xnp.layers import Layer, Leaf, Parallel, Residual, Sequential
from xnp.weights.keras_config import Architecture, Node
from xnp.weights.keras_layers import JOINS, only, translate

TAKEN = ("self", "skip")  # names that a container wants for itself


class Network:
    """A network that is built as a file describes it.

    Parameters
    ----------
    architecture : Architecture
    input_shape : tuple of int, optional
        (H, W, C). None: as the file says, which then must say all of it.
    dtype : float32 or float64

    Attributes
    ----------
    model : Sequential
        Built; no array is drawn yet.
    leaves : dict
        Name of each of Keras' layers that has arrays -> its layer here.

    Raises
    ------
    ValueError
        A layer, an option or a graph that cannot be said here, by its name.
    """

    def __init__(
        self, architecture: Architecture, input_shape: tuple[int, ...] | None = None, *, dtype: Any = np.float32
    ) -> None:
        self.nodes, self.start = architecture.nodes, architecture.input
        self._made: dict[str, Layer] = {}
        self._placed: set[str] = set()
        self._forks = forks(architecture)
        chain = self._chain(self.start, architecture.output)
        if aside := self.nodes.keys() - self._placed:
            raise ValueError(f'layer "{min(aside)}" is not on a way from the input to the output')
        shape = fit(architecture.input_shape, input_shape)
        self.model = Sequential(**chain).build(shape, dtype=dtype)
        for name, layer in self._made.items():
            self._check_axis(self.nodes[name], layer)
        self.leaves = {name: leaf for name, leaf in self._made.items() if isinstance(leaf, Leaf) and leaf.specs}

    def _chain(self, start: str, end: str) -> dict[str, Layer]:
        """Make the layers between two values, in their order, by name."""
        steps: list[dict[str, Layer]] = []
        while end != start:
            node = self.nodes[end]
            if end in self._placed:
                raise ValueError(
                    f'layer "{end}" is read at two places, and the ways from there cross; Sequential, Residual and '
                    "Parallel can say ways that part and meet again, one pair inside the other"
                )
            self._placed.add(end)
            try:
                steps.append(self._join(node) if node.kind in JOINS else self._single(node))
            except (ValueError, TypeError, KeyError) as error:
                what = f"lacks the option {error}" if isinstance(error, KeyError) else error
                raise ValueError(f'layer "{node.name}": {what}') from error
            end = self._forks[end]
        return {name: layer for step in reversed(steps) for name, layer in step.items()}

    def _single(self, node: Node) -> dict[str, Layer]:
        """Make a layer, and that of its activation."""
        if len(node.reads) != 1:
            raise ValueError(f"a {node.kind} of {len(node.reads)} inputs; expected one")
        made = translate(node.kind, node.options)
        if made:
            self._made[node.name] = made[0]
        names = [node.name, *(f"{node.name}_{type(layer).__name__.lower()}" for layer in made[1:])]
        return {self._free(name, node): layer for name, layer in zip(names, made, strict=False)}

    def _join(self, node: Node) -> dict[str, Layer]:
        """Make a container of the ways that meet in a node."""
        if len(node.reads) < 2:
            raise ValueError(f"a {node.kind} of {len(node.reads)} inputs; expected two or more")
        fork = self._forks[node.name]
        ways = [Sequential(**self._chain(fork, value)) for value in node.reads]
        if node.kind == "Concatenate":
            joined: Layer = Parallel(*ways)
        else:
            joined = ways[0]
            for place, way in enumerate(ways[1:], 2):
                if isinstance(joined, Residual):  # a third: (a + b) + c
                    joined = Sequential(**{f"sum{place - 1}": joined})
                main, skip = (joined, way) if joined.children else (way, joined)
                joined = Residual(main, skip if skip.children else None)
        self._made[node.name] = joined
        return {self._free(node.name, node): joined}

    def _free(self, name: str, node: Node) -> str:
        """Find a name that no other layer of the file has."""
        while name in TAKEN or (name in self.nodes and name != node.name):
            name += "_"
        return name

    def _check_axis(self, node: Node, layer: Layer) -> None:
        """Refuse a layer that works along another axis than the channels. (N, H, W, C) has them on -1, which is 3."""
        axis = node.options.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
        try:
            only({"axis": axis}, axis=(-1, len(layer.output_shape)))
        except ValueError as error:
            raise ValueError(f'layer "{node.name}": {error}') from error


def forks(architecture: Architecture) -> dict[str, str]:
    """Find, for each value, the nearest one that all ways to it come through. For one input, that is the input.

    (In the words of graph theory, the immediate dominator.)
    """
    fork, depth = {architecture.input: architecture.input}, {architecture.input: 0}
    for node in in_order(architecture):
        nearest = node.reads[0]
        for other in node.reads[1:]:
            while nearest != other:  # the deeper one steps back, until both are the same
                if depth[nearest] >= depth[other]:
                    nearest = fork[nearest]
                else:
                    other = fork[other]
        fork[node.name], depth[node.name] = nearest, depth[nearest] + 1
    if architecture.output not in fork:
        raise ValueError(f'the output "{architecture.output}" is no layer of the network')
    return fork


def in_order(architecture: Architecture) -> list[Node]:
    """Sort the nodes so that each comes after those that it reads."""
    waits = {node.name: len(set(node.reads)) for node in architecture.nodes.values()}
    readers: dict[str, list[Node]] = {}
    for node in architecture.nodes.values():
        for value in dict.fromkeys(node.reads):
            if value not in architecture.nodes and value != architecture.input:
                raise ValueError(f'layer "{node.name}" reads "{value}", which is neither a layer nor the input')
            readers.setdefault(value, []).append(node)
    ready, order = [architecture.input], []
    while ready:
        for node in readers.get(ready.pop(), []):
            waits[node.name] -= 1
            if waits[node.name] == 0:
                order.append(node)
                ready.append(node.name)
    if len(order) < len(waits):
        stuck = min(waits.keys() - {node.name for node in order})
        raise ValueError(f'layer "{stuck}" waits for its own output, or has no input')
    return order


def fit(described: tuple[int | None, ...], wanted: tuple[int, ...] | None) -> tuple[int, ...]:
    """Choose the shape of the input: what the file leaves open, and height and width, may be chosen by the caller."""
    if wanted is None:
        if None in described:
            raise ValueError(f"the input is {described}, which leaves sizes open; give input_shape")
        return tuple(n for n in described if n is not None)
    wanted = tuple(wanted)
    if len(wanted) != len(described) or (described[-1] is not None and described[-1] != wanted[-1]):
        raise ValueError(f"input_shape is {wanted} but the file's network takes {described}")
    return wanted
