"""The directive, and what Sphinx must know about it."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from annotated.api import documented
from annotated.library import Library, Target
from annotated.page import Page


class Annotated(SphinxDirective):
    """Shows one file of the library."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read the file and make its page."""
        library: Library = self.env.app.annotated  # type: ignore[attr-defined]
        module = self.arguments[0]
        if module not in library.files:
            raise self.error(f"annotated: {module} is no file of the library")
        self.env.note_dependency(str(library.files[module]))
        self.env.metadata[self.env.docname]["hide-toc"] = "true"
        builder = self.env.app.builder
        pages: dict[Target, tuple[str, str]] = self.env.app.annotated_api  # type: ignore[attr-defined]

        def url(target: Target) -> str | None:
            page = builder.get_relative_uri(self.env.docname, library.page(target.module))
            return f"{page}#{target.name}" if target.name else page

        def api(target: Target) -> str | None:
            if target not in pages:
                return None
            page, anchor = pages[target]
            return f"{builder.get_relative_uri(self.env.docname, page)}#{anchor}"

        return Page(library, module, url, api).content()


def start(app: Sphinx) -> None:
    """Look at the library once."""
    library = Library(Path(app.srcdir, app.config.annotated_root).resolve())
    app.annotated = library  # type: ignore[attr-defined]
    app.annotated_api = documented(library, app.config.annotated_api)  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Announce the directive."""
    app.add_config_value("annotated_root", "../xnp", "env")
    app.add_config_value("annotated_api", [], "env")
    app.connect("builder-inited", start, priority=100)
    app.add_directive("annotated", Annotated)
    app.add_css_file("annotated.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
