"""The modules of figures 1 to 4, drawn from the model: as many boxes as segments, as many cells as channels."""

from collections.abc import Callable

import pytest
from matplotlib.patches import Rectangle

from xnp.layers import Conv2D, Layer, Parallel, ReLU, Residual, Sequential
from xnp.models import inception
from xnp.viz import Figure, inception_module

IMAGE = (8, 8, 3)
FORMS = {
    "canonical": inception.canonical(16),
    "simplified": inception.simplified(16, 4),
    "segmented": inception.segmented(16, 4),
    "extreme": inception.extreme(16),
    "many": inception.segmented(728, 28),
    "very many": inception.extreme(728),
    "depthwise first": inception.depthwise_first(16),
    "pointwise first": inception.pointwise_first(16),
}


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {name: inception_module(form.build(IMAGE)) for name, form in FORMS.items()}


def count(figure: Figure, text: str) -> int:
    return [drawn.get_text() for drawn in figure.axes[0].texts].count(text)


def cells(figure: Figure) -> int:
    return sum(isinstance(patch, Rectangle) for patch in figure.axes[0].patches)


@pytest.mark.parametrize("segments", [1, 2, 4, 8, 16])
def test_a_box_for_each_segment(segments: int) -> None:
    figure = inception_module(inception.segmented(16, segments).build(IMAGE))
    name = "3x3" if segments > 1 else "grouped conv 3x3"
    assert count(figure, f"{name}\n{16 // segments} → {16 // segments}") == segments
    assert cells(figure) == 3 + 16 + 16  # channels of input, of the large 1x1, of the output


def test_figure_1(figures: dict[str, Figure]) -> None:
    figure = figures["canonical"]
    assert [count(figure, f"conv 1x1\n3 → {C}") for C in (64, 48)] == [3, 1]
    assert [count(figure, f"conv 3x3\n{C}") for C in ("48 → 64", "64 → 96", "96 → 96")] == [1, 1, 1]
    assert count(figure, "average pool 3x3") == count(figure, "concatenate") == count(figure, "output 8x8x288") == 1


def test_figure_2(figures: dict[str, Figure]) -> None:
    assert count(figures["simplified"], "conv 3x3\n4 → 4") == count(figures["simplified"], "conv 1x1\n3 → 4") == 4
    assert cells(figures["simplified"]) == 3 + 4 * 4 + 16


def test_figure_4_is_figure_3_with_a_segment_for_each_channel(figures: dict[str, Figure]) -> None:
    one = inception_module(inception.segmented(16, 16).build(IMAGE))
    assert [t.get_text() for t in figures["extreme"].axes[0].texts] == [t.get_text() for t in one.axes[0].texts]
    assert figures["extreme"].alt == one.alt
    assert "conv 1x1, 3 → 16, batch norm, ReLU; 16 times 3x3, 1 → 1, batch norm, ReLU" in one.alt


def test_many_segments_are_left_out_visibly(figures: dict[str, Figure]) -> None:
    figure = figures["many"]
    assert 3 < count(figure, "3x3\n26 → 26") < 28
    assert count(figure, "...") == 3  # in the channels, the convolutions, the output
    assert "28 times 3x3, 26 → 26" in figure.alt


def test_nothing_stands_between_the_halves_of_a_separable_convolution(figures: dict[str, Figure]) -> None:
    assert count(figures["extreme"], "batch norm, ReLU") == 2
    assert count(figures["depthwise first"], "batch norm, ReLU") == 1
    assert "3 times 3x3, 1 → 1; conv 1x1, 3 → 16, batch norm, ReLU." in figures["depthwise first"].alt


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_everything_fits_a_notebook(name: str, figures: dict[str, Figure], look: Callable) -> None:
    look(figures[name])
    assert figures[name].get_size_inches()[0] < 11


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (inception.extreme(4), "module knows no shapes yet"),
        (inception.simplified(10, 5).build(IMAGE), "module has 5 towers; at most 4 can be drawn"),
        (Sequential(block=Residual(Conv2D(3, 3))).build(IMAGE), "block is a Residual; a tower must be a chain"),
        (Parallel(ReLU(), Sequential()).build(IMAGE), "2 holds no operation"),
    ],
)
def test_what_cannot_be_drawn_is_refused(module: Layer, message: str) -> None:
    with pytest.raises(ValueError, match=f"^inception_module: {message}"):
        inception_module(module)
