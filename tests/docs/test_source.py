"""A file taken apart: no line of code is lost, no comment is lost, and every line keeps its number."""

import ast

import pytest
from annotated.source import Part, Source, Statement


def all_statements(parts: list[Part]) -> list[Statement]:
    return [s for part in parts for s in [*part.statements, *all_statements(part.parts)]]


def all_signatures(parts: list[Part]) -> list[int]:
    return [line for part in parts for line in [*part.signature, *all_signatures(part.parts)]]


def all_notes(parts: list[Part]) -> list[str]:
    return [note for part in parts for note in [part.note, *all_notes(part.parts)]]


def test_comments_become_notes(tmp_path):
    path = tmp_path / "file.py"
    path.write_text(
        '"""A file."""\n\n'
        "def f(x):\n"
        '    """Say what."""\n'
        "    # over the line\n"
        "    y = x  # behind it\n"
        "    for i in y:\n"
        "        # in the loop\n"
        "        y += i  # noqa: E501\n"
        "    return y\n"
    )
    (part,) = Source(path).parts
    assert (part.name, part.docstring, part.signature) == ("f", "Say what.", (3,))
    assert [(s.lines, s.note) for s in part.statements] == [
        ((6,), "over the line behind it"),
        ((7,), ""),
        ((9,), "in the loop"),
        ((10,), ""),
    ]
    assert part.statements[2].inside == (part.statements[1].node,)


def test_branches_keep_their_else(tmp_path):
    path = tmp_path / "file.py"
    path.write_text("def f(x):\n    if x:\n        a = 1\n    else:\n        a = 2\n    if x: return a\n    return 0\n")
    assert [s.lines for s in Source(path).parts[0].statements] == [(2,), (3,), (4, 5), (6,), (7,)]


@pytest.mark.parametrize("module", ["xnp.ops.conv2d", "xnp.layers.base", "xnp.engine.plan", "xnp.gradcheck", "xnp.cli"])
def test_no_line_and_no_comment_is_lost(library, module):
    check(library, module)


@pytest.mark.slow
def test_no_line_and_no_comment_is_lost_anywhere(library):
    for module in library.files:
        check(library, module)


def check(library, module):
    source = library.source(module)
    statements = all_statements(source.parts)
    shown = sorted([line for s in statements for line in s.lines] + all_signatures(source.parts))
    assert len(shown) == len(set(shown))
    docstrings = documentation(source)
    wanted = [n for n in range(1, len(source.lines) + 1) if source.code(n) and n not in docstrings]
    assert shown == wanted
    notes = " ".join([*(s.note for s in statements), *all_notes(source.parts)])
    assert [c for c in source.comments.values() if c not in notes] == []


def documentation(source: Source) -> set[int]:
    """Give the lines of the docstrings that are shown as prose."""
    found: set[int] = set()

    def visit(node: ast.AST, *, inside_function: bool) -> None:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node) and not inside_function:
                found.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
            inside_function = inside_function or isinstance(node, ast.FunctionDef)
        for child in ast.iter_child_nodes(node):
            visit(child, inside_function=inside_function)

    visit(source.tree, inside_function=False)
    return found
