"""Docstrings taken apart."""

from annotated import prose


def test_a_docstring_of_an_operation_has_all_its_pieces(library):
    kinds = [block.kind for block in prose.blocks(library.source("xnp.ops.conv2d").docstring)]
    assert kinds == ["lead", "picture", "text", "formulas", "facts", "example"]


def test_blocks_know_their_line(library):
    source = library.source("xnp.ops.batch_norm")
    for block in prose.blocks(source.docstring):
        assert source.lines[block.first - 1].removeprefix('"""') == block.lines[0]


def test_formulas_and_facts_go_on_where_they_are_indented():
    assert prose.formulas(["    (1)  y = a", "             + b", "    (2)  dx = c"]) == [
        ("1", "y = a + b"),
        ("2", "dx = c"),
    ]
    assert prose.facts(["Shapes  x (N, C),", "        y (N,).", "Cost    none."]) == [
        ("Shapes", "x (N, C), y (N,)."),
        ("Cost", "none."),
    ]


def test_sections_of_a_function():
    text, sections = prose.sections(
        "Do it.\n\nParameters\n----------\nx : array\n    The image.\ny, z : int\n\nReturns\n-------\nint\n"
    )
    assert text == ["Do it."]
    assert sections == {"Parameters": [("x : array", "The image."), ("y, z : int", "")], "Returns": [("int", "")]}
