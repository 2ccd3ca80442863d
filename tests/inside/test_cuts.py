"""A model cut in two: the halves are the model, and there is no cut where a number may go another way."""

import re

import numpy as np
import pytest

from xnp import models
from xnp.count import count
from xnp.inside import blocks, cut
from xnp.layers import Conv2D, Dense, GlobalAveragePool2D, Parallel, ReLU, Residual, Sequential

PLACES = ("stem/conv1", "stem", "entry", "entry/1", "middle/1", "middle", "exit/2/norm1", "exit", "pool", "classifier")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("at", PLACES)
def test_the_halves_are_the_model(model, images, at):
    front, back = cut(model, at)
    np.testing.assert_array_equal(back.forward(front.forward(images)), model.forward(images))


def test_the_halves_go_backward_as_the_model_does(model, images):
    front, back = cut(model, "middle/1")
    dy = np.random.default_rng(0).normal(size=model.forward(images).shape)
    dx, gradients = model.backward(dy), {path: g.copy() for path, g in model.gradients().items()}
    np.testing.assert_array_equal(front.backward(back.backward(dy)), dx)
    assert all((gradients[path] == g).all() for path, g in model.gradients().items())


@pytest.mark.parametrize("at", PLACES)
def test_the_halves_can_be_shown_and_counted(model, at):
    front, back = cut(model, at)
    whole, (first, second) = count(model), (count(front), count(back))
    assert [*first.rows, *second.rows] == whole.rows
    assert (front.input_shape, back.output_shape) == (model.input_shape, model.output_shape)
    assert front.output_shape == back.input_shape
    assert (front.dtype, back.dtype) == (model.dtype, model.dtype)
    assert str(first) in repr(front)


def test_a_name_is_not_the_beginning_of_another():
    model = Sequential(*(ReLU() for _ in range(12))).build((4, 4, 2))
    front, back = cut(model, "1")
    assert (len(front.children), len(back.children)) == (1, 11)


def test_blocks_of_the_papers_network():
    names = [block.path for block in blocks(models.xception())]
    middle = [f"middle/{k}" for k in range(1, 9)]
    entry = ["entry/1", "entry/2", "entry/3"]
    assert names == ["stem", *entry, *middle, "exit/1", "exit/2", "pool", "dropout", "classifier"]


def test_blocks_of_other_builds():
    flat = Sequential(conv=Conv2D(4, 3), relu=ReLU(), pool=GlobalAveragePool2D(), top=Dense(2)).build((4, 4, 3))
    assert [block.path for block in blocks(flat)] == ["conv", "relu", "pool", "top"]
    ways = Sequential(a=Sequential(ReLU(), Parallel(ReLU(), ReLU())), b=ReLU()).build((4, 4, 3))
    assert [block.path for block in blocks(ways)] == ["a/1", "a/2", "b"]
    alone = Residual(ReLU()).build((4, 4, 3), path="alone")
    assert [block.path for block in blocks(alone)] == ["alone"]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("entry/1/norm1", "cut: at is 'entry/1/norm1'; only the end of \"entry/1\" is a place that all numbers pass"),
        ("entry/1/skip", "cut: at is 'entry/1/skip'; only the end of \"entry/1\""),
        ("ent", "cut: at is 'ent'; the model has stem, entry/1, middle/1, middle/2, exit/1, exit/2, pool, classifier"),
        ("", "cut: at is ''; the model has stem"),
    ],
)
def test_no_such_place(model, at, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        cut(model, at)


def test_a_model_without_shapes_is_refused():
    with pytest.raises(ValueError, match="cut: the Sequential knows no shapes yet"):
        cut(Sequential(ReLU()), "1")
