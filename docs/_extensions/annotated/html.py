"""Code and prose as HTML: colours, true line numbers, and a link on each name that has a page."""

import re
from collections.abc import Callable, Iterable
from html import escape

from annotated.library import Target
from annotated.source import Source
from pygments.formatters.html import _get_ttype_class  # type: ignore[attr-defined]
from pygments.lexers.python import PythonConsoleLexer, PythonLexer

Url = Callable[[Target], str | None]
Links = dict[tuple[int, int], tuple[int, Target]]


class Code:
    """The lines of a file, ready to be shown in any order."""

    def __init__(self, source: Source, links: Links, url: Url) -> None:
        self.source = source
        self.pieces: dict[int, list[str]] = {}
        row, column = 1, 0
        for kind, value in PythonLexer(stripnl=False).get_tokens(source.text):
            name = _get_ttype_class(kind)
            for k, piece in enumerate(value.split("\n")):
                if k:
                    row, column = row + 1, 0
                if piece and column < source.columns.get(row, 10_000):
                    self.pieces.setdefault(row, []).append(self._piece(piece, name, links.get((row, column)), url))
                column += len(piece)

    @staticmethod
    def _piece(text: str, kind: str, link: tuple[int, Target] | None, url: Url) -> str:
        shown = f'<span class="{kind}">{escape(text)}</span>' if kind and text.strip() else escape(text)
        href = url(link[1]) if link and link[0] == len(text) else None
        return f'<a href="{escape(href)}">{shown}</a>' if href else shown

    def lines(self, rows: Iterable[int]) -> str:
        """Show these lines."""
        return pre(((row, self.source.code(row), "".join(self.pieces.get(row, [])).rstrip()) for row in rows))


def console(lines: list[str], first: int) -> str:
    """Show an example as it is typed, with its answers."""
    tokens = PythonConsoleLexer().get_tokens("\n".join(lines))
    shown = [""]
    for kind, value in tokens:
        for k, piece in enumerate(value.split("\n")):
            if k:
                shown.append("")
            if piece:
                shown[-1] += f'<span class="{_get_ttype_class(kind)}">{escape(piece)}</span>'
    return pre((first + k, line, html) for k, (line, html) in enumerate(zip(lines, shown, strict=False)))


def pre(rows: Iterable[tuple[int, str, str]]) -> str:
    """Set lines with their numbers. A long line is broken, and goes on four places further in."""
    lines = []
    for number, plain, html in rows:
        indent = len(plain) - len(plain.lstrip())
        lines.append(
            f'<span class="line" id="line-{number}"><a class="number" href="#line-{number}" data-number="{number}"'
            f' aria-label="line {number}"></a><span class="text" style="--indent:{indent}">{html}\n</span></span>'
        )
    return f'<div class="highlight"><pre>{"".join(lines)}</pre></div>'


def inline(text: str, url: Callable[[str], str | None]) -> str:
    """Set a sentence: `names` as code, with a link where `url` knows one; "Equation (2)" leads to the formula."""
    pieces = re.split(r"`([^`]+)`", text)
    for k, piece in enumerate(pieces):
        if k % 2:
            href = url(piece)
            shown = f"<code>{escape(piece)}</code>"
            pieces[k] = f'<a href="{escape(href)}">{shown}</a>' if href else shown
        else:
            pieces[k] = re.sub(
                r"(?<=[Ee]quation )\((\d)\)|(?<=[Ee]quations )\((\d)\) (to|and) \((\d)\)|(?<=Where )\((\d)\)",
                equation_links,
                escape(piece, quote=False),
            )
    return "".join(pieces)


def equation_links(found: re.Match[str]) -> str:
    """Make the numbers of equations lead to them."""
    return re.sub(r"\((\d)\)", r'<a href="#equation-\1">(\1)</a>', found[0])
