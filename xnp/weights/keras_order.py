r"""Keras' order of layers, for files that list tensors by it and do not describe their network.

    x --- conv --+-- relu --- sep --- pool --+-- add --- dense         relu is a layer, or an option of another one:
                 \------ skip conv ----------/                          the file of weights does not say

    longest way to the output:   conv 5, relu 4, sep 3, pool 2, skip conv 2, add 1, dense 0

The farthest layer comes first. Of two that are equally far, the one that is met first on the way back from the output,
where an addition's first operand comes before its second.

Source: Keras, `map_graph` of its functional models; files of Keras 2 have the same order.
"""

from collections.abc import Iterator
from itertools import product

from xnp import layers
from xnp.graph import Call, trace
from xnp.layers import Layer, Leaf
from xnp.weights.keras_arrays import Pair, arrays_of, expected
from xnp.weights.keras_tensors import CLASSES, Stored

ACTIVATIONS = (layers.ReLU, layers.ELU, layers.Softmax)


def in_keras_order(model: Layer, stored: list[Stored]) -> list[Pair]:
    """Pair a model's layers with those of a file that lists them in Keras' order.

    Every order that the file may have is tried: with activations as layers or not, with the main path of all additions
    first or second, and then each addition the other way round. Those that fit must agree.

    Parameters
    ----------
    model : Layer
        Built.
    stored : list of Stored
        The order counts within each kind. The kind "" is of all layers together.

    Raises
    ------
    ValueError
        A layer that is missing, extra, or has other arrays, by name; or two orders that fit.
    """
    calls = trace(model)
    fitting = [pairs for leaves in orders(calls, stored) if (pairs := side_by_side(leaves, stored)) is not None]
    if not fitting:
        raise ValueError(mismatch(keras_order(calls, fused=False, swapped=frozenset()), stored))
    for layer in stored:
        paths = dict.fromkeys(pairs[layer.name].path for pairs in fitting)
        if len(paths) > 1:
            raise ValueError(
                f'layer "{layer.name}" may be the model\'s {" or ".join(paths)}: a file of weights alone does not '
                "tell; save the whole model in Keras, as .keras, which describes the network too"
            )
    return [Pair(fitting[0][layer.name], layer) for layer in stored]


def orders(calls: list[Call], stored: list[Stored]) -> Iterator[list[Leaf]]:
    """Yield the model's layers in each order to try. One addition alone is turned round where all others fit."""
    additions = frozenset(call.writes for call in calls if call.what == "add")
    for fused, swapped in product((False, True), (frozenset[int](), additions)):
        leaves = keras_order(calls, fused=fused, swapped=swapped)
        yield leaves
        if side_by_side(leaves, stored) is not None:
            yield from (keras_order(calls, fused=fused, swapped=swapped ^ {addition}) for addition in additions)


def side_by_side(leaves: list[Leaf], stored: list[Stored]) -> dict[str, Leaf] | None:
    """Give the model's layer for each of the file's, by its name; None where they do not fit."""
    pairs: dict[str, Leaf] = {}
    for chain, here in by_kind(leaves, stored):
        if len(chain) != len(here) or not all(map(fits, here, chain)):
            return None
        pairs |= {layer.name: leaf for leaf, layer in zip(here, chain, strict=True)}
    return pairs


def by_kind(leaves: list[Leaf], stored: list[Stored]) -> list[tuple[list[Stored], list[Leaf]]]:
    """Put together what the file counts together: the layers of one kind, or all."""
    if all(layer.kind == "" for layer in stored):
        return [(stored, leaves)]
    kinds = dict.fromkeys([*(layer.kind for layer in stored), *(CLASSES.get(type(leaf), "") for leaf in leaves)])
    return [
        (
            [layer for layer in stored if layer.kind == kind],
            [leaf for leaf in leaves if CLASSES.get(type(leaf), "") == kind],
        )
        for kind in kinds
    ]


def keras_order(calls: list[Call], *, fused: bool, swapped: frozenset[int]) -> list[Leaf]:
    """Sort the layers that have arrays as Keras does.

    Parameters
    ----------
    calls : list of Call
    fused : bool
        Activations are options of other layers: they make no way longer.
    swapped : set of int
        The additions, by what they write, whose first operand is the skip.
    """
    writer, far, met = {call.writes: call for call in calls}, {call.writes: 0 for call in calls}, dict[int, int]()
    for call in reversed(calls):
        step = 0 if isinstance(call.what, layers.Dropout) or (fused and isinstance(call.what, ACTIVATIONS)) else 1
        for value in call.reads:
            far[value] = max(far.get(value, 0), far[call.writes] + step)
    todo = [len(calls)]
    while todo:
        value = todo.pop()
        if value in writer and value not in met:
            met[value] = len(met)
            reads = writer[value].reads
            todo += reads if value in swapped else reads[::-1]  # the last one is taken next
    values = sorted(writer, key=lambda value: (-far[value], met[value]))
    return [what for value in values if isinstance(what := writer[value].what, Leaf) and what.specs]


def fits(leaf: Leaf, layer: Stored) -> bool:
    """Say whether a file's layer has the arrays of a model's."""
    return {name: tensor.shape for name, tensor in arrays_of(Pair(leaf, layer)).items()} == expected(leaf)


def mismatch(leaves: list[Leaf], stored: list[Stored]) -> str:
    """Say where the file's layers leave the model's."""
    problem = "the file lists its layers in another order than the model has them"
    for chain, here in by_kind(leaves, stored):
        for leaf, layer in zip(here, chain, strict=False):
            if not fits(leaf, layer):
                shapes = {tensor.name: tensor.shape for tensor in layer.tensors.values()}
                return f"the file has {shapes} where the model's {leaf.path} needs {expected(leaf)}"
        if len(here) > len(chain):
            leaf = here[len(chain)]
            problem = f"the model's {leaf.path} needs {expected(leaf)}, which is missing in the file"
        elif len(here) < len(chain):
            tensor = next(iter(chain[len(here)].tensors.values()))
            problem = f"{tensor.name}, shape {tensor.shape}, is an extra tensor: the model has no layer for it"
    return problem
