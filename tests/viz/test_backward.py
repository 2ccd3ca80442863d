"""The step back: what is drawn are the shares of the windows so far, and at the end the gradients."""

import re
from functools import partial

import numpy as np
import pytest

from xnp import ops
from xnp.shapes import Padding
from xnp.viz import backward_step, sliding
from xnp.viz.figure import Figure


def arrays(*, shape: tuple[int, int] = (4, 5), padding: Padding = "valid") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make x, w and dy of whole numbers."""
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-5, 6, size=size).astype(float) for size in ((1, *shape, 1), (3, 2, 1, 1)))
    y, _ = ops.conv2d.forward(x, w, padding=padding)
    return x, w, rng.integers(1, 4, size=y.shape).astype(float)


def drawn(figure: Figure, panel: int) -> list[str]:
    """Read the numbers of one panel, those of its padding too."""
    return [text.get_text() for text in figure.axes[panel].texts]


def written(values: np.ndarray) -> list[str]:
    return [f"{value:.0f}".replace("-", "−") for value in values.ravel()]


def test_the_first_window_gives_its_pixels_and_the_kernel() -> None:
    x, w, dy = arrays()
    figure = backward_step(x, w, (0, 0), dy=dy)
    stamp = np.zeros((4, 5))
    stamp[:3, :2] = dy[0, 0, 0, 0] * w[..., 0, 0]
    assert drawn(figure, 2) == written(dy[0, 0, 0, 0] * x[0, :3, :2, 0])  # dw
    assert drawn(figure, 5) == written(stamp + 0.0)  # dx


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_last_window_completes_the_gradients(padding: Padding) -> None:
    x, w, dy = arrays(padding=padding)
    y, cache = ops.conv2d.forward(x, w, padding=padding)
    dx, dw, _ = ops.conv2d.backward(dy, cache)
    figure = backward_step(x, w, (y.shape[1] - 1, y.shape[2] - 1), dy=dy, padding=padding)
    assert drawn(figure, 2) == written(dw + 0.0)
    assert [text for text in drawn(figure, 5) if text] == written(dx + 0.0)
    assert len(drawn(figure, 1)) == len(drawn(figure, 5)) == cache.padded.size  # the padding is drawn too


def test_a_negative_factor_stands_in_brackets() -> None:
    x, w, dy = arrays()
    figure = backward_step(x, w, (0, 0), dy=-dy, names=("red",))
    assert [text.get_text() for text in figure.texts].count(f"× (−{dy[0, 0, 0, 0]:.0f})\nis added\nto") == 2
    assert figure.axes[1].get_title(loc="left") == "x  red"


def test_it_slides() -> None:
    x, w, dy = arrays(shape=(3, 3))
    assert len(sliding(partial(backward_step, dy=dy), x, w).figures) == 2


def test_one_channel_alone() -> None:
    x, w, dy = arrays()
    message = "backward_step: x has shape (1, 4, 5, 2)"
    with pytest.raises(ValueError, match=re.escape(message)):
        backward_step(np.repeat(x, 2, -1), np.repeat(w, 2, 2), (0, 0), dy=dy)
