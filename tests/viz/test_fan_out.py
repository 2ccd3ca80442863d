"""The picture of a residual connection: its numbers are those of the layer."""

import numpy as np
import pytest

from xnp.layers import PointwiseConv2D, Residual
from xnp.viz import fan_out


@pytest.mark.parametrize(("x", "w", "dy"), [(3, 2, 1), (-1.5, 4, 2)])
def test_numbers_are_those_of_the_layer(x: float, w: float, dy: float) -> None:
    block = Residual(PointwiseConv2D(1, use_bias=False)).build((1, 1, 1), dtype=np.float64)
    block.parameters()["kernel"][...] = w
    y = block.forward(np.full((1, 1, 1, 1), float(x))).item()
    dx = block.backward(np.full((1, 1, 1, 1), float(dy))).item()
    texts = [text.get_text().replace("−", "-") for text in fan_out(x=x, w=w, dy=dy).axes[0].texts]
    assert {f"y = {y:g}", f"dx = {dx:g}", f"skip: {x:g}", f"skip: {dy:g}", f"{w * x:g}", f"{w * dy:g}"} <= set(texts)


def test_alternative_text_gives_both_sums():
    assert "6 + 3 = 9" in fan_out(x=3, w=2, dy=1).alt
    assert "20 + 10 = 30" in fan_out(x=3, w=2, dy=10).alt


@pytest.mark.slow
def test_nothing_is_cut_off(look):
    look(fan_out(x=3, w=2, dy=1))
    look(fan_out(x=-0.25, w=-100, dy=0.5))
