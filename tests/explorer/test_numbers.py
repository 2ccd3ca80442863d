"""Clicking through the page: every number that it shows is xnp's, forward and backward."""

import re
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest

from xnp import ops
from xnp.data import example
from xnp.shapes import pad

pytestmark = pytest.mark.slow

OPS = {
    "standard": ops.conv2d,
    "depthwise": ops.depthwise_conv2d,
    "pointwise": ops.pointwise_conv2d,
    "separable": ops.separable_conv2d,
}
CASES = [
    {"operation": "standard"},
    {"operation": "standard", "stride": 2, "padding": "same", "outputs": 4},
    {"operation": "standard", "kernel": 2, "padding": 1, "outputs": 2},
    {"operation": "standard", "kernel": 5, "stride": 3, "padding": "same", "outputs": 16},
    {"operation": "depthwise"},
    {"operation": "depthwise", "kernel": 5, "padding": "same"},
    {"operation": "depthwise", "kernel": 2, "stride": 3, "padding": 1},
    {"operation": "pointwise"},
    {"operation": "pointwise", "stride": 2, "outputs": 4},
    {"operation": "pointwise", "stride": 3, "outputs": 16},
    {"operation": "separable"},
    {"operation": "separable", "stride": 2, "padding": "same", "outputs": 16},
    {"operation": "separable", "kernel": 5, "stride": 2, "padding": 1, "outputs": 2},
    {"operation": "separable", "kernel": 1, "padding": 1, "outputs": 2},
]
LESSON = (Path(__file__).parents[2] / "notebooks" / "02_convolution_backward.py").read_text()
UPSTREAM = np.array(literal_eval(re.search(r"^dy = np\.array\(\s*(\[.+?\]),\s*float", LESSON, re.M | re.S)[1]), float)


class Expected:
    """What xnp computes for one case, with the weights that the page has at hand."""

    def __init__(self, explorer, case):
        self.operation, self.spatial = case["operation"], case["operation"] != "pointwise"
        options = {"stride": case.get("stride", 1)}
        if self.spatial:
            options["padding"] = case.get("padding", "valid")
        kernel, outputs = case.get("kernel", 3), case.get("outputs", 1)
        made = explorer.page.evaluate(
            "([k, o]) => [example.standardKernel(k, o), example.depthwiseKernel(k), example.pointwiseKernel(o)]",
            [kernel, outputs],
        )
        standard, depthwise, pointwise = (np.array(w, float) for w in made)
        self.weights = {
            "standard": [standard],
            "depthwise": [depthwise[..., np.newaxis]],
            "pointwise": [pointwise],
            "separable": [depthwise[..., np.newaxis], pointwise],
        }[self.operation]
        self.x = example.image()
        self.y, self.cache = OPS[self.operation].forward(self.x, *self.weights, **options)
        rows, columns, channels = np.indices(self.y.shape[1:])
        self.dy = UPSTREAM[rows % 6, (columns + channels) % 6][np.newaxis]
        cache = self.cache.depthwise if self.operation == "separable" else self.cache
        self.window = cache.window
        self.h = self.cache.pointwise.x[0] if self.operation == "separable" else None

    def spatial_weights(self, o):
        """(k, k, 3): what each channel's window is multiplied by on its way to output o."""
        w = self.weights[0]
        if self.operation == "standard":
            return w[..., o]
        return w[..., o].reshape(1, 1, 3) if self.operation == "pointwise" else w[..., 0]

    def seen(self, p, q):
        """(k, k, 3): what window (p, q) reads."""
        return self.window.view(pad(self.x, self.window.padding))[0, p, q].transpose(1, 2, 0)

    def places(self, p, q):
        """List the places (i, j) of window (p, q) that lie in the picture, and their pixels."""
        every = [((i, j), self.window.position(p, q, i, j)) for i, j in self.window.offsets()]
        return [(at, (row, column)) for at, (row, column) in every if 0 <= row < 8 and 0 <= column < 8]

    def outside(self, p, q):
        """Mark the places of window (p, q) in the padding: (k, k)."""
        mask = np.ones(self.window.kernel, bool)
        for at, _ in self.places(p, q):
            mask[at] = False
        return mask

    def gradients(self, visited):
        """Send back the output numbers that were visited, and no others: dx, then one gradient for each kernel."""
        dy = np.zeros_like(self.dy)
        for index in visited:
            dy[0, *index] = self.dy[0, *index]
        return [g for g in OPS[self.operation].backward(dy, self.cache) if g is not None]

    def of_kernel(self, dw, o):
        """(k, k, 3): the part of a kernel's gradient that belongs to output o."""
        if self.operation == "standard":
            return dw[..., o]
        return dw[..., o].reshape(1, 1, 3) if self.operation == "pointwise" else dw[..., 0]

    def some(self, seed):
        """Draw output numbers to click, the last one among them."""
        rng = np.random.default_rng(seed)
        drawn = [tuple(int(rng.integers(size)) for size in self.y.shape[1:]) for _ in range(2)]
        return [*drawn, tuple(size - 1 for size in self.y.shape[1:])]


def same(found, wanted):
    """Compare numbers exactly: the example's are whole. NaN stands for an empty cell."""
    np.testing.assert_array_equal(found, wanted)


def press(explorer, p, q, o):
    """Choose output number (p, q, o)."""
    buttons = explorer.page.locator("#channels button:visible")
    if buttons.count():
        buttons.nth(o).click()
    explorer.click(p, q)


def hidden(values, mask):
    """Put NaN where the padding is."""
    return np.where(mask[..., np.newaxis], np.nan, values)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_forward_shows_the_products_and_the_sum_and_fills_in_what_was_visited(explorer, case):
    explorer.choose(**case)
    expected = Expected(explorer, case)
    explorer.page.click("#clear")
    visited = {(0, 0)}
    for p, q, o in expected.some(1):
        press(explorer, p, q, o)
        visited.add((p, q))
        rows = explorer.workings()
        seen, w, mask = expected.seen(p, q), expected.spatial_weights(o), expected.outside(p, q)
        same(rows["seen"], hidden(seen, mask))
        same(rows["w"], w)
        same(rows["products"], hidden(seen * w, mask))
        sums = (seen * w).sum(axis=(0, 1))
        if expected.operation in ("standard", "depthwise"):
            same(rows["sum"].ravel(), sums)
        if expected.operation == "separable":
            same(rows["h"].ravel(), sums)
            same(rows["mix"].ravel(), expected.weights[1][:, o])
            same(rows["mixed"].ravel(), sums * expected.weights[1][:, o])
        y = expected.y[0, ..., o]
        equation = explorer.equation()
        assert equation.startswith(f"y[{p}, {q}, {o}] = "), equation
        assert equation.endswith(f" = {y[p, q]:.0f}"), equation
        shown = explorer.numbers("#output")
        assert set(zip(*np.nonzero(np.isfinite(shown)), strict=True)) == visited
        same(shown[np.isfinite(shown)], y[np.isfinite(shown)])
    explorer.page.click("#all")
    same(explorer.channels("#output", "#channels"), expected.y[0])


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_backward_shows_where_a_gradient_flows_and_adds_up_what_was_sent(explorer, case):
    explorer.choose(**case, direction="backward")
    expected = Expected(explorer, case)
    assert np.abs(expected.dy).max() > 0
    same(explorer.channels("#output", "#channels"), expected.dy[0])
    explorer.page.click("#clear")
    before = (0, 0, expected.y.shape[3] - 1)  # the last channel was shown last
    visited = {before}
    for p, q, o in expected.some(2):
        press(explorer, p, q, o)
        visited |= {(*before[:2], o), (p, q, o)}  # the channel's button is pressed first, at the place before
        before = (p, q, o)
        rows, mask = explorer.workings(), expected.outside(p, q)
        dx, *dws = expected.gradients([(p, q, o)])
        to_input = np.full((*expected.window.kernel, 3), np.nan)
        for at, pixel in expected.places(p, q):
            to_input[at] = dx[0, *pixel]
        same(rows["toInput"], to_input)
        same(rows["toKernel"], expected.of_kernel(dws[0], o))
        same(rows["w"], expected.spatial_weights(o))
        same(rows["seen"], hidden(expected.seen(p, q), mask))
        assert explorer.equation() == f"dy[{p}, {q}, {o}] = {expected.dy[0, p, q, o]:.0f}"
        dx_so_far, *dws_so_far = expected.gradients(visited)
        same(rows["soFar"], expected.of_kernel(dws_so_far[0], o))
        if expected.operation == "separable":
            same(rows["h"].ravel(), expected.h[p, q])
            same(rows["mix"].ravel(), expected.weights[1][:, o])
            same(rows["toMix"].ravel(), dws[1][:, o])
            same(rows["dh"].ravel(), expected.dy[0, p, q, o] * expected.weights[1][:, o])
            same(rows["mixSoFar"].ravel(), dws_so_far[1][:, o])
        same(unframed(explorer, expected), dx_so_far[0])
    explorer.page.click("#all")
    dx, *_ = expected.gradients(np.ndindex(expected.dy.shape[1:]))
    same(unframed(explorer, expected), dx[0])


def unframed(explorer, expected):
    """Read dx in its three channels; its padding must be empty."""
    shown = explorer.channels("#input", "#views")
    ((top, bottom), (left, right)) = expected.window.padding
    assert shown.shape == (top + 8 + bottom, left + 8 + right, 3)
    assert np.isfinite(shown).sum() == 8 * 8 * 3
    return shown[top : top + 8, left : left + 8]


def test_the_picture_and_the_first_kernels_are_the_example(explorer):
    page = explorer.page
    same(page.evaluate("example.image()"), example.image()[0])
    same(page.evaluate("example.depthwiseKernel(3)"), example.depthwise_kernel()[..., 0])
    same(page.evaluate("example.standardKernel(3, 1)"), example.standard_kernel())
    same(page.evaluate("example.pointwiseKernel(1)"), example.pointwise_kernel())
    assert tuple(page.evaluate("example.CHANNELS")) == example.CHANNELS
    for c in range(3):
        page.locator("#views button").nth(1 + c).click()
        same(explorer.numbers("#input"), example.image()[0, ..., c])


def test_all_output_channels_have_kernels_of_their_own(explorer):
    for kernel in (2, 3, 5):
        standard = np.array(explorer.page.evaluate(f"example.standardKernel({kernel}, 16)"))
        assert standard.shape == (kernel, kernel, 3, 16)
        assert len(np.unique(standard.reshape(-1, 16), axis=1).T) == 16
    pointwise = np.array(explorer.page.evaluate("example.pointwiseKernel(16)"))
    assert len(np.unique(pointwise, axis=1).T) == 16


def test_the_numbers_of_the_lessons(explorer):
    assert explorer.equation() == "y[1, 2, 0] = 12 + 12 + 21 = 45"  # lesson 01
    explorer.choose(operation="depthwise")
    assert explorer.workings()["sum"].ravel().tolist() == [12, 12, 21]  # lesson 03
    explorer.choose(operation="separable")
    assert explorer.equation() == "y[1, 2, 0] = 12·1 + 12·2 + 21·(-1) = 15"  # lesson 05
    explorer.choose(operation="pointwise")
    explorer.click(2, 2)
    assert explorer.equation() == "y[2, 2, 0] = 8·1 + 2·2 + 1·(-1) = 11"  # lesson 04
    explorer.choose(direction="backward")
    explorer.page.click("#all")
    assert explorer.numbers("#input")[2, 2] == 6  # lesson 02: dx of the red pixel, dw of the red weight
    assert explorer.workings()["soFar"][1, 0, 0] == 60
