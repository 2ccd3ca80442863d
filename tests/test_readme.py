"""README's example prints what README says, and its figures are what the library counts. README.ko.md says the same."""

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xnp import count, models, mutants, ops

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
KOREAN = (ROOT / "README.ko.md").read_text(encoding="utf-8")
HANGUL = re.compile("[가-힣]")


def test_the_example_prints_what_stands_below_it():
    source, expected = re.search(r"```python\n(.*?)```\n```\n(.*?)```", README, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(source, {})
    assert printed.getvalue() == expected


def test_the_8x8x3_table_is_what_the_operations_count():
    x, depthwise, pointwise = (1, 8, 8, 3), (3, 3, 3, 1), (3, 16)
    costs = {
        "standard convolution": ops.conv2d.cost(x, (3, 3, 3, 16)),
        "depthwise": ops.depthwise_conv2d.cost(x, depthwise),
        "pointwise": ops.pointwise_conv2d.cost(x, pointwise),
        "separable = depthwise, then pointwise": ops.separable_conv2d.cost(x, depthwise, pointwise),
    }
    for name, cost in costs.items():
        assert re.search(rf"^\| {name} \|.*\| {cost.parameters:,} \| {cost.macs:,} \|$", README, re.MULTILINE), name
    one = (
        ops.conv2d.cost(x, (3, 3, 3, 1), padding="valid"),
        ops.separable_conv2d.cost(x, depthwise, (3, 1), padding="valid"),
    )
    assert f"{one[0].macs} against {one[1].macs:,}" in README


def test_the_other_figures_are_current():
    report = count.count(models.xception())
    assert f"{report.trainable:,}" in README
    assert f"{report.macs:,}" in README
    assert f"- {len(mutants.MUTANTS)} operations with one mistake each" in README


@pytest.mark.parametrize("text", [README, KOREAN], ids=["English", "Korean"])
def test_all_links_to_files_lead_somewhere(text: str):
    links = re.findall(r"\]\((?!http)([^)#]+)", text)
    assert len(links) > 10
    for link in links:
        assert (ROOT / link).exists(), link


def links(text: str) -> list[str]:
    return sorted(set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.ko.md"})


def code(text: str) -> list[str]:
    """Give what is typed and what is printed. Comments may be translated."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r"  # .*", "", block) for block in blocks]


def commands(text: str) -> list[str]:
    """Give what stands between backticks in prose."""
    return sorted(set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))))


def figures(text: str) -> list[str]:
    """Give the numbers of prose and tables that a reader could quote."""
    prose = re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)
    prose = re.sub(r"(\d+)분 (\d+)초", r"\1:\2", prose)
    return sorted(set(re.findall(r"\d[\d,]*[.:]?\d+", prose)))


@pytest.mark.parametrize("part", [links, code, commands, figures])
def test_the_korean_front_door_has_the_same_facts(part: Callable[[str], list[str]]):
    assert len(part(README)) >= 5
    assert part(KOREAN) == part(README)


def test_the_korean_front_door_is_korean():
    """Each paragraph outside of code holds Hangul."""
    prose = re.sub(r"^```.*?^```$", "", KOREAN, flags=re.MULTILINE | re.DOTALL)
    paragraphs = [block for block in prose.split("\n\n") if block.strip() and not block.startswith(("# xnp", "[MIT]"))]
    assert [block for block in paragraphs if not HANGUL.search(block)] == []
