"""Which page tells about a name? `pad` in conv2d.py is xnp.shapes.pad, and that is a part of annotated/shapes."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from annotated.source import Definition, Part, Source


class Target(NamedTuple):
    """A file of the library, and a name in it; "" is the file itself."""

    module: str
    name: str


class Library:
    """All files under the root of a package."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = {module_name(path, root): path for path in sorted(root.rglob("*.py"))}
        self.source = cache(self._source)
        self.names = cache(self._names)
        self.defined = cache(self._defined)

    def _source(self, module: str) -> Source:
        return Source(self.files[module])

    def page(self, module: str) -> str:
        """Name the document that shows a file: xnp.ops.conv2d is annotated/ops/conv2d."""
        path = self.files[module].relative_to(self.root.parent).with_suffix("").as_posix()
        below = path.partition("/")[2] if module != self.root.name else self.root.name
        return f"annotated/{re.sub('__init__$', 'index', below)}"

    def resolve(self, module: str, name: str) -> Target | None:
        """Find where a name of a file is defined, through any number of imports. None if it is not the library's."""
        if f"{module}.{name}" in self.files:
            return Target(f"{module}.{name}", "")
        if name in self.defined(module):
            return Target(module, name)
        target = self.names(module).get(name)
        if target is None or target == Target(module, name):
            return None
        return self.resolve(*target) if target.name else target

    def _names(self, module: str) -> dict[str, Target]:
        """Give what a file imports from the library."""
        found = {}
        for node in ast.walk(self.source(module).tree):
            if isinstance(node, ast.ImportFrom) and node.module in self.files:
                for alias in node.names:
                    found[alias.asname or alias.name] = Target(str(node.module), alias.name)
        return {
            name: Target(f"{target.module}.{target.name}", "") if ".".join(target) in self.files else target
            for name, target in found.items()
        }

    def _defined(self, module: str) -> set[str]:
        """Give the functions, classes and methods of a file, methods as "Class.method"."""

        def walk(parts: list[Part]) -> set[str]:
            return {part.name for part in parts if part.name} | {name for part in parts for name in walk(part.parts)}

        return walk(self.source(module).parts)

    def links(self, module: str) -> dict[tuple[int, int], tuple[int, Target]]:
        """Find the names in a file's code that have a page.

        Returns
        -------
        dict
            (line, column) of a name -> its length, and where it leads.
        """
        found: dict[tuple[int, int], tuple[int, Target]] = {}
        self._visit(self.source(module).tree, module, frozenset(), "", found)
        return found

    def _visit(
        self,
        node: ast.AST,
        module: str,
        hidden: frozenset[str],
        within: str,
        found: dict[tuple[int, int], tuple[int, Target]],
    ) -> None:
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            hidden |= local_names(node)
        if isinstance(node, ast.Name) and node.id not in hidden:
            if target := self.resolve(module, node.id):
                found[node.lineno, node.col_offset] = len(node.id), target
        elif isinstance(node, ast.Attribute) and node.end_lineno and node.end_col_offset:
            owner = self._owner(node.value, module, hidden, within)
            target = self.resolve(owner.module, f"{owner.name}.{node.attr}".lstrip(".")) if owner else None
            if target:
                found[node.end_lineno, node.end_col_offset - len(node.attr)] = len(node.attr), target
        elif isinstance(node, ast.alias) and (target := self.resolve(module, node.asname or node.name)):
            found[node.lineno, node.col_offset] = len(node.name), target
        if isinstance(node, ast.ClassDef):
            within = f"{within}.{node.name}".lstrip(".")
        for child in ast.iter_child_nodes(node):
            self._visit(child, module, hidden, within, found)

    def _owner(self, node: ast.expr, module: str, hidden: frozenset[str], within: str) -> Target | None:
        """Find what stands before a dot: a file, a class, self."""
        if isinstance(node, ast.Name):
            if node.id == "self" and within:
                return Target(module, within)
            return None if node.id in hidden else self.resolve(module, node.id)
        if isinstance(node, ast.Attribute):
            owner = self._owner(node.value, module, hidden, within)
            return self.resolve(owner.module, f"{owner.name}.{node.attr}".lstrip(".")) if owner else None
        return None


def module_name(path: Path, root: Path) -> str:
    """Name a file as Python does: xnp/ops/conv2d.py is xnp.ops.conv2d."""
    parts = [root.name, *path.relative_to(root).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def local_names(node: ast.FunctionDef | ast.Lambda) -> frozenset[str]:
    """Give the arguments and variables of a function: they hide names of the file."""
    arguments = node.args
    found = {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    found |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.add(part.id)
        elif isinstance(part, Definition) and part is not node:
            found.add(part.name)
    return frozenset(found)
