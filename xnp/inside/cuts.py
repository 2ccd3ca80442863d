"""Cut a network in two, at a place that all numbers must pass.

    x --- front --- maps --- back --- scores

Both halves run forward and backward by themselves, so what stands between them can be seen, and so can its gradient.
The halves hold the model's own layers: nothing is copied. Inside a Residual or a Parallel there is no such place: a
number may have gone the other way.
"""

from collections.abc import Iterator

from xnp.layers import Layer, Sequential
from xnp.layers.base import Shape
from xnp.layers.containers import Container, chain


def cut(model: Layer, at: str) -> tuple[Sequential, Sequential]:
    """Split a model into what runs up to the end of one of its parts, and what runs after it.

    Parameters
    ----------
    model : Layer
        Built.
    at : str
        Path of a part that runs in the main line: an operation such as "stem/relu1", a block such as "entry/1", or a
        whole flow such as "exit".

    Returns
    -------
    front, back : Sequential
        Built. They share the model's layers; `back.forward(front.forward(x))` is `model.forward(x)`.

    Raises
    ------
    ValueError
        A model that is not built; no such part, or one that is inside a block with two ways.

    Examples
    --------
    >>> from xnp import models
    >>> front, back = cut(models.tiny_xception(), "exit")
    >>> [layer.path for layer in back.children.values()]
    ['pool', 'classifier']
    """
    if model.input_shape is None:
        raise ValueError(f"cut: the {type(model).__name__} knows no shapes yet; call build(input_shape) first")
    steps = list(chain(model))
    within = [k for k, step in enumerate(steps) if f"{step.path}/".startswith(f"{at}/")]
    if not within:
        block = next((step.path for step in steps if at.startswith(f"{step.path}/")), None)
        known = f'only the end of "{block}" is a place that all numbers pass'
        if block is None:
            known = f"the model has {', '.join(block.path for block in blocks(model))}, and their parts"
        raise ValueError(f"cut: at is {at!r}; {known}")
    end = within[-1] + 1
    front = half(steps[:end], model.input_shape, model)
    return front, half(steps[end:], front.output_shape, model)


def half(steps: list[Layer], input_shape: Shape, model: Layer) -> Sequential:
    """Chain steps that are built. `build` would refuse them, for they are part of the model already."""
    chained = Sequential(*steps)
    chained.input_shape, chained.output_shape = input_shape, steps[-1].output_shape if steps else input_shape
    chained.seed, chained.dtype = model.seed, model.dtype
    return chained


def blocks(model: Layer) -> Iterator[Layer]:
    """Yield the blocks of a model, in their order: what its figure would draw as one box.

    That is a Residual, a Parallel, a chain of operations that have a common name (such as the stem), or an operation
    that stands alone.
    """
    if not isinstance(model, Sequential):
        yield model
        return
    for child in model.children.values():
        holds_blocks = isinstance(child, Sequential) and any(isinstance(c, Container) for c in child.children.values())
        yield from blocks(child) if holds_blocks else (child,)
