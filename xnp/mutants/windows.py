"""Mutants of the operations that slide a window: convolutions, pools, padding.

Most of them change the cache, and then call the right backward: it works on a wrong kernel, stride or padding.
"""

from typing import Any

import numpy as np

from xnp.mutants.mutant import mutant
from xnp.ops import (
    average_pool2d,
    conv2d,
    depthwise_conv2d,
    global_average_pool2d,
    grouped_conv2d,
    max_pool2d,
    pointwise_conv2d,
    separable_conv2d,
    zero_padding2d,
)
from xnp.shapes import Sides, crop, pad, slide_pool


def with_window(cache: Any, **changes: Any) -> Any:
    """Give the cache with another stride, dilation or padding."""
    return cache._replace(window=cache.window._replace(**changes))


def other_ends(sides: Sides) -> Sides:
    """Swap top with bottom and left with right."""
    (top, bottom), (left, right) = sides
    return (bottom, top), (right, left)


@mutant(conv2d, "gradient")
def kernel_turned(dy: np.ndarray, cache: conv2d.Cache) -> Any:
    """Turn the kernel by 180 degrees. The sums do that by themselves."""
    return conv2d.backward(dy, cache._replace(w=cache.w[::-1, ::-1]))


@mutant(conv2d, "gradient")
def last_window_wins(dy: np.ndarray, cache: conv2d.Cache) -> Any:
    """Write = for +=. Of all windows over a pixel, the last one alone is heard."""
    _, dw, db = conv2d.backward(dy, cache)
    dpadded = np.zeros_like(cache.padded)
    for i, j in cache.window.offsets():
        dpadded[cache.window.reads(i, j)] = dy @ cache.w[i, j].T
    return crop(dpadded, cache.window.padding), dw, db


@mutant(conv2d, "gradient")
def stride_forgotten(dy: np.ndarray, cache: conv2d.Cache) -> Any:
    """Go on by one pixel where forward went on by the stride."""
    return conv2d.backward(dy, with_window(cache, stride=(1, 1)))


@mutant(conv2d, "gradient")
def bias_averaged(dy: np.ndarray, cache: conv2d.Cache) -> Any:
    """Take the mean over all pixels for the bias. Its gradient is the sum: it was added to each."""
    dx, dw, db = conv2d.backward(dy, cache)
    return dx, dw, None if db is None else dy.mean(axis=(0, 1, 2))


@mutant(grouped_conv2d, "gradient")
def groups_interleaved(dy: np.ndarray, cache: grouped_conv2d.Cache) -> Any:
    """Deal the channels of dx out to the groups like cards. A group has channels side by side."""
    dx, dw, db = grouped_conv2d.backward(dy, cache)
    dealt = dx.reshape(*dx.shape[:3], len(cache.segments), -1).swapaxes(3, 4)
    return dealt.reshape(dx.shape), dw, db


@mutant(depthwise_conv2d, "gradient")
def dilation_forgotten(dy: np.ndarray, cache: depthwise_conv2d.Cache) -> Any:
    """Put the taps of the kernel side by side. In forward they stood apart."""
    return depthwise_conv2d.backward(dy, with_window(cache, dilation=(1, 1)))


@mutant(depthwise_conv2d, "gradient")
def cropped_at_the_other_end(dy: np.ndarray, cache: depthwise_conv2d.Cache) -> Any:
    """Crop at the top what "same" padded at the bottom: dx is shifted by a pixel."""
    return depthwise_conv2d.backward(dy, with_window(cache, padding=other_ends(cache.window.padding)))


@mutant(depthwise_conv2d, "gradient")
def kernels_before_channels(dy: np.ndarray, cache: depthwise_conv2d.Cache) -> Any:
    """Take output k * C + c for channel c by its kernel k. It is c * m + k; with m = 1 nobody notices."""
    C, m = cache.w.shape[2:]
    regrouped = dy.reshape(*dy.shape[:3], m, C).swapaxes(3, 4).reshape(dy.shape)
    dx, dw, _ = depthwise_conv2d.backward(regrouped, cache)
    return dx, dw, dy.sum(axis=(0, 1, 2)) if cache.biased else None


@mutant(pointwise_conv2d, "gradient")
def pixels_crowded(dy: np.ndarray, cache: pointwise_conv2d.Cache) -> Any:
    """Put the gradients of the pixels that the stride takes side by side, into the corner."""
    dx, dw, db = pointwise_conv2d.backward(dy, cache)
    crowded, (rows, columns) = np.zeros_like(dx), cache.window.output
    crowded[:, :rows, :columns] = dx[cache.window.reads(0, 0)]
    return crowded, dw, db


@mutant(pointwise_conv2d, "gradient")
def divided_by_the_batch(dy: np.ndarray, cache: pointwise_conv2d.Cache) -> Any:
    """Divide the gradient of w by the number of images. The loss has done that already."""
    dx, dw, db = pointwise_conv2d.backward(dy, cache)
    return dx, dw / len(dy), db


@mutant(separable_conv2d, "gradient")
def activation_passed_over(dy: np.ndarray, cache: separable_conv2d.Cache) -> Any:
    """Go back from the pointwise half to the depthwise half as if nothing stood between them."""
    return separable_conv2d.backward(dy, cache._replace(activation=None))


@mutant(separable_conv2d, "definition", replaces="forward")
def activation_at_the_end(x: np.ndarray, *weights: Any, activation: Any = None, **options: Any) -> Any:
    """Put the activation after the pointwise half. It belongs between the two halves."""
    y, cache = separable_conv2d.forward(x, *weights, **options)
    return y if activation is None else separable_conv2d.ACTIVATIONS[activation].forward(y)[0], cache


@mutant(max_pool2d, "definition", replaces="forward")
def padded_with_zeros(x: np.ndarray, *, size: Any, stride: Any, padding: Any) -> Any:
    """Pad with 0. At the border, a window of negative pixels answers 0."""
    window = slide_pool("max_pool2d", x.shape, size, stride=stride, padding=padding)
    y, cache = max_pool2d.forward(pad(x, window.padding), size=size, stride=stride, padding="valid")
    return y, cache._replace(x_shape=x.shape, window=window)


@mutant(max_pool2d, "gradient")
def all_pixels_win(dy: np.ndarray, cache: max_pool2d.Cache) -> Any:
    """Give the gradient to every pixel of its window, as in a sum. The largest alone gets it."""
    padded = pad(np.zeros(cache.x_shape, cache.dtype), cache.window.padding)
    for i, j in cache.window.offsets():
        padded[cache.window.reads(i, j)] += dy
    return crop(padded, cache.window.padding)


@mutant(max_pool2d, "ties", replaces="forward")
def last_maximum_wins(x: np.ndarray, **options: Any) -> Any:
    """Write >= for >, so that the last of equal pixels wins. Zeros from a relu make many such ties."""
    y, cache = max_pool2d.forward(x, **options)
    padded, winner = pad(x, cache.window.padding, -np.inf), cache.winner.copy()
    for place, (i, j) in enumerate(cache.window.offsets()):
        winner[padded[cache.window.reads(i, j)] == y] = place
    return y, cache._replace(winner=winner)


@mutant(max_pool2d, "ties", forward=lambda x, **options: (max_pool2d.forward(x, **options)[0], (x, options)))
def each_maximum_wins(dy: np.ndarray, cache: Any) -> Any:
    """Give the whole gradient to each of equal pixels. More goes back than came."""
    x, options = cache
    y, (_, _, window, _) = max_pool2d.forward(x, **options)
    padded = pad(x, window.padding, -np.inf)
    dpadded = np.zeros_like(padded)
    for i, j in window.offsets():
        dpadded[window.reads(i, j)] += dy * (padded[window.reads(i, j)] == y)
    return crop(dpadded, window.padding)


@mutant(max_pool2d, "gradient", replaces="forward")
def winners_of_the_bare_image(x: np.ndarray, *, size: Any, stride: Any, padding: Any) -> Any:
    """Look for the winners in the image without its padding. Each window stands too far down and to the right."""
    y, cache = max_pool2d.forward(x, size=size, stride=stride, padding=padding)
    (top, bottom), (left, right) = cache.window.padding
    moved = pad(x, ((0, top + bottom), (0, left + right)), -np.inf)
    _, bare = max_pool2d.forward(moved, size=size, stride=stride, padding="valid")
    return y, cache._replace(winner=bare.winner)


@mutant(average_pool2d, "definition", replaces="forward")
def padding_counted(x: np.ndarray, **options: Any) -> Any:
    """Divide the sum by the size of the window, padding included: borders get dark."""
    y, cache = average_pool2d.forward(x, **options)
    return y * cache.counts / (cache.window.kernel[0] * cache.window.kernel[1]), cache


@mutant(average_pool2d, "gradient")
def whole_gradient_to_each(dy: np.ndarray, cache: average_pool2d.Cache) -> Any:
    """Give each pixel the whole gradient of its window. It gave a share, and gets a share."""
    return average_pool2d.backward(dy * cache.counts, cache)


@mutant(global_average_pool2d, "gradient")
def not_divided(dy: np.ndarray, cache: global_average_pool2d.Cache) -> Any:
    """Forget on the way back that the sum was divided by height times width."""
    return global_average_pool2d.backward(dy, cache) * (cache.x_shape[1] * cache.x_shape[2])


@mutant(global_average_pool2d, "contract: dtype")
def always_float64(dy: np.ndarray, cache: global_average_pool2d.Cache) -> Any:
    """Multiply by np.ones without a dtype: that is float64, and makes float64 of all that it meets."""
    return global_average_pool2d.backward(dy, cache) * np.ones(cache.x_shape)


@mutant(zero_padding2d, "gradient")
def frame_at_the_other_end(dy: np.ndarray, cache: zero_padding2d.Cache) -> Any:
    """Take the frame off with top for bottom and left for right."""
    return crop(dy, other_ends(cache.padding))
