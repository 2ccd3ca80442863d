"""What the tests of the experiments share."""

from collections.abc import Callable
from functools import cache

import pytest

from xnp.layers import Sequential
from xnp.reproduce.experiments import EXPERIMENTS
from xnp.reproduce.study import equal_widths

widths_of = cache(lambda name: equal_widths(EXPERIMENTS[name]))


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
