"""Xception as a first version in NumPy usually looks: im2col, and a new array for every intermediate result.

    im2col    every window of the image is copied out as a row; a convolution is then one product of two matrices
    col2im    backward, the rows are added back to where their pixels came from

Nothing here is wrong, and nothing is slow on purpose: it is the foot of the ladder (`xnp.bench.ladder`), and a
contestant. The layers' shapes, arrays and paths are the model's own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from xnp import layers
from xnp.graph import trace
from xnp.layers import Layer
from xnp.shapes import Window, crop, pad, slide

Cached = tuple[np.ndarray, Any]  # the output, and what backward needs


class Naive(NamedTuple):
    """An operation: forward(layer, x, training) -> y, cache; backward(layer, dy, cache) -> dx, gradients by name."""

    forward: Callable[[Any, np.ndarray, bool], Cached]
    backward: Callable[[Any, np.ndarray, Any], tuple[np.ndarray, dict[str, np.ndarray]]]


class NaiveNetwork:
    """A model of the library, run call by call with the operations of this file."""

    def __init__(self, model: Layer) -> None:
        self.model, self.calls = model, trace(model)
        self.parameters, self.gradients = model.parameters, model.gradients
        self._caches: dict[int, Any] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Run the calls in their order."""
        values = {0: x}
        for call in self.calls:
            layer: Any = call.what
            if layer == "add":
                values[call.writes] = values[call.reads[0]] + values[call.reads[1]]
            else:
                y, cache = OPERATIONS[type(layer)].forward(layer, values[call.reads[0]], training)
                values[call.writes], self._caches[call.writes] = y, cache
        return values[self.calls[-1].writes]

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Run the calls from the last to the first. The gradients of a value that was read twice add up."""
        upstream = {self.calls[-1].writes: dy}
        for call in reversed(self.calls):
            layer: Any = call.what
            dy = upstream.pop(call.writes)
            if layer == "add":
                shares = [dy, dy]
            else:
                dx, found = OPERATIONS[type(layer)].backward(layer, dy, self._caches.pop(call.writes))
                shares = [dx]
                for name, gradient in found.items():
                    layer.gradient(name)[...] = gradient
            for value, share in zip(call.reads, shares, strict=True):
                upstream[value] = upstream[value] + share if value in upstream else share
        return upstream[0]


def im2col(x: np.ndarray, window: Window) -> np.ndarray:
    """Copy every window out: (N, H', W', kh * kw * C)."""
    windows = window.view(pad(x, window.padding)).transpose(0, 1, 2, 4, 5, 3)  # (N, H', W', kh, kw, C)
    return windows.reshape(*windows.shape[:3], -1)


def col2im(share: Callable[[int, int], np.ndarray], window: Window, x_shape: tuple[int, ...]) -> np.ndarray:
    """Add what all windows send to their pixels (i, j), `share(i, j)` of (N, H', W', C), back to the image."""
    (N, H, W, C), ((top, bottom), (left, right)) = x_shape, window.padding
    dpadded = np.zeros((N, top + H + bottom, left + W + right, C), share(0, 0).dtype)
    for i, j in window.offsets():
        dpadded[window.reads(i, j)] += share(i, j)
    return crop(dpadded, window.padding)


def window_of(layer: Any, x: np.ndarray, kernel: tuple[int, int]) -> Window:
    """Lay the layer's windows over its input."""
    options = {name: layer.options()[name] for name in ("stride", "padding", "dilation") if name in layer.options()}
    return slide(layer.path, x.shape, kernel, **options)


def conv_forward(layer: Any, x: np.ndarray, training: bool) -> Cached:
    """Multiply the windows by the kernel, as one matrix product."""
    w = layer.array("kernel")
    window = window_of(layer, x, w.shape[:2])
    columns = im2col(x, window)
    return columns @ w.reshape(-1, w.shape[3]), (columns, window, x.shape)


def conv_backward(layer: Any, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Two matrix products, and the way back to the image."""
    (columns, window, x_shape), w = cache, layer.array("kernel")
    rows = dy.reshape(-1, w.shape[3])
    dw = columns.reshape(len(rows), -1).T @ rows
    dcolumns = (rows @ w.reshape(-1, w.shape[3]).T).reshape(*dy.shape[:3], *w.shape[:3])
    return col2im(lambda i, j: dcolumns[:, :, :, i, j], window, x_shape), {"kernel": dw.reshape(w.shape)}


def separable_forward(layer: Any, x: np.ndarray, training: bool) -> Cached:
    """Filter each channel by its kernel, then mix the channels."""
    depthwise, pointwise = layer.array("depthwise")[..., 0], layer.array("pointwise")
    window = window_of(layer, x, depthwise.shape[:2])
    windows = window.view(pad(x, window.padding))
    h = np.einsum("npqcij,ijc->npqc", windows, depthwise)
    return h @ pointwise, (windows, h, window)


def separable_backward(layer: Any, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Take the same two steps, from the last to the first."""
    windows, h, window = cache
    depthwise, pointwise = layer.array("depthwise")[..., 0], layer.array("pointwise")
    rows = dy.reshape(-1, pointwise.shape[1])
    d_pointwise = h.reshape(len(rows), -1).T @ rows
    dh = dy @ pointwise.T
    d_depthwise = np.einsum("npqc,npqcij->ijc", dh, windows)
    back = window.view(pad(dh, window.padding))  # with stride 1, dx is dh filtered by the kernel turned by 180 degrees
    dx = np.einsum("npqcij,ijc->npqc", back, depthwise[::-1, ::-1])
    return dx, {"depthwise": d_depthwise[..., None], "pointwise": d_pointwise}


def norm_forward(layer: Any, x: np.ndarray, training: bool) -> Cached:
    """Normalise each channel, with the formula as it is printed."""
    moving = {"moving_mean": layer.array("moving_mean"), "moving_variance": layer.array("moving_variance")}
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        for old, new in zip(moving.values(), (mean, var), strict=True):
            old[...] = layer.momentum * old + (1 - layer.momentum) * new
    else:
        mean, var = moving.values()
    inv = 1 / np.sqrt(var + layer.eps)
    xhat = (x - mean) * inv
    return layer.array("gamma") * xhat + layer.array("beta"), (xhat, inv)


def norm_backward(layer: Any, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Equation (7) of `xnp.ops.batch_norm`, as it is printed."""
    (xhat, inv), axes = cache, tuple(range(dy.ndim - 1))
    dbeta, dgamma, rows = dy.sum(axis=axes), (dy * xhat).sum(axis=axes), dy.size // dy.shape[-1]
    dx = layer.array("gamma") * inv * (dy - dbeta / rows - xhat * (dgamma / rows))
    return dx, {"gamma": dgamma, "beta": dbeta}


def pool_forward(layer: Any, x: np.ndarray, training: bool) -> Cached:
    """Copy all windows out, and take the largest number of each."""
    window = window_of(layer, x, (layer.size, layer.size))
    windows = window.view(pad(x, window.padding, -np.inf))
    winner = windows.reshape(*windows.shape[:4], -1).argmax(axis=-1)
    return windows.max(axis=(4, 5)), (winner, window, x.shape)


def pool_backward(layer: Any, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Each window sends its gradient to its largest number."""
    winner, window, x_shape = cache
    return col2im(lambda i, j: dy * (winner == i * layer.size + j), window, x_shape), {}


def by_plain(layer: Any, x: np.ndarray, training: bool) -> Cached:
    """Run a layer that is cheap as the library does."""
    return layer.forward(x, training), None


def plain_backward(layer: Any, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Run it back; it has filled its own gradients."""
    return layer.backward(dy), {}


OPERATIONS: dict[type, Naive] = {
    layers.Conv2D: Naive(conv_forward, conv_backward),
    layers.SeparableConv2D: Naive(separable_forward, separable_backward),
    layers.BatchNorm: Naive(norm_forward, norm_backward),
    layers.MaxPool2D: Naive(pool_forward, pool_backward),
    layers.ReLU: Naive(
        lambda layer, x, training: (np.maximum(x, 0), x > 0), lambda layer, dy, positive: (dy * positive, {})
    ),
    **dict.fromkeys((layers.GlobalAveragePool2D, layers.Dense, layers.Dropout), Naive(by_plain, plain_backward)),
}
