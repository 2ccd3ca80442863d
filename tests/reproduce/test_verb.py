"""`xnp reproduce`: what reaches the study, what is printed, what is refused before any work is done."""

import json
import os
import re
from pathlib import Path

import pytest

from xnp import cli, files, verbs
from xnp.reproduce import conduct as module
from xnp.reproduce import presets, report, speed
from xnp.reproduce.conduct import conduct, relative
from xnp.reproduce.experiments import EXPERIMENTS
from xnp.reproduce.lock import LockedError, alone
from xnp.reproduce.study import Study

FEW = {"data": "patterns", "subset": 20, "validation": 10, "epochs": 3, "batch_size": 10}


@pytest.fixture
def asked(monkeypatch):
    """Note what the verb asks for, and say that it is done."""
    seen = []

    def note(study, seeds, *, jobs, command):
        seen.append((study, seeds, jobs, command))
        return True

    monkeypatch.setattr(verbs, "conduct", note)
    return seen


def test_without_options(asked):
    assert cli.main(["reproduce", "order"]) == 0
    settings, _ = presets.PRESETS["default"]
    study = Study(EXPERIMENTS["order"], "default", settings, Path("reproduce/order-default"))
    assert asked == [(study, None, None, "xnp reproduce order")]


def test_every_option_reaches_the_study(asked):
    line = "reproduce inception --full --seeds 3 --jobs 4 --folder there --data-dir here"
    assert cli.main(line.split()) == 0
    study = Study(EXPERIMENTS["inception"], "full", {"data": "cifar10", "data_dir": "here"}, Path("there"))
    assert asked == [(study, 3, 4, f"xnp {line}")]


def test_all_are_run_in_the_order_of_importance_each_in_its_folder(asked):
    assert cli.main(["reproduce", "all", "--quick"]) == 0
    assert [(study.experiment.name, study.folder) for study, *_ in asked] == [
        (name, Path("reproduce") / f"{name}-quick") for name in EXPERIMENTS
    ]


def test_ctrl_c_stops_all_of_them(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(verbs, "conduct", lambda study, *_, **__: bool(ran.append(study)))
    assert cli.main(["reproduce", "all", "--quick"]) == 1
    assert len(ran) == 1
    assert capsys.readouterr().err == "xnp reproduce: stopped, and saved. The same command goes on\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "required: EXPERIMENT"),
        ("flight", "invalid choice: 'flight'"),
        ("order --quick --full", "not allowed with argument --quick"),
        ("order --seeds 0", "--seeds: '0' is not a whole number, 1 or more"),
        ("order --jobs none", "--jobs: 'none' is not a whole number, 1 or more"),
        ("all --folder there", "--folder holds one study; EXPERIMENT all has several"),
        ("order --quick --data-dir here", "--data-dir belongs to CIFAR-10; --quick takes patterns"),
    ],
)
def test_wrong_usage(asked, capsys, line, message):
    with pytest.raises(SystemExit) as stop:
        cli.main(["reproduce", *line.split()])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert asked == []


def test_help_names_every_experiment_with_its_question_and_every_preset(capsys):
    with pytest.raises(SystemExit):
        cli.main(["reproduce", "--help"])
    said = capsys.readouterr().out
    for name, experiment in EXPERIMENTS.items():
        assert re.search(rf"^ +{name} +{re.escape(experiment.question)}$", said, re.MULTILINE)
    words = " ".join(said.split())
    assert all(about in words for _, about in presets.PRESETS.values())
    assert "goes on" in words


# From the command to the report ---------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Give a study whose trials cost nothing: each writes its result at once."""

    def run(trials, *, jobs, lock):
        for trial in trials[: len(trials) - stop_before_the_end]:
            folder = Path(trial.folder)
            folder.mkdir(parents=True, exist_ok=True)
            result = {"width": trial.width, "parameters": 5, "macs": 6, "test_accuracy": 0.5 + 0.01 * trial.variant}
            result |= {"seed": trial.seed, "test_loss": 1.0, "epochs": [{"validation_accuracy": 0.51239}]}
            (folder / "result.json").write_text(json.dumps(result))
        return not stop_before_the_end

    stop_before_the_end = 0

    def stop(trials):
        nonlocal stop_before_the_end
        stop_before_the_end = trials

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(report, "write", lambda record, folder: files.write_json(folder / report.RESULTS, record))
    monkeypatch.chdir(tmp_path)
    study = Study(EXPERIMENTS["order"], "quick", FEW, Path("a study"))
    return study, stop


def variants(study):
    return json.loads((study.folder / "results.json").read_text())["variants"]


@pytest.mark.parametrize(
    ("preset", "seeds", "expected"), [("quick", None, 5), ("default", None, 10), ("full", None, 10), ("full", 3, 3)]
)
def test_as_many_seeds_as_asked_for_or_as_the_experiment_has(study, preset, seeds, expected):
    study, _ = study
    study = study._replace(preset=preset)
    assert conduct(study, seeds, jobs=None, command="xnp reproduce order")
    assert [len(variant["test_accuracy"]) for variant in variants(study)] == [expected] * 2


def test_what_is_recorded(study):
    study, _ = study
    conduct(study, 2, jobs=1, command=f"xnp reproduce order --data-dir {os.getcwd()}/data")
    record = json.loads((study.folder / "results.json").read_text())
    (invocation,) = record["invocations"]
    assert invocation["command"] == "xnp reproduce order --data-dir data"
    assert invocation["machine"].keys() >= {"system", "processor", "cores"}
    assert invocation["versions"].keys() >= {"python", "xnp", "numpy", "blas"}
    assert (record["seeds"], record["diverged"]) == ([0, 1], [])
    assert (record["experiment"], record["preset"], record["images_per_second"]) == ("order", "quick", None)
    assert record["question"] == EXPERIMENTS["order"].question
    first, second = record["variants"]
    assert (first["name"], first["width"], second["name"]) == ("depthwise first", 64.0, "pointwise first")
    assert second["test_accuracy"] == [0.51, 0.51]
    assert first["validation_accuracy"] == [[0.5124], [0.5124]]
    assert "data_dir" not in record["settings"]


def test_stopped_it_reports_the_seeds_that_are_complete(study, capsys):
    study, stop = study
    stop(1)
    assert not conduct(study, 3, jobs=1, command="xnp reproduce order")
    assert [len(variant["test_accuracy"]) for variant in variants(study)] == [2, 2]
    assert "2 trials of each. In parentheses" in capsys.readouterr().out


def test_stopped_before_the_first_seed_is_complete_there_is_no_report(study, capsys):
    study, stop = study
    stop(1)
    assert not conduct(study, 1, jobs=1, command="xnp reproduce order")
    assert not (study.folder / "results.json").exists()
    said = capsys.readouterr().out
    assert "numbers and picture" not in said
    assert "nothing to compare: " in said


def test_an_invocation_that_finds_nothing_to_do_is_not_remembered(study):
    """It may run on another machine, with other versions: they made nothing."""
    study, _ = study
    for seeds, command in ((1, "first"), (1, "again"), (2, "more")):
        conduct(study, seeds, jobs=1, command=command)
    assert [one["command"] for one in study.invocations()] == ["first", "more"]


@pytest.mark.parametrize(("stopped", "measured"), [(0, 1), (1, 0)])
def test_speed_is_measured_once_all_trials_are_done(study, monkeypatch, stopped, measured):
    study, stop = study
    stop(stopped)
    asked = []

    def measure(networks, batch_size):
        asked.append((len(networks), batch_size))
        return [[100.0]] * len(networks)

    monkeypatch.setattr(speed, "measure", measure)
    conduct(study, 1, jobs=1, command="xnp reproduce order")
    assert asked == []  # time is no part of this question
    study = study._replace(experiment=EXPERIMENTS["inception"], folder=Path("another"))
    for _ in range(2):
        conduct(study, 2, jobs=1, command="xnp reproduce inception")
    assert asked == [(3, 10)] * measured
    record = json.loads((study.folder / "results.json").read_text())
    assert record["images_per_second"] == ([[100.0]] * 3 if measured else None)


def test_ctrl_c_while_speed_is_measured_leaves_the_report(study, monkeypatch):
    study, _ = study
    study = study._replace(experiment=EXPERIMENTS["inception"])

    def measure(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(speed, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        conduct(study, 1, jobs=1, command="xnp reproduce inception")
    assert len(variants(study)) == 3


def test_a_folder_is_kept_for_one_invocation(study):
    study, _ = study
    with alone(study.folder):
        with pytest.raises(
            LockedError, match=r"^another invocation is at work in a study, .* wait until it has ended$"
        ):
            conduct(study, 1, jobs=1, command="xnp reproduce order")
        assert [path.name for path in study.folder.iterdir()] == ["lock"]
        assert conduct(study._replace(folder=Path("another")), 1, jobs=1, command="xnp reproduce order")
    assert conduct(study, 1, jobs=1, command="xnp reproduce order")


def test_more_seeds_than_the_test_takes_are_refused_before_the_work(study):
    study, _ = study
    with pytest.raises(ValueError, match=r"^seeds is 21; the exact test takes 20 at most$"):
        conduct(study, 21, jobs=1, command="xnp reproduce order")
    assert not study.folder.exists()
    assert conduct(study, 20, jobs=1, command="xnp reproduce order")


def test_data_that_are_not_there_are_missed_before_the_folder_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XNP_DATA", "nowhere")
    assert cli.main(["reproduce", "order"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("xnp reproduce: ")
    assert said.count("\n") == 1
    assert "xnp download" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("xnp reproduce order", "xnp reproduce order"),
        ("xnp reproduce order --data-dir {here}/data --seeds 3", "xnp reproduce order --data-dir data --seeds 3"),
        ("xnp reproduce order --data-dir={here}/data", "xnp reproduce order --data-dir=data"),
        ("xnp reproduce order --folder '{here}/a=b c'", "xnp reproduce order --folder 'a=b c'"),
        ("xnp reproduce order '--folder={here}/a=b'", "xnp reproduce order --folder=a=b"),
        ("xnp reproduce order --folder ../there", "xnp reproduce order --folder ../there"),
        ("xnp reproduce order --data-dir /elsewhere/cifar", "xnp reproduce order --data-dir cifar"),
        ("xnp reproduce order --data-dir=/elsewhere/cifar", "xnp reproduce order --data-dir=cifar"),
    ],
)
def test_a_command_is_kept_without_the_places_of_this_machine(tmp_path, monkeypatch, typed, kept):
    monkeypatch.chdir(tmp_path)
    assert relative(typed.format(here=tmp_path)) == kept
