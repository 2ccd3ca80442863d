"""Depthwise and separable convolutions.

A depthwise convolution is no matrix product: each channel meets its own kernel alone. A number of the output is nine
multiply-adds, and the question is only how to make NumPy do them in long loops over memory that is in the cache.

    one row of the frame, C = 2, W = 4       a0 a1 | b0 b1 | c0 c1 | d0 d1 | ...
    kernel column j, repeated                k0 k1 | k0 k1 | k0 k1 | k0 k1

In (N, H, W, C) neighbouring pixels lie behind each other. So a run of pixels is one vector of pixels * C numbers, and
the same kernel numbers, repeated as often, are another. `einsum` multiplies the two and adds to the output's run. The
next offset (i, j) of the kernel is the same run, begun some pixels later: a view, never a copy.

How long a run? Short ones pay for the start of each loop; for long ones the repeated kernel (9 runs) leaves the first
cache. Nanoseconds a number of output, 3x3, float32, on one core of a Granite Rapids, printed by
`python -m xnp.engine.inference.measure`:

    N x H x W x C  1 px  2 px  4 px  8 px  16 px  whole rows  nine shifts
     1x147x147x64  3.13  2.02  1.44  1.25   1.15        1.41         2.91
      1x74x74x256  1.56  1.26  1.14  1.17   1.28        1.43         2.98
      1x19x19x728  1.12  1.07  1.20  1.33   1.35        1.36         2.38
     1x10x10x1536  1.05  1.16  1.26  1.33               1.35         2.77
      8x32x32x128  2.09  1.48  1.24  1.14   1.16        1.21         2.77

Nine shifts read and write memory 18 times where einsum does 9 times, which is most of the difference.
So RUN numbers: about a thousand.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from xnp.engine.inference.blocks import Block, Scratch
from xnp.engine.inference.frame import frame
from xnp.engine.inference.kernels import Kernels
from xnp.engine.inference.step import Call, Shape
from xnp.engine.inference.tails import Tail
from xnp.layers import Leaf
from xnp.shapes import Window

RUN = 1024


class Depthwise(Kernels):
    """Each channel by itself; with a multiplier m, each channel stands in the frame m times."""

    frames = True

    def __init__(
        self, layer: Leaf, window: Window, reads: tuple[int, ...], writes: int, shape: Shape, dtype: np.dtype
    ) -> None:
        super().__init__(layer, reads, writes, shape, dtype)
        self.runs = Runs(window, int(np.prod(layer.specs[self.kernel].shape[2:])), dtype)

    @property
    def what(self) -> str:
        """Kernel and stride."""
        return self.runs.what

    def read(self, name: str) -> np.ndarray:
        """(kh, kw, C, m) -> (kh, kw, C * m)."""
        kernel = super().read(name)
        return kernel.reshape(*kernel.shape[:2], -1)

    def set(self, kernel: np.ndarray) -> None:
        """Repeat along the run."""
        self.runs.set(kernel)

    def row_size(self) -> int:
        """Count the numbers of a row of the frame."""
        return self.runs.row_size()

    def products(self, x: np.ndarray, y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Frame, then run."""
        yield from self.runs.calls(x, y, block, scratch, relu=self.relu_first)


class Separable(Kernels):
    """Depthwise into scratch memory, from there pointwise: what is between the two halves never leaves the cache."""

    frames, shares_rows, kernel = True, True, "pointwise"

    def __init__(
        self,
        layer: Leaf,
        window: Window,
        between: Tail | None,
        reads: tuple[int, ...],
        writes: int,
        shape: Shape,
        dtype: np.dtype,
    ) -> None:
        super().__init__(layer, reads, writes, shape, dtype)
        self.runs = Runs(window, len_of(layer), dtype)
        self.between = between
        self.w = np.empty(layer.specs["pointwise"].shape, dtype)

    @property
    def what(self) -> str:
        """Both halves, and what is between them."""
        return f"{self.runs.what}{f' {self.between.what}' if self.between else ''}, pointwise"

    def set(self, kernel: np.ndarray) -> None:
        """Round the pointwise kernel; the depthwise one stays as it is."""
        self.w[...] = kernel
        depthwise = self.read("depthwise")
        self.runs.set(depthwise.reshape(*depthwise.shape[:2], -1))

    def row_size(self) -> int:
        """Count the numbers of a row: the frame's, or the output's."""
        return max(self.runs.row_size(), self.shape[1] * self.shape[2])

    def products(self, x: np.ndarray, y: np.ndarray, block: Block, scratch: Scratch) -> Iterator[Call]:
        """Depthwise, activation, product."""
        images, rows = (part.stop - part.start for part in (block.images, block.rows))
        middle = scratch.take(images, rows, self.shape[1], len(self.w))
        yield from self.runs.calls(x, middle, block, scratch, relu=self.relu_first)
        if self.between is not None:
            yield from self.between.calls(middle, middle, {}, block, scratch)
        pixels = middle.reshape(-1, len(self.w))[block.pixels]
        yield partial(np.matmul, pixels, self.w, out=y.reshape(-1, y.shape[-1]))


class Runs:
    """The depthwise product of runs of pixels with a repeated kernel."""

    def __init__(self, window: Window, channels: int, dtype: np.dtype, pixels: int | None = None) -> None:
        self.window, self.channels = window, channels
        wanted = pixels or max(1, RUN // channels)
        # with a stride, neighbouring outputs read pixels that do not lie behind each other: a run is one pixel
        self.pixels = 1 if window.stride[1] > 1 else min(window.output[1], wanted)
        self.kernel = np.empty((*window.kernel, self.pixels * channels), dtype)

    @property
    def what(self) -> str:
        """Kernel and stride."""
        (kh, kw), (sh, sw) = self.window.kernel, self.window.stride
        return f"depthwise {kh}x{kw}{f' / {sh}' if sh == sw > 1 else f' / {sh}x{sw}' if sh != sw else ''}"

    def set(self, kernel: np.ndarray) -> None:
        """Take a kernel (kh, kw, channels)."""
        self.kernel[...] = np.tile(kernel, self.pixels)

    def row_size(self) -> int:
        """Count the numbers of a row of the frame, with a neighbour's share."""
        return self.channels * max(self.window.output) * max(self.window.stride)

    def calls(self, x: np.ndarray, y: np.ndarray, block: Block, scratch: Scratch, *, relu: bool) -> Iterator[Call]:
        """Fill the frame; then one einsum, and one more for the pixels that do not fill a run."""
        window, C = self.window, self.channels
        x, calls = frame(x, window, block, scratch, relu=relu, repeat=C // x.shape[3])
        yield from calls
        (sh, sw), (dh, dw), (n, down, across, c) = window.stride, window.dilation, x.strides
        (images, rows, W, _), whole = y.shape, y.shape[2] - y.shape[2] % self.pixels
        for start, stop, pixels in ((0, whole, self.pixels), (whole, W, W - whole)):
            if start == stop:
                continue
            shape = (images, rows, (stop - start) // pixels, *window.kernel, pixels * C)
            strides = (n, sh * down, pixels * sw * across, dh * down, dw * across, c)
            runs = np.lib.stride_tricks.as_strided(x[:, :, start * sw :], shape, strides, writeable=False)
            out = y[:, :, start:stop].reshape(*shape[:3], pixels * C)
            yield partial(np.einsum, "nhbijc,ijc->nhbc", runs, self.kernel[:, :, : pixels * C], out=out)


def len_of(layer: Leaf) -> int:
    """Count the channels between the halves."""
    return layer.specs["pointwise"].shape[0]
