"""Which nodes follow each other, and when."""

import numpy as np
import pytest

from xnp import models
from xnp.engine.chains import fits, stages
from xnp.engine.lower import lower
from xnp.layers import (
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    Flatten,
    MaxPool2D,
    Parallel,
    PointwiseConv2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)


def kinds(model, shape=(6, 6, 4)):
    """Give stages, chains and nodes by what they are."""
    nodes, _, _ = lower(model.build(shape), 2)
    return [[" ".join(node.kind for node in chain) for chain in stage] for stage in stages(nodes)]


def test_what_needs_its_own_channel_alone_is_one_chain():
    model = Sequential(BatchNorm(), ReLU(), SeparableConv2D(5, 3), BatchNorm(), MaxPool2D())
    assert kinds(model) == [["BatchNorm ReLU Depthwise"], ["Pointwise"], ["BatchNorm MaxPool"]]


def test_each_matrix_product_is_a_stage():
    model = Sequential(PointwiseConv2D(5), PointwiseConv2D(4), Conv2D(4, 3), Flatten())
    assert kinds(model) == [["Pointwise"], ["Pointwise"], ["Convolution"], ["Flatten"]]


def test_a_residual_in_the_channels_stays_in_one_chain():
    assert kinds(Residual(Sequential(ReLU(), BatchNorm()))) == [["Fork ReLU BatchNorm Add"]]


def test_two_products_that_do_not_read_each_other_share_a_stage():
    model = Residual(Sequential(SeparableConv2D(5, 3), BatchNorm()), Sequential(PointwiseConv2D(5), BatchNorm()))
    assert kinds(model) == [["Fork Depthwise"], ["Pointwise", "Pointwise"], ["BatchNorm BatchNorm Add"]]


def test_branches_with_nothing_in_them_wait_for_the_others():
    assert kinds(Parallel(ReLU(), Sequential(), PointwiseConv2D(2))) == [["Fork ReLU"], ["Pointwise"], ["Concatenate"]]


def test_more_channels_than_were_read_end_a_chain():
    assert kinds(Sequential(DepthwiseConv2D(3, depth_multiplier=2), ReLU())) == [["Depthwise"], ["ReLU"]]


@pytest.mark.parametrize("make", [models.tiny_xception, models.small_xception])
def test_everything_runs_once_and_after_what_it_reads(make):
    nodes, _, _ = lower(make(dtype=np.float64), 1)
    done, ran = set(), []
    for stage in stages(nodes):
        written = set()
        for chain in stage:
            here = set()
            for node in chain:
                assert all(tensor.writer is None or tensor.writer in done | here for tensor in node.inputs)
                assert all(fits(tensor.writer, node) for tensor in node.inputs if tensor.writer in here)
                here.add(node)
                ran.append(node)
            written |= here
        done |= written
    assert len(ran) == len(nodes)
    assert set(ran) == set(nodes)
