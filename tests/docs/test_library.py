"""A name in the code leads to the page where it is defined."""

import pytest
from annotated.library import Target


def linked(library, module):
    lines = library.source(module).lines
    return {
        lines[row - 1][column : column + length]: target
        for (row, column), (length, target) in library.links(module).items()
    }


def test_pages(library):
    assert library.page("xnp.ops.conv2d") == "annotated/ops/conv2d"
    assert library.page("xnp.ops") == "annotated/ops/index"
    assert library.page("xnp.gradcheck") == "annotated/gradcheck"
    assert library.page("xnp") == "annotated/xnp"
    assert len({library.page(module) for module in library.files}) == len(library.files)


def test_names_lead_through_imports_to_their_definition(library):
    names = linked(library, "xnp.ops.conv2d")
    assert names["pad"] == Target("xnp.shapes", "pad")
    assert names["upstream"] == Target("xnp.checks", "upstream")
    assert names["check"] == Target("xnp.ops.conv2d", "check")
    assert library.resolve("xnp.models.xception", "Conv2D") == Target("xnp.layers.with_kernels", "Conv2D")
    assert library.resolve("xnp.gradcheck", "np") is None


def test_methods_of_self_are_linked_and_local_names_are_not(library):
    assert linked(library, "xnp.layers.base")["_connect"] == Target("xnp.layers.base", "Layer._connect")
    assert "window" not in linked(library, "xnp.ops.conv2d")


@pytest.mark.slow
def test_every_link_leads_to_something_defined(library):
    for module in library.files:
        for _, target in library.links(module).values():
            assert not target.name or target.name in library.defined(target.module)
