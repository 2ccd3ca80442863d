"""README's example prints what README says; its figures are those that the library counts."""

import contextlib
import io
import re
from pathlib import Path

from xnp import count, models, mutants, ops

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_stands_below_it():
    code, expected = re.search(r"```python\n(.*?)```\n```\n(.*?)```", README, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
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


def test_all_links_to_files_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(links) > 10
    for link in links:
        assert (Path(__file__).parents[1] / link).exists(), link
