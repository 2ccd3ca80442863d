"""`xnp bench`: what can be typed, and a real run with real contestants, as small as it goes."""

import json
import re

import pytest

from xnp import cli, verbs
from xnp.bench.contestants import NAMES
from xnp.bench.parts import Stopwatch
from xnp.bench.work import Work


@pytest.fixture
def asked(monkeypatch):
    """Note what each kind of measurement is asked for, and measure nothing."""
    seen = {}

    def note(kind):
        return lambda *work, **options: seen.update({kind: (*work, options)}) or f"the {kind}"

    for kind in ("compare", "grow", "climb", "measure_parts"):
        monkeypatch.setattr(verbs, kind, note(kind))
    monkeypatch.setattr(verbs, "write", lambda report: f"folder of {report}")
    monkeypatch.setattr(verbs, "usable_cores", lambda: [0, 1, 2])
    return seen


def test_without_options_it_is_the_full_report(asked, capsys):
    assert cli.main(["bench"]) == 0
    options = {"names": NAMES, "against": None, "rounds": 30, "workers": 3, "command": "xnp bench"}
    assert asked == {"compare": (Work("training", "small", 32, 64), options)}
    assert capsys.readouterr().out == "the compare\nnumbers and picture in folder of the compare\n"


def test_every_option_reaches_the_comparison(asked):
    line = (
        "bench --what inference --model xception --batch 1 --rounds 4 --workers 2 --against mygrad --contestants mygrad"
    )
    assert cli.main(line.split()) == 0
    work, options = asked["compare"]
    assert work == Work("inference", "xception", 299, 1)
    expected = {"names": ["mygrad"], "against": "mygrad", "rounds": 4, "workers": 2, "command": f"xnp {line}"}
    assert options == expected
    assert cli.main(["bench", "--size", "64"]) == 0
    assert asked["compare"][0].size == 64


@pytest.mark.parametrize(("flag", "kind", "rounds"), [("--growth", "grow", 3), ("--ladder", "climb", 30)])
def test_growth_and_ladder(asked, flag, kind, rounds):
    assert cli.main(["bench", flag]) == 0
    assert asked == {kind: ({"rounds": rounds, "workers": 3, "command": f"xnp bench {flag}"},)}
    assert cli.main(["bench", flag, "--rounds", "2", "--workers", "1"]) == 0
    assert asked[kind][0].items() >= {"rounds": 2, "workers": 1}.items()


def test_parts_of_a_network(asked):
    line = "bench --parts --model tiny --size 16 --batch 4 --rounds 5"
    assert cli.main(line.split()) == 0
    assert asked == {"measure_parts": (Work("training", "tiny", 16, 4), {"rounds": 5, "command": f"xnp {line}"})}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--growth --ladder", "argument --ladder: not allowed with argument --growth"),
        ("--growth --batch 3", "--growth settles that by itself; it takes no --batch"),
        ("--ladder --what training", "--ladder settles that by itself; it takes no --what"),
        ("--parts --workers 2", "--parts settles that by itself; it takes no --workers"),
        ("--what sleep", "--what: invalid choice: 'sleep'"),
        ("--model huge", "--model: invalid choice: 'huge'"),
        ("--contestants numpy", "--contestants: invalid choice: 'numpy'"),
        ("--against torch", "--against: invalid choice: 'torch'"),
        ("--rounds 0", "--rounds: '0' is not a whole number, 1 or more"),
        ("--workers none", "--workers: 'none' is not a whole number, 1 or more"),
    ],
)
def test_wrong_usage(asked, capsys, line, message):
    with pytest.raises(SystemExit) as stop:
        cli.main(["bench", *line.split()])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert asked == {}


def test_the_parts_add_up_to_the_step(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["bench", "--parts", "--model", "tiny", "--size", "8", "--batch", "2", "--rounds", "3"]) == 0
    printed = capsys.readouterr().out
    record = json.loads((tmp_path / "bench" / "parts-1" / "bench.json").read_text())
    kinds = {(part["kind"], part["direction"]) for part in record["parts"]}
    assert {("Pointwise", "forward"), ("BatchNorm", "backward"), ("all else", None)} <= kinds
    assert all(part["ms"] >= 0 for part in record["parts"])
    rows = [re.split(" {2,}", line.strip()) for line in printed.splitlines()[2:]]
    cells = [float(cells[-2]) for cells in rows[: [row[0] for row in rows].index("all") + 1]]
    assert sum(cells[:-1]) == pytest.approx(cells[-1], abs=0.1 * len(cells))


def test_a_call_within_a_call_counts_once():
    class Inner:
        kind = "inner"

        def forward(self):
            pass

        again = backward = forward

        def collect(self):
            self.forward()

    class Plan:
        nodes = (Inner(),)

    watch = Stopwatch(Plan())
    Plan.nodes[0].collect()
    assert watch.times.keys() == {("inner", "backward")}
    Plan.nodes[0].forward()
    assert watch.times.keys() == {("inner", "backward"), ("inner", "forward")}


@pytest.mark.slow
def test_a_real_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = ["bench", "--model", "tiny", "--size", "8", "--batch", "2", "--rounds", "2"]
    assert cli.main([*line, "--contestants", "xnp plain", "naive numpy"]) == 0
    record = json.loads((tmp_path / "bench/training-tiny-1/bench.json").read_text())
    assert [result["name"] for result in record["results"]] == ["xnp plain", "naive numpy"]
    for result in record["results"]:
        assert len(result["seconds"]) == 2
        assert min(result["seconds"]) > 0
        assert result["difference"] < 1e-4
        assert result["peak_memory_bytes"] is None or result["peak_memory_bytes"] > 10e6
    assert "numbers and picture in bench" in capsys.readouterr().out


def test_a_contestant_that_cannot_start_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "none")  # Python itself refuses to start with it
    assert cli.main(["bench", "--model", "tiny", "--contestants", "xnp plain"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("xnp bench: xnp plain stopped: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "bench").exists()
