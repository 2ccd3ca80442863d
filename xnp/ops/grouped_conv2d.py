r"""Grouped convolution: the channels are cut into segments, and each segment has a convolution of its own.

    channels in     a b | c d           2 groups: a and b never meet c and d
                     \|/   \|/
    channels out    e f | g h           e, f see a, b alone; g, h see c, d alone

    G groups; Cg = C / G channels in and Og = O / G channels out for each; P, s, d, (p, q), (i, j) as in conv2d.

    (1)  y[n, p, q, g*Og + o]  = b[g*Og + o]
                                 + sum over i, j, c  of  P[n, p*s + i*d, q*s + j*d, g*Cg + c] * w[i, j, c, g*Og + o]
    (2)  dP[n, r, t, g*Cg + c] = sum over all (p, q, i, j, o) with p*s + i*d = r, q*s + j*d = t
                                 of  dy[n, p, q, g*Og + o] * w[i, j, c, g*Og + o]
    (3)  dw[i, j, c, g*Og + o] = sum over n, p, q  of  dy[n, p, q, g*Og + o] * P[n, p*s + i*d, q*s + j*d, g*Cg + c]
    (4)  db[g*Og + o]          = sum over n, p, q  of  dy[n, p, q, g*Og + o]

Shapes  x (N, H, W, C), w (kh, kw, C / G, O), b (O,), y (N, H', W', O). G divides C and O.
Cost    kh * kw * (C / G) * O parameters (+ O): G times fewer than conv2d; as many multiply-accumulates a window.
Paper   section 1.2, figure 3: the spectrum of segments. G = 1 is conv2d; G = C is a depthwise convolution (figure 4).

>>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 1, 4)         # one pixel, channels a b c d
>>> w = np.array([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]]).reshape(1, 1, 2, 4)
>>> y, cache = forward(x, w, groups=2)
>>> y.ravel()                                    # a + b, b, c + d, d
array([3., 2., 7., 4.])
>>> dx, dw, db = backward(np.ones_like(y), cache)
>>> dx.ravel()                                   # b and d were read twice
array([1., 2., 1., 2.])
>>> [cost((1, 8, 8, 4), (3, 3, 4 // g, 4), groups=g).parameters for g in (1, 2, 4)]
[144, 72, 36]
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost, Padding, Pair, Window, crop, pad, slide


class Cache(NamedTuple):
    """What backward needs of forward."""

    segments: np.ndarray  # (G, N, H + top + bottom, W + left + right, C / G): the padded images
    w: np.ndarray  # (kh, kw, C / G, O)
    biased: bool
    window: Window


def definition(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> np.ndarray:
    """Equation (1), one number at a time. Outside the image there is nothing to add."""
    window = check(x, w, b, groups, stride, padding, dilation)
    (N, H, W, _), (_, _, Cg, O) = x.shape, w.shape
    y = np.zeros((N, *window.output, O), x.dtype)
    for n, p, q, o in np.ndindex(y.shape):
        g = o // (O // groups)
        for i, j in window.offsets():
            row, column = window.position(p, q, i, j)
            if 0 <= row < H and 0 <= column < W:
                for c in range(Cg):
                    y[n, p, q, o] += x[n, row, column, g * Cg + c] * w[i, j, c, o]
        if b is not None:
            y[n, p, q, o] += b[o]
    return y


def forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> tuple[np.ndarray, Cache]:
    """Equation (1): conv2d's loop, with the segments stacked on an axis in front.

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.
    w : (kh, kw, C / groups, O) array of x's dtype
        Output channel o belongs to group o // (O / groups).
    b : (O,) array of x's dtype, optional
    groups : int
        How many segments; it must divide C and O.
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
        Groups that do not divide the channels, shapes that do not belong together, a kernel larger than the
        padded image.
    TypeError
        A dtype other than float32, float64, complex128; two that differ.
    """
    window = check(x, w, b, groups, stride, padding, dilation)
    segments = split(pad(x, window.padding), groups)
    y = np.zeros((groups, len(x), *window.output, w.shape[3] // groups), x.dtype)
    for i, j in window.offsets():
        kernels = split(w[i, j], groups)  # (G, Cg, Og)
        y += segments[:, *window.reads(i, j)] @ kernels[:, None, None]  # (G, N, H', W', Cg) @ (G, 1, 1, Cg, Og)
    y = join(y)
    if b is not None:
        y += b
    return y, Cache(segments, w, b is not None, window)


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
    dw : (kh, kw, C / groups, O) array
    db : (O,) array, or None where forward had no b
    """
    segments, w, biased, window = cache
    groups = len(segments)
    checks.upstream("grouped_conv2d", dy, (segments.shape[1], *window.output, w.shape[3]), segments.dtype)
    db = dy.sum(axis=(0, 1, 2)) if biased else None  # b was added to every window: (O,)
    dy_segments = split(dy, groups)  # undoes `y = join(y)`: (G, N, H', W', Og)
    dsegments, dw = np.zeros_like(segments), np.empty_like(w)
    for i, j in window.offsets():
        reads = (slice(None), *window.reads(i, j))
        kernels = split(w[i, j], groups).swapaxes(1, 2)  # (G, Og, Cg)
        dsegments[reads] += dy_segments @ kernels[:, None, None]  # += : windows overlap
        dw[i, j] = join(
            columns(segments[reads]).swapaxes(1, 2) @ columns(dy_segments)
        )  # (G, Cg, NH'W') @ (G, NH'W', Og)
    return crop(join(dsegments), window.padding), dw, db


def cost(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    b_shape: tuple[int, ...] | None = None,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
) -> Cost:
    """Count one call: no array is made. w's third axis is C / groups already, so `groups` changes nothing more."""
    kh, kw, Cg, O = w_shape
    rows, across = slide("grouped_conv2d", x_shape, (kh, kw), stride=stride, padding=padding, dilation=dilation).output
    outputs = x_shape[0] * rows * across * O
    bias = 0 if b_shape is None else 1
    return Cost((x_shape[0], rows, across, O), (kh * kw * Cg + bias) * O, outputs * kh * kw * Cg, outputs * bias)


def split(x: np.ndarray, groups: int) -> np.ndarray:
    """Cut the last axis into segments and stack them in front: (..., C) -> (G, ..., C / G)."""
    return np.ascontiguousarray(np.moveaxis(x.reshape(*x.shape[:-1], groups, -1), -2, 0))


def join(segments: np.ndarray) -> np.ndarray:
    """Undo `split`: (G, ..., C / G) -> (..., C)."""
    together = np.moveaxis(segments, 0, -2)
    return together.reshape(*together.shape[:-2], -1)


def columns(segments: np.ndarray) -> np.ndarray:
    """List all pixels of a segment in one axis: (G, N, H', W', K) -> (G, N * H' * W', K)."""
    return segments.reshape(len(segments), -1, segments.shape[-1])


def check(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, groups: int, stride: Pair, padding: Padding, dilation: Pair
) -> Window:
    """Refuse, by name, what does not belong together; lay the windows."""
    checks.rank("grouped_conv2d", "x", x, "N H W C")
    checks.rank("grouped_conv2d", "w", w, "kh kw C/groups O")
    checks.positive("grouped_conv2d", groups=groups)
    C, O = x.shape[3], w.shape[3]
    if C % groups or O % groups:
        raise ValueError(
            f"grouped_conv2d: groups is {groups} but there are {C} channels in and {O} out; groups must divide both"
        )
    if w.shape[2] != C // groups:
        raise ValueError(
            f"grouped_conv2d: w has shape {w.shape} but x has {C} channels in {groups} groups; "
            f"w.shape[2] must be {C // groups}"
        )
    if b is not None:
        checks.shape("grouped_conv2d", "b", b, (O,), f"w has {O} output channels")
    checks.dtypes("grouped_conv2d", x=x, w=w, b=b)
    return slide("grouped_conv2d", x.shape, w.shape[:2], stride=stride, padding=padding, dilation=dilation)
