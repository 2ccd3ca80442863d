"""The description of a network in Keras' files: JSON, of Keras 2 or 3, functional or sequential.

    "layers": [{"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [null, 8, 8, 3]}, ...},
               {"class_name": "Conv2D", "config": {"name": "conv", "filters": 4, ...}, "inbound_nodes": ...}, ...]

becomes a list of nodes: name, kind of layer, options, and the nodes that it reads. The order of the list stays: files
of weights count by it.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

MOST_LAYERS = 5000  # networks in use have up to about 1000


class Node(NamedTuple):
    """A layer as Keras describes it."""

    name: str
    kind: str  # Keras' class
    options: dict[str, Any]
    reads: tuple[str, ...]


class Architecture(NamedTuple):
    """A network as Keras describes it."""

    nodes: dict[str, Node]  # by name, without the input
    input: str
    output: str
    input_shape: tuple[int | None, ...]  # without the batch axis; None where any size may come


def parse(text: str | bytes) -> Architecture:
    """Read a description.

    Raises
    ------
    ValueError
        It is no JSON, not what Keras writes, or describes what is neither functional nor sequential: more than one
        input or output, a layer that is called at two places, a model inside the model.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the description of the network is no JSON: {error}") from error
    try:
        kind, config = whole["class_name"], whole["config"]
        layers = config if isinstance(config, list) else config["layers"]  # a bare list before Keras 2.2.3
        if kind not in ("Functional", "Model", "Sequential"):
            raise ValueError(f"the network is a {kind}; expected a Functional, a Model or a Sequential")
        if len(layers) > MOST_LAYERS:
            raise ValueError(f"the network has {len(layers):,} layers; expected at most {MOST_LAYERS:,}")
        return sequential(layers, config) if kind == "Sequential" else functional(layers, config)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise ValueError(f"the description of the network is not as Keras writes it ({problem})") from error


def sequential(layers: list[dict], config: Any) -> Architecture:
    """Chain the layers. The input's shape is an option of the first, or stands beside the list."""
    shape = input_shape(layers[0]["config"])
    if shape is None and isinstance(config, dict) and config.get("build_input_shape"):
        shape = tuple(config["build_input_shape"][1:])
    if shape is None:
        raise ValueError("the file does not say which shape the network's input has")
    nodes: dict[str, Node] = {}
    value = start = ""  # no layer has this name
    if layers[0]["class_name"] == "InputLayer":
        value = start = layer_name(layers[0]["config"]["name"])
        layers = layers[1:]
    for layer in layers:
        name = layer_name(layer["config"]["name"])
        add(nodes, Node(name, layer["class_name"], layer["config"], (value,)))
        value = name
    return Architecture(nodes, start, value, shape)


def functional(layers: list[dict], config: dict) -> Architecture:
    """Read which layer reads which."""
    start, end = single(config, "input_layers"), single(config, "output_layers")
    nodes: dict[str, Node] = {}
    shape = None
    for layer in layers:
        name, kind, options = layer_name(layer["name"]), layer["class_name"], layer["config"]
        if kind == "InputLayer":
            shape = input_shape(options)
            continue
        calls = layer["inbound_nodes"]
        if len(calls) != 1:
            raise ValueError(f'layer "{name}" is called at {len(calls)} places; expected one')
        add(nodes, Node(name, kind, options, tuple(reads(name, calls[0]))))
    if shape is None:
        raise ValueError("the file does not say which shape the network's input has")
    return Architecture(nodes, start, end, shape)


def add(nodes: dict[str, Node], node: Node) -> None:
    """Add a node under its name."""
    if not isinstance(node.kind, str) or not isinstance(node.options, dict):
        raise TypeError(f"a layer of class {node.kind!r} with options {node.options!r}")
    if node.kind in ("Functional", "Model", "Sequential"):
        raise ValueError(f'layer "{node.name}" is a {node.kind}: a model inside the model, which is not read')
    if node.name in nodes:
        raise ValueError(f'two layers have the name "{node.name}"')
    nodes[node.name] = node


def input_shape(options: dict) -> tuple[int | None, ...] | None:
    """Find the shape of one image in the options of the first layer."""
    shape = options.get("batch_shape", options.get("batch_input_shape"))
    return None if shape is None else tuple(shape[1:])


def single(config: dict, name: str) -> str:
    """Name the only input or output. Keras 2 writes [["conv", 0, 0]], Keras 3 ["conv", 0, 0] where there is one."""
    places = config[name]
    if places and isinstance(places[0], str):
        places = [places]
    if len(places) != 1:
        raise ValueError(f"the network has {len(places)} {name.replace('_', ' ')}; expected one")
    return layer_name(places[0][0])


def reads(name: str, call: Any) -> Iterator[str]:
    """Name the layers whose outputs go into a call.

    Keras 2: [["conv", 0, 0, {}], ...]. Keras 3: {"args": [tensors, or lists of them], "kwargs": {}}, where a tensor is
    a dict that holds ["conv", 0, 0] as its history. The numbers tell calls and outputs of one layer apart.
    """
    if isinstance(call, dict):
        arguments, options = call["args"], [call["kwargs"]]
        flat = [b for a in arguments for b in (a if isinstance(a, list) else [a])]
        if not all(isinstance(a, dict) and a["class_name"] == "__keras_tensor__" for a in flat):
            raise ValueError(f'layer "{name}" is called with more than outputs of layers')
        histories = [a["config"]["keras_history"] for a in flat]
    else:
        histories = [place[:3] for place in call]
        options = [option for place in call for option in place[3:]]
    for option in options:
        if set_ones := {key: value for key, value in option.items() if value}:
            raise ValueError(f'layer "{name}" is called with {set_ones}; expected tensors alone')
    for source, call_number, output in histories:
        if (call_number, output) != (0, 0):
            raise ValueError(
                f'layer "{name}" reads output {output} of call {call_number} of "{source}"; expected 0 of 0'
            )
        yield layer_name(source)


def layer_name(value: Any) -> str:
    """Refuse what is no text where a layer is named."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} for the name of a layer")
    return value
