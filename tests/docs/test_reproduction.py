"""The page of the claims shows what the committed numbers say."""

import importlib.util
import json
from pathlib import Path

import pytest

from xnp.reproduce import EXPERIMENTS
from xnp.reproduce.equal import parameters

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
    for name in EXPERIMENTS:
        assert page.count(f"<!-- table: {name} -->\n") == 1
        assert (DOCS / "reproduction" / f"{name}.json").exists() == (f"(reproduction/{name}.png)" in page)


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
    assert "/tmp" not in path.read_text()
