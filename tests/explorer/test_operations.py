"""The page's own arithmetic against xnp's, on random numbers: it computes, it does not look up."""

import numpy as np
import pytest

from xnp import ops

pytestmark = pytest.mark.slow

OPTIONS = [(k, s, p) for k in (1, 2, 3, 5) for s in (1, 2, 3) for p in ("valid", "same", 1, 2)]

SCRIPT = """([operation, x, weights, dy, options]) => {
    const {y, cache} = operations[operation].forward(x, ...weights, options);
    return {y, ...operations[operation].backward(dy, cache)};
}"""


def on_page(explorer, operation, x, weights, dy, options):
    """Run forward and backward in the page. There images have no axis N, and depthwise kernels no axis m."""
    without_m = [w[..., 0] if operation in ("depthwise", "separable") and w.ndim == 4 else w for w in weights]
    arrays = [x[0].tolist(), [w.tolist() for w in without_m], dy[0].tolist()]
    answer = explorer.page.evaluate(SCRIPT, [operation, *arrays, options])
    return [np.array(value) for value in answer.values()]


def agree(found, y, gradients):
    """Compare y and all gradients."""
    for mine, theirs in zip(found, [y, *(g for g in gradients if g is not None)], strict=True):
        np.testing.assert_allclose(mine, theirs.reshape(mine.shape), rtol=1e-12, atol=1e-12)
        assert mine.size == theirs.size


@pytest.mark.parametrize("operation", ["standard", "depthwise", "separable"])
def test_spatial_operations_agree_with_xnp_forward_and_backward(explorer, operation):
    op = {"standard": ops.conv2d, "depthwise": ops.depthwise_conv2d, "separable": ops.separable_conv2d}[operation]
    for seed, (kernel, stride, padding) in enumerate(OPTIONS):
        rng = np.random.default_rng(seed)
        H, W, C, O = 5 + seed % 4, 5 + seed % 3, 1 + seed % 3, 1 + seed % 5
        x = rng.standard_normal((1, H, W, C))
        weights = {
            "standard": [(kernel, kernel, C, O)],
            "depthwise": [(kernel, kernel, C, 1)],
            "separable": [(kernel, kernel, C, 1), (C, O)],
        }[operation]
        weights = [rng.standard_normal(shape) for shape in weights]
        y, cache = op.forward(x, *weights, stride=stride, padding=padding)
        dy = rng.standard_normal(y.shape)
        found = on_page(explorer, operation, x, weights, dy, {"stride": stride, "padding": padding})
        agree(found, y, op.backward(dy, cache))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pointwise_agrees_with_xnp_forward_and_backward(explorer, stride):
    rng = np.random.default_rng(stride)
    x, w = rng.standard_normal((1, 7, 8, 3)), rng.standard_normal((3, 4))
    y, cache = ops.pointwise_conv2d.forward(x, w, stride=stride)
    dy = rng.standard_normal(y.shape)
    found = on_page(explorer, "pointwise", x, [w], dy, {"stride": stride})
    agree(found, y, ops.pointwise_conv2d.backward(dy, cache))
