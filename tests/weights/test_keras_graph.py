"""Keras' graphs become containers; what cannot be said is named."""

import json
import re

import numpy as np
import pytest

from xnp.layers import Parallel, Residual, Sequential
from xnp.weights import keras_config
from xnp.weights.keras_graph import Network

IMAGE = ("InputLayer", "x", {"batch_shape": [None, 8, 8, 6]}, [])
RELU = ("Activation", {"activation": "relu"})


def network(made, *layers, keras=3):
    """Build what is described: (name, what it reads), a ReLU where no class is given."""
    described = [IMAGE]
    for name, reads, *what in layers:
        kind, options = what or RELU
        described.append((kind, name, options, reads.split()))
    return Network(keras_config.parse(json.dumps(made.description(described, keras))))


def conv(made, filters=6, **options):
    return "Conv2D", made.CONV | {"filters": filters, "kernel_size": [1, 1]} | options


ADD, JOIN = ("Add", {}), ("Concatenate", {"axis": -1})


def shape_of(layer):
    """Write containers and names."""
    if isinstance(layer, Sequential):
        return {name: shape_of(child) for name, child in layer.children.items()}
    if isinstance(layer, Residual):
        return "add", shape_of(layer.main), None if layer.skip is None else shape_of(layer.skip)
    if isinstance(layer, Parallel):
        return ["concatenate", *(shape_of(child) for child in layer.children.values())]
    return type(layer).__name__


@pytest.mark.parametrize("keras", [2, 3])
def test_containers(made, keras):
    def shape(*layers):
        return shape_of(network(made, *layers, keras=keras).model)

    r = "ReLU"
    assert shape(("a", "x"), ("b", "a")) == {"a": r, "b": r}
    assert shape(("a", "x"), ("s", "a x", *ADD)) == {"s": ("add", {"a": r}, None)}
    assert shape(("a", "x"), ("s", "x a", *ADD)) == {"s": ("add", {"a": r}, None)}
    assert shape(("a", "x"), ("b", "x"), ("s", "a b", *ADD), ("c", "s")) == {"s": ("add", {"a": r}, {"b": r}), "c": r}
    assert shape(("b", "x"), ("s", "b x x", *ADD)) == {"s": ("add", {"sum2": ("add", {"b": r}, None)}, None)}
    assert shape(("s", "x x", *ADD)) == {"s": ("add", {}, None)}
    assert shape(("a", "x"), ("c", "x a x", *JOIN)) == {"c": ["concatenate", {}, {"a": r}, {}]}
    inner = ("add", {"b": r}, None)
    layers = [("a", "x"), ("b", "a"), ("s", "a b", *ADD), ("t", "s x", *ADD)]
    assert shape(*layers) == {"t": ("add", {"a": r, "s": inner}, None)}


def test_the_order_of_the_description_plays_no_role(made):
    layers = [("a", "x"), ("b", "a"), ("s", "a b", *ADD), ("c", "s")]
    described = [IMAGE, *[(*(what or RELU)[:1], n, (what or RELU)[1], r.split()) for n, r, *what in layers]]
    text = made.description([described[i] for i in (0, 3, 2, 1, 4)])
    assert shape_of(Network(keras_config.parse(json.dumps(text))).model)["c"] == "ReLU"


def test_ways_that_cross_are_refused_by_name(made):
    with pytest.raises(ValueError, match=r'layer "a" is read at two places, and the ways from there cross'):
        network(made, ("a", "x"), ("b", "x"), ("c", "a"), ("s", "a b", *ADD), ("t", "c s", *ADD))


def test_names_that_containers_want_for_themselves(made):
    model = network(made, ("skip", "x"), ("self", "x"), ("s", "skip self", *ADD), ("self_", "s")).model
    assert model.forward(np.ones((1, 8, 8, 6), np.float32)).max() == 2
    assert list(model.children) == ["s", "self_"]
    model = network(made, ("a", "x", *conv(made, activation="relu")), ("a_relu", "a")).model
    assert list(model.children) == ["a", "a_relu_", "a_relu"]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([("a", "x", "Mystery", {})], 'layer "a": there is no Mystery here; known are Activation, Add,'),
        ([("a", "x", "Activation", {"activation": "swish"})], "layer \"a\": activation is 'swish'; expected linear"),
        ([("a", "x", "Activation", {"activation": {"class_name": "relu"}})], 'layer "a": activation is {'),
        ([("a", "x", "Activation", {})], "layer \"a\": lacks the option 'activation'"),
        ([("a", "x", "ReLU", {"max_value": 6})], 'layer "a": max_value is 6; expected None'),
        ([("a", "x", "ReLU", {"negative_slope": 0.1})], 'layer "a": negative_slope is 0.1; expected 0 or None'),
        ([("a", "x", "ReLU", {"threshold": 1})], 'layer "a": threshold is 1; expected 0 or None'),
        ([("a", "x", "Flatten", {"data_format": "channels_first"})], "layer \"a\": data_format is 'channels_first'"),
        ([("a", "x", "GlobalAveragePooling2D", {"keepdims": True})], 'layer "a": keepdims is True; expected False'),
        ([("a", "x", "Dropout", {"rate": 0.5, "noise_shape": [1]})], 'layer "a": noise_shape is [1]; expected None'),
        ([("a", "x", "Dropout", {"rate": 2})], 'layer "a": Dropout: rate is 2'),
        ([("a", "x", "Dense", {"units": 3, "use_bias": True})], "a: Dense takes (I) for one image but gets (8, 8, 6)"),
        ([("a", "x", "Concatenate", {"axis": 1})], 'layer "a": a Concatenate of 1 inputs; expected two or more'),
        ([("a", "x"), ("b", "a x", "Concatenate", {"axis": 1})], 'layer "b": axis is 1; expected -1 or 3'),
        ([("a", "x", "Softmax", {"axis": 1})], 'layer "a": axis is 1; expected -1 or 3'),
        ([("a", "x"), ("b", "a x")], 'layer "b": a Activation of 2 inputs; expected one'),
        ([("a", "x"), ("b", "x")], 'layer "a" is not on a way from the input to the output'),
        ([("a", "y")], 'layer "a" reads "y", which is neither a layer nor the input'),
        ([("a", "b"), ("b", "a")], 'layer "a" waits for its own output, or has no input'),
        ([("a", "x"), ("a", "a")], 'two layers have the name "a"'),
        ([("a", "x", "Sequential", {"layers": []})], 'layer "a" is a Sequential: a model inside the model'),
        ([("a", "x"), ("b", "x", "MaxPooling2D", {"pool_size": [2, 2], "strides": None, "padding": "valid"}),
          ("s", "a b", "Add", {})], "s: the main path gives (8, 8, 6) but the skip gives (4, 4, 6)"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_named(made, layers, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        network(made, *layers)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"padding": "causal"}, 'padding is "causal"'),
        ({"strides": [0, 1]}, "stride is (0, 1)"),
        ({"filters": "many"}, "filters is 'many'"),
        ({"data_format": "channels_first"}, "data_format is 'channels_first'; expected 'channels_last'"),
        ({"groups": 4}, "groups is 4 but there are 6 channels in and 6 out"),
        ({"kernel_size": [1, 1, 1]}, "kernel_size is (1, 1, 1)"),
    ],
)
def test_options_of_a_convolution(made, options, words):
    with pytest.raises(ValueError, match="a") as error:
        network(made, ("a", "x", *conv(made, **options)))
    assert words in str(error.value)


def test_batch_norm_along_another_axis(made):
    for axis in (3, [3], -1, [-1]):
        network(made, ("a", "x", "BatchNormalization", made.NORM | {"axis": axis}))
    for axis in (1, [1], [1, 2], 4, "last"):
        with pytest.raises(ValueError, match=r'layer "a": axis is .* expected -1 or 3'):
            network(made, ("a", "x", "BatchNormalization", made.NORM | {"axis": axis}))
    with pytest.raises(ValueError, match='layer "a": renorm is True; expected False or None'):
        network(made, ("a", "x", "BatchNormalization", made.NORM | {"renorm": True}))


def change(made, edit, keras=3):
    """Parse a description of two layers that was changed."""
    described = made.description(
        [IMAGE, ("Activation", "a", RELU[1], ["x"]), ("Activation", "b", RELU[1], ["a"])], keras
    )
    edit(described["config"])
    return keras_config.parse(json.dumps(described))


@pytest.mark.parametrize("keras", [2, 3])
def test_graphs_that_are_none(made, keras):
    def twice(config):
        config["layers"][2]["inbound_nodes"] *= 2

    def outputs(config):
        config["output_layers"] = [["a", 0, 0], ["b", 0, 0]]

    def training(config):
        call = config["layers"][2]["inbound_nodes"][0]
        if keras == 3:
            call["kwargs"] = {"training": True}
        else:
            call[0][3] = {"training": True}

    def second_output(config):
        call = config["layers"][2]["inbound_nodes"][0]
        if keras == 3:
            call["args"][0]["config"]["keras_history"] = ["a", 0, 1]
        else:
            call[0][2] = 1

    def nowhere(config):
        del config["layers"][0]

    with pytest.raises(ValueError, match='layer "b" is called at 2 places; expected one'):
        change(made, twice, keras)
    with pytest.raises(ValueError, match="the network has 2 output layers; expected one"):
        change(made, outputs, keras)
    with pytest.raises(ValueError, match=r'layer "b" is called with \{.training.: True\}; expected tensors alone'):
        change(made, training, keras)
    with pytest.raises(ValueError, match='layer "b" reads output 1 of call 0 of "a"; expected 0 of 0'):
        change(made, second_output, keras)
    with pytest.raises(ValueError, match="does not say which shape the network's input has"):
        change(made, nowhere, keras)


def test_names_that_are_no_texts_and_layers_without_an_input(made):
    def named(config):
        config["layers"][2]["name"] = 3

    def read(config):
        config["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = ["a"]

    def end(config):
        config["output_layers"] = [[["b"], 0, 0]]

    def kind(config):
        config["layers"][2]["class_name"] = ["ReLU"]

    for edit in (named, read, end, kind):
        with pytest.raises(ValueError, match="the description of the network is not as Keras writes it"):
            change(made, edit)

    def alone(config):
        config["layers"][2]["inbound_nodes"][0]["args"] = []

    with pytest.raises(ValueError, match='layer "b" waits for its own output, or has no input'):
        Network(change(made, alone))


@pytest.mark.parametrize("value", [[1], "much", None, float("nan"), float("inf")])
def test_numbers_that_are_none(made, value):
    with pytest.raises(ValueError, match=r'layer "a": epsilon is .*; expected a number'):
        network(made, ("a", "x", "BatchNormalization", made.NORM | {"epsilon": value}))
    with pytest.raises(ValueError, match=r'layer "a": alpha is .*; expected a number'):
        network(made, ("a", "x", "ELU", {"alpha": value}))


def test_a_call_with_a_number(made):
    def number(config):
        config["layers"][2]["inbound_nodes"][0]["args"].append(1.5)

    with pytest.raises(ValueError, match='layer "b" is called with more than outputs of layers'):
        change(made, number)
