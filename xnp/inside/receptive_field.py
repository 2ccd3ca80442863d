"""How much of the image does one place of a map see? The gradient tells.

    image  <--- backward ---  dy: 1 at one place, 0 elsewhere

Where the gradient of the image is not 0, a pixel moves that place. `xnp.inside.windows` says what *may* count, this
says what *does*, and how much: many ways lead from the middle of the window to the place, few from its rim.

One image is not enough. A ReLU that is closed and a pixel that loses in a max pool pass nothing on, and other ones do
so for another image. So several random images are asked, and their gradients, without signs, are added.

Source: Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks",
arXiv:1701.04128.
"""

from typing import NamedTuple

import numpy as np

from xnp import checks
from xnp.inside.cuts import cut
from xnp.inside.grad_cam import gradients_kept
from xnp.inside.windows import Extent, possible_field
from xnp.layers import Layer


class ReceptiveField(NamedTuple):
    """What one place of a map sees of the image."""

    at: str
    strength: np.ndarray  # (H, W): sizes of the image's gradient, summed over channels and random images
    seen: Extent  # where it is not 0
    possible: Extent  # what the windows reach

    @property
    def half_within(self) -> int:
        """Side of the smallest square, round the middle of what is possible, that holds half of the strength."""
        top, left, bottom, right = self.possible
        row, column, reach = (top + bottom) // 2, (left + right) // 2, 0
        while 2 * self._near(row, column, reach) < self.strength.sum():
            reach += 1
        return 2 * reach + 1

    def _near(self, row: int, column: int, reach: int) -> float:
        rows, columns = (slice(max(middle - reach, 0), middle + reach + 1) for middle in (row, column))
        return float(self.strength[rows, columns].sum())


def receptive_field(
    model: Layer, at: str, position: tuple[int, int] | None = None, *, images: int = 8, seed: int = 0
) -> ReceptiveField:
    """Measure what one place of a map sees.

    Parameters
    ----------
    model : Layer
        Built, for images (H, W, C).
    at : str
        Path of a part whose output is maps, as for `cut`.
    position : (int, int), optional
        Row and column of the place; the middle, (H' // 2, W' // 2), if it is left out.
    images : int
        How many random images (standard normal numbers); more of them leave less unseen.
    seed : int
        Of the images.

    Returns
    -------
    ReceptiveField

    Raises
    ------
    ValueError
        No such part, no maps there, no such place; a place that sees only padding, or through which no gradient passes.
    """
    checks.positive("receptive_field", images=images)
    front, _ = cut(model, at)
    possible = possible_field(model, at, position)
    rng, shape = np.random.default_rng(seed), model.input_shape or ()
    strength = np.zeros(shape[:2])
    with gradients_kept(front):
        for _ in range(images):  # one by one: a large network keeps hundreds of megabytes for each
            y = front.forward(rng.standard_normal((1, *shape)).astype(model.dtype))
            row, column = position or (y.shape[1] // 2, y.shape[2] // 2)
            dy = np.zeros_like(y)
            dy[0, row, column] = 1  # all channels of the place
            strength += np.abs(front.backward(dy)[0]).sum(axis=-1)
    rows, columns = (np.flatnonzero(strength.any(axis=axis)).tolist() for axis in (1, 0))
    if not rows:
        raise ValueError(f'receptive_field: none of {images} random images lets a gradient through "{at}"')
    return ReceptiveField(at, strength, Extent(rows[0], columns[0], rows[-1], columns[-1]), possible)
