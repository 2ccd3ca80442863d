"""The two pictures of the separable convolution show the numbers of the operations, at the right places."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from xnp import ops
from xnp.data import example
from xnp.viz import Figure, depthwise_picture, separable_picture
from xnp.viz.panels import number
from xnp.viz.stacks import SIDE

X, DEPTHWISE, POINTWISE = example.image(), example.depthwise_kernel(), example.pointwise_kernel()
BETWEEN = ops.depthwise_conv2d.forward(X, DEPTHWISE, padding="valid")[0]
Y = ops.pointwise_conv2d.forward(BETWEEN, POINTWISE)[0]


def numbers(figure: Figure) -> list[str]:
    """Texts in cells, in the order in which they were drawn."""
    return [text.get_text() for text in figure.axes[0].texts if text.get_fontsize() < 7]


def in_cells(array: np.ndarray) -> list[str]:
    return [number(value) for value in array.ravel()]


def holds(whole: list[str], part: list[str]) -> bool:
    """Whether part stands in whole without a gap."""
    return any(whole[k : k + len(part)] == part for k in range(len(whole)))


def windows(figure: Figure) -> list[tuple[int, int]]:
    """Height and width in cells of what is outlined in black."""
    frames = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and p.get_linewidth() == 2.4]
    return [(round(frame.get_height() / SIDE), round(frame.get_width() / SIDE)) for frame in frames]


def test_every_channel_filter_and_result_stands_in_the_depthwise_picture():
    written = numbers(depthwise_picture(X, DEPTHWISE, at=(1, 2)))
    for c in range(3):
        for array in (X[0, ..., c], DEPTHWISE[:, :, c, 0], BETWEEN[0, ..., c]):
            assert holds(written, in_cells(array))


def test_windows_are_outlined_in_each_channel():
    assert windows(depthwise_picture(X, DEPTHWISE, at=(1, 2))) == [(3, 3)] * 3 + [(1, 1)] * 3


def test_separable_picture_ends_in_the_output_of_the_operations():
    written = numbers(separable_picture(X, DEPTHWISE, POINTWISE))
    for array in (X[0, ..., 0], DEPTHWISE[:, :, 0, 0], BETWEEN[0, ..., 0], Y[0, ..., 0]):
        assert holds(written, in_cells(array))
    assert holds(written, in_cells(POINTWISE[::-1, 0]))  # drawn from the back; no sheet of a 1x1 filter is covered


@pytest.mark.parametrize("at", [(0, 0), (1, 2), (5, 5)])
def test_the_sum_is_written_out(at: tuple[int, int]) -> None:
    figure = separable_picture(X, DEPTHWISE, POINTWISE, at=at)
    total = f"= {number(Y[0, at[0], at[1], 0])}"
    assert figure.alt.endswith(total + ".")
    assert figure.axes[0].texts[-1].get_text().endswith(total)


def test_alternative_text_names_shapes_and_numbers():
    alt = depthwise_picture(X, DEPTHWISE, at=(1, 2)).alt
    for words in ("8x8x3", "3x3x1", "6x6x1", "6x6x3", "12, 12, 21"):
        assert words in alt


@pytest.mark.slow
def test_pictures_fit_the_page(look: Callable) -> None:
    rng = np.random.default_rng(0)
    wide = rng.integers(-2, 3, (3, 4)).astype(float)
    for figure in (
        depthwise_picture(X, DEPTHWISE, names=example.CHANNELS),
        depthwise_picture(rng.normal(size=(1, 5, 8, 4)), rng.normal(size=(2, 3, 4, 1))),
        depthwise_picture(X[..., :1], DEPTHWISE[:, :, :1]),
        separable_picture(X, DEPTHWISE, POINTWISE, at=(5, 5)),
        separable_picture(X, DEPTHWISE, wide),
    ):
        look(figure, smallest=3)
        assert figure.get_size_inches()[0] < 11


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"^depthwise_picture: x has shape \(1, 8, 8, 5\), so 5 channels; at most 4"):
        depthwise_picture(np.ones((1, 8, 8, 5)), np.ones((3, 3, 5, 1)))
    with pytest.raises(ValueError, match=r"^depthwise_picture: x has shape \(1, 8, 30, 3\); at most 8 rows"):
        depthwise_picture(np.ones((1, 8, 30, 3)), DEPTHWISE)
    with pytest.raises(ValueError, match=r"^separable_picture: at is \(6, 0\)"):
        separable_picture(X, DEPTHWISE, POINTWISE, at=(6, 0))
    with pytest.raises(ValueError, match=r"^separable_picture: w_pointwise has shape \(2, 1\) but x has 3 channels"):
        separable_picture(X, DEPTHWISE, POINTWISE[:2])
    with pytest.raises(ValueError, match=r"^separable_picture: w_pointwise has shape \(3, 9\), so 9 channels; at most"):
        separable_picture(X, DEPTHWISE, np.ones((3, 9)))
    with pytest.raises(ValueError, match=r"^depthwise_picture: names has 2 .* x has 3 channels"):
        depthwise_picture(X, DEPTHWISE, names=("a", "b"))
