"""The page of the claims shows what the committed numbers say."""

import importlib.util
import json
import re
import statistics
from pathlib import Path

import pytest

from xnp.bench.ratios import ratio
from xnp.reproduce import EXPERIMENTS
from xnp.reproduce.equal import parameters
from xnp.statistics import sign_flip

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reproduction.md"
NUMBERS = sorted((DOCS / "reproduction").glob("*.json"))


def builder():
    spec = importlib.util.spec_from_file_location("reproduction_build", DOCS / "reproduction" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_experiment_has_its_place():
    page = PAGE.read_text()
    assert {path.stem for path in NUMBERS} == EXPERIMENTS.keys()
    for name in EXPERIMENTS:
        assert page.count(f"<!-- table: {name} -->\n") == 1
        assert f"(reproduction/{name}.png)" in page


def test_the_tables_are_those_of_the_numbers():
    assert builder().with_tables(PAGE.read_text()) == PAGE.read_text()


def test_a_table_that_is_not_that_of_the_numbers_is_noticed():
    page = PAGE.read_text().replace("67.16 (", "67.17 (")
    assert page != PAGE.read_text()
    assert builder().with_tables(page) == PAGE.read_text()


@pytest.mark.parametrize("path", NUMBERS, ids=lambda path: path.stem)
def test_the_numbers_are_those_of_the_experiment(path):
    record = json.loads(path.read_text())
    experiment = EXPERIMENTS[path.stem]
    assert [variant["name"] for variant in record["variants"]] == [variant.name for variant in experiment.variants]
    assert record["preset"] == "default"
    assert record["settings"]["data"] == "cifar10"
    for variant in record["variants"]:
        assert len(variant["test_accuracy"]) == experiment.seeds
    target = record["variants"][0]["parameters"]
    for variant, made in zip(experiment.variants, record["variants"], strict=True):
        assert parameters(variant.network(made["width"], seed=0)) == made["parameters"]
        assert variant.width is not None or abs(made["parameters"] - target) <= 0.01 * target
    assert record["seeds"] == list(range(experiment.seeds))
    assert (record["images_per_second"] is not None) == experiment.speed
    assert "/tmp" not in path.read_text()


@pytest.mark.parametrize(
    ("experiment", "taken", "source"),
    [
        ("order", "depthwise first", "with"),
        ("inception", "Xception", "with"),
        ("inception", "Xception, no residual", "without, as many parameters"),
        ("pointwise-width", "all channels", "with"),
    ],
)
def test_what_was_taken_over_is_what_it_was_taken_from(experiment, taken, source):
    there = {variant["name"]: variant for variant in numbers("residual")["variants"]}[source]
    here = {variant["name"]: variant for variant in numbers(experiment)["variants"]}[taken]
    seeds = EXPERIMENTS[experiment].seeds
    for name in ("test_accuracy", "test_loss", "validation_accuracy"):
        assert here[name] == there[name][:seeds]
    assert (here["width"], here["parameters"], here["macs"]) == (there["width"], there["parameters"], there["macs"])
    assert "xnp reproduce residual" in [one["command"] for one in numbers(experiment)["invocations"]]


def numbers(name):
    return json.loads((DOCS / "reproduction" / f"{name}.json").read_text())


def sections():
    """Split the page: the anchor of each experiment's section -> its name, its sentences."""
    found = {}
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        table = re.search(r"<!-- table: (\S+) -->.*?<!-- end -->", text, re.DOTALL)
        if table:
            anchor = re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-")
            found[anchor] = (table[1], text.replace(table[0], ""))
    return found


def measured(name):
    """Give every number that may be said of an experiment: means in percent, differences in points, ratios of speed."""
    record = numbers(name)
    means = [100 * statistics.fmean(variant["test_accuracy"]) for variant in record["variants"]]
    points = {f"{abs(a - b):.1f}" for a in means for b in means}
    speeds = record["images_per_second"] or []
    return {f"{mean:.1f}" for mean in means}, points, {f"{ratio(a, b).median:.2f}" for a in speeds for b in speeds}


def p_values(name):
    """Give the p of every two variants, as the page may write it."""
    accuracies = [variant["test_accuracy"] for variant in numbers(name)["variants"]]
    if name == "activation":
        accuracies.append(numbers("residual")["variants"][0]["test_accuracy"])  # the same network
    found = {sign_flip([x - y for x, y in zip(a, b, strict=True)]) for a in accuracies for b in accuracies if a != b}
    return {f"{p:.{digits}f}" for p in found for digits in (2, 3, 4)}


def test_what_is_said_in_short_is_what_was_measured():
    rows = re.findall(r"^\| \[.+\]\(#(.+)\) \| .+ \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == 8
    assert {anchor for anchor, _ in rows} == sections().keys()
    for anchor, said in rows:
        means, points, ratios = measured(sections()[anchor][0])
        assert set(re.findall(r"\b\d\d\.\d\b", said)) <= means | points
        assert set(re.findall(r"p (0\.\d+)", said)) <= p_values(sections()[anchor][0])
        assert set(re.findall(r"(\d\.\d\d) times", said)) <= ratios


@pytest.mark.parametrize("anchor", sections())
def test_what_is_said_at_length_is_what_was_measured(anchor):
    name, text = sections()[anchor]
    means, points, ratios = measured(name)
    text = " ".join(text.split())
    assert set(re.findall(r"\(p (0\.\d+)", text)) <= p_values(name)
    said = re.findall(r"(\d+\.\d) points", text)
    assert said
    assert set(said) <= points
    assert set(re.findall(r"(\d\.\d\d) times as", text)) <= ratios
    assert set(re.findall(r"(\d\d\.\d) %", text)) <= means | {"66.7", "70.1"}  # of networks in other sections
