"""What a trained network says of images: standardise, ask, count the right answers."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.data.dataset import Dataset
from xnp.layers import Layer
from xnp.ops import softmax, softmax_cross_entropy
from xnp.optimizers import PolyakAverage
from xnp.runner import EngineName, check_engine, inference_runner


class Scale(NamedTuple):
    """How images become numbers around 0: (x / 255 - mean) / std, for each channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, images: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Standardise uint8 images (N, H, W, C)."""
        mean, std = np.asarray(self.mean, dtype), np.asarray(self.std, dtype)
        return (images.astype(dtype) / 255 - mean) / std


class Evaluation(NamedTuple):
    """What a model says of a data set."""

    loss: float
    accuracy: float
    probabilities: np.ndarray  # (N, K)


def evaluate(
    model: Layer,
    data: Dataset,
    scale: Scale,
    *,
    batch_size: int = 64,
    engine: EngineName = "fast",
    workers: int | None = None,
) -> Evaluation:
    """Ask a model for its opinion of every image of a data set.

    Parameters
    ----------
    model : Layer
        Its outputs are logits (N, classes). Its parameters and statistics are not changed.
    data : Dataset
    scale : Scale
        The one of the training.
    batch_size : int
        How many images at once; it does not change the result beyond rounding.
    engine : "fast" or "plain"
        Who runs the model: `xnp.engine`, with batch norm folded, or its own layers.
    workers : int, optional
        Of the engine; as many as there are cores, if not given.

    Returns
    -------
    Evaluation
        Mean loss (without smoothing), share of right answers, probabilities (N, K).

    Raises
    ------
    ValueError
        No image; a batch size below 1; an unknown engine.
    """
    checks.positive("evaluate", images=len(data.labels), batch_size=batch_size)
    check_engine("evaluate", engine, workers)
    loss, probabilities = 0.0, []
    with inference_runner(model, engine, workers) as runner:
        for start in range(0, len(data.labels), batch_size):
            labels = data.labels[start : start + batch_size]
            logits = runner.forward(scale.apply(data.images[start : start + batch_size], model.dtype))
            loss += float(softmax_cross_entropy.forward(logits, labels)[0]) * len(labels)
            probabilities.append(softmax.forward(logits)[0])
    together = np.concatenate(probabilities)
    accuracy = float((together.argmax(axis=1) == data.labels).mean())
    return Evaluation(loss / len(data.labels), accuracy, together)


def measure(data: Dataset) -> Scale:
    """Find mean and standard deviation of each channel, of pixels in 0 to 1."""
    pixels, levels = data.images.reshape(-1, data.images.shape[-1]), np.arange(256)
    n, mean, std = len(pixels), [], []
    for channel in pixels.T:
        counts = np.bincount(channel, minlength=256)
        total, squares = int(counts @ levels), int(counts @ levels**2)  # whole numbers: nothing is rounded
        mean.append(total / n / 255)
        std.append(math.sqrt(n * squares - total**2) / n / 255 or 1.0)  # one value only: any scale will do
    return Scale(tuple(mean), tuple(std))


@contextmanager
def averaged(model: Layer, average: PolyakAverage | None) -> Iterator[None]:
    """Let the model hold the averaged weights for a while."""
    if average is None or not average.average:
        yield
        return
    state = model.state()
    kept = {path: array.copy() for path, array in state.items()}
    average.copy_to(state)
    try:
        yield
    finally:
        for path, array in state.items():
            array[...] = kept[path]
