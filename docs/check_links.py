"""Checks the built site: every link leads somewhere, and no page is made of anything from outside.

    python docs/check_links.py docs/_build/html

Reads the files alone: a link to another site is not followed, but must not be what a page is made of.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

MADE_OF = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src", "video": "src"}


class Page(NamedTuple):
    """What a page offers and what it asks for."""

    anchors: set[str]
    links: list[str]
    parts: list[str]  # what the browser fetches by itself


class Reader(HTMLParser):
    """Collects anchors and links."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page(set(), [], [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        given = {name: value for name, value in attrs if value is not None}
        self.page.anchors.update(given[name] for name in ("id", "name") if name in given and tag != "meta")
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        elif (part := given.get(MADE_OF.get(tag, ""))) and given.get("rel") not in ("canonical", "next", "prev"):
            self.page.parts.append(part)


def read(path: Path) -> Page:
    """Read a page."""
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def problems(site: Path) -> list[str]:
    """List what is wrong, a line each: broken links, missing parts, parts from outside."""
    site = site.resolve()
    pages = {path: read(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
    found = []
    for path, page in pages.items():
        here = path.relative_to(site).as_posix()
        for link in [*page.links, *page.parts]:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                if link in page.parts and url.scheme != "data":
                    found.append(f"{here}: is made of {link}")
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not target.is_file():
                found.append(f"{here}: {link} leads nowhere")
            elif "=" in url.fragment:
                continue  # settings of the explorer, and no place
            elif target in pages and url.fragment and unquote(url.fragment) not in pages[target].anchors:
                found.append(f"{here}: {link} has no such place")
    for style in sorted(site.rglob("*.css")):
        for address in re.findall(r"url\(\s*['\"]?(https?:|//)[^)]*\)", style.read_text(encoding="utf-8")):
            found.append(f"{style.relative_to(site).as_posix()}: is made of {address}")
    return found


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]))
    print("\n".join(wrong) or "every link leads somewhere, and nothing comes from outside")
    sys.exit(bool(wrong))
