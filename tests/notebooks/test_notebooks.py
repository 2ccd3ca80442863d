"""The committed notebooks, without running them: what they were made from, and how large they are."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("[0-9]*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_holds_the_text_of_its_source(source):
    pytest.importorskip("jupytext")
    pytest.importorskip("nbclient")
    import build
    import inspection
    import nbformat

    old = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    new = build.read(source)
    assert inspection.form(new) == []
    assert inspection.stale(old, new, outputs=False) == []
    assert inspection.outputs(old, NOTEBOOKS.parent) == []


def test_every_notebook_has_a_source():
    assert [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))] == [source.stem for source in SOURCES]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_links_lead_to_files(source):
    for target in re.findall(r"\]\((?!http)([^)#\s]+)", source.read_text(encoding="utf-8")):
        assert (NOTEBOOKS / target).exists(), target


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_solutions_are_right_and_no_answer_is_given_before(source):
    cells = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    exercise, solution = ("".join(o for out in c["outputs"] for o in out.get("text", [])) for c in cells[-2:])
    assert len(re.findall(r": write your answer", exercise)) == 3
    assert len(re.findall(r": right\.", solution)) == 3
    assert "not yet" not in solution


def test_the_teachers_table_gives_each_lesson_its_minutes():
    table = (NOTEBOOKS.parent / "docs" / "teaching.md").read_text(encoding="utf-8")
    for source in SOURCES:
        minutes = re.search(r"\*\*Time\.\*\* (\d+) minutes", source.read_text(encoding="utf-8")).group(1)
        assert re.search(rf"\(\.\./notebooks/{source.stem}\.ipynb\) \| {minutes} \|", table), source.stem
