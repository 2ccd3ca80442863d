"""The built site in a real browser, opened as files: it asks for nothing from outside, its search finds, it fits.

Skipped where the site is not built, or where there is no Chromium or no Playwright.
"""

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

SITE = Path(__file__).parents[2] / "docs/_build/html"
PAGES = [
    "index.html",
    "annotated/index.html",
    "annotated/ops/conv2d.html",
    "annotated/ops/grouped_conv2d.html",
    "annotated/engine/nodes/depthwise.html",
    "lessons/02_convolution_backward.html",
    "lessons/12_the_map.html",
    "api/generated/xnp.layers.html",
    "performance.html",
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (SITE / "index.html").exists(), reason="the site is not built: sphinx-build -W docs docs/_build/html"
    ),
]


@pytest.fixture(params=[1280, 390], ids=["wide", "phone"])
def page(browser, request):
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.outside, page.errors = [], []
    page.on(
        "request", lambda sent: page.outside.append(sent.url) if not sent.url.startswith(("file:", "data:")) else None
    )
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    page.close()


@pytest.mark.parametrize("path", PAGES)
def test_no_request_goes_out_and_nothing_is_wider_than_the_window(page, path):
    page.goto((SITE / path).as_uri(), wait_until="load")
    assert page.outside == []
    assert page.errors == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_search_finds_depthwise(page):
    page.goto((SITE / "search.html").as_uri() + "?q=depthwise")
    page.wait_for_selector("#search-results li a")
    found = page.locator("#search-results li a").all_inner_texts()
    assert any("depthwise_conv2d" in title for title in found)
    assert page.outside == []


def test_search_shows_a_formula_once(browser):
    """Sphinx reads the pages for it, which a browser allows over HTTP alone."""
    serve = partial(QuietHandler, directory=SITE)
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/search.html?q=depthwise")
        page.wait_for_selector("#search-results li .context")
        page.wait_for_function("document.querySelectorAll('#search-results li .context').length > 3")
        shown = " ".join(page.locator("#search-results li .context").all_inner_texts())
        page.close()
        server.shutdown()
    assert "depthwise" in shown
    assert not re.search(r"\\(cdot|mathrm|sum)", shown)  # TeX, which stands in the copy for screen readers


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and does not tell."""

    def log_message(self, *_: object) -> None:
        """Tell nothing."""


def test_math_is_set_before_it_comes(page):
    page.goto((SITE / "annotated/ops/conv2d.html").as_uri())
    assert page.locator("#equation-1 .katex").count() > 0
    assert page.evaluate(
        "document.fonts.ready.then(fonts => [...fonts].some(f => f.family.startsWith('KaTeX') && f.status == 'loaded'))"
    )


def test_backward_stands_beside_the_line_that_it_undoes(page):
    page.goto((SITE / "annotated/ops/conv2d.html").as_uri())
    row = page.locator(".undo", has_text="padded = pad(x, window.padding)")
    there, back = row.locator(".there").bounding_box(), row.locator(".back").bounding_box()
    assert "return crop(dpadded" in row.locator(".back").inner_text()
    if page.viewport_size["width"] > 1000:
        assert there["y"] == back["y"]
        assert there["x"] < back["x"]
    else:
        assert there["y"] < back["y"]
