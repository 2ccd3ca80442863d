"""Where every array of the networks sits, and its shape.

FIGURE_5 is written from the paper's figure, line by line. All paths and shapes follow from it by a rule that shares no
code with the library; and some are written out, so that the rule cannot be wrong in the same way.
"""

import re

import pytest

from xnp import models

# A line is a layer with a kernel and the batch norm behind it: path, channels in, channels out.
MIDDLE = "\n".join(f"middle/{block}/separable{k} 728 728" for block in range(1, 9) for k in (1, 2, 3))
FIGURE_5 = f"""
    stem/conv1            3   32
    stem/conv2           32   64
    entry/1/separable1   64  128
    entry/1/separable2  128  128
    entry/1/skip/conv    64  128
    entry/2/separable1  128  256
    entry/2/separable2  256  256
    entry/2/skip/conv   128  256
    entry/3/separable1  256  728
    entry/3/separable2  728  728
    entry/3/skip/conv   256  728
    {MIDDLE}
    exit/1/separable1   728  728
    exit/1/separable2   728 1024
    exit/1/skip/conv    728 1024
    exit/2/separable1  1024 1536
    exit/2/separable2  1536 2048
"""

SMALL = """
    stem/conv1            3   32
    stem/conv2           32   64
    entry/1/separable1   64  128
    entry/1/separable2  128  128
    entry/1/skip/conv    64  128
    entry/2/separable1  128  256
    entry/2/separable2  256  256
    entry/2/skip/conv   128  256
    middle/1/separable1 256  256
    middle/1/separable2 256  256
    middle/1/separable3 256  256
    middle/2/separable1 256  256
    middle/2/separable2 256  256
    middle/2/separable3 256  256
    middle/3/separable1 256  256
    middle/3/separable2 256  256
    middle/3/separable3 256  256
    exit/1/separable1   256  256
    exit/1/separable2   256  384
    exit/1/skip/conv    256  384
    exit/2/separable1   384  512
"""

SOME = {  # of the paper's network
    "stem/conv1/kernel": (3, 3, 3, 32),
    "stem/norm1/gamma": (32,),
    "stem/norm1/beta": (32,),
    "stem/norm1/moving_mean": (32,),
    "stem/norm1/moving_variance": (32,),
    "stem/conv2/kernel": (3, 3, 32, 64),
    "stem/norm2/moving_variance": (64,),
    "entry/1/separable1/depthwise": (3, 3, 64, 1),
    "entry/1/separable1/pointwise": (64, 128),
    "entry/1/norm1/gamma": (128,),
    "entry/1/skip/conv/kernel": (1, 1, 64, 128),
    "entry/1/skip/norm/gamma": (128,),
    "entry/2/separable1/depthwise": (3, 3, 128, 1),
    "entry/2/separable1/pointwise": (128, 256),
    "entry/2/norm1/moving_mean": (256,),
    "entry/2/skip/conv/kernel": (1, 1, 128, 256),
    "entry/3/separable2/pointwise": (728, 728),
    "entry/3/norm2/beta": (728,),
    "entry/3/skip/norm/moving_variance": (728,),
    "middle/1/separable1/depthwise": (3, 3, 728, 1),
    "middle/1/norm3/gamma": (728,),
    "middle/3/separable2/pointwise": (728, 728),
    "middle/8/separable3/pointwise": (728, 728),
    "middle/8/norm3/moving_variance": (728,),
    "exit/1/separable1/pointwise": (728, 728),
    "exit/1/separable2/pointwise": (728, 1024),
    "exit/1/skip/conv/kernel": (1, 1, 728, 1024),
    "exit/1/skip/norm/beta": (1024,),
    "exit/2/separable1/pointwise": (1024, 1536),
    "exit/2/separable2/depthwise": (3, 3, 1536, 1),
    "exit/2/norm2/gamma": (2048,),
    "classifier/kernel": (2048, 1000),
    "classifier/bias": (1000,),
}


def paths_and_shapes(figure, classes):
    """Write out the state of a network: path -> shape."""
    state = {}
    for line in figure.split("\n"):
        if not line.strip():
            continue
        path, before, after = line.split()
        before, after = int(before), int(after)
        if "separable" in path:
            state |= {f"{path}/depthwise": (3, 3, before, 1), f"{path}/pointwise": (before, after)}
        elif "skip" in path:
            state |= {f"{path}/kernel": (1, 1, before, after)}
        else:
            state |= {f"{path}/kernel": (3, 3, before, after)}
        norm = re.sub("separable|conv", "norm", path)
        state |= {f"{norm}/{name}": (after,) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    return state | {"classifier/kernel": (after, classes), "classifier/bias": (classes,)}


def named(model):
    """Return path -> shape of all arrays, without drawing them."""
    return {f"{leaf.path}/{name}": spec.shape for leaf in model.leaves() for name, spec in leaf.specs.items()}


@pytest.mark.parametrize(
    ("make", "figure", "classes"), [(models.xception, FIGURE_5, 1000), (models.small_xception, SMALL, 10)]
)
def test_all_paths_and_shapes_in_their_order(make, figure, classes):
    assert list(named(make()).items()) == list(paths_and_shapes(figure, classes).items())


def test_the_rule_itself():
    expected = paths_and_shapes(FIGURE_5, classes=1000)
    assert len(expected) == 2 + 34 * 2 + 4 + 40 * 4 + 2  # stem, separable, skips, batch norms, classifier
    assert expected | SOME == expected


def test_the_state_has_these_paths_and_shapes():
    state = models.xception((71, 71, 3)).state()
    expected = paths_and_shapes(FIGURE_5, classes=1000)
    assert [(path, array.shape) for path, array in state.items()] == list(expected.items())


def test_other_channels_and_classes_change_the_first_and_the_last_array():
    mine, usual = named(models.xception((71, 71, 1), classes=7)), named(models.xception())
    assert {path: shape for path, shape in mine.items() if usual[path] != shape} == {
        "stem/conv1/kernel": (3, 3, 1, 32),
        "classifier/kernel": (2048, 7),
        "classifier/bias": (7,),
    }
