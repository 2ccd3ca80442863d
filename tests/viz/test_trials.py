"""The picture of several networks and seeds: what is drawn is what was found, for one seed as for ten."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xnp import viz
from xnp.reproduce.experiments import ALL
from xnp.statistics import mean_interval
from xnp.viz.trials import LOOKS, Trials, trials

TITLES = ["Mean and its 95 % interval", "Every trial, and the mean", "Accuracy and speed"]
LONG = "a very long name of a network, which nobody should give, and which somebody gives nevertheless, number "


def network(name: str, seeds: int, *, speed: float | None = None, epochs: int = 12, top: float = 0.7) -> Trials:
    """Make some curves, every value another."""
    rng = np.random.default_rng([seeds, len(name), epochs])
    curves = top * rng.uniform(0.3, 1, (seeds, epochs))
    return Trials(name, curves.tolist(), (top + rng.uniform(-0.05, 0.05, seeds)).tolist(), speed)


def several(n: int, seeds: int, *, speed: bool = False, name: str = "network ") -> list[Trials]:
    return [
        network(f"{name}{k}", seeds, speed=500.0 + 100 * k if speed else None, top=0.5 + 0.05 * k) for k in range(n)
    ]


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


@pytest.mark.parametrize("seeds", [2, 5, 10])
def test_curves_are_the_means_and_bands_their_intervals(seeds):
    networks = several(3, seeds)
    curves, _ = trials(networks).axes
    for k, (line, band) in enumerate(zip(curves.lines, curves.collections, strict=True)):
        expected = [mean_interval([100 * one[epoch] for one in networks[k].validation]) for epoch in range(12)]
        assert line.get_xdata().tolist() == list(range(1, 13))
        assert line.get_ydata().tolist() == pytest.approx([one.mean for one in expected])
        heights = {tuple(np.round(point, 9)) for point in band.get_paths()[0].vertices}
        ends = [(epoch, end) for epoch, one in enumerate(expected, 1) for end in (one.low, one.high)]
        assert {tuple(np.round(point, 9)) for point in ends} <= heights
    assert curves.get_ylabel() == "validation accuracy (%)"


@pytest.mark.parametrize("seeds", [2, 10])
def test_every_trial_stands_below_the_mean_and_its_interval(seeds):
    networks = several(4, seeds)
    ends = trials(networks).axes[1]
    assert len(ends.lines) == 3 * 4
    for row in range(4):
        percent = [100 * share for share in networks[row].test]
        dots, bar, mark = ends.lines[3 * row : 3 * row + 3]
        assert dots.get_xdata().tolist() == pytest.approx(percent)
        heights = np.asarray(dots.get_ydata())
        assert ((row + 0.1 < heights) & (heights < row + 0.5)).all()  # y grows downwards; none is behind the bar
        mean, low, high = mean_interval(percent)
        assert list(bar.get_xdata()) == pytest.approx([low, high])
        assert list(mark.get_xdata()) == pytest.approx([mean])
        assert set(bar.get_ydata()) == set(mark.get_ydata()) == {row}
    assert ends.yaxis_inverted()


def test_one_trial_has_neither_band_nor_interval_and_is_not_called_a_mean():
    networks = several(3, 1)
    figure = trials(networks)
    curves, ends = figure.axes
    assert titles(figure) == ["One trial of each", "At the end"]
    assert len(curves.collections) == 0
    assert [line.get_xdata()[0] for line in ends.lines] == pytest.approx([100 * one.test[0] for one in networks])
    assert "mean" not in figure.alt


def test_speed_is_drawn_where_all_speeds_are_known():
    assert titles(trials(several(3, 5))) == TITLES[:2]
    some = [*several(2, 5, speed=True), network("the last", 5)]
    assert titles(trials(some)) == TITLES[:2]
    networks = several(3, 5, speed=True)
    figure = trials(networks)
    assert titles(figure) == TITLES
    points = [container.lines[0] for container in figure.axes[2].containers]
    assert [point.get_xdata()[0] for point in points] == [500.0, 600.0, 700.0]
    means = [100 * np.mean(one.test) for one in networks]
    assert [point.get_ydata()[0] for point in points] == pytest.approx(means)
    assert figure.axes[2].get_xlim()[0] == 0


def test_each_network_has_the_same_look_everywhere():
    figure = trials(several(6, 5, speed=True))
    curves, ends, speed = figure.axes
    looks = [(line.get_color(), line.get_marker()) for line in curves.lines]
    assert len(set(looks)) == 6
    assert len({str(line.get_linestyle()) for line in curves.lines}) >= 4
    assert [(line.get_color(), line.get_marker()) for line in ends.lines[2::3]] == looks
    points = [container.lines[0] for container in speed.containers]
    assert [(point.get_color(), point.get_marker()) for point in points] == looks


def test_the_interval_of_few_trials_does_not_leave_the_percents():
    few = [
        Trials("a", [[0.1, 0.9], [0.6, 0.95]], [0.7, 0.99], 5.0),
        Trials("b", [[0.1, 0.2], [0.0, 0.4]], [0.02, 0.3], 6.0),
    ]
    curves, ends, speed = trials(few).axes
    for low, high in (curves.get_ylim(), ends.get_xlim(), speed.get_ylim()):
        assert 0 <= low < high <= 100


def test_in_words():
    figure = trials([Trials("with", [[0.5], [0.6]], [0.5, 0.625]), Trials("without", [[0.4]], [0.25])])
    assert figure.alt == "with: test accuracy 56.2 % (mean of 2 trials). without: test accuracy 25.0 % (1 trial)."


@pytest.mark.slow
@pytest.mark.parametrize("speed", [False, True])
@pytest.mark.parametrize(("n", "seeds"), [(1, 1), (3, 10), (6, 5)])
def test_nothing_is_cut_off_or_overlaps(n: int, seeds: int, speed: bool, look: Callable) -> None:
    look(trials(several(n, seeds, speed=speed)))


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ALL, ids=[experiment.name for experiment in ALL])
def test_the_names_of_the_experiments_fit_in(experiment, look: Callable) -> None:
    speeds = [None, 1234.5][experiment.speed]
    look(trials([network(variant.name, experiment.seeds, speed=speeds) for variant in experiment.variants]))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "speed"), [(1, True), (6, True), (6, False)])
def test_long_names_fit_in(n: int, speed: bool, look: Callable) -> None:
    look(trials(several(n, 3, name=LONG, speed=speed)))


@pytest.mark.parametrize("epochs", [1, 2, 12, 60])
def test_epochs_are_whole_and_marks_stay_few(epochs: int, look: Callable) -> None:
    figure = trials([network("a", 3, epochs=epochs), network("b", 3, epochs=epochs)])
    look(figure)
    low, high = figure.axes[0].get_xlim()
    ticks = [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == int(tick) for tick in ticks)
    assert all(len(range(0, epochs, line.get_markevery())) <= 12 for line in figure.axes[0].lines)


@pytest.mark.slow
def test_the_same_trials_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        viz.save(viz.trials(several(3, 5, speed=True)), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("n", [0, 7])
def test_no_network_and_too_many(n: int) -> None:
    assert len(LOOKS) == 6
    with pytest.raises(ValueError, match=rf"^trials: networks has {n} entries; expected 1 to 6$"):
        trials(several(n, 2))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Trials("a", [], []), "trials: 'a' has 0 curves and 0 test accuracies; expected one of each for every trial"),
        (Trials("a", [[0.1]], []), "trials: 'a' has 1 curves and 0 test accuracies"),
        (Trials("a", [[0.1]], [0.1, 0.2]), "trials: 'a' has 1 curves and 2 test accuracies"),
    ],
)
def test_trials_without_their_end_or_their_curve(bad: Trials, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        trials([network("good", 2), bad])
