"""A model as a flat list of calls."""

import numpy as np
import pytest

from xnp.graph import trace
from xnp.layers import Conv2D, GlobalAveragePool2D, Layer, Parallel, ReLU, Residual, SeparableConv2D, Sequential


def calls_of(model):
    model.build((4, 6, 3))
    return [
        (c.path, c.what if isinstance(c.what, str) else type(c.what).__name__, c.reads, c.writes) for c in trace(model)
    ]


def test_a_residual_reads_its_input_twice():
    main = Sequential(relu=ReLU(), separable=SeparableConv2D(5, 3))
    model = Sequential(conv=Conv2D(5, 3), block=Residual(main), pool=GlobalAveragePool2D())
    assert calls_of(model) == [
        ("conv", "Conv2D", (0,), 1),
        ("block/relu", "ReLU", (1,), 2),
        ("block/separable", "SeparableConv2D", (2,), 3),
        ("block/add", "add", (3, 1), 4),
        ("pool", "GlobalAveragePool2D", (4,), 5),
    ]


def test_branches_read_the_same_value():
    model = Parallel(ReLU(), Sequential(), Residual(ReLU(), Conv2D(3, 3)))
    assert calls_of(model) == [
        ("1", "ReLU", (0,), 1),
        ("3/skip", "Conv2D", (0,), 2),
        ("3", "ReLU", (0,), 3),
        ("3/add", "add", (3, 2), 4),
        ("concatenate", "concatenate", (1, 0, 4), 5),
    ]


def test_a_call_comes_after_what_it_reads_and_knows_its_shape():
    model = Residual(Sequential(Parallel(ReLU(), Conv2D(2, 1)), Conv2D(3, 3, padding=1))).build((4, 6, 3))
    calls = trace(model)
    assert [call.writes for call in calls] == list(range(1, len(calls) + 1))
    assert all(max(call.reads) < call.writes for call in calls)
    assert [call.shape for call in calls] == [(4, 6, 3), (4, 6, 2), (4, 6, 5), (4, 6, 3), (4, 6, 3)]


def test_nothing_is_no_call():
    assert trace(Sequential(Sequential(), Sequential()).build((2, 2, 1))) == []


def test_what_cannot_be_followed_is_refused():
    class Alien(Layer):
        forward = backward = leaves = rows = None

        def _connect(self, input_shape):
            return input_shape

    with pytest.raises(ValueError, match=r"trace: the Sequential knows no shapes yet; call build\(input_shape\) first"):
        trace(Sequential(ReLU()))
    with pytest.raises(TypeError, match="trace: Alien is neither a Leaf nor one of Sequential, Residual, Parallel"):
        trace(Alien().build((2, 2, 1), dtype=np.float64))


def test_a_container_with_a_forward_of_its_own_is_refused():
    """Its calls would be those of the class that it comes from, and mean something else."""

    class Twice(Sequential):
        def forward(self, x, training=False):
            return 2 * super().forward(x, training)

    class Named(Sequential):
        def __init__(self):
            super().__init__(relu=ReLU())

    with pytest.raises(TypeError, match="trace: 2 is a Twice, a container with a forward of its own"):
        trace(Sequential(ReLU(), Twice(ReLU())).build((2, 2, 1)))
    assert [call.path for call in trace(Named().build((2, 2, 1)))] == ["relu"]
