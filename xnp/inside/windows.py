"""How much of the image can one place of a map see? The windows tell, without running anything.

    place 5  <---  3x3, stride 2: reads 10 to 12  <---  3x3, stride 1: reads 9 to 13       ("same", 32 pixels halved)

A place reads the pixels of its window, each of these reads those of its own, and so on down to the image. Without
borders the size obeys a rule: with window k and stride s of each layer, from the first to the last,

    size = 1 + sum of (k - 1) * jump        jump: the product of the strides of all layers before

Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from typing import NamedTuple

from xnp import layers, ops
from xnp.graph import Call, trace
from xnp.layers import Layer, Leaf
from xnp.shapes import Padding, Window, pair, slide


class Extent(NamedTuple):
    """A rectangle of pixels; its four borders belong to it."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.bottom - self.top + 1, self.right - self.left + 1


def possible_field(model: Layer, at: str, position: tuple[int, int] | None = None) -> Extent:
    """Follow the windows from one place of a map down to the image.

    Parameters
    ----------
    model : Layer
        Built, for images (H, W, C). No array is drawn.
    at : str
        Path of a part whose output is maps: an operation, a block, a whole flow.
    position : (int, int), optional
        Row and column of the place; the middle, (H' // 2, W' // 2), if it is left out.

    Returns
    -------
    Extent
        The pixels within the image. Where several ways lead to it, the rectangle holds those of all.

    Raises
    ------
    ValueError
        A model that is not built; no such part, no maps there, no such place; a place that sees only padding.

    Examples
    --------
    >>> from xnp import models
    >>> possible_field(models.xception(), "stem/conv1", (70, 70))
    Extent(top=140, left=140, bottom=142, right=142)
    """
    calls = trace(model)
    ends = [k for k, call in enumerate(calls, 1) if f"{call.path}/".startswith(f"{at}/")]
    if not ends:
        raise ValueError(f"possible_field: at is {at!r}; the model has no part of this name")
    calls = calls[: ends[-1]]
    row, column = place(at, calls[-1].shape, position)
    fields = {calls[-1].writes: Extent(row, column, row, column)}  # value -> what is asked of it
    for call in reversed(calls):
        read = read_by(call, fields[call.writes]) if call.writes in fields else None
        if read is not None:
            for value in call.reads:
                fields[value] = around(fields.get(value, read), read)
    if 0 not in fields:
        raise ValueError(f'possible_field: place {row, column} of "{at}" sees only padding')
    return fields[0]


def place(at: str, shape: tuple[int, ...], position: tuple[int, int] | None) -> tuple[int, int]:
    """Give the place that is asked for, or the middle; refuse one that is not there."""
    if len(shape) != 3:
        raise ValueError(f"possible_field: at is {at!r}, whose output is {shape}; it must be maps (H, W, C)")
    row, column = (shape[0] // 2, shape[1] // 2) if position is None else position
    if not (0 <= row < shape[0] and 0 <= column < shape[1]):
        raise ValueError(f'possible_field: position is {row, column}; "{at}" has {shape[0]} rows, {shape[1]} columns')
    return row, column


def read_by(call: Call, asked: Extent) -> Extent | None:
    """Give what a call must read of its input for these places of its output; None where all of it is padding."""
    if not isinstance(call.what, Leaf) or call.what.input_shape is None:  # it adds or concatenates
        return asked
    window, (H, W, _) = window_of(call.what), call.what.input_shape
    top, left = window.position(asked.top, asked.left, 0, 0)
    bottom, right = window.position(asked.bottom, asked.right, window.kernel[0] - 1, window.kernel[1] - 1)
    read = Extent(max(top, 0), max(left, 0), min(bottom, H - 1), min(right, W - 1))
    return read if min(read.size) > 0 else None


def window_of(leaf: Leaf) -> Window:
    """Give the window of an operation on maps; one that treats each pixel by itself has a window of 1x1."""
    shape = (1, *(leaf.input_shape or ()))
    kernel = pair(leaf.label, "kernel size", getattr(leaf, "kernel_size", getattr(leaf, "size", 1)))
    if isinstance(leaf, layers.ZeroPadding2D):
        sides = ops.zero_padding2d.read(leaf.padding)
        return Window(kernel, (1, 1), (1, 1), sides, (leaf.output_shape[0], leaf.output_shape[1]))
    stride, dilation = getattr(leaf, "stride", 1), getattr(leaf, "dilation", 1)
    padding: Padding = getattr(leaf, "padding", "valid")
    return slide(leaf.label, shape, kernel, stride=stride, padding=padding, dilation=dilation)


def around(a: Extent, b: Extent) -> Extent:
    """Give the smallest rectangle that holds both."""
    return Extent(min(a.top, b.top), min(a.left, b.left), max(a.bottom, b.bottom), max(a.right, b.right))
