"""Depthwise separable convolution: first space, then channels.

    x --- depthwise: each channel filtered by itself ---> h --- (activation) ---> a --- pointwise: channels mixed ---> y
          (kh, kw, C, m), no bias                                                       (C * m, O)

    (1)  h = depthwise_conv2d(x, w_depthwise)       space, one channel at a time
    (2)  a = activation(h)                          None in Xception: a = h
    (3)  y = pointwise_conv2d(a, w_pointwise, b)    channels, one pixel at a time

    and back, the same lines from the last to the first:

    (4)  da, dw_pointwise, db = pointwise backward (dy)
    (5)  dh                   = activation backward (da)
    (6)  dx, dw_depthwise     = depthwise backward (dh)

Shapes  x (N, H, W, C), w_depthwise (kh, kw, C, m), w_pointwise (C * m, O), b (O,), y (N, H', W', O).
Cost    kh * kw * C * m + C * m * O parameters (+ O), as many multiply-accumulates a window, against kh * kw * C * O for
        conv2d: 1/O + 1/(kh * kw) as many where m = 1. It pays where O is large; for O = 1 it costs more.
Paper   section 1.2 and figure 4. Section 4.7, figure 10: no activation between the two does best.

>>> x = np.ones((1, 3, 3, 2))
>>> w_depthwise, w_pointwise = np.ones((3, 3, 2, 1)), np.array([[1.0, 0.0], [10.0, -1.0]])
>>> y, cache = forward(x, w_depthwise, w_pointwise, padding="valid")
>>> y.ravel()                                    # each channel sums to 9; then 9 + 10 * 9, and -9
array([99., -9.])
>>> dx, dw_depthwise, dw_pointwise, db = backward(np.ones_like(y), cache)
>>> dw_pointwise                                 # the pointwise half saw h = 9, 9
array([[9., 9.],
       [9., 9.]])
>>> dx[0, 1, 1]                                  # channel 0 goes out by 1 + 0, channel 1 by 10 - 1
array([1., 9.])
>>> cost((1, 8, 8, 3), (3, 3, 3, 1), (3, 16))    # the 8x8x3 example: conv2d takes 432 and 27,648, 5.76 times as many
Cost(output_shape=(1, 8, 8, 16), parameters=75, macs=4800, elementwise=0)
>>> cost((1, 8, 8, 3), (3, 3, 3, 1), (3, 1), padding="valid")     # one output channel: conv2d takes 27 and 972, fewer
Cost(output_shape=(1, 6, 6, 1), parameters=30, macs=1080, elementwise=0)
"""

from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from xnp import checks
from xnp.ops import depthwise_conv2d, elu, pointwise_conv2d, relu
from xnp.shapes import Cost, Padding, Pair, slide

Activation: TypeAlias = Literal["relu", "elu"] | None
ACTIVATIONS: dict[str, ModuleType] = {"relu": relu, "elu": elu}


class Cache(NamedTuple):
    """What backward needs of forward: what each step keeps for itself."""

    depthwise: depthwise_conv2d.Cache
    activation: ModuleType | None
    activated: Any  # the activation's own cache, or None
    pointwise: pointwise_conv2d.Cache


def definition(
    x: np.ndarray,
    w_depthwise: np.ndarray,
    w_pointwise: np.ndarray,
    b: np.ndarray | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
    activation: Activation = None,
) -> np.ndarray:
    """Equations (1) to (3), by the definitions of the steps."""
    check(x, w_depthwise, w_pointwise, b, stride, padding, dilation, activation)
    h = depthwise_conv2d.definition(x, w_depthwise, stride=stride, padding=padding, dilation=dilation)
    a = h if activation is None else ACTIVATIONS[activation].definition(h)
    return pointwise_conv2d.definition(a, w_pointwise, b)


def forward(
    x: np.ndarray,
    w_depthwise: np.ndarray,
    w_pointwise: np.ndarray,
    b: np.ndarray | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
    activation: Activation = None,
) -> tuple[np.ndarray, Cache]:
    """Equations (1) to (3).

    Parameters
    ----------
    x : (N, H, W, C) array
        The images.
    w_depthwise : (kh, kw, C, m) array of x's dtype
        m spatial kernels for each channel.
    w_pointwise : (C * m, O) array of x's dtype
        The mixing matrix.
    b : (O,) array of x's dtype, optional
        Added after the pointwise half.
    stride, dilation : int or (int, int)
        Height, width, of the depthwise half.
    padding : "same", "valid" or int
        Of the depthwise half. See `xnp.shapes`.
    activation : None, "relu" or "elu"
        Between the two halves. Xception has none.

    Returns
    -------
    y : (N, H', W', O) array of x's dtype
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        Shapes that do not belong together, a kernel larger than the padded image, an unknown activation.
    TypeError
        A dtype other than float32, float64 and (without an activation) complex128; two that differ.
    """
    check(x, w_depthwise, w_pointwise, b, stride, padding, dilation, activation)
    h, depthwise_cache = depthwise_conv2d.forward(x, w_depthwise, stride=stride, padding=padding, dilation=dilation)
    between = None if activation is None else ACTIVATIONS[activation]
    a, activated = (h, None) if between is None else between.forward(h)
    y, pointwise_cache = pointwise_conv2d.forward(a, w_pointwise, b)
    return y, Cache(depthwise_cache, between, activated, pointwise_cache)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Equations (4) to (6): forward's lines from the last to the first.

    Parameters
    ----------
    dy : (N, H', W', O) array
        Gradient of the loss with respect to y.
    cache : Cache
        From `forward`.

    Returns
    -------
    dx : (N, H, W, C) array
    dw_depthwise : (kh, kw, C, m) array
    dw_pointwise : (C * m, O) array
    db : (O,) array, or None where forward had no b
    """
    a, w_pointwise = cache.pointwise.x, cache.pointwise.w
    checks.upstream("separable_conv2d", dy, (*a.shape[:3], w_pointwise.shape[1]), a.dtype)
    da, dw_pointwise, db = pointwise_conv2d.backward(dy, cache.pointwise)
    dh = da if cache.activation is None else cache.activation.backward(da, cache.activated)
    dx, dw_depthwise, _ = depthwise_conv2d.backward(dh, cache.depthwise)
    return dx, dw_depthwise, dw_pointwise, db


def cost(
    x_shape: tuple[int, ...],
    w_depthwise_shape: tuple[int, ...],
    w_pointwise_shape: tuple[int, ...],
    b_shape: tuple[int, ...] | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
    activation: Activation = None,
) -> Cost:
    """Count one call, the sum of its steps: no array is made."""
    check_activation(activation)
    first = depthwise_conv2d.cost(x_shape, w_depthwise_shape, stride=stride, padding=padding, dilation=dilation)
    second = pointwise_conv2d.cost(first.output_shape, w_pointwise_shape, b_shape)
    between = 0 if activation is None else ACTIVATIONS[activation].cost(first.output_shape).elementwise
    return Cost(
        second.output_shape,
        first.parameters + second.parameters,
        first.macs + second.macs,
        between + second.elementwise,
    )


def check(
    x: np.ndarray,
    w_depthwise: np.ndarray,
    w_pointwise: np.ndarray,
    b: np.ndarray | None,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    activation: Activation,
) -> None:
    """Refuse, by name, what does not belong together."""
    checks.rank("separable_conv2d", "x", x, "N H W C")
    checks.rank("separable_conv2d", "w_depthwise", w_depthwise, "kh kw C m")
    checks.rank("separable_conv2d", "w_pointwise", w_pointwise, "C*m O")
    C, m = w_depthwise.shape[2:]
    if x.shape[3] != C:
        raise ValueError(
            f"separable_conv2d: w_depthwise has shape {w_depthwise.shape} but x has {x.shape[3]} channels; "
            f"w_depthwise.shape[2] must be {x.shape[3]}"
        )
    if w_pointwise.shape[0] != C * m:
        raise ValueError(
            f"separable_conv2d: w_pointwise has shape {w_pointwise.shape} but w_depthwise makes {C} * {m} channels; "
            f"w_pointwise.shape[0] must be {C * m}"
        )
    if b is not None:
        outputs = w_pointwise.shape[1]
        checks.shape("separable_conv2d", "b", b, (outputs,), f"w_pointwise has {outputs} output channels")
    check_activation(activation)
    allowed = checks.ANALYTIC if activation is None else checks.REAL
    checks.dtypes("separable_conv2d", allowed, x=x, w_depthwise=w_depthwise, w_pointwise=w_pointwise, b=b)
    slide("separable_conv2d", x.shape, w_depthwise.shape[:2], stride=stride, padding=padding, dilation=dilation)


def check_activation(activation: Activation) -> None:
    """Refuse an unknown activation."""
    if activation is not None and activation not in ACTIVATIONS:
        raise ValueError(f"separable_conv2d: activation is {activation!r}; it must be None, 'relu' or 'elu'")
