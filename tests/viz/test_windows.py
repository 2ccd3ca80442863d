"""The stepping view tells the truth: its products, sums and outputs are those of the operations."""

import numpy as np
import pytest

from xnp import ops
from xnp.data import example
from xnp.viz import windows
from xnp.viz.panels import number

X, W = example.image(), example.depthwise_kernel()


def cells(axes):
    return {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts if t.get_text()}


def by_title(figure, beginning):
    return [axes for axes in figure.axes if axes.get_title(loc="left").startswith(beginning)]


def test_one_window_of_a_standard_convolution():
    figure = windows.convolution_step(X, W, (1, 2), names=example.CHANNELS)
    y, _ = ops.conv2d.forward(X, W, padding="valid")
    for c, axes in enumerate(by_title(figure, "products")):
        made = X[0, 1:4, 2:5, c] * W[..., c, 0]
        assert cells(axes) == {place: number(value) for place, value in np.ndenumerate(made)}
    (output,) = by_title(figure, "y")
    done = {(p, q): number(y[0, p, q, 0]) for p in range(2) for q in range(6) if (p, q) <= (1, 2)}
    assert cells(output) == done
    assert "y[1, 2, 0] = 12 + 12 + 21 = 45" in [text.get_text() for text in figure.texts]
    assert "12 + 12 + 21 = 45" in figure.alt


def test_one_window_of_a_depthwise_convolution_keeps_the_sums_apart():
    figure = windows.depthwise_step(X, W, (1, 2))
    y, _ = ops.depthwise_conv2d.forward(X, W, padding="valid")
    outputs = by_title(figure, "y")
    assert len(outputs) == 3
    for c, axes in enumerate(outputs):
        assert cells(axes)[1, 2] == number(y[0, 1, 2, c])
    assert "12, 12, 21" in figure.alt


def test_with_padding_and_stride_the_window_stands_where_the_operation_reads():
    figure = windows.convolution_step(X, W, (0, 3), stride=2, padding="same")
    window = next(p for p in by_title(figure, "x")[0].patches if not p.get_fill())
    assert (window.get_y(), window.get_x()) == (0, 6)  # "same" pads 8 pixels at the right, for stride 2
    y, _ = ops.conv2d.forward(X, W, stride=2, padding="same")
    assert cells(by_title(figure, "y")[0])[0, 3] == number(y[0, 0, 3, 0])


def test_sliding_visits_every_window():
    small, kernel = X[:, :4, :5, :1], W[:, :, :1]
    moving = windows.sliding(windows.depthwise_step, small, kernel)
    titles = [figure.texts[0].get_text() for figure in moving.figures]
    assert [title.split(" =")[0] for title in titles] == [f"y[{p}, {q}]" for p in range(2) for q in range(3)]
    assert "6 positions" in moving.alt


@pytest.mark.parametrize(
    ("x", "w", "at", "words"),
    [
        (X[0], W, (0, 0), "x has shape"),
        (np.concatenate([X, X]), W, (0, 0), "x has shape"),
        (X, W[:, :, :2], (0, 0), "w has shape"),
        (X, W, (6, 0), "at is"),
        (X, W, (0, -1), "at is"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(x, w, at, words):
    with pytest.raises(ValueError, match=words):
        windows.convolution_step(x, w, at)
