"""Figure 5, drawn from the model: every layer and every size stands there, and nothing else."""

from collections import Counter
from collections.abc import Callable

import pytest

from xnp import models
from xnp.layers import (
    BatchNorm,
    Conv2D,
    Flatten,
    MaxPool2D,
    Parallel,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)
from xnp.viz import architecture
from xnp.viz.architecture import parts, split
from xnp.viz.layers import words

MODELS = {"xception": models.xception, "small": models.small_xception, "tiny": models.tiny_xception}


def written(model: Sequential) -> Counter[str]:
    return Counter(text.get_text() for text in architecture(model).axes[0].texts)


def test_sizes_of_figure_5():
    texts = written(models.xception())
    for size in ("299x299x3", "149x149x32", "147x147x64", "74x74x128", "37x37x256", "10x10x1024", "10x10x2048", "2048"):
        assert texts[size] == 1
    assert texts["19x19x728"] == 5  # behind the last pool, and twice at each border between two flows
    assert texts["× 8"] == 1


def test_layers_of_figure_5():
    texts = written(models.xception())
    assert texts["conv 3x3, 32, stride 2, valid · BN"] == texts["conv 3x3, 64, valid · BN"] == 1
    assert texts["separable 3x3, 728 · BN"] == 2 + 3 + 1
    assert texts["max pool 3x3, stride 2"] == 4
    assert [texts[f"conv 1x1, {C}\nstride 2 · BN"] for C in (128, 256, 728, 1024)] == [1, 1, 1, 1]
    assert texts["dense, 1000"] == texts["1000"] == texts["global average pool"] == texts["dropout 0"] == 1


@pytest.mark.parametrize("name", MODELS)
def test_no_layer_is_lost(name: str) -> None:
    model = MODELS[name]()
    drawn = Counter()
    for part in (part for flow in split(model) for part in parts(flow)):
        for box in [*part.boxes, *(part.skip or [])]:
            drawn[box.text.removesuffix(" · BN")] += part.times
            drawn["BN"] += part.times * box.text.endswith(" · BN")
    assert drawn == Counter(words(leaf) for leaf in model.leaves())


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_everything_fits_a_notebook(name: str, look: Callable) -> None:
    figure = architecture(MODELS[name]())
    look(figure)
    assert figure.get_size_inches()[0] < 11


def test_blocks_that_differ_are_drawn_apart():
    def block(stride: int, width: int = 4) -> Residual:
        return Residual(SeparableConv2D(4, 3, stride=stride), Conv2D(width, 1, stride=stride))

    model = Sequential(stem=Conv2D(4, 3), middle=Sequential(block(1), block(1), block(2), block(1)), exit=Flatten())
    assert [part.times for part in parts(split(model.build((8, 8, 3)))[1])] == [2, 1, 1]


def test_totals_and_alternative_text():
    figure = architecture(models.tiny_xception())
    assert "86,106 trainable parameters, 6,493,760 multiply-accumulates" in figure.alt
    assert figure.alt.startswith("Architecture in three flows, from 32x32x3 to 10: entry flow: conv 3x3, 16 · BN, ReLU")
    assert "2 blocks (ReLU, separable 3x3, 64 · BN, ReLU, separable 3x3, 64 · BN) beside the identity" in figure.alt


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r'^architecture: model has the children .*; among them must be "middle"'):
        architecture(Sequential(stem=Conv2D(4, 3), exit=Flatten()).build((8, 8, 3)))
    with pytest.raises(ValueError, match=r"^architecture: the middle flow of model holds no operation"):
        architecture(Sequential(stem=Conv2D(4, 3), middle=Sequential(), exit=Flatten()).build((8, 8, 3)))
    with pytest.raises(ValueError, match=r"^architecture: model knows no shapes yet"):
        architecture(Sequential(stem=Conv2D(4, 3), middle=ReLU(), exit=MaxPool2D()))
    towers = Sequential(stem=BatchNorm(), middle=Parallel(ReLU(), ReLU()), exit=Flatten()).build((8, 8, 3))
    with pytest.raises(ValueError, match=r"^architecture: middle is a Parallel; a flow must hold operations"):
        architecture(towers)
