"""Standard convolution: every output channel looks at every input channel, through a window of pixels.

         x, 3x3            w, 2x2       y, "valid"
    1 2 3                  1 0          1*1 + 5*1   2*1 + 6*1       one channel in, one out:
    4 5 6                  0 1          4*1 + 8*1   5*1 + 9*1       y = 6 8
    7 8 9                                                               12 14

    P is x with its padding; s the stride, d the dilation; (p, q) a window, (i, j) a place in the kernel.

    (1)  y[n, p, q, o]  = b[o] + sum over i, j, c  of  P[n, p*s + i*d, q*s + j*d, c] * w[i, j, c, o]
    (2)  dP[n, r, t, c] = sum over all (p, q, i, j, o) with p*s + i*d = r, q*s + j*d = t
                          of  dy[n, p, q, o] * w[i, j, c, o]
    (3)  dw[i, j, c, o] = sum over n, p, q         of  dy[n, p, q, o] * P[n, p*s + i*d, q*s + j*d, c]
    (4)  db[o]          = sum over n, p, q         of  dy[n, p, q, o]

Shapes  x (N, H, W, C), w (kh, kw, C, O), b (O,), y (N, H', W', O).
Cost    kh * kw * C * O parameters (+ O), and as many multiply-accumulates for each of the N * H' * W' windows.
Paper   section 1.1: one kernel maps cross-channel and spatial correlations at once. Stem and skips are built of it.

>>> x = np.arange(1.0, 10.0).reshape(1, 3, 3, 1)
>>> w = np.array([[1.0, 0.0], [0.0, 1.0]]).reshape(2, 2, 1, 1)
>>> y, cache = forward(x, w, padding="valid")
>>> y[0, :, :, 0]
array([[ 6.,  8.],
       [12., 14.]])
>>> dx, dw, db = backward(np.ones_like(y), cache)
>>> dx[0, :, :, 0]                               # the centre was read twice: by w[0, 0] and by w[1, 1]
array([[1., 1., 0.],
       [1., 2., 1.],
       [0., 1., 1.]])
>>> dw[:, :, 0, 0]                               # w[0, 0] met 1, 2, 4, 5
array([[12., 16.],
       [24., 28.]])
>>> cost((1, 8, 8, 3), (3, 3, 3, 16))            # the 8x8x3 example
Cost(output_shape=(1, 8, 8, 16), parameters=432, macs=27648, elementwise=0)
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost, Padding, Pair, Window, crop, pad, slide


class Cache(NamedTuple):
    """What backward needs of forward."""

    padded: np.ndarray  # (N, H + top + bottom, W + left + right, C)
    w: np.ndarray  # (kh, kw, C, O)
    biased: bool
    window: Window


def definition(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> np.ndarray:
    """Equation (1), one number at a time. Outside the image there is nothing to add."""
    window = check(x, w, b, stride, padding, dilation)
    (N, H, W, C), O = x.shape, w.shape[3]
    y = np.zeros((N, *window.output, O), x.dtype)
    for n, p, q, o in np.ndindex(y.shape):
        for i, j in window.offsets():
            row, column = window.position(p, q, i, j)
            if 0 <= row < H and 0 <= column < W:
                for c in range(C):
                    y[n, p, q, o] += x[n, row, column, c] * w[i, j, c, o]
        if b is not None:
            y[n, p, q, o] += b[o]
    return y


def forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> tuple[np.ndarray, Cache]:
    """Equation (1): one matrix product for each place in the kernel, all windows at once.

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.
    w : (kh, kw, C, O) array of x's dtype
        One kernel of kh * kw * C numbers for each of the O output channels.
    b : (O,) array of x's dtype, optional
    stride, dilation : int or (int, int)
        Height, width.
    padding : "same", "valid" or int
        See `xnp.shapes`.

    Returns
    -------
    y : (N, H', W', O) array of x's dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        Shapes that do not belong together, a kernel larger than the padded image.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    window = check(x, w, b, stride, padding, dilation)
    padded = pad(x, window.padding)
    y = np.zeros((len(x), *window.output, w.shape[3]), x.dtype)
    for i, j in window.offsets():
        y += padded[window.reads(i, j)] @ w[i, j]  # (N, H', W', C) @ (C, O)
    if b is not None:
        y += b
    return y, Cache(padded, w, b is not None, window)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Equations (2) to (4): forward's loop once more, each product sent back to both of its factors.

    Parameters
    ----------
    dy : (N, H', W', O) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, H, W, C) array
    dw : (kh, kw, C, O) array
    db : (O,) array, or None where forward had no b
    """
    padded, w, biased, window = cache
    checks.upstream("conv2d", dy, (len(padded), *window.output, w.shape[3]), padded.dtype)
    db = dy.sum(axis=(0, 1, 2)) if biased else None  # b was added to every window: (O,)
    dpadded, dw = np.zeros_like(padded), np.empty_like(w)
    for i, j in window.offsets():
        reads = window.reads(i, j)
        dpadded[reads] += dy @ w[i, j].T  # += : windows overlap, a pixel hears from each: (N, H', W', O) @ (O, C)
        dw[i, j] = np.tensordot(padded[reads], dy, axes=((0, 1, 2), (0, 1, 2)))  # (C, N*H'*W') @ (N*H'*W', O)
    return crop(dpadded, window.padding), dw, db


def cost(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    b_shape: tuple[int, ...] | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> Cost:
    """Count one call: no array is made. The bias is one addition for each output number."""
    kh, kw, C, O = w_shape
    rows, columns = slide("conv2d", x_shape, (kh, kw), stride=stride, padding=padding, dilation=dilation).output
    outputs = x_shape[0] * rows * columns * O
    bias = 0 if b_shape is None else 1
    return Cost((x_shape[0], rows, columns, O), (kh * kw * C + bias) * O, outputs * kh * kw * C, outputs * bias)


def check(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Padding, dilation: Pair) -> Window:
    """Refuse, by name, what does not belong together; lay the windows."""
    checks.rank("conv2d", "x", x, "N H W C")
    checks.rank("conv2d", "w", w, "kh kw C O")
    if w.shape[2] != x.shape[3]:
        raise ValueError(
            f"conv2d: w has shape {w.shape} but x has {x.shape[3]} channels; w.shape[2] must be {x.shape[3]}"
        )
    if b is not None:
        checks.shape("conv2d", "b", b, (w.shape[3],), f"w has {w.shape[3]} output channels")
    checks.dtypes("conv2d", x=x, w=w, b=b)
    return slide("conv2d", x.shape, w.shape[:2], stride=stride, padding=padding, dilation=dilation)
