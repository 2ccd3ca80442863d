"""What a trained network gets right and wrong: by class, and picture by picture.

>>> figure = confusion_matrix(np.array([[3, 1], [0, 4]]), ("cat", "dog"))
>>> [text.get_text() for text in figure.axes[0].texts]
['75', '25', '100']
"""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from matplotlib.patches import Rectangle

from xnp import checks
from xnp.viz import style
from xnp.viz.figure import Figure

# Of a page of pictures, in inches.
COLUMNS = 5
CELL = 1.8  # from one picture to the next
CAPTION = 1.5  # width of the text under a picture
PICTURE = 1.3  # longer side of a picture
HEADING = 0.28
GAP = 0.2  # between two rows

THIN = {"linewidth": 0.8, "color": style.INK}
THICK = {"linewidth": 2.5, "color": style.ATTENTION}


@style.grammar()
def confusion_matrix(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw which classes are taken for which.

    A cell gives the share of its row's images, in percent, that were predicted to be of its column. It is empty where
    there are none. A frame marks the right predictions.

    Parameters
    ----------
    matrix : (K, K) array of integers
        Number of images, by true class (row) and predicted class (column).
    names : sequence of K strings
        The classes. The more and the longer they are, the larger is the figure.

    Returns
    -------
    Figure
        One axes. The text above it gives the accuracy; `alt` also gives each class's share, and the worst mistake.

    Raises
    ------
    TypeError, ValueError
        Counts that are not integers, not square, negative or all zero; another number of names.
    """
    check_matrix(matrix, names)
    K, images, right = len(names), int(matrix.sum()), int(np.trace(matrix))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(max(4.5 / K, 0.42), 1.2)  # of a cell, in inches
    longest = max(style.text_width(name) for name in names)
    slanted = longest > 0.9 * side  # by 45 degrees: then a name is about 0.7 times as high as it is long
    left, top, below = longest + 0.6, 0.85, 0.55 + (0.72 * longest if slanted else 0)
    title = f"Accuracy {100 * right / images:.1f} %: {right:,} of {images:,} images"
    size = (max(left + K * side + style.MARGIN, 4.8), top + K * side + below)
    figure = Figure(figsize=size, alt=f"Confusion matrix. {title}. {in_words(share, names)}")
    how_to_read = "Each row: where the images of one class went, in % (empty: none)"
    style.write(figure, style.MARGIN, style.MARGIN, title, style.LARGE)
    style.write(figure, style.MARGIN, style.MARGIN + 0.25, how_to_read)
    axes = style.place(figure, left, top, K * side, K * side)
    axes.pcolormesh(share, cmap=style.SHARE, vmin=0, vmax=1, edgecolors=style.SETTINGS["grid.color"], linewidth=0.8)
    axes.set(xlabel="predicted class", ylabel="true class", xlim=(0, K), ylim=(K, 0))
    axes.set_xticks(np.arange(K) + 0.5, names)
    axes.set_yticks(np.arange(K) + 0.5, names)
    if slanted:
        for name in axes.get_xticklabels():
            name.set(rotation=45, rotation_mode="anchor", horizontalalignment="right", verticalalignment="center")
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    for row, column in np.argwhere(matrix):
        colour = style.text_on(style.SHARE(share[row, column]))
        axes.text(column + 0.5, row + 0.5, style.percent(share[row, column]), color=colour, ha="center", va="center")
    for i in range(K):
        axes.add_patch(Rectangle((i, i), 1, 1, fill=False, edgecolor=style.INK, clip_on=False))
    return figure


def in_words(share: np.ndarray, names: Sequence[str]) -> str:
    """Say what share of each class is right, and which mistake is the most common.

    >>> in_words(np.array([[0.75, 0.25], [0.0, 1.0]]), ("cat", "dog"))
    'Right: 75 % of cat, 100 % of dog. Most common mistake: 25 % of cat taken for dog.'
    """
    percents = ", ".join(f"{style.percent(share[k, k])} % of {name}" for k, name in enumerate(names))
    wrong = share * ~np.eye(len(names), dtype=bool)
    true, taken = divmod(int(wrong.argmax()), len(names))
    if not wrong[true, taken]:
        return f"Right: {percents}. No mistake."
    worst = f"{style.percent(wrong[true, taken])} % of {names[true]} taken for {names[taken]}"
    return f"Right: {percents}. Most common mistake: {worst}."


@style.grammar()
def predictions(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str], *, count: int = 10
) -> Figure:
    """Show pictures that were predicted right, then pictures that were predicted wrong.

    Of each kind these are the first `count` in the order of the data, or all if there are fewer. Under a picture stand
    its true class, and the predicted class with its probability. A right prediction has a check mark and a thin frame,
    a wrong one a cross and a thick frame.

    Parameters
    ----------
    images : (N, H, W, C) uint8 array
        C is 1 (grey) or 3 (red, green, blue).
    labels : (N,) array of integers
        The true classes, 0 to K - 1.
    probabilities : (N, K) array
        What softmax returns. The predicted class is the most probable one; of equal ones, the first.
    names : sequence of K strings
        The classes.
    count : int
        Pictures of each kind, at most.

    Returns
    -------
    Figure
        One axes a picture, whose label along x is the text under it. `alt` says all these texts.

    Raises
    ------
    TypeError, ValueError
        Arrays that do not belong together, probabilities that do not add up to 1, a count below 1.
    """
    check_predictions(images, labels, probabilities, names, count)
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    kinds = {"Right": np.flatnonzero(right), "Wrong": np.flatnonzero(~right)}
    captions = {
        i: caption(names[labels[i]], names[predicted[i]], probabilities[i, predicted[i]], right[i])
        for found in kinds.values()
        for i in found[:count]
    }
    height, width = PICTURE * np.array(images.shape[1:3]) / max(images.shape[1:3])
    step = height + style.LINE * (max(text.count("\n") for text in captions.values()) + 2) + GAP  # from row to row
    rows = {kind: -(-len(found[:count]) // COLUMNS) for kind, found in kinds.items()}
    top = style.MARGIN
    size = (2 * top + COLUMNS * CELL, 2 * top + len(kinds) * HEADING + sum(rows.values()) * step)
    titles = {kind: heading(kind, len(found), len(images), count) for kind, found in kinds.items()}
    under = {kind: "; ".join(one_line(captions[i]) for i in found[:count]) for kind, found in kinds.items()}
    said = (f"{titles[kind].removesuffix(':')}: {under[kind]}".removesuffix(": ") + "." for kind in kinds)
    figure = Figure(figsize=size, alt=" ".join(said))
    for kind, found in kinds.items():
        style.write(figure, style.MARGIN, top, titles[kind], style.LARGE)
        top += HEADING
        for position, i in enumerate(found[:count]):
            row, column = divmod(position, COLUMNS)
            axes = style.place(figure, style.MARGIN + column * CELL, top + row * step, width, height)
            axes.imshow(images[i], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(captions[i], loc="left")
            axes.spines[:].set(visible=True, **(THIN if right[i] else THICK))
        top += rows[kind] * step
    return figure


def heading(kind: str, found: int, images: int, count: int) -> str:
    """Text above the pictures of one kind."""
    number = f"{found:,}" if found else "none"
    return f"{kind}: {number} of {images:,}" + (f". The first {count:,}:" if found > count else "")


def caption(true: str, predicted: str, probability: float, right: bool) -> str:
    """Text under a picture."""
    mark = "\N{CHECK MARK}" if right else "\N{BALLOT X}"
    answer = f"{mark} predicted: {predicted}, {style.percent(probability)}\xa0%"
    return style.wrap(f"true: {true}", CAPTION) + "\n" + style.wrap(answer, CAPTION)


def one_line(text: str) -> str:
    r"""Write the text under a picture for a reader who cannot see it.

    >>> one_line("true: cat\n\N{BALLOT X} predicted: dog, 60 %")
    'true: cat, predicted: dog, 60 %'
    """
    words = " ".join(text.split())
    return words.replace(" \N{CHECK MARK}", ",").replace(" \N{BALLOT X}", ",")


def check_matrix(matrix: np.ndarray, names: Sequence[str]) -> None:
    """Refuse, by name, what `confusion_matrix` cannot draw."""
    checks.rank("confusion_matrix", "matrix", matrix, "K K")
    checks.shape("confusion_matrix", "matrix", matrix, (len(names),) * 2, f"there are {len(names)} names")
    integers("confusion_matrix", "matrix", matrix)
    if matrix.min() < 0:
        raise ValueError(f"confusion_matrix: matrix holds {matrix.min()}; a count is 0 or more")
    if not matrix.any():
        raise ValueError("confusion_matrix: matrix holds zeros alone; it must count at least one image")


def check_predictions(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str], count: int
) -> None:
    """Refuse, by name, what `predictions` cannot show."""
    checks.rank("predictions", "images", images, "N H W C")
    if images.dtype != np.uint8:
        raise TypeError(f"predictions: images is {images.dtype}; it must be uint8")
    if images.shape[3] not in (1, 3):
        raise ValueError(f"predictions: images has {images.shape[3]} channels; it must have 1 or 3")
    N, K = len(images), len(names)
    checks.shape("predictions", "labels", labels, (N,), f"there are {N} images")
    integers("predictions", "labels", labels)
    if labels.min() < 0 or labels.max() >= K:
        raise ValueError(f"predictions: labels runs from {labels.min()} to {labels.max()}; it must lie in 0 to {K - 1}")
    checks.shape("predictions", "probabilities", probabilities, (N, K), f"there are {N} images and {K} names")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or probabilities.min() < 0:
        raise ValueError(
            "predictions: probabilities has a row that is not >= 0 with a sum of 1; it must come from softmax"
        )
    if not isinstance(count, Integral) or count < 1:
        raise ValueError(f"predictions: count is {count!r}; it must be a whole number, at least 1")


def integers(function: str, name: str, array: np.ndarray) -> None:
    """Refuse an array of anything else."""
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{function}: {name} is {array.dtype}; it must hold integers")
