"""Counting: a network counted by hand, in every convention; the table and its header; refusals by name."""

import re

import pytest

from xnp.count import EXTRAS, count
from xnp.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    Parallel,
    PointwiseConv2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)


def network():
    """Make the 8x8x3 example with something of each kind behind it."""
    return Sequential(
        conv=Conv2D(16, 3),
        norm=BatchNorm(),
        relu=ReLU(),
        sep=SeparableConv2D(8, 3, activation="relu"),
        pool=MaxPool2D(2, 2),
        block=Residual(PointwiseConv2D(8)),
        drop=Dropout(0.5),
        mean=GlobalAveragePool2D(),
        top=Dense(10),
    ).build((8, 8, 3))


# path, kind, input, output, trainable, not trainable, MACs, other operations: by hand
ROWS = [
    ("conv", "Conv2D", (8, 8, 3), (8, 8, 16), 432 + 16, 0, 27_648, {"bias": 1024}),
    ("norm", "BatchNorm", (8, 8, 16), (8, 8, 16), 32, 32, 0, {"batch_norm": 2 * 1024}),
    ("relu", "ReLU", (8, 8, 16), (8, 8, 16), 0, 0, 0, {"activation": 1024}),
    ("sep", "SeparableConv2D", (8, 8, 16), (8, 8, 8), 144 + 128 + 8, 0, 9216 + 8192, {"bias": 512, "activation": 1024}),
    ("pool", "MaxPool2D", (8, 8, 8), (4, 4, 8), 0, 0, 0, {"pool": 128 * 4}),
    ("block", "PointwiseConv2D", (4, 4, 8), (4, 4, 8), 64 + 8, 0, 1024, {"bias": 128}),
    ("block/add", "Add", (4, 4, 8), (4, 4, 8), 0, 0, 0, {"add": 128}),
    ("drop", "Dropout", (4, 4, 8), (4, 4, 8), 0, 0, 0, {"dropout": 128}),  # not there at inference: never counted
    ("mean", "GlobalAveragePool2D", (4, 4, 8), (8,), 0, 0, 0, {"pool": 128 + 8}),
    ("top", "Dense", (8,), (10,), 80 + 10, 0, 80, {"bias": 10}),
]
MACS = 27_648 + 17_408 + 1024 + 80
OTHERS = {"bias": 1674, "batch_norm": 2048, "activation": 2048, "pool": 648, "add": 128}


def test_rows_by_hand():
    assert [tuple(row) for row in count(network()).rows] == ROWS


def test_totals_by_hand():
    report = count(network())
    assert (report.trainable, report.non_trainable) == (922, 32)
    assert report.macs == report.total == MACS == 46_160
    assert report.activations == 3 * 1024 + 512 + 4 * 128 + 8 + 10


def test_trainable_is_what_parameters_gives():
    net, report = network(), count(network())
    assert report.trainable == sum(array.size for array in net.parameters().values())
    assert report.trainable + report.non_trainable == sum(array.size for array in net.state().values())


@pytest.mark.parametrize("unit", ["MAC", "FLOP"])
@pytest.mark.parametrize("include", [[], *([name] for name in EXTRAS), ["add", "bias"], EXTRAS])
def test_every_convention(unit, include):
    report = count(network(), unit=unit, include=include)
    expected = MACS * (2 if unit == "FLOP" else 1) + sum(OTHERS[name] for name in include)
    assert report.total == sum(map(report.operations, report.rows)) == expected
    assert report.macs == MACS


def test_the_8x8x3_example():
    def costs(layer, shape=(8, 8, 3)):
        report = count(layer.build(shape))
        return report.trainable, report.macs

    assert costs(Conv2D(16, 3, use_bias=False)) == (432, 27_648)
    assert costs(DepthwiseConv2D(3, use_bias=False)) == (27, 1_728)
    assert costs(PointwiseConv2D(16, use_bias=False)) == (48, 3_072)
    assert costs(SeparableConv2D(16, 3, use_bias=False)) == (75, 4_800)
    ratio = 27_648 / 4_800
    assert ratio == 5.76 == pytest.approx(1 / (1 / 16 + 1 / 9))
    one = {"padding": "valid", "use_bias": False}  # one output channel: the separable form costs more
    assert (costs(Conv2D(1, 3, **one)), costs(SeparableConv2D(1, 3, **one))) == ((27, 972), (30, 1_080))


def test_other_layers():
    net = Sequential(Parallel(ELU(), AveragePool2D(3, 1)), Flatten()).build((4, 5, 2))
    elu, pool, joined, flat = count(net).rows
    assert elu.elementwise == {"activation": 3 * 40}
    assert pool.elementwise == {"pool": (9 + 1) * 40}
    assert joined[:4] == ("1/concatenate", "Concatenate", (4, 5, 2), (4, 5, 4))
    assert flat[:4] == ("2", "Flatten", (4, 5, 4), (80,))
    assert count(net, include=EXTRAS).total == 120 + 400


# The table


def cells(line):
    return re.split(r"  +", line.strip())


def test_the_table():
    report = count(network())
    lines = str(report).split("\n")
    rules = [k for k, line in enumerate(lines) if set(line) == {"-"}]
    assert rules == [2, 4, 15]
    assert cells(lines[3]) == ["layer", "kind", "output", "parameters", "MACs", "share of MACs"]
    body = [cells(line) for line in lines[5:15]]
    assert body[0] == ["conv", "Conv2D", "8x8x16", "448", "27,648", "59.9 %"]
    assert body[1] == ["norm", "BatchNorm", "8x8x16", "64", "0", "0.0 %"]
    assert body[6] == ["block/add", "Add", "4x4x8", "0", "0", "0.0 %"]
    assert body[9] == ["top", "Dense", "10", "90", "80", "0.2 %"]
    assert [line[0] for line in body] == [row[0] for row in ROWS]
    assert cells(lines[16]) == ["total", "954", "46,160", "100.0 %"]
    assert lines[17:] == ["parameters: 922 trainable, 32 not (moving statistics)"]
    assert len({len(line) for line in lines[2:17]}) == 1  # all columns end at one place


def test_repr_of_a_model_is_the_table():
    assert repr(network()) == str(count(network()))


def test_the_table_follows_the_convention():
    lines = str(count(network(), unit="FLOP", include=["batch_norm", "add"])).split("\n")
    assert cells(lines[3])[4:] == ["FLOPs", "share of FLOPs"]
    assert cells(lines[5])[4:] == ["55,296", "58.5 %"]
    assert cells(lines[6])[4:] == ["2,048", "2.2 %"]
    assert cells(lines[16])[2] == f"{2 * MACS + 2048 + 128:,}"


MAC, FLOP = "MAC = 1 multiply-accumulate", "FLOP = 1 operation, a multiply-accumulate is 2"
ALL = "of convolutions and dense layers"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, f"{MAC}\nMACs: {ALL}, not of bias, batch_norm, activation, pool, add; parameters: all"),
        (
            {"unit": "FLOP"},
            f"{FLOP}\nFLOPs: {ALL}, not of bias, batch_norm, activation, pool, add; parameters: all",
        ),
        (
            {"include": ("pool", "batch_norm")},
            f"{MAC}\nMACs: {ALL} + batch_norm + pool, not of bias, activation, add; parameters: all",
        ),
        (
            {"unit": "FLOP", "include": EXTRAS},
            f"{FLOP}\nFLOPs: {ALL} + bias + batch_norm + activation + pool + add; parameters: all",
        ),
    ],
)
def test_the_header_states_the_convention(options, expected):
    report = count(network(), **options)
    assert report.convention() == f"one image of 8x8x3; {expected}"
    assert str(report).startswith(f"Counted for one image of 8x8x3; {expected}\n-----")


def test_a_network_without_arithmetic_has_a_table():
    assert cells(repr(Flatten().build((2, 3, 4))).split("\n")[-2]) == ["total", "0", "0", "100.0 %"]


# Another input


def test_another_size_of_image():
    net = network()
    report = count(net, (16, 24, 3))
    pixels = 16 * 24 // 64
    assert report.macs == (MACS - 80) * pixels + 80
    assert (report.trainable, report.input_shape) == (922, (16, 24, 3))
    assert report.convention().startswith("one image of 16x24x3;")
    assert report.rows[0].output_shape == (16, 24, 16)
    assert count(net).macs == MACS
    assert (net.input_shape, net.output_shape) == ((8, 8, 3), (10,))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 8, 4), "conv: kernel has shape (3, 3, 3, 16) but an input of (8, 8, 4) asks for (3, 3, 4, 16)"),
        ((8, 8), "conv: Conv2D takes (H, W, C) for one image but gets (8, 8)"),
    ],
)
def test_an_input_that_the_arrays_do_not_fit_is_refused(shape, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        count(network(), shape)


def test_a_flattened_image_of_another_size_is_refused():
    net = Sequential(flat=Flatten(), top=Dense(2)).build((4, 4, 3))
    with pytest.raises(
        ValueError, match=r"^top: kernel has shape \(48, 2\) but an input of \(75,\) asks for \(75, 2\)$"
    ):
        count(net, (5, 5, 3))


# Misuse


def test_a_model_that_is_not_built_is_refused():
    with pytest.raises(
        ValueError, match=r"^count: the model knows no shapes yet; call model\.build\(input_shape\) first$"
    ):
        count(Dense(2))


def test_an_unknown_unit_or_extra_is_refused():
    with pytest.raises(ValueError, match=r"^count: unit is 'FLOPS'; it must be \"MAC\" or \"FLOP\"$"):
        count(network(), unit="FLOPS")
    with pytest.raises(ValueError, match=r"^count: include has 'relu', 'norm'; known are bias, batch_norm, activation"):
        count(network(), include=["relu", "add", "norm"])
