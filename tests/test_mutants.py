"""A check that cannot fail proves nothing: the battery must reject every mutant, by the check that is meant to."""

import pytest

from xnp import mutants, ops
from xnp.battery import CHECKS, rejection
from xnp.cases import cases_of
from xnp.mutants import MUTANTS

every_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{m.op_name}: {m.name}" for m in MUTANTS])


@every_mutant
def test_a_mutant_is_rejected_by_the_check_that_it_names(mutant):
    assert mutant.rejected_by() == mutant.caught_by


@pytest.mark.parametrize("op_name", ops.__all__)
def test_the_operation_itself_is_rejected_by_none(op_name):
    assert rejection(cases_of(op_name)) is None


def test_every_operation_has_a_mutant():
    assert {mutant.op_name for mutant in MUTANTS} == set(ops.__all__)
    assert len(MUTANTS) >= 25


@every_mutant
def test_a_mutant_tells_its_mistake_and_its_check(mutant):
    assert mutant.caught_by in CHECKS
    assert mutant.mistake.endswith(".")
    assert "\n" not in mutant.mistake


def test_names_are_unique():
    assert len({(mutant.op_name, mutant.name) for mutant in MUTANTS}) == len(MUTANTS)


@every_mutant
def test_a_mutant_differs_from_its_operation_in_what_it_says_alone(mutant):
    original = getattr(ops, mutant.op_name)
    parts = ("definition", "forward", "backward", "cost")
    changed = [part for part in parts if getattr(mutant.op, part) is not getattr(original, part)]
    assert changed in (["forward"], ["backward"], ["forward", "backward"])


def test_the_table_names_the_check_that_rejects_each(monkeypatch):
    few = [m for m in MUTANTS if m.op_name in ("relu", "add")]
    unnoticed = few[0]._replace(name="unnoticed", op=ops.relu)
    monkeypatch.setattr(mutants, "MUTANTS", [*few, unnoticed])
    head, *lines = mutants.table().splitlines()
    assert head.split() == ["op", "mutant", "rejected", "by", "mistake"]
    for line, mutant in zip(lines, few, strict=False):
        assert line.split()[:2] == [mutant.op_name, mutant.name]
        assert f" {mutant.caught_by} " in line
        assert line.endswith(mutant.mistake)
    assert "unnoticed" in lines[-1]
    assert "NOTHING" in lines[-1]
