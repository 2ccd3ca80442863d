"""Docstrings taken apart: what is prose, picture, formula, fact, example or list of arguments.

blocks(docstring)      of a file: Block("lead" | "text" | "picture" | "formulas" | "facts" | "example", lines, first)
sections(docstring)    of a function: the text, and numpydoc's sections as lists of (term, description)
"""

import re
from typing import NamedTuple

FACT = re.compile(r"(Shapes|Cost|Paper|Source)  +(\S.*)")
FORMULA = re.compile(r"\s+\((\d+)\)  +(\S.*)")


class Block(NamedTuple):
    """A paragraph of a file's docstring."""

    kind: str
    lines: list[str]
    first: int  # line of the docstring, from 1


class Formula(NamedTuple):
    """A numbered formula."""

    number: str
    text: str


def blocks(docstring: str) -> list[Block]:
    """Cut a file's docstring into paragraphs, and say what each is."""
    found: list[Block] = []
    start, lines = 1, docstring.expandtabs().splitlines()
    for row, line in enumerate([*lines, ""], 1):
        if line.strip():
            continue
        paragraph = lines[start - 1 : row - 1]
        if paragraph:
            found.append(Block(kind(paragraph, first=not found), paragraph, start))
        start = row + 1
    return found


def kind(paragraph: list[str], *, first: bool) -> str:
    """Say what a paragraph is by how it is set."""
    if paragraph[0].startswith(">>>"):
        return "example"
    if FACT.match(paragraph[0]):
        return "facts"
    if FORMULA.match(paragraph[0]):
        return "formulas"
    if not paragraph[0].startswith(" "):
        return "lead" if first else "text"
    if any("  " in line.strip() for line in paragraph):
        return "picture"
    return "picture" if any(re.search(r"[-|]{2}|[\\/]", line) for line in paragraph) else "text"


def formulas(lines: list[str]) -> list[Formula]:
    """Give the numbered formulas of a paragraph; a line that is indented further goes on with the one before."""
    found: list[Formula] = []
    for line in lines:
        if start := FORMULA.match(line):
            found.append(Formula(start[1], start[2]))
        else:
            found[-1] = Formula(found[-1].number, f"{found[-1].text} {line.strip()}")
    return found


def facts(lines: list[str]) -> list[tuple[str, str]]:
    """Give "Shapes  x (N, H, W, C)" and its like as pairs."""
    found: list[tuple[str, str]] = []
    for line in lines:
        if start := FACT.match(line):
            found.append((start[1], start[2]))
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found


def sections(docstring: str) -> tuple[list[str], dict[str, list[tuple[str, str]]]]:
    """Cut a function's docstring: its paragraphs, and the sections that numpydoc underlines."""
    pieces = re.split(r"^(\w[\w ]*)\n-+\n", docstring, flags=re.MULTILINE)
    text = [paragraph.strip("\n") for paragraph in re.split(r"\n\s*\n", pieces[0]) if paragraph.strip()]
    return text, {title: entries(body) for title, body in zip(pieces[1::2], pieces[2::2], strict=True)}


def entries(body: str) -> list[tuple[str, str]]:
    """Give a section's terms, each with what is indented under it."""
    found: list[tuple[str, str]] = []
    for line in body.splitlines():
        if line.startswith(" ") and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
        elif line.strip():
            found.append((line.strip(), ""))
    return found
