"""Backward beside forward: for each line of backward the line of forward that it undoes.

    forward                             backward
    padded = pad(x, ...)                return crop(dpadded, ...), dw, db
    for i, j in offsets:                for i, j in offsets:
        y += padded[...] @ w[i, j]          dpadded[...] += dy @ w[i, j].T        padded was read there, and so was w
                                            dw[i, j] = ...
    y += b                              db = dy.sum(axis=(0, 1, 2))
    return y, Cache(...)                padded, w, ... = cache

Backward runs forward's lines from the last to the first, so beside forward it is read upwards. The chain rule itself
says which line belongs to which: the gradient of v is found where forward read v. `partner` lists the rules. Where they
do not suffice, a comment names the line: "undoes `xhat *= inv`".
"""

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

from annotated.source import Statement

METADATA = ("shape", "dtype", "ndim", "size")
UNDOES = re.compile(r"undoes `([^`]+)`")
ALLOCATES = re.compile(r"= (np\.(zeros|empty|full)|\(?np\.zeros)")


class Pair(NamedTuple):
    """A statement of forward, and those of backward that undo it."""

    forward: Statement
    backward: list[Statement]


def align(forward: list[Statement], backward: list[Statement], arguments: list[str]) -> list[Pair]:
    """Put each statement of backward beside one of forward.

    Parameters
    ----------
    forward, backward : list of Statement
        The two bodies.
    arguments : list of str
        Names of forward's arguments: backward returns their gradients in this order.

    Returns
    -------
    list of Pair
        All of forward, in its order. Nothing of backward is missing. Empty if the rules know few of its lines: such
        functions are not each other's mirror.

    Raises
    ------
    LookupError
        A comment names a line that forward does not have.
    """
    found = [partner(statement, forward, arguments) for statement in backward]
    if sum(place is not None for place in found) < len(found) / 2:
        return []
    for k in reversed(range(len(backward))):
        if found[k] is None:
            found[k] = follow(k, found, forward, backward)
    for k, place in enumerate(found):
        if place is None:  # nothing uses it: it stays with the line before, or with forward's last
            found[k] = found[k - 1] if k else len(forward) - 1
    return [
        Pair(statement, [backward[k] for k, place in enumerate(found) if place == row])
        for row, statement in enumerate(forward)
    ]


def partner(statement: Statement, forward: list[Statement], arguments: list[str]) -> int | None:
    """Find the place in forward of the line that a line of backward undoes; None where no rule knows."""
    if named := UNDOES.search(statement.note):
        for place, other in enumerate(forward):
            if text(other.node).startswith(named[1]) or named[1] in text(other.node).splitlines()[0]:
                return place
        raise LookupError(f"line {statement.lines[0]}: forward has no line `{named[1]}`")
    node = statement.node
    if isinstance(node, ast.For | ast.While):
        return first(forward, lambda other: isinstance(other, type(node)) and header(other) == header(node))
    if isinstance(node, ast.Assign) and names(node.value) == {"cache"} and not calls(node):
        return first(forward, lambda other: "Cache(" in text(other))
    if text(node).startswith("checks.upstream("):
        return first(forward, lambda other: "check(" in text(other))
    if ALLOCATES.search(text(node)):
        return first(forward, lambda other: bool(ALLOCATES.search(text(other))))
    called = {receiver(name) for name in calls(node) if name.endswith(".backward")}
    for place, other in enumerate(forward):
        if called & {receiver(name) for name in calls(other.node) if name.endswith(".forward")}:
            return place
    for name in gradients(node, arguments):
        places = [place for place, other in enumerate(forward) if name in reads(other.node)]
        if places:
            return places[-1]
    if isinstance(node, ast.Return):
        return 0
    kept = {
        text(part)
        for part in ast.walk(own(node))
        if isinstance(part, ast.Attribute) and text(part).startswith("self._")
    }
    return first(forward, lambda other: bool(kept & {text(target) for target in targets(other)}))


def follow(k: int, found: list[int | None], forward: list[Statement], backward: list[Statement]) -> int | None:
    """Find the place of a line without a partner: where what it prepares is used first; a loop's is its body's."""
    node = backward[k].node
    if isinstance(node, ast.For | ast.While | ast.If | ast.With):
        for later in range(k + 1, len(backward)):
            if node in backward[later].inside and (place := found[later]) is not None:
                around = forward[place].inside[-1:] if isinstance(node, ast.For | ast.While) else ()
                return next((row for row, other in enumerate(forward) if other.node in around), place)
    prepared = {name for target in targets(node) for name in names(target)}
    for later in range(k + 1, len(backward)):
        if prepared & names(own(backward[later].node)):
            return found[later]
    return None


def arguments(node: ast.stmt) -> list[str]:
    """Name a function's arguments, without self."""
    if not isinstance(node, ast.FunctionDef):
        return []
    found = [argument.arg for argument in node.args.args] + ([node.args.vararg.arg] if node.args.vararg else [])
    return found[1:] if found[:1] == ["self"] else found


def gradients(node: ast.stmt, arguments: list[str]) -> list[str]:
    """Name the variables whose gradients a statement computes: dw[i, j] = ... is that of w."""
    if isinstance(node, ast.Return) and node.value is not None:
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        return [name for name, value in zip(arguments, values, strict=False) if not isinstance(value, ast.Name)]
    stems = [stem for target in targets(node) for stem in [text(target).split("[")[0].split(".")[-1]]]
    return [stem[2:] if stem.startswith("d_") else stem[1:] for stem in stems if len(stem) > 1 and stem[0] == "d"]


def targets(node: ast.stmt) -> list[ast.expr]:
    """Give what a statement writes to: by =, by +=, or by out=."""
    written: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        written = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        written = [node.target]
    written += [
        key.value
        for call in ast.walk(own(node))
        if isinstance(call, ast.Call)
        for key in call.keywords
        if key.arg == "out"
    ]
    flat = []
    for target in written:
        flat += target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return [target.value if isinstance(target, ast.Starred) else target for target in flat]


def reads(node: ast.stmt) -> set[str]:
    """Name the arrays whose numbers a statement reads. x.shape, len(x), check(x) and Cache(x) do not read numbers."""
    found: set[str] = set()

    def visit(part: ast.AST) -> None:
        if isinstance(part, ast.Attribute) and part.attr in METADATA:
            return
        if isinstance(part, ast.Call) and text(part.func) in ("len", "check", "Cache"):
            return
        if isinstance(part, ast.Compare) and any(isinstance(operator, ast.IsNot | ast.Is) for operator in part.ops):
            return
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found.add(part.id)
        for child in ast.iter_child_nodes(part):
            visit(child)

    visit(own(node))
    return found


def own(node: ast.stmt) -> ast.AST:
    """Give what a statement holds itself: of a loop or a branch its header, without the body."""
    if isinstance(node, ast.For):
        return ast.Tuple([node.target, node.iter], ast.Load())
    if isinstance(node, ast.While | ast.If):
        return node.test
    if isinstance(node, ast.With):
        return ast.Tuple([item.context_expr for item in node.items], ast.Load())
    return node


def header(node: ast.stmt) -> str:
    """Give the first line of a statement."""
    return text(node).splitlines()[0]


def text(node: ast.AST) -> str:
    """Give code without the accidents of how it is set."""
    return ast.unparse(node)


def names(node: ast.AST) -> set[str]:
    """Give all names in a piece of code."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def calls(node: ast.stmt) -> list[str]:
    """Name what a statement calls."""
    return [text(part.func) for part in ast.walk(own(node)) if isinstance(part, ast.Call)]


def receiver(name: str) -> str:
    """Give the last word before the method: "op" of "self.op.forward"."""
    return name.split(".")[-2] if "." in name else name


def first(forward: list[Statement], fits: Callable[[ast.stmt], bool]) -> int | None:
    """Find the first statement that fits."""
    return next((place for place, statement in enumerate(forward) if fits(statement.node)), None)
