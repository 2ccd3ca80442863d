"""Max pooling as two short maxima, and the mean of a whole channel.

The largest of a 3x3 window is the largest of the largest of its rows: 3 + 3 numbers to compare, not 9. On the way back
the same two steps say who won: among the rows' maxima the first that equals y, then in that row the first pixel that
equals its maximum. That is the first of the window, row by row, as `xnp.ops.max_pool2d` has it. Nothing is kept for it
but x.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Tensor
from xnp.shapes import Window


class MaxPool(Node):
    """Any size, stride and padding."""

    needs_x = True
    overwrites_x = False  # dx is built up while x is still compared
    form = "rows, then columns"

    def __init__(self, path: str, x: Tensor, *, window: Window) -> None:
        C, _, _, N = x.shape
        super().__init__(path, x, shape=(C, *window.output, N))
        self.window = window
        self.down, self.across = (
            Line(
                x.shape[1 + axis],
                window.kernel[axis],
                window.stride[axis],
                window.padding[axis][0],
                window.output[axis],
            )
            for axis in (0, 1)
        )

    def forward(self, block: Block, training: bool) -> None:
        """Maxima along W, then along H."""
        self.down.largest(self._along_rows(block), self.y.value[block], axis=1)

    def backward(self, block: Block) -> None:
        """Send dy to the row that won, then to the pixel that won there."""
        x, dy, dx = self.x.value[block], self.y.gradient[block], self.x.gradient[block]
        m = self._along_rows(block)
        y = self.scratch(block, "pooled", dy.shape)
        self.down.largest(m, y, axis=1)
        dm = self.scratch(block, "dm", m.shape)
        take = partial(self.scratch, block)
        self.down.send(m, y, dy, dm, take, axis=1)
        self.across.send(x, m, dm, dx, take, axis=2)

    def _along_rows(self, block: Block) -> np.ndarray:
        x = self.x.value[block]
        m = self.scratch(block, "m", (*x.shape[:2], self.window.output[1], x.shape[3]))
        self.across.largest(x, m, axis=2)
        return m


class Line:
    """Windows along one axis: which of them have a pixel of the image at place j, and which pixels these are."""

    def __init__(self, n: int, size: int, stride: int, before: int, out: int) -> None:
        self.places: list[tuple[slice, slice]] = []  # of each place: (windows, pixels)
        reached = np.zeros(n, bool)
        for j in range(size):
            inside = [q for q in range(out) if 0 <= q * stride + j - before < n]
            if inside:
                q0, q1 = inside[0], inside[-1] + 1
                first = q0 * stride + j - before
                pixels = slice(first, first + (q1 - q0 - 1) * stride + 1, stride)
                self.places.append((slice(q0, q1), pixels))
                reached[pixels] |= len(self.places) <= stride
        self.common = next((k for k, (windows, _) in enumerate(self.places) if windows == slice(0, out)), None)
        self.apart = stride  # so many places, one after the other, never meet in a pixel
        self.covers = bool(reached.all())  # these places have every pixel among them

    def largest(self, x: np.ndarray, y: np.ndarray, *, axis: int) -> None:
        """Write y, the maxima of the windows along an axis."""
        # begin with a place that all windows have in the image, if there is one
        np.copyto(y, -np.inf if self.common is None else x[at(axis, self.places[self.common][1])])
        for k, (windows, pixels) in enumerate(self.places):
            if k != self.common:
                part = y[at(axis, windows)]
                np.maximum(part, x[at(axis, pixels)], out=part)

    def send(
        self,
        x: np.ndarray,
        y: np.ndarray,
        dy: np.ndarray,
        dx: np.ndarray,
        take: Callable[..., np.ndarray],
        *,
        axis: int,
    ) -> None:
        """Write dx: each window gives its dy to the first of its pixels that equals y, the window's maximum.

        `take(name, shape, dtype)` gives scratch memory.
        """
        if not self.covers:
            dx[...] = 0
        left = take("left", dy.shape)  # what no pixel has claimed yet
        np.copyto(left, dy)
        won = take("mask", dy.shape, bool)
        for k, (windows, pixels) in enumerate(self.places):
            here, share = dx[at(axis, pixels)], left[at(axis, windows)]
            if k < len(self.places) - 1:  # at the last place, who is left has won: no need to compare
                rest, hit = share, won[at(axis, windows)]
                np.equal(x[at(axis, pixels)], y[at(axis, windows)], out=hit)
                # the first places never meet in a pixel: each writes its pixels of dx, the later ones add
                share = np.multiply(rest, hit, out=here if k < self.apart else take("share", rest.shape))
                rest -= share
            if k >= self.apart:
                here += share
            elif share is not here:
                np.copyto(here, share)


def at(axis: int, part: slice) -> tuple[slice, ...]:
    """Index an axis of (n, H, W, N)."""
    return (slice(None),) * axis + (part,)


class GlobalAveragePool(Node):
    """The mean of each channel: (C, H, W, N) -> (C, N)."""

    form = "mean"

    def __init__(self, path: str, x: Tensor) -> None:
        super().__init__(path, x, shape=(x.shape[0], x.shape[3]))

    def forward(self, block: Block, training: bool) -> None:
        """Average the pixels of each image."""
        x = self.x.value[block]
        np.mean(x.reshape(len(x), -1, x.shape[3]), axis=1, out=self.y.value[block])

    def backward(self, block: Block) -> None:
        """Each of the H * W pixels had the same share."""
        dx = self.x.gradient[block]
        np.divide(self.y.gradient[block][:, None, None], dx.shape[1] * dx.shape[2], out=dx)
