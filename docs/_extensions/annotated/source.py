"""A Python file taken apart: comments become notes, docstrings prose, and code is left, with its true line numbers.

Source       a file: its docstring, and its parts in their order
Part         a function, a class, a method; or a run of statements between them
Statement    the lines of one statement, with what its comments say. The body of a loop is statements of its own
"""

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Definition = ast.FunctionDef | ast.ClassDef
MACHINE = ("noqa", "type:", "mypy:", "ruff:", "fmt:")  # comments that speak to a tool, not to a reader


@dataclass(frozen=True)
class Statement:
    """Lines of code that belong together, and their note."""

    node: ast.stmt
    lines: tuple[int, ...]
    note: str
    inside: tuple[ast.stmt, ...] = ()  # the loops and branches around it, within the function


@dataclass
class Part:
    """A function, a class or a method; without a name, a run of statements."""

    name: str  # "Conv2D.forward"; "" for a run of statements
    node: ast.stmt
    docstring: str
    note: str  # comments above it, and in its signature
    signature: tuple[int, ...]  # the lines of decorators and `def`
    statements: list[Statement] = field(default_factory=list)
    parts: list["Part"] = field(default_factory=list)  # of a class


class Source:
    """A file. `path` is only read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()
        self.tree = ast.parse(self.text)
        self.comments: dict[int, str] = {}
        self.columns: dict[int, int] = {}  # where the comment of a line begins
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                self.columns[row] = column
                text = token.string.lstrip("#").strip()
                self.comments[row] = "" if text.startswith(MACHINE) else text

    @property
    def docstring(self) -> str:
        """The file's docstring, as it is indented."""
        return ast.get_docstring(self.tree, clean=False) or ""

    @cached_property
    def parts(self) -> list[Part]:
        """Everything after the docstring."""
        return list(self._parts(self.tree.body[1:] if self.docstring else self.tree.body, "", self._end_of_docstring))

    def code(self, line: int) -> str:
        """Give a line without its comment."""
        return self.lines[line - 1][: self.columns.get(line)].rstrip()

    @property
    def _end_of_docstring(self) -> int:
        return self.tree.body[0].end_lineno or 0 if self.docstring else 0

    def _parts(self, body: Sequence[ast.stmt], within: str, after: int) -> Iterator[Part]:
        run: list[ast.stmt] = []
        for node in body:
            if isinstance(node, Definition):
                if run:
                    yield self._run(run, after)
                    after, run = last_line(run[-1]), []
                yield self._definition(node, within, after)
                after = last_line(node)
            else:
                run.append(node)
        if run:
            yield self._run(run, after)

    def _run(self, nodes: list[ast.stmt], after: int) -> Part:
        return Part("", nodes[0], "", "", (), list(self._statements(nodes, after, ())))

    def _definition(self, node: Definition, within: str, after: int) -> Part:
        name = f"{within}.{node.name}" if within else node.name
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        docstring = ast.get_docstring(node, clean=True) or ""
        body = node.body[1:] if docstring else node.body
        signed = node.body[0].lineno - 1
        note = self._note(range(after + 1, max(signed, node.lineno) + 1))
        part = Part(name, node, docstring, note, self._code_lines(first, max(signed, node.lineno)))
        after = last_line(node.body[0]) if docstring else max(signed, node.lineno)
        if isinstance(node, ast.ClassDef):
            part.parts = list(self._parts(body, name, after))
        else:
            part.statements = list(self._statements(body, after, ()))
        return part

    def _statements(self, nodes: Sequence[ast.stmt], after: int, inside: tuple[ast.stmt, ...]) -> Iterator[Statement]:
        for node in nodes:
            blocks = [block for block in bodies(node) if block]
            last = blocks[0][0].lineno - 1 if blocks else last_line(node)
            if blocks and last < node.lineno:  # `if x: return`, on one line
                blocks, last = [], last_line(node)
            while blocks and not self.code(last):  # comments that belong to the body
                last -= 1
            rows = range(after + 1, last + 1)
            yield Statement(node, self._code_lines(after + 1, last), self._note(rows), inside)
            after = last
            for block in blocks:
                yield from self._statements(block, after, (*inside, node))
                after = last_line(block[-1])

    def _note(self, rows: range) -> str:
        return " ".join(self.comments[row] for row in rows if self.comments.get(row))

    def _code_lines(self, first: int, last: int) -> tuple[int, ...]:
        return tuple(row for row in range(first, last + 1) if self.code(row))


def bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    """Give the blocks inside a statement, in the order of the file."""
    blocks = [getattr(node, name, []) for name in ("body", "handlers", "orelse", "finalbody", "cases")]
    flat = [[*block] for block in blocks if block]
    return [
        inner
        for block in flat
        for inner in (
            [item.body for item in block] if isinstance(block[0], ast.ExceptHandler | ast.match_case) else [block]
        )
    ]


def last_line(node: ast.stmt) -> int:
    """Give the last line of a statement."""
    return node.end_lineno or node.lineno
