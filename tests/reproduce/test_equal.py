"""Equal parameters: they are equal, the nearest step is taken, and what cannot be is refused."""

import math
import re

import pytest

from xnp.count import count
from xnp.layers import Dense, Sequential
from xnp.models.minis import mini_inception, mini_xception
from xnp.reproduce.equal import STEPS, TOLERANCE, parameters, width_for
from xnp.reproduce.experiments import ALL, EXPERIMENTS

SEARCHED = [
    (experiment.name, variant) for experiment in ALL for variant in experiment.variants if variant.width is None
]
IDS = [f"{name}: {variant.name}" for name, variant in SEARCHED]


def line(width):
    """Make a network of 2 * round(width) parameters and no others."""
    return Sequential(Dense(max(round(width), 1), use_bias=False)).build((2,))


def test_equal_parameters_are_asked_for_where_they_matter():
    assert [(name, variant.name) for name, variant in SEARCHED] == [
        ("residual", "without, as many parameters"),
        ("order", "pointwise first"),
        ("inception", "Xception, no residual"),
        ("inception", "Inception"),
        *(("spectrum", f"{segments}") for segments in (1, 2, 4, 8, 16)),
    ]


@pytest.mark.parametrize(("name", "variant"), SEARCHED, ids=IDS)
def test_parameters_are_equal_within_one_percent(name, variant, networks):
    made = networks(name)
    first, found = (count(made[one]).trainable for one in (EXPERIMENTS[name].variants[0].name, variant.name))
    assert abs(found / first - 1) <= 0.01


@pytest.mark.parametrize(("name", "variant"), SEARCHED, ids=IDS)
def test_no_width_nearby_is_nearer(name, variant, networks, widths):
    experiment = EXPERIMENTS[name]
    place = experiment.variants.index(variant)
    target, width = parameters(networks(name)[experiment.variants[0].name]), widths(name)[place]

    def miss(width):
        return abs(parameters(variant.network(width, seed=0)) - target)

    found = miss(width)
    assert all(miss(width + steps / STEPS) >= found for steps in (-1, 1, -17, 17, -STEPS // 5, STEPS // 5))


@pytest.mark.parametrize(("name", "variant"), SEARCHED, ids=IDS)
def test_the_width_that_is_printed_makes_the_network(name, variant, networks, widths):
    width = widths(name)[EXPERIMENTS[name].variants.index(variant)]
    assert float(f"{width:g}") == width
    assert parameters(networks(name)[variant.name]) == parameters(variant.network(float(f"{width:g}"), seed=0))


def test_a_width_has_few_digits():
    assert width_for(line, 20) == 10  # 9.5 to 10.5 make the same network
    assert width_for(lambda width: line(10 * width), 2 * 123) == 12.3
    assert width_for(lambda width: line(math.floor(10 * width)), 2 * 690) == 69  # above 69.0 to the next step


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), SEARCHED, ids=IDS)
def test_more_width_never_means_fewer_parameters(name, variant, widths):
    width = widths(name)[EXPERIMENTS[name].variants.index(variant)]
    numbers = [parameters(variant.network(share / 20 * width, seed=0)) for share in range(1, 41)]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[19] < numbers[-1]


@pytest.mark.parametrize("target", [2, 100, 2000, 2002, 9998])
def test_what_can_be_met_is_met(target):
    assert parameters(line(width_for(line, target))) == target


def test_the_nearest_step_of_the_stairs_is_taken_on_both_sides():
    assert parameters(line(width_for(line, 2001))) in (2000, 2002)

    def stairs(width):  # 2000, 2024, 2048, ...: the target lies between two of them
        return line(12 * round(width / 12) + 4)

    assert parameters(stairs(width_for(stairs, 2000 + 11))) == 2000
    assert parameters(stairs(width_for(stairs, 2000 + 13))) == 2024


def test_a_width_below_one_is_found():
    assert 0 < width_for(mini_inception, parameters(mini_inception(0.5))) < 1


@pytest.mark.parametrize("target", [-5, 0, 1, 100])
def test_fewer_parameters_than_there_can_be(target):
    least = parameters(mini_xception(1 / STEPS))
    message = f"width_for: no width gives {target} parameters within 1 %; nearest: {least:,}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        width_for(mini_xception, target)


def test_stairs_too_high_for_one_percent():
    def coarse(width):
        return line(1000 * max(round(width / 1000), 1))

    assert TOLERANCE == 0.01
    with pytest.raises(ValueError, match=r"no width gives 3,000 parameters within 1 %; nearest: [24],000"):
        width_for(coarse, 3000)
