"""Two models are the same network, or the error says where they part."""

import numpy as np
import pytest

from xnp import models
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
    GroupedConv2D,
    MaxPool2D,
    Parallel,
    PointwiseConv2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
    Softmax,
    ZeroPadding2D,
)
from xnp.weights.same_network import same_network


def built(*layers, shape=(8, 8, 6)):
    return Sequential(*layers).build(shape)


def paths(model, other):
    return {a.path: b.path for a, b in same_network(model, other).items() if a.specs}


@pytest.mark.parametrize("make", [models.tiny_xception, models.small_xception, models.xception])
def test_a_network_is_itself(make):
    assert all(a == b for a, b in paths(make(), make()).items())
    assert len(paths(make(), make())) == sum(bool(leaf.specs) for leaf in make().leaves())


SAME = {
    "nesting": ([Sequential(Conv2D(2, 1)), ReLU()], [Conv2D(2, 1), Sequential(Sequential(ReLU()))]),
    "dropout": ([Conv2D(2, 1), Dropout(0.5), ReLU()], [Dropout(0.1), Conv2D(2, 1), ReLU(), Dropout(0.2)]),
    "softmax": ([Flatten(), Dense(3), Softmax()], [Flatten(), Dense(3), Dropout(0.1)]),
    "pointwise": ([PointwiseConv2D(3, stride=2)], [Conv2D(3, 1, stride=(2, 2))]),
    "padding of 1x1": ([Conv2D(3, 1, padding="valid")], [Conv2D(3, 1, padding=0)]),
    "padding in numbers": ([Conv2D(3, 3, padding=1), MaxPool2D(3, 1)], [Conv2D(3, 3), MaxPool2D((3, 3), 1, padding=1)]),
    "zero padding": ([ZeroPadding2D(1)], [ZeroPadding2D(((1, 1), (1, 1)))]),
    "eps in float32": ([BatchNorm(eps=0.001)], [BatchNorm(0.5, eps=float(np.float32(0.001)))]),
    "operands": ([Residual(Conv2D(3, 3), Conv2D(3, 1))], [Residual(Conv2D(3, 1), Conv2D(3, 3))]),
    "identity": ([Residual(Conv2D(6, 3))], [Residual(Sequential(), Conv2D(6, 3))]),
    "nothing": ([], [Sequential()]),
}


@pytest.mark.parametrize("name", SAME)
def test_two_ways_to_say_one_network(name):
    first, second = SAME[name]
    model, other = built(*first), built(*second)
    pairs = same_network(model, other)
    assert {id(leaf) for leaf in pairs.values() if leaf.specs} == {id(leaf) for leaf in model.leaves() if leaf.specs}
    for theirs, ours in pairs.items():
        assert [int(np.prod(s.shape)) for s in theirs.specs.values()] == [
            int(np.prod(s.shape)) for s in ours.specs.values()
        ]


def test_operands_that_are_the_other_way_round_are_paired_by_what_they_are():
    model = built(
        Residual(Conv2D(6, 3, stride=2), MaxPool2D(3, 2)), Residual(Conv2D(6, 3), Sequential(conv=Conv2D(6, 1)))
    )
    other = built(
        Residual(MaxPool2D(3, 2), Conv2D(6, 3, stride=2)), Residual(Conv2D(6, 1), Sequential(conv=Conv2D(6, 3)))
    )
    assert paths(model, other) == {"1/skip": "1", "2": "2/skip/conv", "2/skip/conv": "2"}


DIFFERENT = {
    "stride": ([Conv2D(3, 3, stride=2)], [Conv2D(3, 3)], "1: Conv2D"),
    "filters": ([Conv2D(3, 3), Conv2D(4, 1)], [Conv2D(3, 3), Conv2D(5, 1)], "2: Conv2D, kernel (1, 1, 3, 4)"),
    "bias": ([Conv2D(3, 3)], [Conv2D(3, 3, use_bias=False)], "1: Conv2D"),
    "padding": ([Conv2D(3, 3)], [Conv2D(3, 3, padding="valid")], "1: Conv2D"),
    "dilation": ([Conv2D(3, 3, dilation=2)], [Conv2D(3, 3)], "1: Conv2D"),
    "groups": ([GroupedConv2D(6, 3, groups=2)], [GroupedConv2D(6, 3, groups=3)], "1: GroupedConv2D"),
    "depthwise": ([DepthwiseConv2D(3)], [SeparableConv2D(6, 3)], "1: DepthwiseConv2D"),
    "between the halves": ([SeparableConv2D(6, 3)], [SeparableConv2D(6, 3, activation="relu")], "1: SeparableConv2D"),
    "eps": ([BatchNorm(eps=1e-3)], [BatchNorm(eps=1e-5)], "1: BatchNorm"),
    "pool": ([MaxPool2D(2, 2)], [AveragePool2D(2, 2)], "1: MaxPool2D"),
    "size": ([MaxPool2D(2, 2)], [MaxPool2D(3, 2)], "1: MaxPool2D"),
    "activation": ([Conv2D(3, 3), ReLU()], [Conv2D(3, 3), ELU()], "2: ReLU; the file has 2: ELU, alpha 1.0"),
    "alpha": ([ELU(0.5)], [ELU(1.0)], "1: ELU, alpha 0.5"),
    "one more": ([Conv2D(3, 3)], [Conv2D(3, 3), ReLU()], "the model has nothing; the file has 2: ReLU"),
    "one less": ([Conv2D(3, 3), ReLU()], [Conv2D(3, 3)], "the model has 2: ReLU; the file has nothing"),
    "order": ([ReLU(), BatchNorm()], [BatchNorm(), ReLU()], "the model has 1: ReLU; the file has 1: BatchNorm"),
    "joined": ([Parallel(ReLU(), ELU())], [Parallel(ELU(), ReLU())], "1/concatenate: concatenate"),
    "skip": ([Residual(Conv2D(6, 3))], [Residual(Conv2D(6, 3), ReLU())], "1/add: add"),
    "softmax inside": ([Flatten(), Softmax(), Dense(3)], [Flatten(), Dense(3)], "2: Softmax"),
    "another pool": ([GlobalAveragePool2D()], [Flatten()], "1: GlobalAveragePool2D"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_first_difference_is_named(name):
    first, second, words = DIFFERENT[name]
    with pytest.raises(ValueError, match="the file describes another network; where they differ first") as error:
        same_network(built(*first), built(*second))
    assert words in str(error.value)


def test_one_layer_read_twice_is_not_two_layers():
    once = built(Conv2D(4, 3), Residual(ReLU()))
    twice = built(Residual(Sequential(a=Conv2D(4, 3), relu=ReLU()), Conv2D(4, 3)))
    with pytest.raises(ValueError, match="two layers"):
        same_network(once, twice)
    with pytest.raises(ValueError, match="two layers"):
        same_network(twice, once)
