"""A network for the world: an ONNX file, which other programs run, in other languages and without xnp.

    images (N, H, W, C) --- Transpose --- Conv --- BatchNormalization --- Relu --- ... --- Gemm --- logits (N, classes)

ONNX's images are (N, C, H, W). One Transpose behind the input brings xnp's there, so whoever has images for xnp has
them for the file. `xnp.weights.onnx_forms` says what each layer becomes.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnp import checks, files
from xnp.graph import Call, trace
from xnp.layers import Layer, Leaf, Softmax
from xnp.layers.base import Shape
from xnp.weights.onnx_forms import FORMS
from xnp.weights.onnx_graph import Graph

OPSET, IR_VERSION = 17, 8  # of 2022: what newer onnx packages take by default, older runtimes cannot read
INPUT = "images"


def export_onnx(
    model: Layer,
    path: str | os.PathLike[str],
    *,
    batch: int | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a model as an ONNX file (opset 17, IR version 8), as it answers with `training=False`.

    The input "images" is float32 of the model's input shape, (N, H, W, C), channels last. It is what `model.forward`
    takes: standardised already, since the preprocessing belongs to the data and is not in the file. Let `metadata` say
    what it was. The output "logits" is what `model.forward` gives; it is called "probabilities" if the model ends in a
    softmax.

    The arrays have the names that they have in `model.state()`, and stand in ONNX's order of axes. They are float32;
    those of a float64 model are rounded. Dropout is left out. ONNX's checker has seen the file before it is there.

    Parameters
    ----------
    model : Layer
        Built, of the library's layers and containers.
    path : path
        Of the file; an older one is replaced at the end. Its folder must exist.
    batch : int, optional
        How many images a call takes; any number, if not given.
    metadata : mapping of str to str, or to what JSON can say; optional
        More to write into the file, to be read there as `metadata_props` and in `doc_string`.

    Raises
    ------
    ModuleNotFoundError
        The package onnx is not installed; the extra `onnx` brings it.
    ValueError
        A model that is not built, a batch below 1.
    TypeError
        A layer or a container that has no form in ONNX; it is named.
    """
    if batch is not None:
        checks.positive("export_onnx", batch=batch)
    calls = trace(model)
    for call in calls:
        refuse_unknown(call)
    graph = Graph()
    onnx, output = graph.onnx, "probabilities" if calls and isinstance(calls[-1].what, Softmax) else "logits"
    assert model.input_shape is not None
    connect(graph, calls, model)
    graph.finish(INPUT, output)
    body = onnx.helper.make_graph(
        graph.nodes,
        "xnp",
        [value(onnx, INPUT, batch, model.input_shape)],
        [value(onnx, output, batch, model.output_shape)],
        graph.arrays,
    )
    notes = {key: text if isinstance(text, str) else json.dumps(text) for key, text in (metadata or {}).items()}
    made = onnx.helper.make_model(
        body,
        producer_name="xnp",
        doc_string="\n".join([about(batch, model.input_shape), *(f"{key}: {text}" for key, text in notes.items())]),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.helper.set_model_props(made, notes)
    with files.replacing(Path(path)) as file:
        file.write(made.SerializeToString())
        file.flush()
        onnx.checker.check_model(file.name, full_check=True)  # full: the shapes that ONNX infers must be those above


def connect(graph: Graph, calls: list[Call], model: Layer) -> None:
    """Make the nodes of all calls. The last node writes the output, channels last."""
    assert model.input_shape is not None
    values = {0: graph.channels_first(INPUT, INPUT, model.input_shape)}
    for call in calls:
        inputs = [values[k] for k in call.reads]
        match call.what:
            case "add":
                y = graph.node("Add", call.path, *inputs)
            case "concatenate":
                y = graph.node("Concat", call.path, *inputs, axis=1)
            case layer:
                y = FORMS[type(layer)](graph, layer, *inputs)
        values[call.writes] = y
    graph.channels_last("output", values[len(calls)], model.output_shape)


def refuse_unknown(call: Call) -> None:
    """Refuse, by name, a layer that is none of the library's: a subclass may compute anything."""
    if isinstance(call.what, Leaf) and type(call.what) not in FORMS:
        known = ", ".join(sorted(layer.__name__ for layer in FORMS))
        raise TypeError(
            f"export_onnx: {call.what.label} is a {type(call.what).__name__}, which has no form in ONNX; "
            f"known are {known}"
        )


def value(onnx: Any, name: str, batch: int | None, shape: Shape) -> Any:
    """Describe what goes in or comes out. An axis that is free has a name in place of a number."""
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch or "N", *shape])


def about(batch: int | None, shape: Shape) -> str:
    """Say what goes in, in words."""
    axes = ", ".join(map(str, (batch or "N", *shape)))
    order = ", channels last" if len(shape) > 1 else ""
    return f"{INPUT}: float32 ({axes}){order}. Preprocessed already: the preprocessing is not in this file"
