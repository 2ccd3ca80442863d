"""The arrays of a layer under the names and shapes that Keras gives them; and how they are filled, all or none."""

from typing import NamedTuple

from xnp.layers import DepthwiseConv2D, Leaf, PointwiseConv2D, SeparableConv2D
from xnp.weights.hdf5 import Tensor
from xnp.weights.keras_tensors import Stored

NAMES = {"depthwise": "depthwise_kernel", "pointwise": "pointwise_kernel"}  # here -> in Keras, where they differ
CONSTANTS = {"gamma": 1.0, "beta": 0.0}  # of a batch norm without scale or center


class Pair(NamedTuple):
    """A layer, and where its numbers are."""

    leaf: Leaf
    stored: Stored
    left_out: frozenset[str] = frozenset()  # arrays that Keras' layer does not have: they become CONSTANTS


def expected(leaf: Leaf) -> dict[str, tuple[int, ...]]:
    """Give Keras' name of each array, and the shape that it has there: a pointwise kernel is (1, 1, C, filters)."""
    shapes = {NAMES.get(name, name): spec.shape for name, spec in leaf.specs.items()}
    if isinstance(leaf, PointwiseConv2D | SeparableConv2D):
        name = "kernel" if isinstance(leaf, PointwiseConv2D) else "pointwise_kernel"
        shapes[name] = (1, 1, *shapes[name])
    return shapes


def arrays_of(pair: Pair) -> dict[str, Tensor]:
    """Give the file's tensors of a layer. Keras 2 calls the kernel of a depthwise convolution depthwise_kernel."""
    tensors = dict(pair.stored.tensors)
    if isinstance(pair.leaf, DepthwiseConv2D) and "depthwise_kernel" in tensors:
        tensors["kernel"] = tensors.pop("depthwise_kernel")
    return tensors


def fill(pairs: list[Pair], most: int) -> None:
    """Write the file's numbers into the layers' arrays: first all checks, then all reads, then all writes.

    Parameters
    ----------
    pairs : list of Pair
    most : int
        Bytes that the tensors can have together: the size of the file.

    Raises
    ------
    ValueError
        A tensor that is missing, extra, or has another shape.
    """
    for pair in pairs:
        check(pair)
    size = sum(tensor.size for pair in pairs for tensor in pair.stored.tensors.values())
    if size > most:
        raise ValueError(f"its tensors claim {size:,} bytes, but there are {most:,} in the file")
    read = [{name: tensor.read() for name, tensor in arrays_of(pair).items()} for pair in pairs]
    for pair, numbers in zip(pairs, read, strict=True):
        for name in pair.leaf.specs:
            array, keras_name = pair.leaf.array(name), NAMES.get(name, name)
            if keras_name in pair.left_out:
                array[...] = CONSTANTS[keras_name]
            else:
                array[...] = numbers[keras_name].reshape(array.shape)


def check(pair: Pair) -> None:
    """Refuse tensors that are not those of the layer."""
    wanted = {name: shape for name, shape in expected(pair.leaf).items() if name not in pair.left_out}
    found = arrays_of(pair)
    for name, tensor in found.items():
        if name not in wanted:
            raise ValueError(f"{tensor.name}, shape {tensor.shape}, is extra: {pair.leaf.path} has no {name}")
        if tensor.shape != wanted[name]:
            raise ValueError(f"{tensor.name} has shape {tensor.shape}; {pair.leaf.path} needs {wanted[name]}")
    for name, shape in wanted.items():
        if name not in found:
            raise ValueError(f'layer "{pair.stored.name}" has no {name}; {pair.leaf.path} needs it, of shape {shape}')
