"""Speed: turn by turn, each network as often as the others. No test asserts a time."""

import json

import pytest

from xnp.models.minis import stack
from xnp.reproduce import report, speed
from xnp.reproduce.experiments import EXPERIMENTS
from xnp.reproduce.study import Study


@pytest.mark.slow
def test_each_network_has_a_number_a_round_and_they_take_turns(monkeypatch):
    turns = []

    class Counted(speed.Engine):
        def __init__(self, model, *arguments, **options):
            turns.append(model)
            super().__init__(model, *arguments, **options)

    monkeypatch.setattr(speed, "Engine", Counted)
    monkeypatch.setattr(speed, "STEPS", 1)
    networks = [stack(4, input_shape=(8, 8, 3)), stack(8, input_shape=(8, 8, 3))]
    found = speed.measure(networks, 4, rounds=3)
    assert [len(one) for one in found] == [3, 3]
    assert all(number > 0 for one in found for number in one)
    assert turns == 3 * networks


def test_what_is_measured_is_kept(tmp_path, monkeypatch):
    asked = []

    def measure(networks, batch_size):
        asked.append((len(networks), batch_size))
        return [[100.04, 90.0]] * len(networks)

    monkeypatch.setattr(speed, "measure", measure)
    study = Study(EXPERIMENTS["inception"], "quick", {"data": "patterns", "batch_size": 20}, tmp_path)
    assert report.lacks_speed(study)
    assert report.speeds_of(study) == {"images_per_second": None}
    assert not report.lacks_speed(study._replace(experiment=EXPERIMENTS["order"]))  # it does not ask for it
    report.measure_speed(study, [64.0, 69.0, 2.9])
    assert asked == [(3, 20)]
    assert json.loads((tmp_path / "speed.json").read_text()) == [[100.0, 90.0]] * 3
    assert report.speeds_of(study) == {"images_per_second": [[100.0, 90.0]] * 3}
    assert not report.lacks_speed(study)
