"""Code and prose as HTML: colours, true line numbers, and a link on each name that has a page."""

import re
from collections.abc import Callable, Collection, Iterable
from html import escape

from pygments.lexers.python import PythonConsoleLexer, PythonLexer
from pygments.token import STANDARD_TYPES, _TokenType

from annotated.library import Target
from annotated.source import Source

Url = Callable[[Target], str | None]
Links = dict[tuple[int, int], tuple[int, Target]]


class Code:
    """The lines of a file, ready to be shown in any order."""

    def __init__(self, source: Source, links: Links, url: Url) -> None:
        self.source = source
        self.pieces: dict[int, list[str]] = {}
        row, column = 1, 0
        for kind, value in PythonLexer(stripnl=False).get_tokens(source.text):
            name = style(kind)
            for k, piece in enumerate(value.split("\n")):
                if k:
                    row, column = row + 1, 0
                if piece and column < source.columns.get(row, 10_000):
                    self.pieces.setdefault(row, []).append(self._piece(piece, name, links.get((row, column)), url))
                column += len(piece)

    @staticmethod
    def _piece(text: str, kind: str, link: tuple[int, Target] | None, url: Url) -> str:
        shown = f'<span class="{kind}">{escape(text)}</span>' if kind and text.strip() else escape(text)
        if text.endswith(("(", "[")):
            shown += "<wbr>"  # where a long line may be broken
        href = url(link[1]) if link and link[0] == len(text) else None
        return f'<a href="{escape(href)}">{shown}</a>' if href else shown

    def lines(self, rows: Iterable[int]) -> str:
        """Show these lines."""
        return pre((row, self.source.code(row), "".join(self.pieces.get(row, [])).rstrip()) for row in rows)


def style(kind: _TokenType) -> str:
    """Name the style of a kind of token, or of the nearest kind above it that has one."""
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    return STANDARD_TYPES[kind]


def console(lines: list[str], first: int | None) -> str:
    """Show an example as it is typed, with its answers; `first` is the number of its first line, if it is known."""
    lines = [re.sub(r"\s{3,}#", "  #", line) for line in lines]
    tokens = PythonConsoleLexer().get_tokens("\n".join(lines))
    shown = [""]
    for kind, value in tokens:
        for k, piece in enumerate(value.split("\n")):
            if k:
                shown.append("")
            if piece:
                shown[-1] += f'<span class="{style(kind)}">{escape(piece)}</span>'
    numbers = [None if first is None else first + k for k in range(len(lines))]
    return pre(zip(numbers, lines, shown[: len(lines)], strict=True))


def pre(rows: Iterable[tuple[int | None, str, str]]) -> str:
    """Set lines with their numbers. A long line is broken, and goes on four places further in."""
    lines = []
    for number, plain, html in rows:
        indent = len(plain) - len(plain.lstrip())
        place = "" if number is None else f' id="L{number}"'
        mark = (
            "<span></span>"
            if number is None
            else (f'<a class="number" href="#L{number}" data-number="{number}" aria-label="line {number}"></a>')
        )
        text = f'<span class="text" style="--indent:{indent}">{html}\n</span>'
        lines.append(f'<span class="line"{place}>{mark}{text}</span>')
    return f'<div class="highlight"><pre>{"".join(lines)}</pre></div>'


def inline(text: str, url: Callable[[str], str | None], equations: Collection[str] = ()) -> str:
    """Set a sentence: `names` as code, with a link where `url` knows one; "Equation (2)" leads to the formula."""

    def number(found: re.Match[str]) -> str:
        known = found[1] in equations
        return f'<a href="#equation-{found[1]}">{found[0]}</a>' if known else found[0]

    pieces = re.split(r"`([^`]+)`", text)
    for k, piece in enumerate(pieces):
        if k % 2:
            href = url(piece)
            shown = f"<code>{escape(piece)}</code>"
            pieces[k] = f'<a href="{escape(href)}">{shown}</a>' if href else shown
        else:
            pieces[k] = re.sub(
                r"\b([Ee]quations?|Where|by) \(\d\)( (to|and) \(\d\))?",
                lambda found: re.sub(r"\((\d)\)", number, found[0]),
                escape(piece, quote=False),
            )
    return "".join(pieces)
