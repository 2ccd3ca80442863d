"""A file's docstring in the API reference: its first sentence. All of it stands in the annotated page."""

from typing import Any

from sphinx.application import Sphinx


def shorten(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the first paragraph of a module's docstring."""
    if what == "module":
        end = lines.index("") if "" in lines else len(lines)
        lines[end:] = [""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to autodoc, before numpydoc reads the docstring."""
    app.connect("autodoc-process-docstring", shorten, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
