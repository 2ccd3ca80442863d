"""Softmax cross-entropy: how surprised the network is by the right answers.

    logits      0       1       3           label 1
    p           0.04    0.11    0.84        softmax
    loss        - log(0.11) = 2.17          dlogits = p - (0, 1, 0) = 0.04  -0.89  0.84

    K classes, e the label smoothing; the target is a distribution, not only a class:

    (1)  target[n, k]  = (1 - e) * [k = labels[n]] + e / K        smoothing spreads e over all K classes
    (2)  log p[n, k]   = logits[n, k] - log(sum over l of exp(logits[n, l]))
    (3)  loss          = (1/N) sum over n, k  of  - target[n, k] * log p[n, k]
    (4)  dlogits[n, k] = dy * (p[n, k] - target[n, k]) / N

Where (4) comes from: by (2), d log p[l] / d logits[k] = [k = l] - p[k]; multiplied by - target[l] and summed over l,
with the targets summing to 1, p[k] - target[k] is left.
Each row is shifted by its largest logit first: exp never overflows, and logits of 1e4 are as good as others.

Shapes  logits (N, K), labels (N,) integers, loss one number.
Cost    no parameter, no multiply-accumulate; seven operations a logit.
Paper   section 3: the loss of the logistic regression. Smoothing: Szegedy et al., 2015 (Inception V3), section 7.

>>> loss, cache = forward(np.array([[0.0, 1.0, 3.0]]), np.array([1]))
>>> round(float(loss), 2)
2.17
>>> backward(1.0, cache).round(2)
array([[ 0.04, -0.89,  0.84]])
>>> loss, _ = forward(np.zeros((5, 10)), np.arange(5))    # knowing nothing of ten classes: log(10)
>>> round(float(loss), 4)
2.3026
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.shapes import Cost


class Cache(NamedTuple):
    """What backward needs of forward."""

    p: np.ndarray  # (N, K) softmax of the logits
    target: np.ndarray  # (N, K)


def definition(logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.0) -> np.ndarray:
    """Equations (1) to (3), one number at a time."""
    check(logits, labels, label_smoothing)
    N, K = logits.shape
    loss = np.zeros((), logits.dtype)
    for n in range(N):
        largest = max(logits[n])
        log_sum = np.log(sum(np.exp(logits[n, k] - largest) for k in range(K))) + largest
        for k in range(K):
            target = (1 - label_smoothing) * (k == labels[n]) + label_smoothing / K
            loss -= target * (logits[n, k] - log_sum) / N
    return loss


def forward(logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.0) -> tuple[np.ndarray, Cache]:
    """Equations (1) to (3).

    Parameters
    ----------
    logits : (N, K) array
        One row an image, one column a class.
    labels : (N,) integer array
        The right classes, 0 to K - 1.
    label_smoothing : float
        The share of the target that is spread over all classes, in [0, 1).

    Returns
    -------
    loss : array of no axes, of logits' dtype
        The mean over the batch.
    cache : Cache
        For `backward`.

    Raises
    ------
    ValueError
        Shapes that do not belong together, a label outside 0 to K - 1, a smoothing outside [0, 1).
    TypeError
        Logits of a dtype other than float32, float64, complex128; labels that are not integers.
    """
    check(logits, labels, label_smoothing)
    N, K = logits.shape
    shifted = logits - logits.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    total = exps.sum(axis=1, keepdims=True)  # (N, 1)
    log_p = shifted - np.log(total)
    target = np.full((N, K), label_smoothing / K, logits.dtype)
    target[np.arange(N), labels] += 1 - label_smoothing
    loss = -(target * log_p).sum() / N
    return np.asarray(loss, logits.dtype), Cache(exps / total, target)


def backward(dy: float | np.ndarray, cache: Cache) -> np.ndarray:
    """Equation (4).

    Parameters
    ----------
    dy : float or array of no axes
        Gradient of what follows with respect to the loss; 1.0 where the loss is the end.
    cache : Cache
        From `forward`.

    Returns
    -------
    dlogits : (N, K) array. The labels, being integers, have no gradient.
    """
    p, target = cache
    if not isinstance(dy, float | int | np.generic | np.ndarray) or np.shape(dy) != ():
        raise ValueError(f"softmax_cross_entropy: dy is {dy!r}; the loss is one number, so dy must be one")
    return (p - target) * (p.dtype.type(dy) / len(p))


def cost(logits_shape: tuple[int, ...], labels_shape: tuple[int, ...], *, label_smoothing: float = 0.0) -> Cost:
    """Count one call: no array is made."""
    N, K = logits_shape
    return Cost((), 0, 0, 7 * N * K)


def check(logits: np.ndarray, labels: np.ndarray, label_smoothing: float) -> None:
    """Refuse, by name, what does not belong together."""
    checks.rank("softmax_cross_entropy", "logits", logits, "N K")
    N, K = logits.shape
    checks.shape("softmax_cross_entropy", "labels", labels, (N,), f"logits has {N} rows")
    checks.dtypes("softmax_cross_entropy", logits=logits)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"softmax_cross_entropy: labels is {labels.dtype}; it must be an integer dtype")
    if labels.min() < 0 or labels.max() >= K:
        raise ValueError(
            f"softmax_cross_entropy: labels holds {labels.min()} to {labels.max()} "
            f"but logits has {K} columns; labels must be 0 to {K - 1}"
        )
    checks.fraction("softmax_cross_entropy", "label_smoothing", label_smoothing)
