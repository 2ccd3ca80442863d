"""What is measured: one step of one network on one batch, and the numbers that all contestants get."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from xnp import runs
from xnp.bench.scaled import scaled_xception
from xnp.layers import Sequential

What: TypeAlias = Literal["training", "inference", "layer"]
Step: TypeAlias = Callable[[], np.ndarray]  # does the work once; gives the loss, the logits, or the layer's output

MODELS = (*runs.MODELS, "scaled")


class Work(NamedTuple):
    """A piece of work. A training step is forward, loss, backward and an update by SGD with momentum."""

    what: What = "training"  # "layer": one layer alone, see `xnp.bench.rungs`
    model: str = "small"
    size: int = 32  # height and width of an image, in pixels
    batch: int = 64
    width: int = 1  # of "scaled" alone
    depth: int = 3  # of "scaled" alone

    def __str__(self) -> str:
        what = {"training": "training step", "inference": "inference", "layer": "one layer"}[self.what]
        model = self.model if self.model == "xception" else f"{self.model}_xception"
        scale = f", width x{self.width}, {self.depth} middle blocks" if self.model == "scaled" else ""
        return f"{what} of {model}{scale}, {self.size}x{self.size}, batch {self.batch}, float32"


def default_size(model: str) -> int:
    """Give the height and width of the images that a network is made for.

    >>> default_size("small"), default_size("xception")
    (32, 299)
    """
    shape = runs.MODELS[model]().input_shape
    assert shape is not None
    return shape[0]


def network(work: Work) -> Sequential:
    """Build the network, with the same first weights in every process."""
    shape = (work.size, work.size, 3)
    if work.model == "scaled":
        return scaled_xception(shape, width=work.width, depth=work.depth)
    return runs.MODELS[work.model](shape)


def batch_of(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """Draw images (N, H, W, 3) and labels (N,). A smaller batch holds the first ones of a larger one."""
    classes = network(work).output_shape[0]
    images = np.random.default_rng(0).standard_normal((work.batch, work.size, work.size, 3), np.float32)
    return images, np.random.default_rng(1).integers(0, classes, work.batch)
