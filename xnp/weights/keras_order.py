r"""Keras' order of layers, for files that list tensors by it and do not describe their network.

    x --- conv --+-- relu --- sep --- pool --+-- add --- dense         relu is a layer, or an option of another one:
                 \------ skip conv ----------/                          the file of weights does not say

    longest way to the output:   conv 5, relu 4, sep 3, pool 2, skip conv 2, add 1, dense 0

The farthest layer comes first. Of two that are equally far, the one that is met first on the way back from the output,
where an addition's first operand comes before its second.

Source: Keras, `map_graph` of its functional models; the order is the same in Keras 1, 2 and 3.
"""

from itertools import product

from xnp import layers
from xnp.engine.graph import Call, trace
from xnp.layers import Layer, Leaf
from xnp.weights.keras_arrays import Pair, arrays_of, expected
from xnp.weights.keras_tensors import CLASSES, Stored

ACTIVATIONS = (layers.ReLU, layers.ELU, layers.Softmax)


def in_keras_order(model: Layer, stored: list[Stored]) -> list[Pair]:
    """Pair a model's layers with those of a file that lists them in Keras' order.

    Parameters
    ----------
    model : Layer
        Built.
    stored : list of Stored
        Kinds may mix; the order counts within each kind. The kind "" is of all layers together.

    Raises
    ------
    ValueError
        A layer that is missing, extra, or has other arrays, by name; or more than one order that fits.
    """
    calls = trace(model)
    orders = [keras_order(calls, fused=fused, swapped=swapped) for fused, swapped in product((False, True), repeat=2)]
    kinds = list(dict.fromkeys([layer.kind for layer in stored])) or [""]
    if kinds != [""]:
        kinds += [kind for kind in dict.fromkeys(CLASSES[type(leaf)] for leaf in orders[0]) if kind not in kinds]
    pairs: list[Pair] = []
    for kind in kinds:
        chain = [layer for layer in stored if layer.kind == kind]
        ways = [[leaf for leaf in order if kind in ("", CLASSES[type(leaf)])] for order in orders]
        pairs += map(Pair, choose(chain, ways), chain)
    return pairs


def choose(chain: list[Stored], ways: list[list[Leaf]]) -> list[Leaf]:
    """Find the one order of the model's layers that the file's fit."""
    fitting: list[list[Leaf]] = []
    for leaves in ways:
        if len(leaves) == len(chain) and all(map(fits, leaves, chain)) and leaves not in fitting:
            fitting.append(leaves)
    if not fitting:
        raise ValueError(mismatch(ways[0], chain))
    if len(fitting) > 1:
        place = next(i for i, leaves in enumerate(zip(*fitting, strict=True)) if len(set(leaves)) > 1)
        names = " or ".join(dict.fromkeys(leaves[place].path for leaves in fitting))
        raise ValueError(
            f'layer "{chain[place].name}" may be the model\'s {names}: a file of weights alone does not tell; '
            "save the whole model in Keras, as .keras, which describes the network too"
        )
    return fitting[0]


def keras_order(calls: list[Call], *, fused: bool, swapped: bool) -> list[Leaf]:
    """Sort the layers that have arrays as Keras does.

    Parameters
    ----------
    calls : list of Call
    fused : bool
        Activations are options of other layers: they make no way longer.
    swapped : bool
        The skip is an addition's first operand.
    """
    far, met = {call.writes: 0 for call in calls}, dict[int, int]()
    for call in reversed(calls):
        step = 0 if isinstance(call.what, layers.Dropout) or (fused and isinstance(call.what, ACTIVATIONS)) else 1
        for value in call.reads:
            far[value] = max(far.get(value, 0), far[call.writes] + step)
    writer = {call.writes: call for call in calls}
    todo = [len(calls)] if calls else []
    while todo:
        value = todo.pop()
        if value in met or value == 0:
            continue
        met[value] = len(met)
        call = writer[value]
        first_last = call.reads if call.what == "add" and swapped else call.reads[::-1]
        todo += first_last  # the last is taken next
    values = sorted(writer, key=lambda value: (-far[value], met[value]))
    return [what for value in values if isinstance(what := writer[value].what, Leaf) and what.specs]


def fits(leaf: Leaf, layer: Stored) -> bool:
    """Say whether a file's layer has the arrays of a model's."""
    return {name: tensor.shape for name, tensor in arrays_of(Pair(leaf, layer)).items()} == expected(leaf)


def mismatch(leaves: list[Leaf], chain: list[Stored]) -> str:
    """Say where the file's layers leave the model's."""
    for leaf, layer in zip(leaves, chain, strict=False):
        if not fits(leaf, layer):
            shapes = {tensor.name: tensor.shape for tensor in layer.tensors.values()}
            return f"the file has {shapes} where the model's {leaf.path} needs {expected(leaf)}"
    if len(leaves) > len(chain):
        leaf = leaves[len(chain)]
        return f"the model's {leaf.path} needs {expected(leaf)}, which is missing in the file"
    tensor = next(iter(chain[len(leaves)].tensors.values()))
    return f"{tensor.name}, shape {tensor.shape}, is an extra tensor: the model has no layer for it"
