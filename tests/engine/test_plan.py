"""The plan: shares and blocks, what is kept and what is not, the table."""

import numpy as np
import pytest

from xnp import count, models
from xnp.engine import Engine
from xnp.engine.lower import lower
from xnp.engine.plan import BLOCK, Plan, split
from xnp.engine.tensors import Memory
from xnp.layers import BatchNorm, Conv2D, Dropout, Flatten, ReLU, Residual, Sequential


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_blocks_of_all_workers_are_all_there_is(workers, batch):
    nodes, _, _ = lower(models.small_xception(), batch)
    for node in nodes:
        shares = split([node], workers, 4)
        assert len(shares) == workers
        blocks = [block for mine in shares for block in mine]
        assert [block.start for block in blocks] == [0, *(block.stop for block in blocks[:-1])]
        assert blocks[-1].stop == blocks[-1].units == node.extent
        assert all(block.worker == worker for worker, mine in enumerate(shares) for block in mine)
        if node.split == "alone":
            assert len(blocks) == len(shares[0]) == 1
        else:
            sizes = [sum(block.stop - block.start for block in mine) for mine in shares]
            assert max(sizes) - min(sizes) <= 1  # nobody has more than one unit more
        if node.split == "channels":
            each = max(np.prod(tensor.shape) * 4 / node.extent for tensor in (node.x, node.y))
            assert all((b.stop - b.start) * each <= BLOCK + each or b.stop - b.start == 1 for b in blocks)


@pytest.mark.parametrize("make", [models.tiny_xception, models.small_xception])
def test_a_plan_for_fewer_images_needs_no_more_shared_memory(make):
    """Worker processes share only what was allocated before they were made."""
    model = make()
    memory = Memory()
    Plan(model, 16, 2, memory)
    sizes = {name: piece.nbytes for name, piece in memory.pieces.items() if not name.startswith("worker ")}
    for batch in (1, 2, 7, 15):
        alone = Memory()
        Plan(model, batch, 2, alone)
        for name, piece in alone.pieces.items():
            if not name.startswith("worker "):
                assert piece.nbytes <= sizes[name]


def test_all_that_is_kept_is_needed():
    """Whichever kept value is lost between forward and backward, a gradient is lost too."""
    model = models.tiny_xception((16, 16, 3))
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    with Engine(model, 2, 1) as engine:
        pieces = engine.plan.memory.pieces
        kept = [name for name in pieces if name[0].isdigit()]
        *values, output = kept
        assert output.endswith("classifier")  # it is kept for whoever asked
        for name in values:
            y = engine.forward(x, training=True)
            pieces[name][...] = 0xFF
            engine.backward(np.ones_like(y))
            assert not all(np.isfinite(gradient).all() for gradient in model.gradients().values()), name
        for name in pieces:
            if name.startswith(("gradient ", "worker ", output)):
                pieces[name][...] = 0xFF
        engine.backward(np.ones_like(engine.forward(x, training=True)))
        assert all(np.isfinite(gradient).all() for gradient in model.gradients().values())


def test_a_plan_keeps_less_than_a_network_does():
    """Plain, every layer keeps its input, and backward makes as many gradients again."""
    model = models.small_xception()
    memory = Memory()
    plan = Plan(model, 8, 1, memory)
    values = sum(piece.nbytes for name, piece in memory.pieces.items() if name[0].isdigit())
    gradients = sum(piece.nbytes for name, piece in memory.pieces.items() if name.startswith("gradient "))
    plain = sum(8 * 4 * np.prod(row.output_shape) for row in count.count(model).rows)
    assert values + gradients < 0.7 * plain
    places = [place for node in plan.nodes for place in (node.y.value, node.y.gradient) if place.array is not None]
    held = {id(place): place.array.nbytes for place in places}
    assert sum(held.values()) <= values + gradients  # no value has memory that the plan does not know


def test_scratch_memory_is_as_large_as_its_blocks_not_as_the_network():
    model = models.small_xception((64, 64, 3))
    x = np.zeros((4, 64, 64, 3), np.float32)
    with Engine(model, 4, 1) as engine:
        engine.backward(engine.forward(x, training=True))
        pieces = engine.plan.memory.pieces
    largest = 4 * 64 * 64 * 4  # of one channel
    slots = [piece.nbytes for name, piece in pieces.items() if name.startswith(("worker 0 value", "worker 0 gradient"))]
    assert max(slots) <= BLOCK + largest


def test_the_table():
    model = Sequential(
        conv=Conv2D(6, 3),
        norm=BatchNorm(),
        block=Residual(ReLU()),
        drop=Dropout(0.5),
        flat=Flatten(),
    ).build((4, 5, 3))
    lines = str(Plan(model, 7, 2, Memory())).splitlines()
    assert lines[0].split() == [
        "stage",
        "shared",
        "by",
        "blocks",
        "node",
        "layer",
        "form",
        "gives",
        "value",
        "gradient",
    ]
    for kind, path, form, gives in (
        ("Convolution", "conv", "gather a row, matrix product", "6 4 5 7"),
        ("BatchNorm", "norm", "cache-sized blocks", "6 4 5 7"),
        ("ReLU", "block", "in place", "6 4 5 7"),
        ("Add", "block/add", "in place", "6 4 5 7"),
        ("Dropout", "drop", "the layer itself", "6 4 5 7"),
        ("Flatten", "flat", "copy", "120 7"),
    ):
        (line,) = [line for line in lines if f" {path} " in line]
        assert kind in line
        assert form in line
        assert gives in line
    assert not any("Fork" in line for line in lines)  # it does nothing
    assert "2 workers; " in lines[-1]


def test_the_plan_of_nothing():
    with Engine(Sequential().build((2, 3, 1)), 4, 2) as engine:
        x = np.arange(12, dtype=np.float32).reshape(2, 2, 3, 1)
        np.testing.assert_array_equal(engine.forward(x), x)
        np.testing.assert_array_equal(engine.backward(2 * x), 2 * x)
        assert "2 workers" in str(engine.plan)


def test_the_views_of_a_block_are_made_once():
    """A second step finds all of them."""
    model = models.tiny_xception((16, 16, 3))
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    with Engine(model, 2, 1) as engine:
        for _ in range(2):
            engine.backward(engine.forward(x, training=True))
            made = [dict(node.remembered) for node in engine.plan.nodes]
        engine.backward(engine.forward(x, training=True))
        for node, before in zip(engine.plan.nodes, made, strict=True):
            assert node.remembered.keys() == before.keys()
            assert all(node.remembered[key] is views for key, views in before.items())
    assert sum(map(len, made)) > len(engine.plan.nodes)
