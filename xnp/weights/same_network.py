"""Whether two models are the same network, and which layer of one is which of the other.

Each value of a network gets a number that stands for all that led to it: the operation, its options, the shapes of its
arrays, and the numbers of the values that it read. Two values with one number were computed in the same way. So two
networks are the same if their outputs have one number; then both are followed back from there, side by side.

What makes no difference to the outputs is passed over: dropout, and by how a container or a layer says a thing: a
`PointwiseConv2D` is a `Conv2D` of 1x1. The operands of an addition may come in any order. A softmax at the very end is
passed over too: it turns logits into probabilities and holds no weights.
"""

from typing import Any

from xnp import layers, shapes
from xnp.graph import Call, trace
from xnp.layers import Layer, Leaf

Numbers = dict[tuple, int]  # what led to a value -> its number


class Graph:
    """A model's values and what they stand for.

    Parameters
    ----------
    model : Layer
        Built.
    numbers : dict
        Shared by the graphs that are compared; it grows.
    """

    def __init__(self, model: Layer, numbers: Numbers) -> None:
        calls = trace(model)
        silent = [call for call in calls if isinstance(call.what, layers.Dropout)]
        self.calls = [call for call in calls if not isinstance(call.what, layers.Dropout)]
        if self.calls and isinstance(self.calls[-1].what, layers.Softmax):
            silent.append(self.calls.pop())
        self._same = {call.writes: call.reads[0] for call in silent}
        self.writer = {call.writes: call for call in self.calls}
        self.numbers = {0: 0}
        for call in self.calls:
            came_from = tuple(self.numbers[value] for value in self.reads(call))
            self.numbers[call.writes] = numbers.setdefault((describe(call), came_from), len(numbers) + 1)
        self.output = self._home(len(calls))

    def reads(self, call: Call) -> tuple[int, ...]:
        """Give the values that a call reads, in an order that is the same for the same network."""
        values = [self._home(value) for value in call.reads]
        return tuple(sorted(values, key=self.numbers.__getitem__) if call.what == "add" else values)

    def _home(self, value: int) -> int:
        """Give the value that a value is a copy of."""
        while value in self._same:
            value = self._same[value]
        return value


def same_network(model: Layer, other: Layer) -> dict[Leaf, Leaf]:
    """Pair the layers of two built models that are the same network.

    Returns
    -------
    dict
        Layer of `other` -> layer of `model`.

    Raises
    ------
    ValueError
        They differ; the error says where first.
    """
    numbers: Numbers = {}
    ours, theirs = Graph(model, numbers), Graph(other, numbers)
    if ours.numbers[ours.output] != theirs.numbers[theirs.output]:
        raise ValueError(difference(ours, theirs))
    twins: dict[int, int] = {}  # value of theirs -> of ours
    found: dict[Leaf, Leaf] = {}
    todo = [(theirs.output, ours.output)]
    while todo:
        their, our = todo.pop()
        if their in twins:
            if twins[their] != our:
                raise ValueError(f"the file's {theirs.writer[their].path} is two layers in the model")
            continue
        twins[their] = our
        if their == 0:
            continue
        a, b = theirs.writer[their], ours.writer[our]
        if isinstance(a.what, Leaf) and isinstance(b.what, Leaf):
            found[a.what] = b.what
        todo += zip(theirs.reads(a), ours.reads(b), strict=True)
    if len(set(twins.values())) < len(twins):
        raise ValueError("two layers of the file are one in the model")
    return found


def difference(ours: Graph, theirs: Graph) -> str:
    """Say where two networks differ first."""
    known = {*ours.numbers.values()} & {*theirs.numbers.values()}
    first = [
        next((call for call in graph.calls if graph.numbers[call.writes] not in known), None)
        for graph in (ours, theirs)
    ]
    mine, their = ("nothing" if call is None else f"{call.path}: {in_words(call)}" for call in first)
    return f"the file describes another network; where they differ first, the model has {mine}; the file has {their}"


def describe(call: Call) -> tuple:
    """Say what a call computes, in a form that is equal for equal operations."""
    layer = call.what
    if isinstance(layer, str):
        return (layer,)
    kind, options = type(layer).__name__, dict(layer.options())
    arrays = {name: spec.shape for name, spec in layer.specs.items()}
    if isinstance(layer, layers.PointwiseConv2D):
        kind, options = "Conv2D", {"stride": layer.stride, "padding": "valid", "dilation": 1}
        arrays["kernel"] = (1, 1, *arrays["kernel"])
    if "stride" in options:  # where windows stand, in numbers: "same" may be "valid"
        assert layer.input_shape is not None
        size: Any = options.pop("size") if "size" in options else next(iter(arrays.values()))[:2]
        named = {name: options.pop(name) for name in ("stride", "padding", "dilation") if name in options}
        kernel = shapes.pair(layer.path, "size", size)
        options["window"] = shapes.slide(layer.path, (1, *layer.input_shape), kernel, **named)
    if isinstance(layer, layers.ZeroPadding2D) and isinstance(layer.padding, int):
        options["padding"] = ((layer.padding,) * 2,) * 2
    options = {name: round_off(value) for name, value in options.items()}
    return kind, tuple(arrays.items()), tuple(sorted(options.items()))


def round_off(value: Any) -> Any:
    """Keep six digits: Keras 2 wrote some options as float32, 0.001 as 0.0010000000474974513."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def in_words(call: Call) -> str:
    """Show what a call computes."""
    kind, *rest = describe(call)
    if not rest:
        return kind
    arrays, options = rest
    shown = [f"{name} {shape}" for name, shape in arrays] + [f"{name} {value}" for name, value in options]
    return f"{kind}, {', '.join(shown)}" if shown else kind
