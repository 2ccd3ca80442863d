"""The page can be used without a mouse, without colours, on a phone and from a copy: names, contrast, sizes, files."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytestmark = pytest.mark.slow

SETTINGS = [
    "",
    "operation=depthwise&padding=same&kernel=5",
    "operation=pointwise&direction=backward&outputs=16",
    "operation=separable&direction=backward&padding=same&outputs=4",
]

NAMELESS = """() => [...document.querySelectorAll('button, a, input, [tabindex], [role]')].filter(element => {
    const named = element.getAttribute('aria-label') || element.labels?.[0]?.innerText || element.innerText;
    const by = document.getElementById(element.getAttribute('aria-labelledby'))?.innerText;
    const needless = ['row', 'none', 'cell', 'gridcell', 'status'].includes(element.getAttribute('role'));
    return !needless && !element.closest('[hidden]') && !(named || by)?.trim();
}).map(element => element.outerHTML)"""

CONTRASTS = """() => {
    const light = colour => {
        const [r, g, b] = colour.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = parse(getComputedStyle(element).backgroundColor);
            if (colour.length < 4 || colour[3] === 1) return colour.slice(0, 3);
        }
    };
    return [...document.querySelectorAll('body *')].filter(element =>
        [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && element.offsetParent
        && !element.closest('.dim')
    ).map(element => {
        const [a, b] = [parse(getComputedStyle(element).color).slice(0, 3), behind(element)].map(light);
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.outerHTML.slice(0, 200)];
    });
}"""


FOCUS = """() => {  // what has the focus, and whether one can see it: a radio button shows it on its label
    const here = document.activeElement;
    if (here === document.body) return ['end', true];
    const seen = here.matches('label input') ? here.nextElementSibling : here;
    const name = here.name || here.id || here.closest('[id], footer').id;
    return [name, getComputedStyle(seen).outlineStyle === 'solid'];
}"""


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder on this machine, as a site would. Gives its address, and a list of what is asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, form: str, *arguments: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("address", SETTINGS)
def test_everything_that_can_be_used_has_a_name(opened, address):
    page = opened(address).page
    assert page.locator("[role=grid]").count() == 1
    assert page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", SETTINGS)
def test_text_stands_out_from_what_is_behind_it(opened, address, scheme):
    explorer = opened(address, color_scheme=scheme)
    explorer.page.click("#all")
    contrasts = explorer.page.evaluate(CONTRASTS)
    assert len(contrasts) > 100
    assert [text for contrast, text in contrasts if contrast < 4.5] == []


def test_the_tables_follow_when_the_colours_of_the_system_change(opened):
    page = opened(color_scheme="light").page
    background = "cells => cells.map(cell => getComputedStyle(cell).backgroundColor)"
    light = page.locator(".working .cell").evaluate_all(background)
    page.emulate_media(color_scheme="dark")
    dark = page.locator(".working .cell").evaluate_all(background)
    assert light.count("rgb(255, 255, 255)") == 3  # the smallest number of a kernel, and of the products
    assert dark.count("rgb(255, 255, 255)") == 0


@pytest.mark.parametrize("address", SETTINGS)
def test_nothing_sticks_out_and_no_number_is_cut_off(opened, address):
    page = opened(address).page
    page.click("#all")
    for width in (320, 390, 820, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML)"
        assert page.locator(".cell").evaluate_all(cut) == [], width


def test_what_is_pressed_on_a_phone_is_large_enough(opened):
    page = opened("padding=same&outputs=16", width=390, has_touch=True).page
    for box in page.locator("label, button, #output .cell").evaluate_all(
        "all => all.map(e => [e.getBoundingClientRect().width, e.getBoundingClientRect().height])"
    ):
        assert min(box) >= 24, box  # WCAG 2.2, target size


def test_the_sentence_is_read_out_when_it_changes(explorer):
    status = explorer.page.get_by_role("status")
    assert "27 products" in status.inner_text()
    explorer.choose(operation="depthwise")
    assert "9 products of red alone" in status.inner_text()
    assert "green and blue have no part in it" in status.inner_text()
    explorer.choose(operation="depthwise", direction="backward")
    assert "When y[1, 2, 0] rises by 1, the loss L rises by 2." in status.inner_text()
    explorer.click(0, 1)
    assert "nothing flows back" in status.inner_text()
    assert status.get_attribute("aria-live") == "polite"


def test_the_tab_key_reaches_every_control_and_each_shows_that_it_has_the_focus(explorer):
    page, reached = explorer.page, set()
    for _ in range(30):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate(FOCUS)
        assert outlined, name
        reached.add(name)
    settings = {"operation", "direction", "kernel", "stride", "padding", "outputs"}
    assert settings | {"play", "all", "clear", "input", "views", "output", "end"} <= reached


def test_the_folder_works_elsewhere_and_its_server_gets_no_other_question(opened, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "a copy")
    explorer = opened()
    explorer.page.goto("about:blank")
    with serve(copy) as (address, asked):
        explorer.page.goto(address)
        assert explorer.equation() == "y[1, 2, 0] = 12 + 12 + 21 = 45"
    assert set(asked) == {"/", *(f"/{file.name}" for file in folder.iterdir() if file.suffix != ".html")}


def test_no_file_names_an_address_outside(folder):
    for file in folder.iterdir():
        found = re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"']*", file.read_text(encoding="utf-8"))
        assert [address for address in found if "www.w3.org/2000/svg" not in address] == [], file
