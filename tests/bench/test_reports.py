"""Comparison, growth and ladder: tables, files and pictures hold what was measured. Stand-ins do the work."""

import json

import numpy as np
import pytest

from xnp.bench import compare as comparing
from xnp.bench import contestants, ladder, report
from xnp.bench.compare import compare
from xnp.bench.contestants import Contestant
from xnp.bench.growth import grow
from xnp.bench.ladder import Ladder, Rung, climb
from xnp.bench.measure import Result, measure
from xnp.bench.turns import BenchError
from xnp.bench.work import Work
from xnp.tables import Table

Image = pytest.importorskip("PIL.Image")

WORK = Work(model="tiny", batch=8)
ANSWER = "return lambda: np.full(3, {})"
FAST = Result("fast", 8, 8, [0.1, 0.2, 0.2], 10_000_000, 0.0)
SLOW = Result("slow", 2, 8, [0.3, 0.4, 0.6], None, None)


def test_a_result_in_numbers():
    assert FAST.ms == 200
    assert FAST.images_per_second == 40
    assert (FAST.megabytes, SLOW.megabytes) == (10, None)
    assert SLOW.against(FAST).median == pytest.approx(3)
    assert FAST.against(SLOW).median == pytest.approx(1 / 3)


@pytest.mark.slow
def test_times_of_a_part_count_for_all(stand_ins):
    """Both sleep the same time; the second one for a quarter of the images."""
    body = "def step():\n    time.sleep(0.03); return np.ones(1)\nreturn step"
    whole, part = measure(stand_ins({"a": body, "b": body}, b={"share": 4}), WORK, workers=1, rounds=1)
    assert (whole.images, part.images, part.batch) == (8, 2, 8)
    assert part.seconds[0] >= 4 * 0.03


@pytest.mark.slow
def test_answers_are_compared(stand_ins):
    one, near, far, other = stand_ins(
        {
            "one": ANSWER.format(1.0),
            "near": ANSWER.format(1.0002),
            "far": ANSWER.format(1.01),
            "other": ANSWER.format(9),
        },
        other={"differs": "another network"},
    )
    results = measure([other, one, near], WORK, workers=1, rounds=1)
    assert [result.difference for result in results] == [None, 0.0, pytest.approx(2e-4)]
    assert all(result.memory is None or result.memory > 1e6 for result in results)
    with pytest.raises(BenchError, match=r"^far computes something else: its first answers are 1\.0e-02 away"):
        measure([one, far], WORK, workers=1, rounds=1)
    (nan,) = stand_ins({"nan": ANSWER.format("np.nan")})
    with pytest.raises(BenchError, match=r"^nan computes something else"):
        measure([nan], WORK, workers=1, rounds=1)


# The comparison


@pytest.fixture
def compared():
    who = [Contestant("fast", ""), Contestant("slow", "", differs="2x2 pools")]
    return comparing.report(WORK, who, {"absent": "not installed"}, [FAST, SLOW], "fast", 2, "xnp bench")


def test_the_table_of_a_comparison(compared):
    ((title, table),) = compared.tables.items()
    assert title == "training step of tiny_xception, 32x32, batch 8, float32; 2 cores; medians of 3 rounds"
    assert table == Table(
        ("", "ms", "images/s", "peak MB", "time / fast's", "95 % interval"),
        (
            ("fast", "200.0", "40.0", "10", "1.00", "1.00 to 1.00"),
            ("slow", "400.0", "20.0", "", "3.00", "2.00 to 3.00"),
        ),
        (False, True, True, True, True, True),
    )
    assert compared.notes == [
        "slow: 2 images a step, its time times 4; 2x2 pools",
        "left out: absent (not installed)",
    ]
    assert str(compared) == f"{title}\n{table}\n\n{compared.notes[0]}\n\n{compared.notes[1]}"


def test_the_record_of_a_comparison(compared):
    record = compared.record
    assert record["command"] == "xnp bench"
    assert record["work"] == WORK._asdict()
    assert (record["workers"], record["rounds"]) == (2, 3)
    assert record["left_out"] == {"absent": "not installed"}
    assert record["machine"].keys() == {"system", "processor", "cores", "memory_bytes"}
    assert record["versions"]["numpy"] == np.__version__
    assert record["results"][1] == {
        "name": "slow",
        "ms": pytest.approx(400),
        "images_per_second": pytest.approx(20),
        "peak_memory_bytes": None,
        "time_ratio": {"to": "fast", "median": pytest.approx(3), "low": pytest.approx(2), "high": pytest.approx(3)},
        "difference": None,
        "images_run": 2,
        "seconds": [0.3, 0.4, 0.6],
    }


def test_the_picture_of_a_comparison(compared):
    assert compared.figure.alt == (
        "Time for a batch: fast 200 ms, to look at; slow 400 ms. Peak memory: fast 10 MB, to look at."
    )


def test_each_report_gets_a_folder_of_its_own(compared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = report.write(compared), report.write(compared)
    assert [folder.parts for folder in (first, second)] == [("bench", "training-tiny-1"), ("bench", "training-tiny-2")]
    assert {path.name for path in first.iterdir()} == {"bench.json", "bench.png"}
    text = (first / "bench.json").read_text()
    assert json.loads(text) == compared.record
    assert str(tmp_path) not in text
    with Image.open(first / "bench.png") as picture:
        assert picture.size > (300, 100)


@pytest.mark.slow
def test_a_whole_comparison(stand_ins):
    stand_ins(
        {"fast": ANSWER.format(1), "slow": ANSWER.format(1), "gone": "pass"}, gone={"needs": ("no_such_package",)}
    )
    made = compare(WORK, names=["slow", "fast", "gone"], against="slow", workers=1, rounds=2, command="xnp bench")
    assert [result["name"] for result in made.record["results"]] == ["fast", "slow"]
    assert made.record["results"][1]["time_ratio"] == {"to": "slow", "median": 1, "low": 1, "high": 1}
    assert made.notes == ["left out: gone (no_such_package not installed)"]


def test_nobody_is_left(stand_ins):
    stand_ins({"gone": "pass"}, gone={"needs": ("no_such_package",)})
    with pytest.raises(BenchError, match=r"^nobody can do it \(gone: no_such_package not installed\)$"):
        compare(WORK, names=["gone"], workers=1, rounds=1, command="")


@pytest.mark.parametrize(
    ("against", "reason"), [("gone", "no_such_package not installed"), ("b", "it does not take part")]
)
def test_a_reference_that_is_not_there(stand_ins, against, reason):
    stand_ins({"a": "pass", "b": "pass", "gone": "pass"}, gone={"needs": ("no_such_package",)})
    with pytest.raises(BenchError, match=f"^nothing can be measured against {against}: {reason}$"):
        compare(WORK, names=["a", "gone"], against=against, workers=1, rounds=1, command="")


def test_an_image_that_is_too_small_is_refused_before_anybody_starts(stand_ins):
    stand_ins({"a": "raise AssertionError"})
    with pytest.raises(ValueError, match="stem/conv1"):
        compare(Work("inference", "xception", 2, 1), names=["a"], workers=1, rounds=1, command="")


# Growth


@pytest.mark.slow
def test_growth_measures_every_value_once(stand_ins, tmp_path, monkeypatch):
    log = tmp_path / "log"
    body = (
        f"open({str(log)!r}, 'a').write(repr((*work[2:], workers)) + '\\n')\n"
        "return lambda: np.full(2, work.batch * work.width)"
    )
    stand_ins({"xnp engine": body, "xnp plain": body})
    monkeypatch.setattr("xnp.bench.growth.CONTESTANTS", contestants.CONTESTANTS)
    parts = {"batch": (4, 8), "workers": (1, 2)}
    base = Work(model="scaled", size=8, batch=4)
    made = grow(workers=2, rounds=1, command="xnp bench --growth", base=base, parts=parts)
    asked = {(8, 4, 1, 3, 2), (8, 8, 1, 3, 2), (8, 4, 1, 3, 1)}
    lines = [eval(line) for line in log.read_text().splitlines()]
    assert set(lines) == asked
    assert len(lines) == len(asked) * 2 * 2  # two contestants, each once for time and once for memory
    assert [(point["part"], point["value"]) for point in made.record["points"]] == [
        (part, value) for part, values in parts.items() for value in values
    ]
    assert all(len(point["results"]) == 2 for point in made.record["points"])
    ((title, table),) = made.tables.items()
    assert title == f"from {base}; 2 cores; medians of 1 rounds"
    assert [row[:2] for row in table.rows] == [(part, str(value)) for part, values in parts.items() for value in values]
    assert table.header[-1] == "time of xnp plain / xnp engine's"
    assert made.figure.alt.startswith("As images in a batch grows from 4 to 8: time of xnp engine ")


# The ladder


def test_a_ladder_s_table_gives_each_rung_its_gain_over_the_one_above():
    rungs = tuple(Rung(Contestant(name, ""), f"change {name}") for name in ("slow", "fast"))
    table = ladder.as_table(Ladder("step", WORK, rungs), [SLOW, FAST])
    assert table.header == ("", "ms", "gain", "peak MB", "what it changed")
    assert table.rows == (
        ("slow", "400.0", "", "", "change slow"),
        ("fast", "200.0", "3.00 (2.00 to 3.00)", "10", "change fast"),
    )


@pytest.mark.slow
def test_a_whole_ladder(stand_ins, monkeypatch):
    first, second = stand_ins({"first": ANSWER.format(1), "second": ANSWER.format(1)})
    short = (
        Ladder("Step", WORK, (Rung(first, "none"), Rung(second, "all"))),
        Ladder("Layer", Work("layer", size=4, batch=2), (Rung(first, "none"), Rung(second, "all"))),
    )
    monkeypatch.setattr(ladder, "ladders", lambda batch: short)
    made = climb(workers=2, rounds=1, command="xnp bench --ladder")
    assert [title.split(":")[0] for title in made.tables] == ["Step", "Layer"]
    assert [table.header[3] for table in made.tables.values()] == ["peak MB", "what it changed"]
    assert [one["ladder"] for one in made.record["ladders"]] == ["Step", "Layer"]
    assert [rung["change"] for rung in made.record["ladders"][0]["rungs"]] == ["none", "all"]
    assert made.record["ladders"][0]["rungs"][1]["time_ratio"]["to"] == "first"
    assert len(made.figure.axes) == 2
