"""Where the numbers lie."""

import numpy as np
import pytest

from xnp.engine.tensors import Block, Memory, Place, from_library, to_library


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4)])
def test_there_and_back(shape):
    x = np.arange(np.prod(shape)).reshape(shape)
    ours = np.empty((shape[-1], *shape[1:-1], shape[0]), x.dtype)
    from_library(x, out=ours)
    if len(shape) == 4:
        assert ours[3, 1, 2, 0] == x[0, 1, 2, 3]
    else:
        assert ours[3, 1] == x[1, 3]
    back = to_library(ours)
    np.testing.assert_array_equal(back, x)
    assert back.flags.c_contiguous
    assert not np.shares_memory(back, ours)


def test_a_smaller_array_is_the_beginning_of_the_larger_of_the_same_name():
    memory = Memory()
    large = memory.array("a", (4, 5), np.float32)
    large[...] = np.arange(20).reshape(4, 5)
    small = memory.array("a", (3, 2), np.float32)
    np.testing.assert_array_equal(small.ravel(), np.arange(6))
    assert np.shares_memory(small, large)
    assert not np.shares_memory(memory.array("b", (4, 5), np.float32), large)
    assert memory.megabytes() == (160e-6, 0)


def test_scratch_is_each_workers_own():
    memory = Memory()
    pieces = [memory.scratch(worker, "m", (100,), float) for worker in (0, 1)]
    assert not np.shares_memory(*pieces)
    assert np.shares_memory(memory.scratch(1, "m", (7, 3), np.float32), pieces[1])
    assert memory.scratch(0, "mask", (3,), bool).dtype == bool
    assert memory.megabytes() == (0, 1603e-6)


def test_the_channels_and_columns_of_a_place():
    memory, place = Memory(), Place((6, 2, 5))
    place.keep(memory, "y", np.dtype(float))
    place.whole()[...] = np.arange(60).reshape(6, 2, 5)
    np.testing.assert_array_equal(place[Block(0, 1, 3, 6)], place.whole()[1:3])
    np.testing.assert_array_equal(place[Block(0, 1, 3, 3)], place.whole()[2:6])  # two channels of y for each of x
    np.testing.assert_array_equal(place.columns(Block(0, 3, 7, 10)), place.whole().reshape(6, 10)[:, 3:7])
    assert np.shares_memory(place[Block(0, 1, 3, 6)], place.whole())


def test_a_borrowed_place_holds_one_block_of_each_worker():
    memory, place = Memory(), Place((6, 2, 5))
    blocks = [Block(0, 0, 2, 6), Block(0, 2, 4, 6), Block(1, 4, 6, 6)]
    place.borrow(memory, "value 1", np.dtype(float), blocks)
    assert [place[block].shape for block in blocks] == [(2, 2, 5)] * 3
    assert np.shares_memory(place[blocks[0]], place[blocks[1]])  # the next block writes over the last
    assert not np.shares_memory(place[blocks[0]], place[blocks[2]])


@pytest.mark.parametrize("shape", [(3, 4, 4, 64), (3, 32, 32, 64), (2, 5, 7, 3), (4, 10)])
def test_channels_do_not_compete_for_the_same_slots_of_a_cache(shape):
    place = Place(shape)
    place.keep(Memory(), "a", np.float32)
    whole = place.whole()
    assert whole.shape == shape
    assert whole[0].flags.c_contiguous
    pairs_of_lines, rest = divmod(whole.strides[0], 128)
    assert rest == 0
    assert pairs_of_lines % 2 == 1
    assert 0 <= whole.strides[0] - whole[0].nbytes < 256
    assert np.shares_memory(place.columns(Block(0, 1, 3, 9)), whole)
