"""Keras' order of layers, and the files of weights alone that depend on it."""

import numpy as np
import pytest

from xnp import models, weights
from xnp.graph import trace
from xnp.layers import ELU, BatchNorm, Conv2D, Dense, MaxPool2D, Parallel, ReLU, Residual, Sequential
from xnp.weights.keras_order import keras_order

# The names that keras.applications gives the layers of Xception that have weights, in its order.
BLOCKS = [f"block{b}_sepconv{k}" for b in range(5, 13) for k in (1, 2, 3)]
XCEPTION = """block1_conv1 block1_conv2 block2_sepconv1 block2_sepconv2 conv2d block3_sepconv1 block3_sepconv2 conv2d_1
    block4_sepconv1 block4_sepconv2 conv2d_2 MIDDLE block13_sepconv1 block13_sepconv2 conv2d_3 block14_sepconv1
    block14_sepconv2 predictions""".replace("MIDDLE", " ".join(BLOCKS)).split()


def named(path):
    """Translate a path of xception into the name of keras.applications."""
    part, *rest = path.split("/")
    if part in ("stem", "classifier"):
        return {"conv1": "block1_conv1", "conv2": "block1_conv2"}.get(rest[0], rest[0]) if rest else "predictions"
    block = int(rest[0]) + {"entry": 1, "middle": 4, "exit": 12}[part]
    if rest[1] == "skip":
        return {2: "conv2d", 3: "conv2d_1", 4: "conv2d_2", 13: "conv2d_3"}[block]
    return f"block{block}_{rest[1].replace('separable', 'sepconv')}"


@pytest.mark.parametrize("fused", [False, True])
def test_the_order_of_xception(fused):
    leaves = keras_order(trace(models.xception()), fused=fused, swapped=frozenset())
    assert [named(leaf.path) for leaf in leaves if not isinstance(leaf, BatchNorm)] == XCEPTION
    norms = [leaf.path for leaf in leaves if isinstance(leaf, BatchNorm)]
    assert norms[:6] == [
        "stem/norm1",
        "stem/norm2",
        "entry/1/norm1",
        "entry/1/norm2",
        "entry/1/skip/norm",
        "entry/2/norm1",
    ]
    assert norms[-5:] == ["exit/1/norm1", "exit/1/norm2", "exit/1/skip/norm", "exit/2/norm1", "exit/2/norm2"]


def order(model, shape=(8, 8, 6), fused=False, swapped=()):
    calls = trace(Sequential(model).build(shape))
    return [leaf.path for leaf in keras_order(calls, fused=fused, swapped=frozenset(swapped))]


def test_the_farthest_comes_first():
    def main():
        return Sequential(a=Conv2D(6, 1), b=Conv2D(6, 1), c=Conv2D(6, 1))

    assert order(Residual(main(), Sequential(d=Conv2D(6, 1), relu=ReLU()))) == ["1/a", "1/b", "1/skip/d", "1/c"]
    assert order(Residual(Sequential(relu=ReLU(), d=Conv2D(6, 1)), main())) == [
        "1/skip/a",
        "1/skip/b",
        "1/d",
        "1/skip/c",
    ]


def test_an_activation_may_be_no_layer():
    model = Residual(Sequential(a=Conv2D(6, 1), b=Conv2D(6, 1)), Sequential(c=Conv2D(6, 1), relu=ReLU()))
    assert order(model) == ["1/a", "1/skip/c", "1/b"]
    model = Residual(Sequential(a=Conv2D(6, 1), b=Conv2D(6, 1)), Sequential(c=Conv2D(6, 1), relu=ReLU()))
    assert order(model, fused=True) == ["1/a", "1/b", "1/skip/c"]


def test_of_two_that_are_equally_far_the_first_operand_comes_first():
    assert order(Residual(Conv2D(6, 1), Sequential(s=Conv2D(6, 1)))) == ["1", "1/skip/s"]
    assert order(Residual(Conv2D(6, 1), Sequential(s=Conv2D(6, 1))), swapped=[3]) == ["1/skip/s", "1"]
    assert order(Parallel(Conv2D(6, 1), Conv2D(6, 1), Conv2D(6, 1))) == ["1/1", "1/2", "1/3"]


# Files


def write(made, kind, shapes):
    """Write a file of weights alone: a list of (class, shapes of its arrays); tensor n is full of n."""
    network = [(name, f"layer{place}", {}, []) for place, (name, _) in enumerate(shapes)]
    tensors, number = {}, 0
    for place, (_, those) in enumerate(shapes):
        tensors[f"layer{place}"] = [np.full(shape, number + i, np.float32) for i, shape in enumerate(those)]
        number += len(those)
    return made.write(kind, tensors, network)


CONV1, CONV3, NORM = ("Conv2D", [(1, 1, 6, 6)]), ("Conv2D", [(3, 3, 6, 6)]), ("BatchNormalization", [(6,)] * 4)


def conv(size):
    return Conv2D(6, size, use_bias=False)


def block(*sizes):
    """Make a block as in a ResNet."""
    main = Sequential(conv=conv(sizes[0]), norm=BatchNorm())
    return Residual(main, Sequential(conv=conv(sizes[1]), norm=BatchNorm()))


@pytest.mark.parametrize("kind", ["old", "weights"])
def test_alike_in_both_ways_is_refused(made, kind):
    model = Sequential(conv(3), block(1, 1)).build((8, 8, 6))
    before = {path: array.copy() for path, array in model.state().items()}
    path = write(made, kind, [CONV3, CONV1, CONV1, NORM, NORM])
    with pytest.raises(ValueError, match=r"may be the model's 2/(conv|norm) or 2/skip/(conv|norm): a file of"):
        weights.load_keras(model, path)
    assert all(np.array_equal(array, before[name]) for name, array in model.state().items())


@pytest.mark.parametrize("kind", ["old", "weights"])
@pytest.mark.parametrize("skip_first", [False, True])
def test_what_differs_tells_the_rest(made, kind, skip_first):
    model = Sequential(block(3, 1)).build((8, 8, 6))
    weights.load_keras(model, write(made, kind, [*([CONV1, CONV3] if skip_first else [CONV3, CONV1]), NORM, NORM]))
    firsts = {path: array.flat[0] for path, array in model.state().items()}
    main, skip = ("1/skip", "1") if skip_first else ("1", "1/skip")
    assert [firsts[f"{main}/conv/kernel"], firsts[f"{skip}/conv/kernel"]] == [0, 1]
    assert [firsts[f"{main}/norm/gamma"], firsts[f"{skip}/norm/gamma"]] == [2, 6]


@pytest.mark.parametrize("kind", ["old", "weights"])
def test_one_block_does_not_speak_for_another(made, kind):
    model = Sequential(block(3, 1), block(1, 1)).build((8, 8, 6))
    path = write(made, kind, [CONV3, CONV1, NORM, NORM, CONV1, CONV1, NORM, NORM])
    with pytest.raises(ValueError, match=r"may be the model's 2/(conv or 2/skip/conv|norm or 2/skip/norm)"):
        weights.load_keras(model, path)


@pytest.mark.parametrize("kind", ["old", "weights"])
def test_an_order_that_hangs_on_activations_is_refused(made, kind):
    main = Sequential(a=conv(1), pool=MaxPool2D(3, 1), b=conv(1))
    skip = Sequential(c=conv(1), relu=ReLU(), elu=ELU(), pool=MaxPool2D(3, 1))
    model = Sequential(Residual(main, skip)).build((8, 8, 6))  # c a b, or a c b if activations are no layers
    with pytest.raises(ValueError, match="a file of weights alone does not tell"):
        weights.load_keras(model, write(made, kind, [CONV1, CONV1, CONV1]))


def test_a_chain_leaves_no_doubt(made):
    model = Sequential(conv(1), ReLU(), conv(1), ELU(), conv(3), BatchNorm()).build((8, 8, 6))
    weights.load_keras(model, write(made, "weights", [CONV1, CONV1, CONV3, NORM]))
    assert [float(array.flat[0]) for array in model.state().values()] == list(range(7))


def test_more_than_ten_layers_are_counted_as_numbers(made):
    model = Sequential(*(conv(1) for _ in range(12))).build((2, 2, 6))
    weights.load_keras(model, write(made, "weights", [CONV1] * 12))
    assert [float(array.flat[0]) for array in model.state().values()] == list(range(12))


def test_other_layers_than_the_files(made):
    model = Sequential(conv(1), conv(3)).build((8, 8, 6))
    with pytest.raises(ValueError, match=r"layers/conv2d/vars/0.*\(3, 3, 6, 6\).* where the model's 1 needs"):
        weights.load_keras(model, write(made, "weights", [CONV3, CONV1]))
    with pytest.raises(ValueError, match=r"the model's 2 needs .*which is missing in the file"):
        weights.load_keras(model, write(made, "weights", [CONV1]))
    with pytest.raises(ValueError, match=r"layers/dense/vars/0, shape \(6, 6\), is an extra tensor"):
        weights.load_keras(model, write(made, "weights", [CONV1, CONV3, ("Dense", [(6, 6)])]))
    dense = Sequential(Dense(6, use_bias=False)).build((6,))
    with pytest.raises(ValueError, match=r"the model's 1 needs \{'kernel': \(6, 6\)\}, which is missing"):
        weights.load_keras(dense, write(made, "weights", [("Conv2D", [(6, 6)])]))  # of another class
    weights.load_keras(Sequential(ReLU()).build((8, 8, 6)), write(made, "old", []))  # nothing for nothing
