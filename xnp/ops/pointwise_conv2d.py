"""Pointwise convolution: a 1x1 kernel. Channels are mixed at every pixel; no pixel sees its neighbour.

    x, one pixel      w, 3 in, 2 out      y, the same pixel
    r g b             wr0 wr1             r*wr0 + g*wg0 + b*wb0,   r*wr1 + g*wg1 + b*wb1
                      wg0 wg1
                      wb0 wb1             the same w at every pixel

    s is the stride; (p, q) an output pixel, which reads pixel (p*s, q*s) alone.

    (1)  y[n, p, q, o]        = b[o] + sum over c  of  x[n, p*s, q*s, c] * w[c, o]
    (2)  dx[n, p*s, q*s, c]   = sum over o         of  dy[n, p, q, o] * w[c, o]     (0 at a pixel that the stride skips)
    (3)  dw[c, o]             = sum over n, p, q   of  x[n, p*s, q*s, c] * dy[n, p, q, o]
    (4)  db[o]                = sum over n, p, q   of  dy[n, p, q, o]

Shapes  x (N, H, W, C), w (C, O), b (O,), y (N, ceil(H / s), ceil(W / s), O).
Cost    C * O parameters (+ O), and as many multiply-accumulates for each output pixel: in Xception, 90.6 % of all.
Paper   section 1.1: the 1x1 convolution that maps cross-channel correlations.

>>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)              # one pixel: r g b
>>> w = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 10.0]])
>>> y, cache = forward(x, w)
>>> y.ravel()                                    # 1 + 2 + 3, and 10 * 3
array([ 6., 30.])
>>> dx, dw, db = backward(np.ones_like(y), cache)
>>> dx.ravel()                                   # the sum of each row of w
array([ 1.,  1., 11.])
>>> cost((1, 8, 8, 3), (3, 16))                  # the 8x8x3 example
Cost(output_shape=(1, 8, 8, 16), parameters=48, macs=3072, elementwise=0)
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost, Pair, Window, slide


class Cache(NamedTuple):
    """What backward needs of forward."""

    x: np.ndarray  # (N, H, W, C)
    w: np.ndarray  # (C, O)
    biased: bool
    window: Window


def definition(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, *, stride: Pair = 1) -> np.ndarray:
    """Equation (1), one number at a time."""
    window = check(x, w, b, stride)
    C, O = w.shape
    y = np.zeros((len(x), *window.output, O), x.dtype)
    for n, p, q, o in np.ndindex(y.shape):
        row, column = window.position(p, q, 0, 0)
        for c in range(C):
            y[n, p, q, o] += x[n, row, column, c] * w[c, o]
        if b is not None:
            y[n, p, q, o] += b[o]
    return y


def forward(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, *, stride: Pair = 1) -> tuple[np.ndarray, Cache]:
    """Equation (1): one matrix product. The pixels are its rows.

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.
    w : (C, O) array of x's dtype
        The mixing matrix.
    b : (O,) array of x's dtype, optional
    stride : int or (int, int)
        Height, width.

    Returns
    -------
    y : (N, H', W', O) array of x's dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        Shapes that do not belong together, a stride below 1.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    window = check(x, w, b, stride)
    C, O = w.shape
    y = x[window.reads(0, 0)].reshape(-1, C) @ w  # (N*H'*W', C) @ (C, O)
    if b is not None:
        y += b
    return y.reshape(len(x), *window.output, O), Cache(x, w, b is not None, window)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Equations (2) to (4): the two gradients of a matrix product are matrix products.

    Parameters
    ----------
    dy : (N, H', W', O) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, H, W, C) array
    dw : (C, O) array
    db : (O,) array, or None where forward had no b
    """
    x, w, biased, window = cache
    C, O = w.shape
    checks.upstream("pointwise_conv2d", dy, (len(x), *window.output, O), x.dtype)
    reads = window.reads(0, 0)
    pixels, dpixels = x[reads].reshape(-1, C), dy.reshape(-1, O)
    db = dpixels.sum(axis=0) if biased else None  # b was added at every pixel: (O,)
    dw = pixels.T @ dpixels  # (C, N*H'*W') @ (N*H'*W', O): w was used at every pixel, and the product sums over them
    dx = np.zeros_like(x)  # a pixel that the stride skipped keeps 0
    dx[reads] = (dpixels @ w.T).reshape(*dy.shape[:3], C)  # = will do: no pixel is read twice
    return dx, dw, db


def cost(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    b_shape: tuple[int, ...] | None = None,
    *,
    stride: Pair = 1,
) -> Cost:
    """Count one call: no array is made. The bias is one addition for each output number."""
    C, O = w_shape
    rows, columns = slide("pointwise_conv2d", x_shape, (1, 1), stride=stride).output
    outputs = x_shape[0] * rows * columns * O
    bias = 0 if b_shape is None else 1
    return Cost((x_shape[0], rows, columns, O), (C + bias) * O, outputs * C, outputs * bias)


def check(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair) -> Window:
    """Refuse, by name, what does not belong together; lay the windows."""
    checks.rank("pointwise_conv2d", "x", x, "N H W C")
    checks.rank("pointwise_conv2d", "w", w, "C O")
    if w.shape[0] != x.shape[3]:
        raise ValueError(
            f"pointwise_conv2d: w has shape {w.shape} but x has {x.shape[3]} channels; w.shape[0] must be {x.shape[3]}"
        )
    if b is not None:
        checks.shape("pointwise_conv2d", "b", b, (w.shape[1],), f"w has {w.shape[1]} output channels")
    checks.dtypes("pointwise_conv2d", x=x, w=w, b=b)
    return slide("pointwise_conv2d", x.shape, (1, 1), stride=stride)
