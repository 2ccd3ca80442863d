"""Which names have a page in the API reference, and where on it."""

import ast

from annotated.library import Library, Target


def documented(library: Library, modules: list[str]) -> dict[Target, tuple[str, str]]:
    """Map what the listed modules offer to (document, anchor).

    A module offers what its `__all__` names; an operation its four functions and its cache; any other what it defines
    without an underscore in front.
    """
    found: dict[Target, tuple[str, str]] = {}
    for module in modules:
        page = f"api/generated/{module}"
        found[Target(module, "")] = page, f"module-{module}"
        for name in offered(library, module):
            target = library.resolve(module, name)
            if target and target.name:
                found.setdefault(target, (page, f"{module}.{name}"))
    return found


def offered(library: Library, module: str) -> list[str]:
    """Give a module's public names."""
    for node in library.source(module).tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    if "definition" in library.defined(module):
        return ["definition", "forward", "backward", "cost", "Cache"]
    return [name for name in sorted(library.defined(module)) if "." not in name and not name.startswith("_")]
