"""Where a window stands, how large the output is, what a call costs: shapes are computed here and nowhere else.

    5 pixels, kernel 3, stride 2, "same":     0 [a b c d e] 0      [..] the image, 0 the padding
                                     window 0:  0 a b
                                     window 1:      b c d          neighbours share a pixel
                                     window 2:          d e 0

With size n, kernel k, stride s, dilation d and the padding before and after:

    extent = (k - 1) * d + 1                                    pixels from a window's first to its last
    out    = (n + before + after - extent) // s + 1             windows that fit
    same:    out = ceil(n / s), total = max((out - 1) * s + extent - n, 0), before = total // 2, after = total - before

"same" is TensorFlow's rule: where the total is odd, the larger half goes after (bottom, right).
"valid" pads nothing. An integer pads all four sides alike.

>>> slide("example", (1, 299, 299, 3), (3, 3), stride=2, padding="valid").output
(149, 149)
>>> slide("example", (1, 8, 8, 3), (3, 3), stride=2, padding="same").padding
((0, 1), (0, 1))
"""

from collections.abc import Iterator
from itertools import product
from math import ceil
from numbers import Integral
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Pair: TypeAlias = int | tuple[int, int]  # one number for both axes, or (height, width)
Padding: TypeAlias = Literal["same", "valid"] | int
Sides: TypeAlias = tuple[tuple[int, int], tuple[int, int]]  # ((top, bottom), (left, right))


class Cost(NamedTuple):
    """What one call costs, from shapes alone.

    A multiply-accumulate is one product added to a sum. `elementwise` counts every other
    arithmetic operation, comparison or function value, each as one.
    """

    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    elementwise: int


class Window(NamedTuple):
    """How a kernel visits an image: everything that the spatial operations know of positions."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Sides
    output: tuple[int, int]  # (H', W'): windows down, windows across

    def offsets(self) -> Iterator[tuple[int, int]]:
        """Yield each place (i, j) of the kernel, row by row."""
        return product(range(self.kernel[0]), range(self.kernel[1]))

    def reads(self, i: int, j: int) -> tuple[slice, slice, slice]:
        """Index what offset (i, j) reads of the padded image: one pixel for each window, (N, H', W', C)."""
        (sh, sw), (dh, dw), (rows, columns) = self.stride, self.dilation, self.output
        top, left = i * dh, j * dw
        return (
            slice(None),
            slice(top, top + sh * (rows - 1) + 1, sh),
            slice(left, left + sw * (columns - 1) + 1, sw),
        )

    def view(self, padded: np.ndarray) -> np.ndarray:
        """Show all windows at once: (N, H', W', C, kh, kw). A view: many windows read one pixel, none is copied."""
        (kh, kw), (sh, sw), (dh, dw), (rows, columns) = self.kernel, self.stride, self.dilation, self.output
        extents = ((kh - 1) * dh + 1, (kw - 1) * dw + 1)
        every = sliding_window_view(padded, extents, axis=(1, 2))
        return every[:, ::sh, ::sw, :, ::dh, ::dw][:, :rows, :columns]

    def position(self, p: int, q: int, i: int, j: int) -> tuple[int, int]:
        """Give the pixel (row, column) of the image, padding not counted, that window (p, q) reads at offset (i, j)."""
        (top, _), (left, _) = self.padding
        return p * self.stride[0] + i * self.dilation[0] - top, q * self.stride[1] + j * self.dilation[1] - left


def slide(
    op: str,
    x_shape: tuple[int, ...],
    kernel: tuple[int, int],
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> Window:
    """Lay a kernel's windows over an image.

    Parameters
    ----------
    op : str
        The operation that asks, for its errors.
    x_shape : (N, H, W, C)
    kernel : (int, int)
        Height and width.
    stride, dilation : int or (int, int)
        Distance between two windows; distance between two taps of one window.
    padding : "same", "valid" or int

    Returns
    -------
    Window

    Raises
    ------
    ValueError
        A number below its minimum, an unknown padding, a dilated kernel larger than the padded image.
    """
    kernel, stride, dilation = (
        pair(op, name, value) for name, value in (("kernel size", kernel), ("stride", stride), ("dilation", dilation))
    )
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f'{op}: padding is "{padding}"; it must be "same", "valid" or an integer')
    elif isinstance(padding, bool) or not isinstance(padding, Integral) or padding < 0:
        raise ValueError(f'{op}: padding is {padding!r}; it must be "same", "valid" or an integer, 0 or more')
    sides, output = [], []
    for axis, n, k, s, d in zip("HW", x_shape[1:3], kernel, stride, dilation, strict=True):
        extent = (k - 1) * d + 1
        if padding == "same":
            total = max((ceil(n / s) - 1) * s + extent - n, 0)
            before, after = total // 2, total - total // 2
        else:
            before = after = 0 if padding == "valid" else int(padding)
        if extent > n + before + after:
            raise ValueError(
                f"{op}: the kernel covers {extent} pixels along {axis} (size {k}, dilation {d}) "
                f"but the padded image has {n + before + after} ({before} + {n} + {after}); it must fit"
            )
        sides.append((before, after))
        output.append((n + before + after - extent) // s + 1)
    return Window(kernel, stride, dilation, (sides[0], sides[1]), (output[0], output[1]))


def slide_pool(op: str, x_shape: tuple[int, ...], size: Pair, *, stride: Pair, padding: Padding) -> Window:
    """Lay a pool's windows over an image. As `slide`, and every window must hold a real pixel.

    Raises
    ------
    ValueError
        As `slide`; and an integer padding over half the size, so that no window holds padding alone.
    """
    size = pair(op, "size", size)
    window = slide(op, x_shape, size, stride=stride, padding=padding)
    if not isinstance(padding, str) and 2 * padding > min(size):
        raise ValueError(
            f"{op}: padding is {padding} but size is {size}; an integer padding must be at most half the size, "
            "so that no window holds padding alone"
        )
    return window


def pair(op: str, name: str, value: Pair) -> tuple[int, int]:
    """Read one positive number, or a pair of them, as (height, width)."""
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2 or any(isinstance(v, bool) or not isinstance(v, Integral) or v < 1 for v in values):
        raise ValueError(f"{op}: {name} is {value!r}; it must be a positive integer or a pair of them (height, width)")
    return int(values[0]), int(values[1])


def pad(x: np.ndarray, sides: Sides, value: float = 0.0) -> np.ndarray:
    """Frame the images: (N, H, W, C) -> (N, top + H + bottom, left + W + right, C)."""
    (top, bottom), (left, right) = sides
    N, H, W, C = x.shape
    padded = np.full((N, top + H + bottom, left + W + right, C), value, x.dtype)
    padded[:, top : top + H, left : left + W] = x
    return padded


def crop(padded: np.ndarray, sides: Sides) -> np.ndarray:
    """Undo `pad`: take the frame off again. A copy, so that the frame's memory can go."""
    (top, bottom), (left, right) = sides
    return padded[:, top : padded.shape[1] - bottom, left : padded.shape[2] - right].copy()
