"""Pages that are made when the site is built: the lessons, and one page for each source file. None is committed.

A link in a lesson or a page that leads to a file of the project is led to that file's page.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
EXPLORER = re.compile(r"\[([^\]]*)\]\((?:\.\./docs/|\.\./)?(explorer/index\.html[^)\s]*)\)")
LINK = re.compile(r"\[([^\]]*)\]\(\.\./([^)\s#]*)(#[^)\s]*)?\)")


def make(app: Sphinx) -> None:
    """Write what is missing or has changed; delete what no longer belongs to anything."""
    docs, library = Path(app.srcdir), app.annotated  # type: ignore[attr-defined]
    wanted = {docs / f"lessons/{path.name}": lesson(path, library) for path in (ROOT / "notebooks").glob("*.ipynb")}
    for module in library.files:
        wanted[docs / f"{library.page(module)}.md"] = stub(module, library)
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    picture(docs / "_static/generated/separable.png")
    for path in [*(docs / "lessons").glob("*.ipynb"), *(docs / "annotated").rglob("*.md")]:
        if path not in wanted and path != docs / "annotated/index.md":
            path.unlink()


def picture(path: Path) -> None:
    """Draw the picture of the start page, as lesson 05 does."""
    from xnp import viz
    from xnp.data import example

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        kernels = example.depthwise_kernel(), example.pointwise_kernel()
        viz.save(viz.separable_picture(example.image(), *kernels, at=(1, 2)), path)


def stub(module: str, library: Any) -> str:
    """Write the page of a source file; that of a package lists its files too."""
    title = module.removeprefix("xnp.").removeprefix("ops.")
    text = f"# {title}\n\n```{{annotated}} {module}\n```\n"
    if library.files[module].name == "__init__.py" and module != library.root.name:
        below = [other for other in library.files if other.rpartition(".")[0] == module]
        pages = "\n".join(f"{other.rpartition('.')[2]} </{library.page(other)}>" for other in below)
        text += f"\n## Files\n\n```{{toctree}}\n:maxdepth: 1\n\n{pages}\n```\n" if below else ""
    return text


def lesson(path: Path, library: Any) -> str:
    """Copy a notebook: links lead to pages, solutions are folded."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relink("".join(cell["source"]), library, up="../")
        for output in cell.get("outputs", []):
            for kind, text in output.get("data", {}).items():
                if kind == "text/markdown":
                    output["data"][kind] = relink("".join(text), library, up="../", built=True)
        tags = cell["metadata"].get("tags", [])
        if "solution" in tags:
            cell["metadata"]["tags"] = [*tags, "hide-cell"]
    return json.dumps(notebook, ensure_ascii=False)


def relink(text: str, library: Any, up: str = "", *, built: bool = False) -> str:
    """Lead links to files of the project to their pages; where there is none, to the list of all source files.

    Parameters
    ----------
    text : str
        Markdown.
    library : Library
    up : str
        The way from the page to the top of the site.
    built : bool
        Lead to the finished pages: Sphinx leaves the outputs of a notebook as they are.
    """

    def page(found: re.Match[str]) -> str:
        words, document, anchor = found[1], where(found[2].rstrip("/"), library), found[3] or ""
        address = f"{up}{Path(document).with_suffix('.html').as_posix()}{anchor}"
        if built:
            return f"[{words}]({address})"
        if anchor.startswith("#L"):  # a line of code: Sphinx does not know it
            return f'<a href="{address}">{words}</a>'
        return f"[{words}](/{document}{anchor})"

    text = EXPLORER.sub(rf'<a href="{up}\2">\1</a>', text)
    return LINK.sub(page, text)


def where(path: str, library: Any) -> str:
    """Find the document of a file of the project."""
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("notebooks"):
        return f"lessons/{Path(path).name}" if path.endswith(".ipynb") else "lessons/index.md"
    module = path.removesuffix(".py").replace("/", ".")
    return f"{library.page(module)}.md" if module in library.files else "annotated/index.md"


def read(app: Sphinx, docname: str, content: list[str]) -> None:
    """Lead the links of a page of docs/."""
    if app.env.doc2path(docname).suffix == ".md":
        content[0] = relink(content[0], app.annotated, up="../" * docname.count("/"))  # type: ignore[attr-defined]


def fold(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """List in the sidebar what is near to a page, not all pages on every page: it is quicker to build and to read."""
    if everything := context.get("toctree"):
        context["toctree"] = lambda **options: everything(**(options | {"collapse": True}))


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Copy the explorer as it is."""
    explorer = Path(app.srcdir, "explorer")
    if exception is None and explorer.exists():
        shutil.copytree(explorer, Path(app.outdir, "explorer"), dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to the build."""
    app.connect("builder-inited", make, priority=200)
    app.connect("source-read", read)
    app.connect("html-page-context", fold, priority=100)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
