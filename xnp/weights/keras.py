"""Weights and networks from files of Keras, read by h5py alone, which the extra `keras` brings.

    what Keras writes                       holds            read by
    model.save("x.keras")                   network, weights  both functions
    model.save("x.h5")                      network, weights  both functions
    model.save_weights("x.weights.h5")      weights           load_keras
    model.save_weights("x.h5"), Keras 2     weights           load_keras

Which tensor belongs to which array is never guessed. See `load_keras`.
"""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from xnp.layers import Layer, Sequential
from xnp.weights.keras_arrays import Pair, fill
from xnp.weights.keras_file import opened
from xnp.weights.keras_graph import Network
from xnp.weights.keras_order import in_keras_order
from xnp.weights.keras_tensors import Stored, absent
from xnp.weights.same_network import same_network

Shape = tuple[int, ...]


def load_keras(model: Layer, path: str | os.PathLike[str]) -> None:
    """Put the weights of a file of Keras into a model. All of them, or none.

    A file that describes its network (.keras, a whole .h5) is matched by that description: the file's network and the
    model must be the same graph of the same layers with the same options. Names play no role, and neither do dropout, a
    softmax at the very end, and what only training reads. Height and width of the images may differ.

    A file of weights alone lists layers in Keras' order: .weights.h5 for each class of layer by itself ("conv2d",
    "conv2d_1", ...), the old .h5 all layers together. Keras' order is by the longest way to the output; the farthest
    comes first. The model is put into this order, and its n-th layer gets the n-th of the file, if their arrays have
    the same names and shapes. Two things change the order and are not in such a file: whether activations were layers
    of their own, and which operand of an addition came first. Where this leaves two answers, the file is refused.

    Parameters
    ----------
    model : Layer
        Built. Its arrays are overwritten in place; its dtype stays, and the numbers are rounded to it.
    path : path
        .h5, .hdf5, .weights.h5 or .keras; told apart by their content.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    ValueError
        The file is damaged; describes another network; or a tensor is missing, extra, or has another shape: it is
        named, and so is the file. The model is then as it was.
    ModuleNotFoundError
        The package h5py is not installed; the extra `keras` brings it.
    """
    if model.input_shape is None:
        raise ValueError(f"load_keras: the {type(model).__name__} knows no shapes yet; call build(input_shape) first")
    with opened(path) as file:
        if file.architecture is None:
            pairs = in_keras_order(model, file.layers)
        else:
            try:
                network = Network(file.architecture, model.input_shape)
            except ValueError as error:  # what cannot be built here is not what was built here
                raise ValueError(f"the file describes another network: {error}") from error
            twins = same_network(model, network.model)
            pairs = [pair._replace(leaf=twins[pair.leaf]) for pair in by_name(network, file.layers)]
        fill(pairs, file.size)


def keras_model(
    path: str | os.PathLike[str], input_shape: Shape | None = None, *, dtype: Any = np.float32
) -> Sequential:
    """Build the network that a file of Keras describes, with its weights. It gives what Keras' network gives.

    How images were scaled is not in the file: bring them as in its training, (N, H, W, C). Where its network ends in a
    softmax, `forward` gives probabilities.

    Layers keep their names; those between the parting and the meeting of two ways sit under the name of the layer where
    they meet: `add_1/conv2d_3/kernel`, `add_1/skip/conv2d_2/kernel`. An activation that is an option of a layer becomes
    a layer behind it: `conv2d_3_relu`.

    Parameters
    ----------
    path : path
        A .keras file, or an .h5 or .hdf5 file with the whole model.
    input_shape : (H, W, C), optional
        None: as in the file. Needed where the file leaves height and width open.
    dtype : float32 or float64

    Returns
    -------
    Sequential

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    ValueError
        The file is damaged, or holds weights alone; a layer that is not here, an option that cannot be said, a graph
        that `Sequential`, `Residual` and `Parallel` cannot say: the error names the layer.
    ModuleNotFoundError
        The package h5py is not installed; the extra `keras` brings it.
    """
    if not isinstance(input_shape, Iterable | None):
        raise ValueError(f"keras_model: input_shape is {input_shape!r}; it must be (H, W, C)")
    with opened(path) as file:
        if file.architecture is None:
            raise ValueError("it holds weights alone, not which network they are of; build that, then call load_keras")
        network = Network(file.architecture, input_shape, dtype=dtype)
        fill(by_name(network, file.layers), file.size)
        return network.model


def by_name(network: Network, layers: Iterable[Stored]) -> list[Pair]:
    """Pair the layers of a described network with the file's, by the names that both have from Keras."""
    stored = {layer.name: layer for layer in layers}
    pairs = []
    for name, leaf in network.leaves.items():
        left_out = frozenset(absent(network.nodes[name].options))
        pairs.append(Pair(leaf, stored.pop(name, Stored(name, "", {})), left_out))
    for layer in stored.values():
        tensor = next(iter(layer.tensors.values()))
        raise ValueError(f'{tensor.name}, shape {tensor.shape}, is extra: layer "{layer.name}" has no arrays')
    return pairs
