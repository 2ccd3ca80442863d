"""The networks as figure 5 has them: layers, sizes and options; and that they run forward and back."""

import re

import numpy as np
import pytest

from xnp import models
from xnp.count import count
from xnp.layers import BatchNorm, Residual
from xnp.ops import softmax_cross_entropy


@pytest.fixture(scope="module")
def xception():
    return models.xception()


@pytest.fixture(scope="module")
def report(xception):
    return count(xception)


def test_the_layers_stand_in_the_order_of_the_figure(xception):
    def kinds(start):
        return " ".join(type(leaf).__name__ for leaf in xception.leaves() if leaf.path.startswith(start))

    conv, separable = "Conv2D BatchNorm ReLU", "SeparableConv2D BatchNorm"
    skip = "Conv2D BatchNorm"
    assert kinds("stem") == f"{conv} {conv}"
    assert kinds("entry/1/") == f"{separable} ReLU {separable} MaxPool2D {skip}"
    for block in ("entry/2/", "entry/3/", "exit/1/"):
        assert kinds(block) == f"ReLU {separable} ReLU {separable} MaxPool2D {skip}"
    for block in range(1, 9):
        assert kinds(f"middle/{block}/") == " ".join([f"ReLU {separable}"] * 3)
    assert kinds("exit/2/") == f"{separable} ReLU {separable} ReLU"
    flows = ("stem", "entry", "middle", "exit")
    end = [type(leaf).__name__ for leaf in xception.leaves() if not leaf.path.startswith(flows)]
    assert end == ["GlobalAveragePool2D", "Dropout", "Dense"]
    assert list(xception.children) == ["stem", "entry", "middle", "exit", "pool", "dropout", "classifier"]


def test_sizes(report):
    sizes = [row.output_shape[0] for row in report.rows if len(row.output_shape) == 3]
    assert all(row.output_shape[0] == row.output_shape[1] for row in report.rows if len(row.output_shape) == 3)
    assert list(dict.fromkeys(sizes)) == [149, 147, 74, 37, 19, 10]
    at = {row.path: row.output_shape for row in report.rows}
    assert [at[path] for path in ("stem/conv1", "stem/conv2")] == [(149, 149, 32), (147, 147, 64)]
    blocks = ["entry/1/add", "entry/2/add", "entry/3/add", "middle/8/add", "exit/1/add", "exit/2/relu2", "pool"]
    expected = [(74, 74, 128), (37, 37, 256), (19, 19, 728), (19, 19, 728), (10, 10, 1024), (10, 10, 2048), (2048,)]
    assert [at[path] for path in blocks] == expected


def test_36_convolutional_layers_in_14_modules_with_12_skips(xception, report):
    with_kernels = [row.path for row in report.rows if row.kind in ("Conv2D", "SeparableConv2D")]
    layers = [path for path in with_kernels if "skip" not in path]
    assert len(layers) == 36
    assert len(with_kernels) - len(layers) == 4
    modules = {re.match(r"stem|\w+/\d+", path)[0] for path in layers}
    assert len(modules) == 14
    residual = {row.path.removesuffix("/add") for row in report.rows if row.kind == "Add"}
    assert modules - residual == {"stem", "exit/2"}  # the first and the last
    blocks = [block for flow in ("entry", "middle", "exit") for block in xception.children[flow].children.values()]
    assert sum(isinstance(block, Residual) and block.skip is None for block in blocks) == 8


def test_every_convolution_is_as_the_paper_has_it(xception):
    for leaf in xception.leaves():
        if hasattr(leaf, "kernel_size"):
            assert not leaf.use_bias
            assert leaf.kernel_size == (1 if "skip" in leaf.path else 3)
            assert leaf.stride == (2 if "skip" in leaf.path or leaf.path == "stem/conv1" else 1)
            assert leaf.padding == ("valid" if "stem" in leaf.path else "same")
            assert (getattr(leaf, "activation", None), getattr(leaf, "depth_multiplier", 1)) == (None, 1)
        elif type(leaf).__name__ == "MaxPool2D":
            assert (leaf.size, leaf.stride, leaf.padding) == (3, 2, "same")


@pytest.mark.parametrize(
    ("make", "momentum"), [(models.xception, 0.99), (models.small_xception, 0.99), (models.tiny_xception, 0.9)]
)
def test_every_batch_norm_of_a_network_is_alike(make, momentum):
    norms = [leaf for leaf in make().leaves() if isinstance(leaf, BatchNorm)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(momentum, 1e-3)}


def test_other_sizes_and_classes():
    assert models.xception((71, 71, 3), classes=7).output_shape == (7,)
    for size, left in ((71, 3), (70, 2)):  # as the docstring says
        at = {row.path: row.output_shape for row in count(models.xception((size, size, 3))).rows}
        assert at["exit/2/relu2"] == (left, left, 2048)
    with pytest.raises(ValueError, match=r"^stem/conv1: conv2d: the kernel covers 3 pixels"):
        models.xception((2, 2, 3))


def test_dropout_stands_before_the_classifier():
    assert [leaf.rate for leaf in models.xception(dropout=0.5).leaves() if hasattr(leaf, "rate")] == [0.5]
    assert [leaf.rate for leaf in models.xception().leaves() if hasattr(leaf, "rate")] == [0.0]
    with pytest.raises(ValueError, match=r"rate is 1\.5; it must be at least 0 and less than 1"):
        models.xception(dropout=1.5)


def test_small_xception_keeps_the_size_in_its_stem():
    model = models.small_xception()
    at = {row.path: row.output_shape for row in count(model).rows}
    ends = ["stem/relu2", "entry/1/add", "entry/2/add", "middle/3/add", "exit/1/add", "exit/2/relu1", "pool"]
    assert [at[path][0] for path in ends] == [32, 16, 8, 8, 4, 4, 512]
    halving = {leaf.path for leaf in model.leaves() if getattr(leaf, "stride", 1) == 2}
    blocks = ("entry/1", "entry/2", "exit/1")
    assert halving == {f"{block}/{name}" for block in blocks for name in ("pool", "skip/conv")}


def test_small_xception_has_the_layers_of_xception_in_fewer_blocks(xception):
    def kinds(model, start):
        return [type(leaf).__name__ for leaf in model.leaves() if leaf.path.startswith(start)]

    small = models.small_xception()
    for start in ("stem", "entry/1/", "entry/2/", "middle/1/", "middle/2/", "middle/3/", "exit/1/"):
        assert kinds(small, start) == kinds(xception, start)
    assert kinds(small, "exit/2/") == ["SeparableConv2D", "BatchNorm", "ReLU"]


def test_tiny_xception_has_every_kind_of_layer_of_the_paper(xception):
    def kinds(model):
        return {row.kind for row in count(model).rows}

    assert kinds(models.tiny_xception()) == kinds(xception) - {"Dropout"}
    flows = [name for name in xception.children if name != "dropout"]
    assert list(models.tiny_xception().children) == flows
    assert list(models.small_xception().children) == flows


@pytest.mark.parametrize("make", [models.small_xception, models.tiny_xception])
def test_the_smaller_ones_take_sizes_classes_seeds_and_dtypes(make):
    model = make((17, 20, 1), classes=3, seed=5, dtype=np.float64)
    x = np.random.default_rng(1).normal(size=(2, 17, 20, 1))
    logits = model.forward(x, training=True)
    assert (logits.shape, logits.dtype) == ((2, 3), np.float64)
    assert model.backward(logits).shape == x.shape
    kernel = model.state()["stem/conv1/kernel"]
    assert not np.array_equal(kernel, make((17, 20, 1), dtype=np.float64).state()["stem/conv1/kernel"])
    np.testing.assert_array_equal(kernel, make((32, 32, 1), seed=5, dtype=np.float64).state()["stem/conv1/kernel"])


@pytest.mark.slow
def test_a_few_steps_on_one_batch_lower_the_loss():
    model = models.tiny_xception(classes=4)
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(8, 32, 32, 3)).astype(np.float32), rng.integers(0, 4, 8)
    losses = []
    for _ in range(6):
        loss, cache = softmax_cross_entropy.forward(model.forward(x, training=True), labels)
        losses.append(float(loss))
        model.backward(softmax_cross_entropy.backward(1.0, cache))
        for path, parameter in model.parameters().items():
            parameter -= 0.1 * model.gradients()[path]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_xception_runs_forward_and_back():
    model = models.xception((71, 71, 3), classes=10, dropout=0.5)
    x = np.random.default_rng(1).normal(size=(2, 71, 71, 3)).astype(np.float32)
    for training in (False, True):
        logits = model.forward(x, training=training)
        assert (logits.shape, logits.dtype) == ((2, 10), np.float32)
        assert np.isfinite(logits).all()
        assert np.isfinite(model.backward(np.ones_like(logits))).all()
    assert all(np.isfinite(gradient).all() and gradient.any() for gradient in model.gradients().values())
