"""The parts by themselves: blocks cover everything once, values that live at the same time never share memory."""

from itertools import product

import numpy as np
import pytest

from xnp import models
from xnp.engine.inference import measure
from xnp.engine.inference.arena import Life, arrange
from xnp.engine.inference.blocks import Block, Scratch, split
from xnp.engine.inference.inference import pieces
from xnp.engine.inference.plan import Plan


@pytest.mark.parametrize(("images", "extent", "workers"), list(product((1, 2, 5), (1, 4, 7), (1, 2, 3))))
@pytest.mark.parametrize("most", [1, 3, 8, 100])
def test_blocks_cover_each_row_once(images, extent, workers, most):
    seen = np.zeros((images, extent), int)
    shares = split(images, extent, workers, most)
    assert len(shares) == workers
    for share in shares:
        for block in share:
            seen[block.images, block.rows] += 1
            size = block.of(seen).size
            assert 1 <= size <= most
            assert size == extent * (block.images.stop - block.images.start) or len(block.of(seen)) == 1
    assert (seen == 1).all()
    sizes = [sum(block.of(seen).size for block in share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("images", "extent", "workers"), list(product((1, 2, 5), (1, 4, 7), (1, 2, 3, 5))))
@pytest.mark.parametrize("most", [1, 3, 100])
def test_blocks_cover_each_pixel_once(images, extent, workers, most):
    width = 3
    seen = np.zeros((images, extent, width, 1), int)
    shares = split(images, extent, workers, most, width)
    for share in shares:
        for block in share:
            assert np.may_share_memory(block.of(seen), seen)
            piece = block.of(seen)
            piece += 1
            assert piece.size > 0
    assert (seen == 1).all()
    sizes = [sum(block.of(seen).size for block in share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def test_blocks_of_one_worker_are_even():
    assert split(1, 10, 1, 4) == [[Block(slice(0, 1), slice(a, b)) for a, b in ((0, 4), (4, 7), (7, 10))]]
    assert split(5, 4, 1, 12) == [[Block(slice(0, 3), slice(0, 4)), Block(slice(3, 5), slice(0, 4))]]


def test_scratch_measures_what_it_then_gives():
    measure = Scratch(np.dtype(np.float32))
    for scratch in (measure, Scratch(np.dtype(np.float32), np.empty(128 + 64, np.uint8))):
        scratch.clear()
        a, b = scratch.take(3, 10), scratch.take(16)
        a[...], b[...] = 1, 2
        assert (a == 1).all()
        scratch.clear()
        scratch.take(2)
        assert scratch.peak == 128 + 64


@pytest.mark.parametrize("seed", range(20))
def test_values_of_one_time_lie_apart(seed):
    rng = np.random.default_rng(seed)
    lives = {}
    for value in range(30):
        first = int(rng.integers(20))
        lives[value] = Life(64 * int(rng.integers(1, 9)), first, first + int(rng.integers(6)))
    offsets, total = arrange(lives)
    for a, b in product(lives, lives):
        together = lives[a].first <= lives[b].last and lives[b].first <= lives[a].last
        apart = offsets[a] + lives[a].size <= offsets[b] or offsets[b] + lives[b].size <= offsets[a]
        assert a == b or not together or apart
    assert total == max(offsets[value] + life.size for value, life in lives.items())
    assert total <= sum(life.size for life in lives.values()) / 2  # a fifth of them lives at a time


def test_a_network_needs_less_than_all_its_values():
    plan = Plan(models.xception(), 2)  # draws nothing of the memory: only what is touched is there
    assert plan.image_bytes < 0.3 * plan.apart_bytes


def test_pieces():
    assert pieces(3, 13, 4) == [slice(3, 6), slice(6, 9), slice(9, 13)]
    assert pieces(3, 3, 4) == []


def test_the_measurement_runs(monkeypatch):
    monkeypatch.setattr(measure, "SHAPES", ((2, 5, 3, 4),))
    measured = measure.depthwise_table()
    assert measured.rows[0][0] == "2x5x3x4"
    assert all(float(cell) > 0 for cell in measured.rows[0][1:] if cell)
