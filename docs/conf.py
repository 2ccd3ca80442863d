"""How the site is built: `sphinx-build -W docs docs/_build/html`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent)]

from annotated.library import Library

project = "xnp"
author = "the xnp authors"
copyright = "the xnp authors"
html_title = "xnp"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.linkcode",
    "numpydoc",
    "annotated.directive",
    "pages",
    "katex",
    "api_docstrings",
]
exclude_patterns = ["_build", "_templates", "explorer"]
templates_path = ["_templates"]
default_role = "py:obj"  # single backticks in docstrings: a link where there is something to link to
root_doc = "index"
nitpicky = False

# Markdown and notebooks: shown with the outputs that they have, never run
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the solution"  # the solutions are the cells that are hidden
nb_code_prompt_hide = "Hide the solution"
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4

# API reference
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # numpydoc's sections tell shapes and dtypes, which hints cannot
autodoc_default_options = {"exclude-members": "set"}  # which matplotlib writes into its children
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
annotated_api = [
    line.strip() for line in (HERE / "api/index.rst").read_text("utf-8").splitlines() if line.startswith("   xnp.")
]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["search.js"]
html_theme_options = {"navigation_with_keys": True}
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "katex"


library = Library(HERE.parent / "xnp")


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Lead [source] of the API reference to the annotated page."""
    target = library.resolve(info["module"], info["fullname"]) if info["module"] in library.files else None
    return f"../../{library.page(target.module)}.html#{target.name}" if target else None
