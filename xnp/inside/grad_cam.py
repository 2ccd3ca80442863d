r"""Which places of an image speak for a class? Grad-CAM, from the network's own backward.

    image --- front --- maps A  --- back --- score of a class
               (H', W', C)      <---
                          gradient of the score

    weights[c] = mean over the places (h, w) of  d score / d A[h, w, c]
    map[h, w]  = relu( sum over c of  weights[c] * A[h, w, c] )

Why this. Near these maps the score is almost a straight line: score ~ constant + sum of gradient * A. So gradient * A
says what each number adds to it. The gradient at one place is noisy; its mean over all places asks a calmer question:
does more of channel c, anywhere, help this class? Then the map says where there is much of the channels that help.
ReLU keeps what speaks *for* the class: a place below zero speaks for others.

Where the maps go through global average pooling into one dense layer, the gradient is the same at each place, and
nothing is approximate: the sum of the map before its ReLU is the score without its bias.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
arXiv:1610.02391, section 3.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from xnp import checks, ops
from xnp.inside.cuts import cut
from xnp.layers import Layer, Sequential, Softmax
from xnp.layers.containers import chain


class GradCAM(NamedTuple):
    """Where a class finds its evidence, and in which channels."""

    map: np.ndarray  # (N, H', W'), nothing below zero, in units of the score
    weights: np.ndarray  # (N, C): what more of a channel does to the score


def grad_cam(model: Layer, x: np.ndarray, class_: int, *, at: str) -> GradCAM:
    """Find the places that speak for a class.

    Parameters
    ----------
    model : Layer
        Built; its output is (N, classes). A softmax at its end is left out: the score is the logit.
    x : (N, H, W, C) array
        Images as the model takes them: standardised, of its dtype. Each gets a map of its own.
    class_ : int
        From 0; any class, not only the one that the model predicts.
    at : str
        Where to look: the path of a part whose output is maps, as for `cut`. Later maps know more about classes,
        earlier ones more about places; usual is the last one before the pooling.

    Returns
    -------
    GradCAM
        As fine as the maps there, not as fine as the image.

    Raises
    ------
    ValueError
        No such part; its output has no places; no such class; a model that does not give (N, classes).
    """
    front, back = cut(model, at)
    back = without_softmax(back)
    maps = front.forward(x)  # (N, H', W', C)
    checks.rank("grad_cam", f'the output of "{at}"', maps, "N H W C")
    scores = back.forward(maps)  # (N, K)
    checks.rank("grad_cam", "the model's output", scores, "N K")
    if not 0 <= class_ < scores.shape[1]:
        raise ValueError(f"grad_cam: class_ is {class_}; it must be 0 to {scores.shape[1] - 1}")
    dscores = np.zeros_like(scores)
    dscores[:, class_] = 1  # in use, no image sees another one: one backward serves all N
    with gradients_kept(back):
        dmaps = back.backward(dscores)  # (N, H', W', C)
    weights = dmaps.mean(axis=(1, 2))  # (N, C)
    evidence = np.einsum("nhwc,nc->nhw", maps, weights)
    return GradCAM(ops.relu.forward(evidence)[0], weights)


def without_softmax(back: Sequential) -> Sequential:
    """Leave out a softmax at the end: a probability also rises where the other classes lose, a logit does not."""
    steps = list(chain(back))
    return Sequential(*steps[:-1]) if steps and isinstance(steps[-1], Softmax) else back


@contextmanager
def gradients_kept(model: Layer) -> Iterator[None]:
    """Bring the gradients of the parameters back at the end, which `backward` overwrites."""
    kept = {path: gradient.copy() for path, gradient in model.gradients().items()}
    try:
        yield
    finally:
        for path, gradient in model.gradients().items():
            gradient[...] = kept[path]
