"""A model as a flat list of calls: what containers say by nesting, said by naming each value.

    Sequential(conv, Residual(Sequential(relu, separable)), pool)

    call                          reads    writes
    conv     Conv2D               0        1
    relu     ReLU                 1        2
    separable SeparableConv2D     2        3
    add      ADD                  3, 1     4          the residual's end: value 1 is read twice
    pool     GlobalAveragePool2D  4        5

Value 0 is the input. The order of the list is one in which the calls can run; backward goes through it from its end.
"""

from typing import Literal, NamedTuple

from xnp.layers import Layer, Leaf, Parallel, Residual, Sequential
from xnp.layers.base import join
from xnp.layers.containers import Container

Join = Literal["add", "concatenate"]
FORWARDS = (Sequential.forward, Residual.forward, Parallel.forward)  # what `follow` knows of containers


class Call(NamedTuple):
    """One operation: the layer that holds it, or how a container joins its branches."""

    path: str
    what: Leaf | Join
    reads: tuple[int, ...]  # values
    writes: int
    shape: tuple[int, ...]  # of the value that is written, for one image


def trace(model: Layer) -> list[Call]:
    """Follow a built model from its input to its output.

    Raises
    ------
    ValueError
        A model that is not built yet.
    TypeError
        A container that is none of the library's, or that has a forward of its own.
    """
    if model.input_shape is None:
        raise ValueError(f"trace: the {type(model).__name__} knows no shapes yet; call build(input_shape) first")
    calls: list[Call] = []
    follow(model, 0, calls)
    return calls


def follow(layer: Layer, value: int, calls: list[Call]) -> int:
    """Add the calls of a layer that reads `value`; give the value that holds its output."""
    if isinstance(layer, Container) and type(layer).forward not in FORWARDS:
        raise TypeError(f"trace: {layer.label} is a {type(layer).__name__}, a container with a forward of its own")
    match layer:
        case Leaf():
            return write(calls, layer.path, layer, (value,), layer.output_shape)
        case Sequential():
            for child in layer.children.values():
                value = follow(child, value, calls)
            return value
        case Residual():
            skipped = value if layer.skip is None else follow(layer.skip, value, calls)
            main = follow(layer.main, value, calls)
            return write(calls, join(layer.path, "add"), "add", (main, skipped), layer.output_shape)
        case Parallel():
            branches = tuple(follow(child, value, calls) for child in layer.children.values())
            return write(calls, join(layer.path, "concatenate"), "concatenate", branches, layer.output_shape)
    raise TypeError(f"trace: {type(layer).__name__} is neither a Leaf nor one of Sequential, Residual, Parallel")


def write(calls: list[Call], path: str, what: Leaf | Join, reads: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Add one call; give the value that it writes."""
    calls.append(Call(path, what, reads, len(calls) + 1, tuple(shape)))
    return len(calls)
