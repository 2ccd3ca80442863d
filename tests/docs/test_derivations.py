"""The pages of docs/ say what the library does: their examples run, and their quotes stand in the source.

In the derivations, a block of Python without `>>>` is a quote: it is a part of the file that was linked last before it.
"""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {page.relative_to(DOCS).as_posix(): page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts}
DERIVATIONS = [name for name in PAGES if name.startswith("derivations")]
EXAMPLES = [name for name, page in PAGES.items() if "```python\n>>> " in page.read_text(encoding="utf-8")]


def blocks(text: str) -> list[tuple[str, str]]:
    """Give each block of Python in a page, with all the text before it."""
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(match[1], text[: match.start()]) for match in found]


def without_spaces(code: str) -> str:
    """Leave the words alone: a quote is less indented than the source, and so its lines may break elsewhere."""
    return "".join(code.split())


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_print_what_stands_below_them(name):
    text = PAGES[name].read_text(encoding="utf-8")
    text = re.sub(r"^```.*$", "", text, flags=re.MULTILINE)  # else the end of a block would be expected output
    test = doctest.DocTestParser().get_doctest(text, {}, name, str(PAGES[name]), 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert result.attempted > 0
    assert not result.failed, "".join(said)


@pytest.mark.parametrize("name", DERIVATIONS)
def test_what_is_quoted_stands_in_the_file_that_was_linked_last(name):
    for quote, before in blocks(PAGES[name].read_text(encoding="utf-8")):
        if ">>>" in quote:
            continue
        file = PAGES[name].parent / re.findall(r"\]\((\S+\.py)\)", before)[-1]
        source = without_spaces(file.read_text(encoding="utf-8"))
        for part in quote.split("...\n"):
            assert without_spaces(part) in source, f"{name} quotes what {file.name} does not say:\n{part}"


@pytest.mark.parametrize("op", [page.stem for page in sorted((DOCS.parent / "xnp" / "ops").glob("[a-z]*.py"))])
def test_every_operation_is_derived_and_its_lines_are_quoted(op):
    texts = [PAGES[name].read_text(encoding="utf-8") for name in DERIVATIONS]
    quoted = [
        re.findall(r"/(\w+)\.py\)", before)[-1:] for text in texts for q, before in blocks(text) if ">>>" not in q
    ]
    assert [op] in quoted
