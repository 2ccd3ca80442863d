"""The glossary is sorted and whole, each of its links leads to a file, and one of them uses the word."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "glossary.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### ([^\n]+)\n\n(.*?)(?=\n\n##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
ENTRY = re.compile(
    r"\*\*[^*]+\*\*[^\n]*\n\n"  # the Korean word
    r"- [^가-힣\n]+[.)]\n"  # in English
    r"- [^\n]*[가-힣][^\n]*[.)]\n"  # in Korean
    r"- \[[^\n]+\)\n?"  # where
)


def test_terms_are_sorted_under_their_letters():
    headings = re.findall(r"^##+ (.+)$", TEXT, re.MULTILINE)
    terms = [heading for heading in headings if len(heading) > 1]
    assert terms == sorted(set(terms), key=str.lower)
    assert len(terms) > 100
    for letter, following in re.findall(r"^## (.)\n\n### (.)", TEXT, re.MULTILINE):
        assert following.upper() == letter
    assert [heading for heading in headings if len(heading) == 1] == re.findall(r"\[(.)\]\(#.\)", TEXT)
    assert headings == sorted(headings, key=lambda heading: (heading[0].upper(), len(heading) > 1, heading.lower()))


@pytest.mark.parametrize("term", ENTRIES)
def test_each_term_has_its_four_lines(term: str):
    assert ENTRY.fullmatch(ENTRIES[term]), ENTRIES[term]


@pytest.mark.parametrize("term", ENTRIES)
def test_a_linked_file_uses_the_word(term: str):
    paths = [DOCS / link for link in re.findall(r"\]\(([^)]+)\)", ENTRIES[term])]
    assert [path for path in paths if not path.is_file()] == []
    spelled = re.escape(term).replace(r"\ ", r'[\s"*\\n,#]+')
    assert any(re.search(spelled, path.read_text(encoding="utf-8"), re.IGNORECASE) for path in paths)
