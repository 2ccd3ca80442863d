"""Max pooling as two short maxima, and the mean of a whole channel.

The largest of a 3x3 window is the largest of the largest of its rows: 3 + 3 comparisons, not 9. On the way back the same
two steps say who won: among the rows' maxima the first that equals y, then in that row the first pixel that equals its
maximum. That is the first of the window, row by row, as `xnp.ops.max_pool2d` has it. Nothing is kept for it: x is there.
"""

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
            Line(x.shape[1 + axis], window.kernel[axis], window.stride[axis], window.padding[axis][0], window.output[axis])
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
        self.down.send(m, y, dy, dm, axis=1, node=self, block=block)
        self.across.send(x, m, dm, dx, axis=2, node=self, block=block)

    def _along_rows(self, block: Block) -> np.ndarray:
        x = self.x.value[block]
        m = self.scratch(block, "m", (*x.shape[:2], self.window.output[1], x.shape[3]))
        self.across.largest(x, m, axis=2)
        return m


class Line:
    """Windows along one axis: which of them read a pixel at place j, and which pixels these are."""

    def __init__(self, n: int, size: int, stride: int, before: int, out: int) -> None:
        self.places: list[tuple[slice, slice]] = []  # for each place of the window: (windows, pixels)
        for j in range(size):
            inside = [q for q in range(out) if 0 <= q * stride + j - before < n]
            if inside:
                q0, q1 = inside[0], inside[-1] + 1
                first = q0 * stride + j - before
                self.places.append((slice(q0, q1), slice(first, first + (q1 - q0 - 1) * stride + 1, stride)))
        # a place that every window has in the image, if there is one
        self.common = next((k for k, (windows, _) in enumerate(self.places) if windows == slice(0, out)), None)

    def largest(self, x: np.ndarray, y: np.ndarray, *, axis: int) -> None:
        """Write the maxima of the windows along an axis: y."""
        np.copyto(y, -np.inf if self.common is None else x[at(axis, self.places[self.common][1])])
        for k, (windows, pixels) in enumerate(self.places):
            if k != self.common:
                part = y[at(axis, windows)]
                np.maximum(part, x[at(axis, pixels)], out=part)

    def send(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray, *, axis: int, node: Node, block: Block) -> None:
        """Write dx: each window gives its dy to the first of its pixels that equals y."""
        left = node.scratch(block, "left", dy.shape)  # what no pixel has claimed yet
        np.copyto(left, dy)
        dx[...] = 0
        for windows, pixels in self.places:
            rest, part = left[at(axis, windows)], x[at(axis, pixels)]
            won = np.equal(part, y[at(axis, windows)], out=node.scratch(block, "mask", part.shape, bool))
            share = np.multiply(rest, won, out=node.scratch(block, "share", part.shape))
            dx[at(axis, pixels)] += share
            rest -= share


def at(axis: int, part: slice) -> tuple[slice, ...]:
    """Index an axis of (n, H, W, N)."""
    return (slice(None),) * axis + (part,)


class GlobalAveragePool(Node):
    """The mean of each channel: (C, H, W, N) -> (C, N)."""

    form = "matrix product with 1 / (H * W)"

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
