"""The page of one file: prose beside code, backward beside forward."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from html import escape

from docutils import nodes

from annotated import prose
from annotated.alignment import Pair, align, arguments
from annotated.formulas import latex, split_remark
from annotated.html import Code, console, inline
from annotated.library import Library, Target
from annotated.source import Part, Source, Statement

QUIET = ("Raises",)  # sections that are folded away


class Page:
    """Makes the docutils nodes of a file."""

    def __init__(
        self, library: Library, module: str, url: Callable[[Target], str | None], api: Callable[[Target], str | None]
    ) -> None:
        self.library, self.module, self.url, self.api = library, module, url, api
        self.source: Source = library.source(module)
        numbered = [block.lines for block in prose.blocks(self.source.docstring) if block.kind == "formulas"]
        self.equations = {formula.number for lines in numbered for formula in prose.formulas(lines)}
        self.code = Code(self.source, library.links(module), url)

    def content(self) -> list[nodes.Node]:
        """Give the whole page, below its title."""
        body = [*self._top(), *self._parts(self.source.parts)]
        return [node for node in body if node is not None]

    # the top: the file's docstring

    def _top(self) -> Iterator[nodes.Node]:
        path = self.source.path.relative_to(self.library.root.parent).as_posix()
        api = self.api(Target(self.module, ""))
        jumps = [f'<a href="#{part.name}">{part.name}</a>' for part in self.source.parts if part.name]
        more = f'<a class="api" href="{api}">API reference</a>' if api else ""
        yield raw(f'<p class="file"><code>{escape(path)}</code> {more}</p>')
        if len(jumps) > 1:
            yield raw(f'<nav class="jumps" aria-label="in this file">{" ".join(jumps)}</nav>')
        facts: list[str] = []
        examples: list[str] = []
        for block in prose.blocks(self.source.docstring):
            if block.kind == "facts":
                facts.append(self._terms(prose.facts(block.lines)))
            elif block.kind == "example":
                examples.append(console(block.lines, block.first))
            elif block.kind == "formulas":
                yield from self._formulas(block.lines)
            elif block.kind == "picture":
                yield raw(picture(block.lines))
            else:
                style = "lead" if block.kind == "lead" else "text"
                yield raw(f'<p class="{style}">{self._inline(" ".join(map(str.strip, block.lines)))}</p>')
        if facts or examples:
            yield raw(row("".join(facts), "".join(examples), "top"))

    def _formulas(self, lines: list[str]) -> Iterator[nodes.Node]:
        for number, text in prose.formulas(lines):
            formula, remark = split_remark(text)
            line = nodes.container(classes=["equation"], ids=[f"equation-{number}"])
            line += raw(f'<span class="label">({number})</span>')
            if math := latex(formula):
                line += nodes.math_block(math, math, number=None, label=None, nowrap=False)
            else:
                line += raw(f'<code class="formula">{escape(formula)}</code>')
            if remark:
                line += raw(f'<span class="remark">{self._inline(remark)}</span>')
            yield line

    # the parts

    def _parts(self, parts: list[Part]) -> Iterator[nodes.Node]:
        named = {part.name.rpartition(".")[2]: part for part in parts if part.name}
        forward, backward = named.get("forward"), named.get("backward")
        paired = forward is not None and backward is not None and bool(forward.statements and backward.statements)
        for part in parts:
            if not part.name:
                yield raw(self._rows(part.statements))
            elif paired and part is forward and backward is not None:
                yield self._pair(forward, backward)
            elif not (paired and part is backward):
                yield self._part(part)

    def _part(self, part: Part) -> nodes.section:
        section = self._section(part, part.name, [part.name])
        statements, parts = part.statements, part.parts
        if parts and not parts[0].name:  # a class begins with its fields
            statements, parts = parts[0].statements, parts[1:]
        section += raw(self._rows(statements, self._docs(part), part.signature))
        section.extend(self._parts(parts))
        return section

    def _section(self, part: Part, title: str, names: list[str]) -> nodes.section:
        section = nodes.section(ids=names, names=[], classes=["part"])
        section += nodes.title(title, "", nodes.literal(title, title))
        if api := self.api(Target(self.module, part.name)):
            section += raw(f'<a class="api" href="{api}" aria-label="{part.name} in the API reference">API</a>')
        return section

    def _pair(self, forward: Part, backward: Part) -> nodes.section:
        title = forward.name.removesuffix("forward")
        section = self._section(forward, f"{title}forward, {title}backward", [forward.name, backward.name])
        pairs = align(forward.statements, backward.statements, arguments(forward.node))
        if pairs:
            body = "".join(self._undo(pair) for pair in joined(pairs))
            heads = head("forward", "read down") + head(
                "backward", "read up, row by row: it undoes the last line first"
            )
        else:
            body = self._side(self._column(forward.statements), self._column(backward.statements))
            heads = head("forward", "") + head("backward", "")
        docs = self._side(self._docs(forward), self._docs(backward), "docs")
        signatures = self._side(self.code.lines(forward.signature), self.code.lines(backward.signature))
        section += raw(f'<div class="pair"><div class="heads">{heads}</div>{docs}{signatures}{body}</div>')
        return section

    def _undo(self, pair: Pair) -> str:
        return self._side(self._column([pair.forward]), self._column(pair.backward))

    def _column(self, statements: list[Statement]) -> str:
        return "".join(
            self.code.lines(statement.lines)
            + (f'<p class="note">{self._inline(statement.note)}</p>' if statement.note else "")
            for statement in statements
        )

    @staticmethod
    def _side(left: str, right: str, kind: str = "") -> str:
        kind = kind if right else "alone"
        return f'<div class="undo {kind}"><div class="there">{left}</div><div class="back">{right}</div></div>'

    def _docs(self, part: Part) -> str:
        text, sections = prose.sections(part.docstring)
        shown = "".join(self._paragraph(paragraph) for paragraph in [*filter(None, [part.note]), *text])
        for title, entries in sections.items():
            terms = self._terms(entries)
            shown += (
                f"<details><summary>{title}</summary>{terms}</details>"
                if title in QUIET
                else f'<p class="rubric">{title}</p>{terms}'
            )
        return shown

    def _rows(self, statements: list[Statement], docs: str = "", signature: tuple[int, ...] = ()) -> str:
        """Set statements beside their notes. Those without a note stand together, the first ones with the signature."""
        rows: list[tuple[str, list[int]]] = [(docs, [*signature])]
        for statement in statements:
            if statement.note:
                rows.append((f"<p>{self._inline(statement.note)}</p>", [*statement.lines]))
            elif rows[-1][0] and len(rows) > 1:
                rows.append(("", [*statement.lines]))
            else:
                rows[-1][1].extend(statement.lines)
        kinds = ["signature" if signature else "", *[""] * len(rows)]
        return "".join(
            row(note, self.code.lines(lines), kind) for (note, lines), kind in zip(rows, kinds, strict=False) if lines
        )

    def _paragraph(self, paragraph: str) -> str:
        lines = paragraph.splitlines()
        if lines[0].startswith(">>>"):
            return console(lines, None)
        if lines[0].startswith("    "):
            return picture(lines)
        return f"<p>{self._inline(' '.join(map(str.strip, lines)))}</p>"

    def _terms(self, entries: Iterable[tuple[str, str]]) -> str:
        terms = (f"<dt>{self._inline(term)}</dt><dd>{self._inline(text)}</dd>" for term, text in entries)
        return f"<dl>{''.join(terms)}</dl>"

    def _inline(self, text: str) -> str:
        return inline(text, self._named, self.equations)

    def _named(self, name: str) -> str | None:
        """Find the page of a name in backticks."""
        module, _, last = name.rpartition(".")
        if name in self.library.files:
            return self.url(Target(name, ""))
        if name.endswith(".py"):
            found = [key for key, path in self.library.files.items() if path.as_posix().endswith("/" + name)]
            return self.url(Target(found[0], "")) if len(found) == 1 else None
        if module in self.library.files and (target := self.library.resolve(module, last)):
            return self.url(target)
        target = self.library.resolve(self.module, name) if re.fullmatch(r"[\w.]+", name) else None
        return self.url(target) if target else None


def joined(pairs: list[Pair]) -> list[Pair]:
    """Put `if b is not None:` together with its one line, where nothing undoes the `if` by itself."""
    found: list[Pair] = []
    for pair in pairs:
        before = found[-1] if found else None
        if before and not before.backward and isinstance(before.forward.node, ast.If) and not before.forward.note:
            statement = pair.forward
            if statement.inside and statement.inside[-1] is before.forward.node:
                lines = before.forward.lines + statement.lines
                found[-1] = Pair(Statement(statement.node, lines, statement.note, statement.inside[:-1]), pair.backward)
                continue
        found.append(pair)
    return found


def raw(html: str) -> nodes.raw:
    """Make a node of HTML."""
    return nodes.raw("", html, format="html")


def row(note: str, code: str, kind: str = "") -> str:
    """Set a note beside code."""
    return f'<div class="row {kind}"><div class="note">{note}</div><div class="code">{code}</div></div>'


def head(title: str, hint: str) -> str:
    """Set the head of a column."""
    return f"<div><strong>{title}</strong> <span>{hint}</span></div>"


def picture(lines: list[str]) -> str:
    """Set a drawing made of letters."""
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    return f'<pre class="picture">{escape(chr(10).join(line[indent:] for line in lines))}</pre>'
