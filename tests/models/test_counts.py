"""What the networks cost: the counts of the paper in all their splits, and that counting makes no array."""

import re
import tracemalloc
from importlib import import_module

import numpy as np
import pytest

from xnp import models
from xnp.count import count
from xnp.layers import Conv2D, Leaf


@pytest.fixture(scope="module")
def report():
    return count(models.xception())


def test_parameters(report):
    assert report.trainable == 22_855_952
    assert report.non_trainable == 54_528
    assert report.trainable + report.non_trainable == 22_910_480  # what Keras lists
    conv = {row.path: row.trainable for row in report.rows if row.kind == "Conv2D"}
    assert sum(conv.values()) == 992_096
    assert conv["stem/conv1"] + conv["stem/conv2"] == 19_296
    assert sum(n for path, n in conv.items() if "skip" in path) == 972_800
    norms = [row for row in report.rows if row.kind == "BatchNorm"]
    assert sum(row.trainable for row in norms) == sum(row.non_trainable for row in norms) == 54_528
    classifier = [row.trainable for row in report.rows if row.kind == "Dense"]
    assert classifier == [2_049_000]
    assert report.trainable - classifier[0] == 20_806_952


def test_the_halves_of_the_separable_convolutions(report):
    leaves = models.xception().leaves()
    sizes = {f"{leaf.path}/{name}": int(np.prod(spec.shape)) for leaf in leaves for name, spec in leaf.specs.items()}
    depthwise = {path: size for path, size in sizes.items() if path.endswith("depthwise")}
    pointwise = {path: size for path, size in sizes.items() if path.endswith("pointwise")}
    assert (sum(depthwise.values()), sum(pointwise.values())) == (207_432, 19_552_896)
    pixels = {row.path: row.output_shape[0] * row.output_shape[1] for row in report.rows if len(row.output_shape) == 3}
    by_half = [
        sum(size * pixels[path.rpartition("/")[0]] for path, size in half.items()) for half in (depthwise, pointwise)
    ]
    assert by_half == [132_190_344, 7_574_141_568]
    assert sum(by_half) == sum(row.macs for row in report.rows if row.kind == "SeparableConv2D")
    assert (round(100 * 207_432 / report.trainable, 1), round(100 * by_half[0] / report.macs, 1)) == (0.9, 1.6)
    assert (round(100 * 19_552_896 / report.trainable, 1), round(100 * by_half[1] / report.macs, 1)) == (85.5, 90.6)


def test_multiply_accumulates(report):
    assert report.macs == report.total == 8_357_403_496
    by_kind = {kind: sum(row.macs for row in report.rows if row.kind == kind) for kind in {r.kind for r in report.rows}}
    counted = {kind: macs for kind, macs in by_kind.items() if macs}
    assert counted == {
        "Conv2D": 649_023_584,
        "SeparableConv2D": 132_190_344 + 7_574_141_568,
        "Dense": 2_048_000,
    }


def test_multiply_accumulates_by_flow(report):
    flows = {"stem": "entry", "entry": "entry", "middle": "middle", "exit": "exit", "classifier": "exit"}
    billions = dict.fromkeys(flows.values(), 0.0)
    for row in report.rows:
        if row.macs:
            billions[flows[row.path.split("/")[0]]] += row.macs / 1e9
    assert {flow: round(n, 3) for flow, n in billions.items()} == {"entry": 2.693, "middle": 4.649, "exit": 1.016}


def test_the_conventions_of_other_lists(report):
    assert count(models.xception(), include=["batch_norm"]).total == 8_399_677_800
    assert count(models.xception(), unit="FLOP").total == 2 * 8_357_403_496
    assert count(models.xception(), unit="FLOP").macs == 8_357_403_496
    normalised = (8_399_677_800 - 8_357_403_496) // 2
    assert round((report.macs + normalised) / 1e9, 3) == 8.379
    with_relu = count(models.xception(), include=["activation"]).total + normalised
    assert round(with_relu / 1e9, 3) == 8.394


def plain(filters, kernel_size, **options):
    """Make the full convolution that a separable one stands for."""
    return Conv2D(filters, kernel_size, **options)


@pytest.mark.parametrize(("make", "ratio"), [(models.xception, 8.23), (models.small_xception, 7.15)])
def test_full_convolutions_would_cost_many_times_as_much(monkeypatch, make, ratio):
    separable = count(make()).macs
    monkeypatch.setattr(import_module("xnp.models.xception"), "SeparableConv2D", plain)
    full = count(make())
    assert not any(row.kind == "SeparableConv2D" for row in full.rows)
    assert round(full.macs / separable, 2) == ratio


def test_counting_allocates_no_weights(monkeypatch):
    def refuse(self, name):
        raise AssertionError(f"{self.path}/{name} was drawn")

    monkeypatch.setattr(Leaf, "array", refuse)
    monkeypatch.setattr(Leaf, "gradient", refuse)
    tracemalloc.start()
    try:
        text = repr(models.xception())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "22,855,952 trainable" in text
    assert peak < 1_000_000  # bytes; the weights alone take 91,000,000


def test_other_sizes_and_classes():
    model = models.xception((71, 71, 3), classes=7)
    assert count(model).trainable == 20_806_952 + 7 * 2049
    assert count(model, (299, 299, 3)).macs == 8_357_403_496 - 2048 * 993


def test_small_xception():
    report = count(models.small_xception())
    assert (report.trainable, report.non_trainable, report.macs) == (1_281_002, 10_176, 131_574_784)


@pytest.mark.parametrize("make", [models.xception, models.small_xception, models.tiny_xception])
def test_the_docstring_states_what_is_counted(make):
    sentence = make.__doc__.partition("\n")[0]
    trainable, macs, size = re.search(r"([\d,]+) trainable.* ([\d,]+) (?:MACs|mul\S+) at (\d+)x\3\.", sentence).groups()
    report = count(make())
    assert (trainable, macs) == (f"{report.trainable:,}", f"{report.macs:,}")
    assert make().input_shape == (int(size), int(size), 3)
