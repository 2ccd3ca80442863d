"""A window on the way back: the same products once more, each sent to both of its factors.

>>> x, w = np.arange(9.0).reshape(1, 3, 3, 1), np.ones((2, 2, 1, 1))
>>> figure = backward_step(x, w, (0, 1), dy=np.full((1, 2, 2, 1), 5.0))
>>> figure.alt
'Window (0, 1) on the way back, dy = 5: 5 times its pixels is added to dw, 5 times w is added to dx at its pixels.'
"""

from collections.abc import Sequence

import numpy as np

from xnp import checks, ops
from xnp.shapes import Padding, Pair
from xnp.viz.figure import Figure
from xnp.viz.panels import Panel, number, sheet
from xnp.viz.windows import lay


def backward_step(
    x: np.ndarray,
    w: np.ndarray,
    at: tuple[int, int],
    *,
    dy: np.ndarray,
    stride: Pair = 1,
    padding: Padding = "valid",
    names: Sequence[str] = (),
) -> Figure:
    """Draw what one window of a convolution, one channel in and one out, adds to dw and to dx.

    Parameters
    ----------
    x : (1, H, W, 1) array
    w : (kh, kw, 1, 1) array
    at : (p, q)
        The window. dw and dx hold the shares of the windows up to this one, in reading order.
    dy : (1, H', W', 1) array
        Gradient of the loss with respect to the output.
    stride, padding
        As in `xnp.ops.conv2d`.
    names : sequence of one string, optional
        Of the channel.
    """
    window = lay("backward_step", x, w, at, stride, padding)
    checks.shape("backward_step", "x", x, (*x.shape[:3], 1), "one channel is drawn")
    _, cache = ops.conv2d.forward(x, w, stride=stride, padding=padding)
    whole = ops.conv2d.backward(dy, cache)
    order = np.arange(dy.size).reshape(dy.shape)
    dx, dw, _ = ops.conv2d.backward(np.where(order <= order[0, *at, 0], dy, 0), cache)

    share = number(dy[0, *at, 0])
    added = f"× {share}\nis added\nto" if dy[0, *at, 0] >= 0 else f"× ({share})\nis added\nto"
    place = (*window.position(*at, 0, 0), *window.kernel)
    upstream = Panel(dy[0, ..., 0], "gradient", "dy", (*at, 1, 1))
    pixels = Panel(x[0, ..., 0], "input", f"x  {names[0]}" if names else "x", place, window.padding)
    kernel = Panel(w[..., 0, 0], "kernel", "w")
    dw_so_far = Panel(dw[..., 0, 0], "gradient", "dw so far", limits=limits(whole[1]))
    dx_so_far = Panel(dx[0, ..., 0], "gradient", "dx so far", place, window.padding, (), limits(whole[0]), border="")
    rows: list[list[Panel | str]] = [
        [upstream, "→", pixels, added, dw_so_far],
        [upstream, "→", kernel, added, dx_so_far],
    ]
    alt = (
        f"Window {at} on the way back, dy = {share}: {share} times its pixels is added to dw, "
        f"{share} times w is added to dx at its pixels."
    )
    return sheet(rows, alt=alt, title=f"dy[{at[0]}, {at[1]}] = {share}")


def limits(gradient: np.ndarray) -> tuple[float, float]:
    """Give a running sum the scale of colours of its end: then it is the same for all windows."""
    largest = float(np.abs(gradient).max()) or 1.0
    return -largest, largest
