"""Parameters and MACs that the page shows are those that xnp counts."""

import re

import pytest

from xnp import ops

pytestmark = pytest.mark.slow

IMAGE = (1, 8, 8, 3)


def shown(explorer):
    """Read the table: {operation: (parameters, MACs)}."""
    rows = explorer.page.locator(".costs tbody tr").all_inner_texts()
    words = [re.sub("[▸,]", "", row).split() for row in rows]
    return {name: (int(parameters), int(macs)) for name, parameters, macs in words}


@pytest.mark.parametrize("padding", ["valid", "same", 1])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_row_is_what_xnp_counts(explorer, stride, padding):
    options = {"stride": stride, "padding": padding}
    for kernel, outputs in ((1, 1), (2, 16), (3, 1), (3, 2), (5, 4)):
        explorer.choose(kernel=kernel, outputs=outputs, **options)
        k = (kernel, kernel)
        costs = {
            "standard": ops.conv2d.cost(IMAGE, (*k, 3, outputs), **options),
            "depthwise": ops.depthwise_conv2d.cost(IMAGE, (*k, 3, 1), **options),
            "pointwise": ops.pointwise_conv2d.cost(IMAGE, (3, outputs), stride=stride),
            "separable": ops.separable_conv2d.cost(IMAGE, (*k, 3, 1), (3, outputs), **options),
        }
        assert shown(explorer) == {name: (cost.parameters, cost.macs) for name, cost in costs.items()}


def test_separable_costs_more_for_one_output_and_less_for_sixteen(explorer):
    assert shown(explorer) == {
        "standard": (27, 972),
        "depthwise": (27, 972),
        "pointwise": (3, 192),
        "separable": (30, 1080),
    }
    sentence = explorer.page.locator("#comparison")
    assert sentence.inner_text() == (
        "Here separable takes 1.11 times as many MACs as standard: more, not fewer. "
        "Pointwise alone visits 8·8 pixels; as its second half only 6·6: 108 MACs."
    )
    explorer.choose(padding="same", outputs=16, operation="separable")
    assert shown(explorer)["standard"] == (432, 27_648)
    assert shown(explorer)["separable"] == (75, 4_800)
    assert sentence.inner_text() == "Here separable takes 5.76 times fewer MACs than standard."
    counted = explorer.page.locator("#counted").inner_text()
    assert counted == "separable: 3·3·3 + 3·16 = 75 parameters, each used in 8·8 windows: 4,800 MACs."
