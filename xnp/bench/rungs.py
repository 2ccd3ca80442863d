"""The rungs inside a layer: the same result, each time with one change, on one core.

The layer is one of `small_xception`: 16x16 pixels, 256 channels. Three kinds of work, and for each the ways to do it:

    depthwise          multiply windows by one kernel a channel: few operations a number, so memory decides
    normalise          batch norm in training, then ReLU: fewer still
    pointwise          one large matrix product: many operations a number, so arithmetic decides

Two layouts: (N, H, W, C), where a pixel's channels lie side by side, and (C, H, W, N), where the same pixel of all
images does. In the second one a channel is one piece of memory, which is what depthwise and batch norm work on. The
engine keeps it from the first layer to the last, so the change of layout is not part of the times.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from xnp import ops
from xnp.bench.work import Step, Work
from xnp.engine.tensors import apart

CHANNELS = 256
BLOCK = 1 << 17  # numbers that are worked on at once: 512 KB, so that they stay in a core's cache (L2) for all steps
EPS = np.float32(1e-3)


# Depthwise 3x3: x (N, H, W, C) or (C, H, W, N), w (3, 3, C).


def loops(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Compute one number at a time, in Python: the definition. The contestant gets one image alone."""
    return ops.depthwise_conv2d.definition(x, w[..., None])


def nine_shifts(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Loop over the nine places of the kernel: NumPy does the rest, with two new arrays at each place."""
    _, H, W, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = np.zeros_like(x)
    for i, j in np.ndindex(3, 3):
        y = y + padded[:, i : i + H, j : j + W] * w[i, j]
    return y


def windows_einsum(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Leave the loop over places to einsum: each pixel is fetched from memory once, not nine times."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = sliding_window_view(padded, (3, 3), axis=(1, 2))  # (N, H, W, C, 3, 3)
    return np.einsum("nhwcij,ijc->nhwc", windows, w)


def banded_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Write the kernel of a channel as a band matrix: an output row is one matrix product with three input rows.

    In (C, H, W, N) three rows of a channel are one piece of memory: 3W lines of N numbers. With W = 4 the matrix is

        k01 k02  0   0  |  k11 k12  0   0  |  k21 k22  0   0        pixel 0 has no left neighbour
        k00 k01 k02  0  |  k10 k11 k12  0  |  k20 k21 k22  0
         0  k00 k01 k02 |   0  k10 k11 k12 |   0  k20 k21 k22
         0   0  k00 k01 |   0   0  k10 k11 |   0   0  k20 k21       pixel 3 has no right one

    Most of its products are with 0. But BLAS does them at many times the speed of anything else in NumPy.
    """
    C, H, W, N = x.shape
    band = np.zeros((C, W, 3, W), x.dtype)
    for i, j in np.ndindex(3, 3):
        q = np.arange(max(0, 1 - j), min(W, W + 1 - j))  # the pixels that have this neighbour
        band[:, q, i, q + j - 1] = w[i, j][:, None]
    band = band.reshape(C, W, 3 * W)
    y = np.empty_like(x)
    s0, s1, s2, s3 = x.strides
    three_rows = as_strided(x, (C, H - 2, 3 * W, N), (s0, s1, s2, s3))  # they overlap, and none is copied
    np.matmul(band[:, None], three_rows, out=y[:, 1:-1])
    np.matmul(band[:, :, W:], x[:, :2].reshape(C, 2 * W, N), out=y[:, 0])  # no row above
    np.matmul(band[:, :, : 2 * W], x[:, -2:].reshape(C, 2 * W, N), out=y[:, -1])  # no row below
    return y


# Batch norm and ReLU: x (C, R), a row for each channel; gamma is 1 and beta 0. y is a buffer of x's shape.


def normalise(x: np.ndarray) -> np.ndarray:
    """Write the formula as it is printed: each sign makes a new array, whose pages the system must first clear."""
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return np.maximum((x - mean) / np.sqrt(var + EPS), 0)


def normalise_into(x: np.ndarray, y: np.ndarray, zeros: np.ndarray | float = 0.0) -> np.ndarray:
    """Take the same steps, all into one buffer that is kept from call to call."""
    np.subtract(x, x.mean(axis=1, keepdims=True), out=y)
    var = np.vecdot(y, y)[:, None] / x.shape[1]
    y *= 1 / np.sqrt(var + EPS)
    return np.maximum(y, zeros, out=y)


def normalise_in_blocks(x: np.ndarray, y: np.ndarray, zeros: np.ndarray | None = None) -> np.ndarray:
    """Take all steps for a few channels, then for the next few: what one step wrote, the next finds in the cache."""
    channels = max(1, BLOCK // x.shape[1])
    for start in range(0, len(x), channels):
        rows = x[start : start + channels]
        normalise_into(rows, y[start : start + channels], 0.0 if zeros is None else zeros[: len(rows)])
    return y


# Pointwise: x (N, H, W, C) or (C, H, W, N), w (C, O).


def pointwise_einsum(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Say what is meant; einsum loops over it in C."""
    return np.einsum("nhwc,co->nhwo", x, w)


def pointwise_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Leave the same sum to BLAS, which keeps blocks of both matrices in the cache and uses wide instructions."""
    return x @ w


def pointwise_into(x: np.ndarray, w: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Let BLAS write into a buffer that is kept: no new pages."""
    return np.matmul(x, w, out=y)


def pointwise_channels_first(x: np.ndarray, w: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Multiply from the other side, in the layout (C, H, W, N)."""
    np.matmul(w.T, x.reshape(len(x), -1), out=y.reshape(len(y), -1))
    return y


def spread(x: np.ndarray) -> np.ndarray:
    """Copy x (C, H, W, N) to where its channels lie a little further apart: see `xnp.engine.tensors.apart`."""
    room = np.empty((len(x), apart(x[0].size, x.itemsize)), x.dtype)
    result = room[:, : x[0].size].reshape(x.shape)  # a view: each channel is still one piece
    result[...] = x
    return result


# The rungs as steps. Answers are shown as (N, H, W, C), by a view.


def prepare(work: Work, workers: int, *, rung: str) -> Step:
    """Prepare a rung: what it works on, and the buffers that it keeps, are there before the clock starts."""
    x = np.random.default_rng(0).standard_normal((work.batch, work.size, work.size, CHANNELS), np.float32)
    rng = np.random.default_rng(1)
    w, mix = rng.standard_normal((3, 3, CHANNELS), np.float32), rng.standard_normal((CHANNELS, CHANNELS), np.float32)
    chwn = x.transpose(3, 1, 2, 0).copy()
    rows, y, kept = chwn.reshape(CHANNELS, -1), np.empty_like(chwn), np.empty_like(x)
    zeros = np.zeros((max(1, BLOCK // rows.shape[1]), rows.shape[1]), x.dtype)

    def as_nhwc(function: Callable[..., np.ndarray], *arguments: np.ndarray) -> Step:
        return lambda: function(*arguments).reshape(chwn.shape).transpose(3, 1, 2, 0)

    steps: dict[str, Step] = {
        "loops": lambda: loops(x, w),
        "nine shifts": lambda: nine_shifts(x, w),
        "windows, einsum": lambda: windows_einsum(x, w),
        "banded matmul": as_nhwc(banded_matmul, chwn, w),
        "temporaries": as_nhwc(normalise, rows),
        "kept buffer": as_nhwc(normalise_into, rows, y.reshape(rows.shape)),
        "blocks": as_nhwc(normalise_in_blocks, rows, y.reshape(rows.shape)),
        "blocks, zeros": as_nhwc(normalise_in_blocks, rows, y.reshape(rows.shape), zeros),
        "einsum": lambda: pointwise_einsum(x, mix),
        "matmul": lambda: pointwise_matmul(x, mix),
        "matmul, kept buffer": lambda: pointwise_into(x, mix, kept),
        "matmul, channels first": as_nhwc(pointwise_channels_first, chwn, mix, y),
        "matmul, channels apart": as_nhwc(pointwise_channels_first, spread(chwn), mix, spread(y)),
    }
    return steps[rung]
