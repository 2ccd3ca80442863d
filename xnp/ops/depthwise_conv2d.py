"""Depthwise convolution: every channel is filtered by its own kernels, and never meets another channel.

    x, channel a   1 2   -- filtered by its kernel ka -->   y, channel a: it never sees b
                   3 4
    x, channel b   5 6   -- filtered by its kernel kb -->   y, channel b: it never sees a
                   7 8

    P is x with its padding; s the stride, d the dilation; (p, q) a window, (i, j) a place in the kernel.
    Each channel has m kernels (the depth multiplier, 1 in the paper); output c*m + k is channel c by its kernel k.

    (1)  y[n, p, q, c*m + k] = b[c*m + k] + sum over i, j  of  P[n, p*s + i*d, q*s + j*d, c] * w[i, j, c, k]
    (2)  dP[n, r, t, c]      = sum over all (p, q, i, j, k) with p*s + i*d = r, q*s + j*d = t
                               of  dy[n, p, q, c*m + k] * w[i, j, c, k]
    (3)  dw[i, j, c, k]      = sum over n, p, q            of  dy[n, p, q, c*m + k] * P[n, p*s + i*d, q*s + j*d, c]
    (4)  db[c*m + k]         = sum over n, p, q            of  dy[n, p, q, c*m + k]

Shapes  x (N, H, W, C), w (kh, kw, C, m), b (C * m,), y (N, H', W', C * m).
Cost    kh * kw * C * m parameters (+ C * m), and as many multiply-accumulates a window: no product of C with C.
Paper   section 1.2, the spatial half of a depthwise separable convolution; figure 4: one segment a channel.

>>> x = np.array([[1.0, 5.0], [2.0, 6.0], [3.0, 7.0], [4.0, 8.0]]).reshape(1, 2, 2, 2)   # a = 1 2 3 4, b = 5 6 7 8
>>> w = np.array([1.0, 10.0] * 4).reshape(2, 2, 2, 1)                                  # ka all 1, kb all 10
>>> y, cache = forward(x, w, padding="valid")
>>> y                                            # 1 + 2 + 3 + 4, and 10 * (5 + 6 + 7 + 8)
array([[[[ 10., 260.]]]])
>>> dx, dw, db = backward(np.ones_like(y), cache)
>>> dx[0, 0, 0], dw[0, 0, :, 0]                  # dx holds the weights, 1 and 10; dw the pixels, 1 and 5
(array([ 1., 10.]), array([1., 5.]))
>>> cost((1, 8, 8, 3), (3, 3, 3, 1))             # the 8x8x3 example: a standard convolution to 16 channels takes 27,648
Cost(output_shape=(1, 8, 8, 3), parameters=27, macs=1728, elementwise=0)
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost, Padding, Pair, Window, crop, pad, slide


class Cache(NamedTuple):
    """What backward needs of forward."""

    padded: np.ndarray  # (N, H + top + bottom, W + left + right, C)
    w: np.ndarray  # (kh, kw, C, m)
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
    (N, H, W, C), m = x.shape, w.shape[3]
    y = np.zeros((N, *window.output, C * m), x.dtype)
    for n, p, q, o in np.ndindex(y.shape):
        c, k = divmod(o, m)
        for i, j in window.offsets():
            row, column = window.position(p, q, i, j)
            if 0 <= row < H and 0 <= column < W:
                y[n, p, q, o] += x[n, row, column, c] * w[i, j, c, k]
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
    """Equation (1), written as it stands. einsum runs the loop over (i, j) inside, while the pixels are at hand.

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.
    w : (kh, kw, C, m) array of x's dtype
        m kernels of kh * kw numbers for each channel.
    b : (C * m,) array of x's dtype, optional
    stride, dilation : int or (int, int)
        Height, width.
    padding : "same", "valid" or int
        See `xnp.shapes`.

    Returns
    -------
    y : (N, H', W', C * m) array of x's dtype
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
    y = np.einsum("npqcij,ijck->npqck", window.view(padded), w)  # channel c of x meets only channel c of w
    y = y.reshape(*y.shape[:3], -1)  # the m results of a channel stand side by side: c*m + k
    if b is not None:
        y += b
    return y, Cache(padded, w, b is not None, window)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Equations (2) to (4): each product of forward is sent back to both of its factors.

    (2) needs a loop over (i, j): a window can read a pixel through a view, but many windows cannot add to one.

    Parameters
    ----------
    dy : (N, H', W', C * m) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, H, W, C) array
    dw : (kh, kw, C, m) array
    db : (C * m,) array, or None where forward had no b
    """
    padded, w, biased, window = cache
    C, m = w.shape[2:]
    checks.upstream("depthwise_conv2d", dy, (len(padded), *window.output, C * m), padded.dtype)
    db = dy.sum(axis=(0, 1, 2)) if biased else None  # b was added to every window: (C*m,)
    by_channel = dy.reshape(*dy.shape[:3], C, m)  # undoes `y = y.reshape`: what one channel made, together
    dw = np.einsum("npqck,npqcij->ijck", by_channel, window.view(padded))  # w was used in every window: sum them
    dpadded, share = np.zeros_like(padded), np.empty(by_channel.shape[:4], dy.dtype)
    for i, j in window.offsets():
        np.einsum("npqck,ck->npqc", by_channel, w[i, j], out=share)  # what each window sends to its pixel (i, j)
        dpadded[window.reads(i, j)] += share  # += : windows overlap, a pixel hears from each
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
    kh, kw, C, m = w_shape
    rows, columns = slide(
        "depthwise_conv2d", x_shape, (kh, kw), stride=stride, padding=padding, dilation=dilation
    ).output
    outputs = x_shape[0] * rows * columns * C * m
    bias = 0 if b_shape is None else 1
    return Cost((x_shape[0], rows, columns, C * m), (kh * kw + bias) * C * m, outputs * kh * kw, outputs * bias)


def check(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Padding, dilation: Pair) -> Window:
    """Refuse, by name, what does not belong together; lay the windows."""
    checks.rank("depthwise_conv2d", "x", x, "N H W C")
    checks.rank("depthwise_conv2d", "w", w, "kh kw C m")
    if w.shape[2] != x.shape[3]:
        raise ValueError(
            f"depthwise_conv2d: w has shape {w.shape} but x has {x.shape[3]} channels; w.shape[2] must be {x.shape[3]}"
        )
    if b is not None:
        outputs = w.shape[2] * w.shape[3]
        checks.shape("depthwise_conv2d", "b", b, (outputs,), f"w makes {outputs} output channels")
    checks.dtypes("depthwise_conv2d", x=x, w=w, b=b)
    return slide("depthwise_conv2d", x.shape, w.shape[:2], stride=stride, padding=padding, dilation=dilation)
