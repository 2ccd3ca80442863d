"""Figure 2 is figure 3, and figure 4 is its last case; the arrays move between them and back.

Two forms are the same if they give the same outputs, the same dx and the same gradient of every parameter, for a random
dy, with batch norm and ReLU in place; and if a training forward moves their statistics alike.
"""

import re

import numpy as np
import pytest

from xnp.layers import BatchNorm, Conv2D, PointwiseConv2D, ReLU, Sequential
from xnp.models.inception import canonical, extreme, segmented, simplified
from xnp.models.inception_arrays import (
    depthwise_to_segments,
    load_state,
    segments_to_depthwise,
    segments_to_towers,
    towers_to_segments,
)

IMAGE = (6, 7, 5)  # H, W, C
FILTERS = 12
SEGMENTS = [1, 2, 3, 4, 6, 12]
TRAINING = pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])


def run(form, training):
    """Run forward and back with random x and dy: y, dx, and copies of all gradients and of the state."""
    rng = np.random.default_rng(6)
    y = form.forward(rng.normal(size=(3, *form.input_shape)), training=training)
    dx = form.backward(rng.normal(size=y.shape))
    return y, dx, copies(form.gradients()), copies(form.state())


def copies(arrays):
    return {path: array.copy() for path, array in arrays.items()}


def assert_same(one, other, move):
    """Compare two runs; `move` turns the arrays of the first form into those of the second."""
    pairs = {"y": (one[0], other[0]), "dx": (one[1], other[1])}
    for found, expected in zip(map(move, one[2:]), other[2:], strict=True):
        assert list(found) == list(expected)
        pairs |= {f"{len(expected)} {path}": (found[path], expected[path]) for path in expected}
    assert all(np.linalg.norm(expected) > 1e-3 for _, expected in pairs.values())  # no comparison of nothing
    errors = {name: np.linalg.norm(a - b) / np.linalg.norm(b) for name, (a, b) in pairs.items()}
    assert max(errors.values()) < 1e-12, errors


# The same function ---------------------------------------------------------------------------------------------------


@TRAINING
@pytest.mark.parametrize("segments", SEGMENTS)
def test_figure_2_is_figure_3(built, segments, training):
    towers, large = built(simplified(FILTERS, segments)), segmented(FILTERS, segments).build(IMAGE, dtype=np.float64)
    load_state(large, towers_to_segments(towers.state()))
    assert_same(run(towers, training), run(large, training), towers_to_segments)


@TRAINING
def test_figure_4_is_figure_3_with_one_channel_a_segment(built, training):
    large, one_each = built(segmented(FILTERS, FILTERS)), extreme(FILTERS).build(IMAGE, dtype=np.float64)
    load_state(one_each, segments_to_depthwise(large.state()))
    assert_same(run(large, training), run(one_each, training), segments_to_depthwise)


@TRAINING
def test_figure_4_is_figure_2_with_one_channel_a_tower(built, training):
    def move(arrays):
        return segments_to_depthwise(towers_to_segments(arrays))

    towers, one_each = built(simplified(FILTERS, FILTERS)), extreme(FILTERS).build(IMAGE, dtype=np.float64)
    load_state(one_each, move(towers.state()))
    assert_same(run(towers, training), run(one_each, training), move)


@TRAINING
def test_one_segment_is_a_standard_convolution_behind_a_1x1(built, training):
    standard = Sequential(
        conv1=PointwiseConv2D(FILTERS, use_bias=False),
        norm1=BatchNorm(),
        relu1=ReLU(),
        conv2=Conv2D(FILTERS, 3, use_bias=False),
        norm2=BatchNorm(),
        relu2=ReLU(),
    ).build(IMAGE, dtype=np.float64)
    large = built(segmented(FILTERS, 1))
    load_state(standard, large.state())
    assert_same(run(large, training), run(standard, training), dict)


@TRAINING
def test_the_order_of_the_towers_counts(built, training):
    """Each tower gets the arrays of another: the same channels come out, at other places."""
    towers, moved = built(simplified(FILTERS, 3)), simplified(FILTERS, 3).build(IMAGE, dtype=np.float64)
    following = {"1": "2", "2": "3", "3": "1"}
    load_state(moved, {f"{following[path[0]]}{path[1:]}": array for path, array in towers.state().items()})
    y, turned = run(towers, training)[0], run(moved, training)[0]
    assert not np.allclose(y, turned)
    np.testing.assert_allclose(np.roll(y, FILTERS // 3, axis=-1), turned, rtol=0, atol=1e-12)


# Moving the arrays ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("segments", SEGMENTS)
def test_there_and_back_again(built, segments):
    state = built(simplified(FILTERS, segments)).state()
    back = segments_to_towers(towers_to_segments(state))
    assert list(back) == list(state)
    for path, array in state.items():
        np.testing.assert_array_equal(back[path], array, err_msg=path)


def test_there_and_back_again_to_figure_4(built):
    state = built(extreme(FILTERS)).state()
    back = segments_to_depthwise(depthwise_to_segments(state))
    assert list(back) == list(state)
    for path, array in state.items():
        np.testing.assert_array_equal(back[path], array, err_msg=path)


def test_a_tower_becomes_the_segment_of_its_number():
    """Twelve towers: sorted as text, the tenth would come second."""
    towers = simplified(12, 12).build(IMAGE, dtype=np.float64)
    for path, array in towers.state().items():
        array[...] = int(path.split("/")[0])
    shuffled = dict(sorted(towers.state().items()))
    for array in towers_to_segments(shuffled).values():
        np.testing.assert_array_equal(array, np.broadcast_to(np.arange(1, 13), array.shape))


def test_a_model_is_filled_in_place_with_copies(built):
    source, target = built(segmented(4, 2)), segmented(4, 2).build(IMAGE, dtype=np.float64)
    live = target.state()
    load_state(target, source.state())
    for path, array in target.state().items():
        assert array is live[path]
        assert not np.shares_memory(array, source.state()[path])
        np.testing.assert_array_equal(array, source.state()[path], err_msg=path)


def refused(message):
    return pytest.raises(ValueError, match="^" + re.escape(message))


def test_a_state_of_another_form_is_refused_and_nothing_is_changed(built):
    towers, large = built(simplified(4, 2)), built(segmented(4, 2))
    before = copies(large.state())
    with refused("load_state: arrays has wrong keys: 10 missing ['conv1/kernel', 'conv2/kernel', 'norm1/beta']"):
        load_state(large, towers.state())
    with refused("load_state: arrays has conv2/kernel as float64 (3, 3, 4, 4); expected float64 (3, 3, 2, 4)"):
        load_state(large, segmented(4, 1).build(IMAGE, dtype=np.float64).state())
    for path, array in large.state().items():
        np.testing.assert_array_equal(array, before[path])


@pytest.mark.parametrize(
    ("move", "make", "message"),
    [
        (
            towers_to_segments,
            lambda: canonical(1),
            "towers_to_segments: arrays has wrong keys: 25 missing ['1/conv2/kernel'",
        ),
        (towers_to_segments, lambda: segmented(4, 2), "towers_to_segments: arrays has wrong keys: "),
        (
            segments_to_towers,
            lambda: simplified(4, 2),
            "segments_to_towers: arrays has no conv2/kernel but ['1/conv1/kernel'",
        ),
        (
            segments_to_towers,
            lambda: extreme(4),
            "segments_to_towers: conv2/kernel has shape (3, 3, 4, 1); it must be (3, 3, filters / segments, filters)",
        ),
        (
            segments_to_depthwise,
            lambda: segmented(4, 2),
            "segments_to_depthwise: conv2/kernel has shape (3, 3, 2, 4); its axis 2 must be 1: "
            "a segment must have one channel",
        ),
        (
            depthwise_to_segments,
            lambda: segmented(4, 4),
            "depthwise_to_segments: conv2/kernel has shape (3, 3, 1, 4); its axis 3 must be 1: "
            "a channel must have one kernel",
        ),
    ],
)
def test_arrays_of_another_form_are_refused(move, make, message):
    state = make().build(IMAGE).state()
    with refused(message):
        move(state)


def test_towers_of_other_shapes_are_refused(built):
    state = built(simplified(4, 2)).state()
    with refused("towers_to_segments: arrays has 1/norm1/gamma as float64 (3,); expected float64 (2,)"):
        towers_to_segments({**state, "1/norm1/gamma": np.ones(3)})
