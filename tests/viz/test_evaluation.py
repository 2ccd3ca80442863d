"""The confusion matrix and the page of pictures: the right numbers at the right places, and room for every name."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from xnp.viz import Figure, confusion_matrix, predictions, save, style

LONG = tuple(
    f"{pattern} stripes, {relation}" for pattern in ("horizontal", "vertical") for relation in ("agree", "oppose")
)


def names(K: int, *, long: bool = False) -> tuple[str, ...]:
    return tuple(f"{LONG[i % 4] if long else 'class'} {i}" for i in range(K))


# The confusion matrix.


def counts(K: int) -> np.ndarray:
    """Mostly right, and no two rows with the same total."""
    return np.random.default_rng(K).integers(0, 30, (K, K)) + np.diag(np.arange(100, 100 + K))


def cells(figure: Figure) -> dict[tuple[int, int], str]:
    """Text by row and column."""
    at = {(text.get_position()[1] - 0.5, text.get_position()[0] - 0.5): text for text in figure.axes[0].texts}
    return {(int(row), int(column)): text.get_text() for (row, column), text in at.items()}


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_cells_hold_percent_of_their_row():
    figure = confusion_matrix(np.array([[7, 1, 0], [0, 999, 1], [100, 100, 200]]), ("a", "b", "c"))
    assert cells(figure) == {
        (0, 0): "88", (0, 1): "12",
        (1, 1): ">99", (1, 2): "<1",
        (2, 0): "25", (2, 1): "25", (2, 2): "50",
    }  # fmt: skip


def test_title_counts_the_right_ones():
    assert "Accuracy 84.7 %: 1,199 of 1,416 images" in written(
        confusion_matrix(np.array([[7, 8, 1], [0, 992, 8], [100, 100, 200]]), ("a", "b", "c"))
    )


def test_matrix_in_words():
    assert confusion_matrix(np.array([[7, 1, 0], [0, 999, 1], [100, 100, 200]]), ("ant", "bee", "cat")).alt == (
        "Confusion matrix. Accuracy 85.7 %: 1,206 of 1,408 images. Right: 88 % of ant, >99 % of bee, 50 % of cat. "
        "Most common mistake: 25 % of cat taken for ant."
    )
    assert confusion_matrix(np.diag([2, 3]), ("ant", "bee")).alt.endswith("100 % of ant, 100 % of bee. No mistake.")


def test_colours_are_the_shares_and_rows_go_down():
    matrix = counts(4)
    axes = confusion_matrix(matrix, names(4)).axes[0]
    (mesh,) = axes.collections
    np.testing.assert_allclose(np.reshape(mesh.get_array(), (4, 4)), matrix / matrix.sum(axis=1, keepdims=True))
    assert mesh.get_clim() == (0, 1)
    assert axes.yaxis_inverted()
    assert not axes.xaxis_inverted()


def test_class_without_images_has_an_empty_row():
    figure = confusion_matrix(np.array([[0, 0], [1, 1]]), ("a", "b"))
    assert cells(figure) == {(1, 0): "50", (1, 1): "50"}


def test_axes_are_named_and_frames_mark_the_right_cells():
    axes = confusion_matrix(counts(3), ("a", "b", "c")).axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true class", "predicted class")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [patch.get_xy() for patch in axes.patches] == [(0, 0), (1, 1), (2, 2)]


def test_lines_between_empty_cells_can_be_seen():
    (mesh,) = confusion_matrix(np.diag([5, 5, 5]), names(3)).axes[0].collections
    assert mesh.get_linewidth()[0] > 0
    assert tuple(mesh.get_edgecolor()[0]) != tuple(style.SHARE(0.0))


def test_numbers_can_be_read_on_their_cells():
    axes = confusion_matrix(counts(3), names(3)).axes[0]
    assert {text.get_color() for text in axes.texts} == {"black", "white"}
    shares = counts(3) / counts(3).sum(axis=1, keepdims=True)
    for text in axes.texts:
        column, row = (int(place) for place in text.get_position())
        assert text.get_color() == style.text_on(style.SHARE(shares[row, column]))


@pytest.mark.slow
@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("K", [1, 2, 10, 20])
def test_no_name_is_cut_off(K: int, long: bool, look: Callable) -> None:
    look(confusion_matrix(counts(K), names(K, long=long)))


def test_class_name_is_no_formula(look: Callable) -> None:
    figure = confusion_matrix(counts(2), ("$1", "from $10 to $20"))
    look(figure)
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["$1", "from $10 to $20"]
    assert not any(label.get_parse_math() for label in labels)


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        ([[1, 0], [0, 1]], TypeError, "confusion_matrix: matrix is a list; it must be a NumPy array (K, K)"),
        (np.ones((2, 3), int), ValueError, "matrix has shape (2, 3) but there are 2 names; it must be (2, 2)"),
        (np.ones((3, 3), int), ValueError, "matrix has shape (3, 3) but there are 2 names; it must be (2, 2)"),
        (np.ones(4, int), ValueError, "confusion_matrix: matrix has shape (4,); it must be (K, K)"),
        (np.ones((2, 2)), TypeError, "confusion_matrix: matrix is float64; it must hold integers"),
        (np.array([[1, -2], [0, 1]]), ValueError, "confusion_matrix: matrix holds -2; a count is 0 or more"),
        (np.zeros((2, 2), int), ValueError, "matrix holds zeros alone; it must count at least one image"),
    ],
)
def test_bad_matrix_is_refused_by_name(matrix: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        confusion_matrix(matrix, ("a", "b"))


# The page of pictures.


def page(N: int, wrong: list[int], *, C: int = 3, K: int = 4) -> dict[str, Any]:
    """Make random pictures. Those at `wrong` are taken for the next class, each with 0.6 and a hundredth per class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, K, N)
    predicted = (labels + np.isin(np.arange(N), wrong)) % K
    probabilities = np.zeros((N, K))
    probabilities[:] = (0.4 - predicted[:, None] / 100) / (K - 1)
    probabilities[np.arange(N), predicted] = 0.6 + predicted / 100
    return {"images": rng.integers(0, 256, (N, 8, 6, C), np.uint8), "labels": labels, "probabilities": probabilities}


def shown(figure: Figure, images: np.ndarray) -> list[int]:
    """Which image each axes shows."""
    pictures = [np.asarray(axes.images[0].get_array()).reshape(images.shape[1:]) for axes in figure.axes]
    return [next(i for i, image in enumerate(images) if (image == picture).all()) for picture in pictures]


def words(axes: Axes) -> str:
    """Text under a picture, in one line."""
    return axes.get_xlabel().replace("\n", " ").replace("\xa0", " ")


def test_right_ones_come_first_then_wrong_ones_in_the_order_of_the_data():
    data = page(12, wrong=[1, 4, 5, 9])
    figure = predictions(**data, names=names(4), count=3)
    assert shown(figure, data["images"]) == [0, 2, 3, 1, 4, 5]
    assert written(figure) == ["Right: 8 of 12. The first 3:", "Wrong: 4 of 12. The first 3:"]


def test_fewer_are_shown_where_there_are_fewer():
    data = page(5, wrong=[3])
    figure = predictions(**data, names=names(4))
    assert shown(figure, data["images"]) == [0, 1, 2, 4, 3]
    assert written(figure) == ["Right: 4 of 5", "Wrong: 1 of 5"]


@pytest.mark.parametrize(
    ("wrong", "notes"),
    [([], ["Right: 3 of 3", "Wrong: none of 3"]), ([0, 1, 2], ["Right: none of 3", "Wrong: 3 of 3"])],
)
def test_kind_that_is_empty_is_said(wrong: list[int], notes: list[str]) -> None:
    figure = predictions(**page(3, wrong), names=names(4))
    assert written(figure) == notes
    assert len(figure.axes) == 3


def test_under_a_picture_stand_truth_prediction_probability_and_mark():
    data = page(6, wrong=[2, 3])
    axes = predictions(**data, names=("ant", "bee", "cat", "dog")).axes
    insects = ("ant", "bee", "cat", "dog")
    for i, panel in zip([0, 1, 4, 5, 2, 3], axes, strict=True):
        true, predicted = insects[data["labels"][i]], insects[data["probabilities"][i].argmax()]
        mark = "✗" if i in (2, 3) else "✓"
        percent = 60 + data["probabilities"][i].argmax()
        assert words(panel) == f"true: {true} {mark} predicted: {predicted}, {percent} %"


def test_page_in_words():
    probabilities = np.array([[0.9, 0.1], [0.75, 0.25], [0.0, 1.0]])
    images, names = np.zeros((3, 8, 8, 3), np.uint8), ("ant", "bee")
    assert predictions(images, np.array([0, 1, 1]), probabilities, names, count=1).alt == (
        "Right: 2 of 3. The first 1: true: ant, predicted: ant, 90 %. Wrong: 1 of 3: true: bee, predicted: ant, 75 %."
    )
    assert predictions(images, np.array([0, 0, 1]), probabilities, names, count=1).alt == (
        "Right: 3 of 3. The first 1: true: ant, predicted: ant, 90 %. Wrong: none of 3."
    )


def test_frame_of_a_wrong_one_is_thicker():
    right, wrong = predictions(**page(2, wrong=[1]), names=names(4)).axes
    assert wrong.spines["left"].get_linewidth() > 2 * right.spines["left"].get_linewidth()


def test_equal_probabilities_mean_the_first_class():
    data = page(1, wrong=[])
    figure = predictions(data["images"], np.array([1]), np.full((1, 4), 0.25), ("ant", "bee", "cat", "dog"))
    assert words(figure.axes[0]) == "true: bee ✗ predicted: ant, 25 %"


@pytest.mark.parametrize("C", [1, 3])
def test_pixels_are_shown_as_they_are(C: int) -> None:
    data = page(1, wrong=[], C=C)
    (image,) = predictions(**data, names=names(4)).axes[0].images
    assert image.get_interpolation() == "nearest"
    if C == 1:
        assert image.get_clim() == (0, 255)
        assert image.get_cmap().name == "gray"


def test_pictures_keep_their_proportions():
    figure = predictions(**page(1, wrong=[]), names=names(4))
    box = figure.axes[0].get_position(original=True)  # else it is what imshow made of it
    across, down = figure.get_size_inches()
    assert box.height * down / (box.width * across) == pytest.approx(8 / 6)


@pytest.mark.slow
@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize(("N", "wrong"), [(1, []), (30, []), (30, list(range(30))), (30, list(range(0, 30, 2)))])
def test_texts_fit(N: int, wrong: list[int], long: bool, look: Callable) -> None:
    figure = predictions(**page(N, wrong), names=names(4, long=long))
    look(figure)


def test_captions_of_neighbours_stand_apart():
    figure = predictions(**page(5, wrong=[]), names=names(4, long=True))
    figure.draw_without_rendering()
    boxes = [axes.xaxis.label.get_window_extent() for axes in figure.axes]
    gaps = [(right.x0 - left.x1) / figure.dpi for left, right in pairwise(boxes)]
    assert min(gaps) > 0.2  # inches


@pytest.mark.slow
def test_word_without_a_space_fits(look: Callable) -> None:
    look(predictions(**page(12, wrong=[0, 1]), names=tuple(f"{letter}{'x' * 70}" for letter in "abcd")))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": np.zeros((3, 8, 6, 3))}, TypeError, "predictions: images is float64; it must be uint8"),
        ({"images": np.zeros((3, 8, 6), np.uint8)}, ValueError, "images has shape (3, 8, 6); it must be (N, H, W, C)"),
        (
            {"images": np.zeros((0, 8, 6, 3), np.uint8)},
            ValueError,
            "images has shape (0, 8, 6, 3); no axis may be empty",
        ),
        ({"images": np.zeros((3, 8, 6, 4), np.uint8)}, ValueError, "images has 4 channels; it must have 1 or 3"),
        ({"labels": np.zeros(2, int)}, ValueError, "labels has shape (2,) but there are 3 images; it must be (3,)"),
        ({"labels": np.zeros(3)}, TypeError, "predictions: labels is float64; it must hold integers"),
        ({"labels": np.array([0, 1, 4])}, ValueError, "labels runs from 0 to 4; it must lie in 0 to 3"),
        ({"labels": np.array([0, 1, -1])}, ValueError, "labels runs from -1 to 1; it must lie in 0 to 3"),
        ({"probabilities": np.full((3, 5), 0.2)}, ValueError, "probabilities has shape (3, 5) but there are 3 images"),
        ({"probabilities": np.full((3, 4), 2.5)}, ValueError, "probabilities has a row"),
        ({"probabilities": np.array([[2.0, -1, 0, 0]] * 3)}, ValueError, "probabilities has a row"),
        ({"probabilities": np.full((3, 4), np.nan)}, ValueError, "probabilities has a row"),
        ({"count": 0}, ValueError, "predictions: count is 0; it must be a whole number, at least 1"),
        ({"count": 2.5}, ValueError, "predictions: count is 2.5; it must be a whole number, at least 1"),
    ],
)
def test_bad_argument_is_refused_by_name(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        predictions(**page(3, []) | {"names": names(4)} | change)


# Both.


@pytest.mark.slow
@pytest.mark.parametrize(
    "draw",
    [lambda: confusion_matrix(counts(10), names(10)), lambda: predictions(**page(8, [2, 3]), names=names(4))],
)
def test_same_numbers_give_the_same_bytes(draw: Callable[[], Figure], tmp_path: Path) -> None:
    for name in "ab":
        save(draw(), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
