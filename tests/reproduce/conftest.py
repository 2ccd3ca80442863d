"""What the tests of the experiments share."""

from collections.abc import Callable
from functools import cache

import pytest

from xnp.layers import Sequential
from xnp.reproduce import study
from xnp.reproduce.experiments import EXPERIMENTS

widths_of = cache(lambda name, search=study.equal_widths: search(EXPERIMENTS[name]))


@pytest.fixture(autouse=True)
def searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search each width once, not in every test."""
    monkeypatch.setattr(study, "equal_widths", lambda experiment: widths_of(experiment.name))


@pytest.fixture
def widths() -> Callable[[str], list[float]]:
    """Give a function: an experiment's name -> the width of each variant."""
    return widths_of


@pytest.fixture
def networks() -> Callable[..., dict[str, Sequential]]:
    """Give a function: an experiment's name -> its networks by their names, without arrays as yet."""

    def networks(name: str, **options: object) -> dict[str, Sequential]:
        pairs = zip(EXPERIMENTS[name].variants, widths_of(name), strict=True)
        return {variant.name: variant.network(width, **{"seed": 0} | options) for variant, width in pairs}

    return networks
