"""The library's own contestants: the engine, the plain operations, and the naive network beside them."""

from typing import Any

import numpy as np

from xnp.bench.naive import NaiveNetwork
from xnp.bench.work import Step, Work, batch_of, network
from xnp.ops import softmax_cross_entropy
from xnp.optimizers import SGD


def fast(work: Work, workers: int) -> Step:
    """Prepare the work for the engine. Its workers end with the process."""
    if work.what == "inference":
        from xnp.engine import Inference  # not at the top: it needs more than NumPy

        return step_of(Inference(network(work), workers=workers), work)
    from xnp.engine import Engine

    return step_of(Engine(network(work), work.batch, workers, input_gradient=False), work)


def plain(work: Work, workers: int) -> Step:
    """Prepare the work for the operations that are written to be read; BLAS alone uses the workers."""
    return step_of(network(work), work)


def naive(work: Work, workers: int) -> Step:
    """Prepare the work for the textbook's operations."""
    return step_of(NaiveNetwork(network(work)), work)


def step_of(model: Any, work: Work) -> Step:
    """Make the step of anything that has a model's `forward`, `backward`, `parameters` and `gradients`."""
    images, labels = batch_of(work)
    return (lambda: model.forward(images)) if work.what == "inference" else training_step(model, images, labels)


def training_step(model: Any, images: np.ndarray, labels: np.ndarray) -> Step:
    """Make the step forward, loss, backward, update."""
    optimizer = SGD(momentum=0.9)

    def step() -> Any:
        logits = model.forward(images, training=True)
        loss, cache = softmax_cross_entropy.forward(logits, labels)
        model.backward(softmax_cross_entropy.backward(1.0, cache))
        optimizer.step(model.parameters(), model.gradients(), 0.01)
        return loss

    return step
