"""The conventions of other tools: each part and figure of a small network by hand, and the words for them."""

import re

import pytest

from xnp import models
from xnp.conventions import CONVENTIONS, PARTS, amounts, tables
from xnp.count import count
from xnp.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePool2D,
    MaxPool2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)


def network():
    """Make the 8x8x3 example with what Xception has behind it."""
    return Sequential(
        conv=Conv2D(16, 3, use_bias=False),
        norm=BatchNorm(),
        relu=ReLU(),
        pool=MaxPool2D(3, 2),
        block=Residual(SeparableConv2D(16, 3)),
        mean=GlobalAveragePool2D(),
        drop=Dropout(0.5),
        top=Dense(10),
    ).build((8, 8, 3))


BY_HAND = {
    "trained": 432 + 32 + (144 + 256 + 16) + 170,
    "moving": 32,
    "MACs": 27_648 + (144 + 256) * 16 + 160,
    "bias": 16 * 16 + 10,
    "batch norm": 2 * 64 * 16,
    "gamma/beta": 2 * 16,
    "ReLU": 64 * 16,
    "max pool": 64 * 16,
    "global pool": 16 * 16,
}


def test_the_parts_by_hand():
    assert amounts(count(network())) == BY_HAND
    assert amounts(count(network(), unit="FLOP", include=["bias"])) == BY_HAND  # the report's own convention is nothing


def test_the_figures_by_hand():
    figures = {(one.tool, one.says): one.figure(BY_HAND) for one in CONVENTIONS}
    assert figures == {
        ("Keras", "Total params"): 1082,
        ("Keras", "Trainable params"): 1050,
        ("Keras", "Non-trainable params"): 32,
        ("torchinfo", "Total params"): 1050,
        ("xnp", "MACs"): 34_208,
        ("ptflops, backend aten", "MACs"): 34_208 + 266,
        ("torchinfo", "mult-adds"): 34_208 + 266 + 32,
        ("fvcore", "flops"): 34_208 + 2048 + 256,
        ("ptflops", "MACs"): 34_208 + 266 + 2048 + 2 * (1024 + 1024 + 256),
        ("PyTorch FlopCounterMode", "FLOP"): 68_416,
    }


def test_every_part_is_used():
    assert {name for one in CONVENTIONS for name in one.weights} == {part.name for part in PARTS}


def test_another_size_of_image():
    found = amounts(count(network(), (16, 24, 3)))
    assert found["max pool"] == 16 * 24 * 16
    assert (found["trained"], found["gamma/beta"]) == (1050, 32)


def test_the_tables():
    parts, figures = tables(count(models.xception()))
    assert parts.rows[2] == ("MACs", "8,357,403,496", "multiply-accumulates of convolutions and dense layers")
    assert figures.rows[6] == ("torchinfo", "mult-adds", "MAC", "8,357,459,024", "MACs + bias + gamma/beta")
    assert figures.rows[9] == ("PyTorch FlopCounterMode", "FLOP", "FLOP", "16,714,806,992", "2 MACs")
    assert [row[2] for row in figures.rows[:4]] == ["number"] * 4


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (ELU(), "ELU; how other tools count it is not known here. Known are Conv2D, SeparableConv2D, BatchNorm,"),
        (SeparableConv2D(4, 3, activation="relu"), "SeparableConv2D with an activation inside; how other tools"),
    ],
)
def test_a_layer_that_xception_does_not_have_is_refused(layer, said):
    report = count(Sequential(odd=layer).build((8, 8, 3)))
    with pytest.raises(ValueError, match="^" + re.escape(f"conventions: odd is a layer of kind {said}")):
        amounts(report)
    with pytest.raises(ValueError, match=r"^conventions: odd is a layer of kind "):
        tables(report)
