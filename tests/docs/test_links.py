"""Every link of docs/ to a file of the project leads somewhere, and so does every link to a heading."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BUILT = {"_build", "annotated", "lessons", "api"}  # pages of the site alone, which docs/check_links.py looks at
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if not BUILT & set(page.relative_to(DOCS).parts)]


def prose(page: Path) -> str:
    """Give a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Give the names by which GitHub and MyST link to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(DOCS).as_posix() for page in PAGES])
def test_all_links_lead_somewhere(page):
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_check_can_fail(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A title: 3x3, and so on\n[here](#a-title-3x3-and-so-on)\n```\n# no heading\n[x](nowhere.md)\n```\n"
    )
    test_all_links_lead_somewhere(page)
    for wrong in ("[there](#another-title)", "[a file](nowhere.md)"):
        page.write_text(f"# A title\n{wrong}\n", encoding="utf-8")
        with pytest.raises(AssertionError):
            test_all_links_lead_somewhere(page)
