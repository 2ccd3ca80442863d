"""Mutants of the operations without a window: normalisation, activations, losses, joins."""

from typing import Any

import numpy as np

from xnp.mutants.mutant import mutant
from xnp.ops import (
    add,
    batch_norm,
    batch_norm_inference,
    concatenate,
    dense,
    dropout,
    elu,
    relu,
    softmax,
    softmax_cross_entropy,
)


@mutant(batch_norm, "gradient")
def mean_taken_for_constant(dy: np.ndarray, cache: batch_norm.Cache) -> Any:
    """Leave the mean's term out of dx. The mean moves with every row of x."""
    dx, dgamma, dbeta = batch_norm.backward(dy, cache)
    return dx + cache.gamma * cache.inv * dy.mean(axis=tuple(range(dy.ndim - 1))), dgamma, dbeta


@mutant(batch_norm, "gradient")
def variance_taken_for_constant(dy: np.ndarray, cache: batch_norm.Cache) -> Any:
    """Leave the variance's term out of dx. The variance moves with every row of x."""
    dx, dgamma, dbeta = batch_norm.backward(dy, cache)
    along = (dy * cache.xhat).mean(axis=tuple(range(dy.ndim - 1)))
    return dx + cache.gamma * cache.inv * cache.xhat * along, dgamma, dbeta


@mutant(batch_norm, "definition", replaces="forward")
def variance_over_one_less(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float) -> Any:
    """Divide the variance by R - 1, as for a sample. Batch normalisation divides by R."""
    _, cache = batch_norm.forward(x, gamma, beta, eps=eps)
    R = x.size // len(gamma)
    return gamma * (x - cache.mean) / np.sqrt(cache.var * R / (R - 1) + eps) + beta, cache


def back_through_each_image(dy: np.ndarray, caches: Any) -> Any:
    """Batch normalisation's backward for `each_image_alone`: it fits that forward, so that no gradient is wrong."""
    results = [batch_norm.backward(dy[n : n + 1], cache) for n, cache in enumerate(caches)]
    dx, dgamma, dbeta = zip(*results, strict=True)
    return np.concatenate(dx), sum(dgamma), sum(dbeta)


@mutant(batch_norm, "definition", replaces="forward", backward=back_through_each_image)
def each_image_alone(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float) -> Any:
    """Take mean and variance of each image by itself. They belong to the batch: N is one of the axes."""
    results = [batch_norm.forward(x[n : n + 1], gamma, beta, eps=eps) for n in range(len(x))]
    return np.concatenate([y for y, _ in results]), [cache for _, cache in results]


@mutant(batch_norm_inference, "gradient")
def backward_of_training(dy: np.ndarray, cache: batch_norm_inference.Cache) -> Any:
    """Use the backward of training. At inference the statistics do not depend on x, and have no terms in dx."""
    x, gamma, mean, inv = cache
    return batch_norm.backward(dy, batch_norm.Cache((x - mean) * inv, gamma, inv, mean, inv**-2))


@mutant(batch_norm_inference, "gradient")
def gamma_meets_x(dy: np.ndarray, cache: batch_norm_inference.Cache) -> Any:
    """Take gamma's gradient with x itself. What gamma was multiplied with is the normalised x."""
    dx, _, dbeta = batch_norm_inference.backward(dy, cache)
    return dx, (dy * cache.x).sum(axis=tuple(range(dy.ndim - 1))), dbeta


@mutant(relu, "gradient", replaces="forward")
def passed_by_y(x: np.ndarray) -> Any:
    """Tell what passed by y >= 0. That is true of every y."""
    y, cache = relu.forward(x)
    return y, cache._replace(passed=y >= 0)


@mutant(relu, "contract: unchanged")
def written_into_dy(dy: np.ndarray, cache: relu.Cache) -> Any:
    """Write the zeros into dy. A skip connection that needs the same dy gets them too."""
    dy[~cache.passed] = 0
    return dy.copy()


@mutant(elu, "gradient", replaces="forward")
def alpha_forgotten(x: np.ndarray, *, alpha: float) -> Any:
    """Take y + 1 for the slope where x is negative. It is y + alpha; with alpha = 1 nobody notices."""
    y, cache = elu.forward(x, alpha=alpha)
    return y, cache._replace(slope=np.where(x > 0, 1, y + 1))


@mutant(elu, "contract: wrong dy")
def dy_not_looked_at(dy: np.ndarray, cache: elu.Cache) -> Any:
    """Take a dy of any shape. NumPy broadcasts it, and nobody hears that it was the wrong one."""
    return dy * cache.slope


@mutant(softmax, "gradient")
def each_by_itself(dy: np.ndarray, cache: softmax.Cache) -> Any:
    """Take y * (1 - y) for the slope, as of a sigmoid. A larger x also takes from all the others."""
    return dy * cache.y * (1 - cache.y)


@mutant(softmax_cross_entropy, "gradient")
def sum_over_the_batch(dy: Any, cache: softmax_cross_entropy.Cache) -> Any:
    """Forget on the way back that the sum was divided by N: the learning rate grows with the batch."""
    return softmax_cross_entropy.backward(dy, cache) * len(cache.p)


@mutant(softmax_cross_entropy, "gradient")
def smoothing_forgotten(dy: Any, cache: softmax_cross_entropy.Cache) -> Any:
    """Compare p with the bare label. Forward compared it with the smoothed one."""
    bare = np.eye(cache.p.shape[1], dtype=cache.p.dtype)[cache.target.argmax(axis=1)]
    return softmax_cross_entropy.backward(dy, cache._replace(target=bare))


@mutant(softmax_cross_entropy, "definition", replaces="forward")
def smoothed_over_the_others(logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float) -> Any:
    """Spread the smoothing over the K - 1 wrong classes. It is spread over all K."""
    K = logits.shape[1]
    return softmax_cross_entropy.forward(logits, labels, label_smoothing=label_smoothing * K / max(K - 1, 1))


@mutant(dropout, "gradient")
def another_mask(dy: np.ndarray, cache: dropout.Cache) -> Any:
    """Draw another mask for backward. The gradient goes where nothing came from."""
    return dy * np.random.default_rng(0).permuted(cache.mask)


@mutant(dropout, "definition", replaces="forward")
def not_scaled_up(x: np.ndarray, rng: np.random.Generator, *, rate: float) -> Any:
    """Leave what is kept as large as it was. The mean falls, and inference sees other numbers than training did."""
    y, cache = dropout.forward(x, rng, rate=rate)
    return y * (1 - rate), cache


@mutant(concatenate, "contract: gradient shapes")
def equal_parts(dy: np.ndarray, cache: concatenate.Cache) -> Any:
    """Cut dy into parts of equal width, whatever widths came in."""
    parts = np.array_split(dy, len(cache.ends), axis=-1)
    return tuple(part.copy() for part in parts) if len(parts) > 1 else parts[0].copy()


@mutant(add, "contract: memory")
def one_array_for_both(dy: np.ndarray, cache: add.Cache) -> Any:
    """Return one array for both. Who adds something to da adds it to db."""
    da, _ = add.backward(dy, cache)
    return da, da


@mutant(dense, "gradient")
def reshaped_until_it_fits(dy: np.ndarray, cache: dense.Cache) -> Any:
    """Take the product for dw the wrong way round, and reshape it. The shape is right, the order is not."""
    dx, dw, db = dense.backward(dy, cache)
    return dx, dw.T.reshape(dw.shape), db


@mutant(dense, "contract: gradient shapes")
def gradient_of_nothing(dy: np.ndarray, cache: dense.Cache) -> Any:
    """Give a bias a gradient where there is no bias."""
    dx, dw, _ = dense.backward(dy, cache)
    return dx, dw, dy.sum(axis=0)
