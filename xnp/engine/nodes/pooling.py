"""Max pooling as two short maxima, and the mean of a whole channel.

The largest of a 3x3 window is the largest of the largest of its rows: 3 + 3 numbers to compare, not 9. On the way back
the same two steps say who won: among the rows' maxima the first that equals y, then in that row the first pixel that
equals its maximum. That is the first of the window, row by row, as `xnp.ops.max_pool2d` has it. Nothing is kept for it
but x.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from xnp.engine.nodes.node import Node, by_block
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
        columns, across, down = self._forward_views(block)
        for apart, copy in columns:
            np.copyto(copy, apart)
        across.largest()
        down.largest()

    def backward(self, block: Block) -> None:
        """Send dy to the row that won, then to the pixel that won there."""
        columns, across, down, d_columns = self._backward_views(block)
        for apart, copy in columns:
            np.copyto(copy, apart)
        across.largest()
        down.largest()
        down.send()
        across.send()
        for apart, copy in d_columns:
            np.copyto(apart, copy)

    @by_block
    def _forward_views(self, block: Block) -> "tuple[Apart, Maxima, Maxima]":
        x = self.x.value[block]
        n, H, _, N = x.shape
        columns = self._apart(block, x, "columns")
        m = self.scratch(block, "m", (n, H, self.window.output[1], N))
        across = Maxima(self.across, [copy for _, copy in columns], m, axis=2)
        down = Maxima(self.down, phases(m, self.down.stride, axis=1), self.y.value[block], axis=1)
        return columns, across, down

    @by_block
    def _backward_views(self, block: Block) -> "tuple[Apart, Winners, Winners, Apart]":
        dy, take = self.y.gradient[block], partial(self.scratch, block)
        x = self.x.value[block]
        n, H, _, N = x.shape
        shape = (n, H, self.window.output[1], N)
        m, dm, y = take("m", shape), take("dm", shape), take("pooled", dy.shape)
        columns, d_columns = self._apart(block, x, "columns"), self._apart(block, self.x.gradient[block], "d columns")
        rows, d_rows = (phases(array, self.down.stride, axis=1) for array in (m, dm))
        x_columns, dx_columns = ([copy for _, copy in apart] for apart in (columns, d_columns))
        across = Winners(self.across, x_columns, m, dm, dx_columns, take, axis=2)
        down = Winners(self.down, rows, y, dy, d_rows, take, axis=1)
        return columns, across, down, d_columns

    def _apart(self, block: Block, x: np.ndarray, name: str) -> "Apart":
        """Give every s-th column, and memory where they lie side by side: many short runs become few long ones."""
        parts = phases(x, self.across.stride, axis=2)
        return [(part, self.scratch(block, f"{name} {k}", part.shape)) for k, part in enumerate(parts)]


Apart = list[tuple[np.ndarray, np.ndarray]]


class Line:
    """Windows along one axis with stride s. The pixels are given in s arrays: phase f has the pixels f, f + s, ...

    So what all windows have at place j is one slice of one phase, without steps.
    """

    def __init__(self, n: int, size: int, stride: int, before: int, out: int) -> None:
        self.stride = stride
        self.places: list[tuple[slice, int, slice]] = []  # of each place: windows, phase, pixels of the phase
        reached = np.zeros(n, bool)
        for j in range(size):
            inside = [q for q in range(out) if 0 <= q * stride + j - before < n]
            if inside:
                q0, q1 = inside[0], inside[-1] + 1
                first, phase = divmod(q0 * stride + j - before, stride)
                self.places.append((slice(q0, q1), phase, slice(first, first + q1 - q0)))
                reached[phase::stride][first : first + q1 - q0] |= len(self.places) <= stride
        self.common = next((k for k, (windows, _, _) in enumerate(self.places) if windows == slice(0, out)), None)
        self.covers = bool(reached.all())  # s places, one after the other, never meet; do they have every pixel?


class Maxima:
    """The maxima of the windows along an axis, ready to be computed: y from x, which is given by phase."""

    def __init__(self, line: Line, x: list[np.ndarray], y: np.ndarray, *, axis: int) -> None:
        self.y = y
        parts = [(y[at(axis, windows)], x[phase][at(axis, pixels)]) for windows, phase, pixels in line.places]
        # begin with a place that all windows have in the image, if there is one
        self.first = -np.inf if line.common is None else parts.pop(line.common)[1]
        self.others = parts

    def largest(self) -> None:
        """Write y."""
        np.copyto(self.y, self.first)
        for best, pixels in self.others:
            np.maximum(best, pixels, out=best)


class Winners(Maxima):
    """The way back too: each window gives its dy to the first of its pixels that equals y, the window's maximum.

    dx is by phase, as x is. `take(name, shape, dtype)` gives scratch memory.
    """

    def __init__(
        self,
        line: Line,
        x: list[np.ndarray],
        y: np.ndarray,
        dy: np.ndarray,
        dx: list[np.ndarray],
        take: Callable[..., np.ndarray],
        *,
        axis: int,
    ) -> None:
        super().__init__(line, x, y, axis=axis)
        self.dy, self.left = dy, take("left", dy.shape)  # left: what no pixel has claimed yet
        self.unreached = [] if line.covers else dx
        won, share = take("mask", dy.shape, bool), take("share", dy.shape)
        self.places = [
            Contest(
                x=x[phase][at(axis, pixels)],
                best=y[at(axis, windows)],
                won=won[at(axis, windows)],
                left=self.left[at(axis, windows)],
                dx=dx[phase][at(axis, pixels)],
                share=None if k < line.stride else share[at(axis, windows)],
            )
            for k, (windows, phase, pixels) in enumerate(line.places)
        ]

    def send(self) -> None:
        """Write dx."""
        for part in self.unreached:
            part[...] = 0
        np.copyto(self.left, self.dy)
        *contests, last = self.places
        for x, best, won, left, dx, share in contests:
            np.equal(x, best, out=won)
            claimed = np.multiply(left, won, out=dx if share is None else share)
            np.subtract(left, claimed, out=left)
            if share is not None:
                np.add(dx, share, out=dx)
        if last.share is None:  # who is left has won: no need to compare
            np.copyto(last.dx, last.left)
        else:
            np.add(last.dx, last.left, out=last.dx)


class Contest(NamedTuple):
    """What all windows have at one place."""

    x: np.ndarray
    best: np.ndarray
    won: np.ndarray
    left: np.ndarray
    dx: np.ndarray
    share: np.ndarray | None  # None at the first s places: they never meet in a pixel, so each writes, later ones add


def phases(x: np.ndarray, stride: int, axis: int) -> list[np.ndarray]:
    """Show x as `stride` arrays along an axis of (n, H, W, N): each s-th pixel, from the first, the second, ..."""
    return [x[at(axis, slice(first, None, stride))] for first in range(stride)]


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
