"""A study's folder: what it is begun with, what is refused, what is read, what a trial that ended badly says."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from xnp.reproduce import study as module
from xnp.reproduce.experiments import ALL, EXPERIMENTS
from xnp.reproduce.report import gather
from xnp.reproduce.study import Study, StudyError, check_end, epochs_each, epochs_of, line, missing
from xnp.reproduce.trial import Trial

FEW = {"data": "patterns", "subset": 20, "validation": 10, "epochs": 3, "batch_size": 10}


@pytest.fixture
def study(tmp_path):
    return Study(EXPERIMENTS["order"], "quick", FEW, tmp_path / "a study")


def write_result(study, place, seed, **more):
    folder = study.trial_folder(place, seed)
    folder.mkdir(parents=True)
    result = {"variant": study.experiment.variants[place].name, "seed": seed, "test_accuracy": 0.1 * place + seed}
    (folder / "result.json").write_text(json.dumps(result | more))


# The folder ----------------------------------------------------------------------------------------------------------


def test_a_new_folder_holds_what_all_trials_are_made_with(study, widths):
    assert study.open() == widths("order")
    record = json.loads((study.folder / "study.json").read_text())
    assert (record["experiment"], record["preset"]) == ("order", "quick")
    assert record["widths"] == dict(zip(["depthwise first", "pointwise first"], widths("order"), strict=True))
    assert record["settings"].items() >= (FEW | {"optimizer": "sgd", "learning_rate": 0.1, "augment": []}).items()
    assert not {"seed", "data_dir", "model", "workers"} & record["settings"].keys()
    before = (study.folder / "study.json").read_bytes()
    study.open()
    assert (study.folder / "study.json").read_bytes() == before


def test_invocations_are_remembered_each_once(study, monkeypatch):
    study.open()
    assert study.invocations() == []
    for command in ("first", "second", "first"):
        study.note(command)
    monkeypatch.setattr(module, "conditions", lambda command: {"command": command, "machine": "another"})
    study.note("first")
    found = study.invocations()
    assert [one["command"] for one in found] == ["first", "second", "first"]
    assert found[0].keys() == {"command", "machine", "versions"}
    assert found[2] == {"command": "first", "machine": "another"}
    assert len((study.folder / "invocations.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experiment": EXPERIMENTS["activation"]}, "experiment order, now it is activation"),
        ({"preset": "full"}, "preset quick, now it is full"),
        ({"settings": FEW | {"epochs": 4}}, "settings epochs 3, now it is 4"),
        ({"settings": FEW | {"augment": ("flip",)}}, "settings augment [], now it is ['flip']"),
    ],
)
def test_another_study_in_the_same_folder_is_refused_by_name(study, changes, message):
    study.open()
    before = {path: path.read_bytes() for path in study.folder.iterdir()}
    with pytest.raises(StudyError) as raised:
        study._replace(**changes).open()
    assert str(raised.value) == f"{study.folder / 'study.json'} was made with {message}; take another --folder"
    assert {path: path.read_bytes() for path in study.folder.iterdir()} == before


def test_a_width_that_is_another_now_is_refused_by_name(study):
    study.open()
    path = study.folder / "study.json"
    path.write_text(path.read_text().replace("64.0", "63.0"))
    with pytest.raises(StudyError, match=r"was made with widths depthwise first 63\.0, now it is 64\.0"):
        study.open()


def test_other_data_of_the_same_kind_are_not_asked_for_their_folder(study):
    """CIFAR-10 may have moved; and where it is is nobody's business."""
    study._replace(settings=FEW | {"data_dir": "here"}).open()
    study._replace(settings=FEW | {"data_dir": "there"}).open()
    assert "here" not in (study.folder / "study.json").read_text()


@pytest.mark.parametrize("text", ["", "{", '{"experiment": "ord', "[]", "3"])
def test_a_damaged_study_is_said_to_be_damaged(study, text):
    study.open()
    (study.folder / "study.json").write_text(text)
    with pytest.raises(StudyError, match=rf"^{re.escape(str(study.folder / 'study.json'))} is damaged: "):
        study.open()


def test_no_two_trials_share_a_folder():
    for experiment in ALL:
        study = Study(experiment, "quick", FEW, Path("there"))
        folders = [study.trial_folder(place, seed) for place in range(len(experiment.variants)) for seed in range(20)]
        assert len(set(folders)) == len(folders)
        assert all(re.fullmatch(r"[a-z0-9-]+", folder.name) for folder in folders)


def test_seeds_come_first_and_variants_second(study):
    trials = study.trials([64.0, 63.5], 3)
    assert [(trial.seed, trial.variant) for trial in trials] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert {trial.width for trial in trials if trial.variant == 1} == {63.5}
    assert all(trial.settings == FEW and trial.experiment == "order" for trial in trials)
    assert trials[3].folder == str(study.folder / "trials" / "pointwise-first-1")


# What is done ---------------------------------------------------------------------------------------------------------


def test_seeds_that_are_not_complete_are_left_out(study):
    assert study.results() == {}
    write_result(study, 0, 0)
    assert study.results() == {}
    write_result(study, 1, 0)
    write_result(study, 0, 1)
    write_result(study, 1, 1)
    write_result(study, 1, 2)
    found = study.results()
    assert {seed: [one["seed"] for one in results] for seed, results in found.items()} == {0: [0, 0], 1: [1, 1]}
    assert [one["variant"] for one in found[1]] == ["depthwise first", "pointwise first"]
    shutil.rmtree(study.trial_folder(0, 0))  # a gap hides nothing behind it
    assert list(study.results()) == [1]


def test_a_seed_that_diverged_is_left_out_and_named(study):
    study.open()
    more = {"width": 64.0, "parameters": 5, "macs": 6, "test_loss": 1.0, "epochs": []}
    for place, seed in ((0, 0), (1, 0), (0, 1)):
        write_result(study, place, seed, **more)
    write_result(study, 1, 1, diverged="the loss is nan")
    record = gather(study)
    assert record["seeds"] == [0]
    assert record["diverged"] == [{"variant": "pointwise first", "seed": 1}]
    assert [variant["test_accuracy"] for variant in record["variants"]] == [[0.0], [0.1]]
    shutil.rmtree(study.trial_folder(0, 0))
    assert gather(study) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"seed": 0}', '{"test_accuracy": null}'])
def test_a_damaged_result_is_named(study, text):
    write_result(study, 0, 0)
    write_result(study, 1, 0)
    path = study.trial_folder(1, 0) / "result.json"
    path.write_text(text)
    with pytest.raises(StudyError, match=rf"^{re.escape(str(path))} is damaged; remove it, "):
        study.results()


def test_what_is_done_is_not_done_again(study, monkeypatch):
    monkeypatch.setattr(module, "start", lambda *_: pytest.fail("nothing is left to start"))
    for place in (0, 1):
        write_result(study, place, 0)
    assert module.run(study.trials([64.0, 63.5], 1))


def test_a_line_says_what_a_trial_gave_and_what_is_left(study):
    write_result(study, 1, 3, test_accuracy=0.70123)
    trial = Trial("order", 1, 63.5, 3, FEW, str(study.trial_folder(1, 3)))
    assert line(trial, 8, 20, 754) == "  8/20  pointwise first, seed 3: 70.12 %  12 min 34 s left"
    shutil.rmtree(trial.folder)
    write_result(study, 1, 3, diverged="the loss is nan")
    assert line(trial, 8, 20, 7) == "  8/20  pointwise first, seed 3: the loss is nan  7 s left"


def test_epochs_are_counted_in_all_trials(study):
    trials = study.trials([64.0, 63.5], 2)
    assert (epochs_each(trials), epochs_of(trials)) == (3, 0)
    write_result(study, 0, 0)
    assert epochs_of(trials) == 3
    write_result(study, 1, 1, diverged="the loss is nan")  # there is nothing more to wait for
    assert epochs_of(trials) == 6
    folder = study.trial_folder(1, 0)
    folder.mkdir()
    (folder / "history.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n')
    assert epochs_of(trials) == 8
    assert missing(trials) == [trials[1], trials[2]]


# Trials that end badly -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "errors", "words"),
    [
        (1, "the loss is nan in epoch 2\n", "the loss is nan in epoch 2"),
        (1, 'Traceback:\n  File "a.py"\nKeyError: 3\n\n', "KeyError: 3"),
        (-9, "", "it ended with code -9"),
        (0, "", "it ended with code 0"),  # without a result
    ],
)
def test_the_last_words_of_a_trial(tmp_path, code, errors, words):
    with open(tmp_path / "errors", "w+") as file:
        file.write(errors)
        trial = Trial("order", 0, 64.0, 0, FEW, str(tmp_path / "trial"))
        one = module.Running(trial, SimpleNamespace(returncode=code), file)
        with pytest.raises(StudyError, match=f"^{re.escape(str(tmp_path / 'trial'))}: {re.escape(words)}$"):
            check_end(one)
        (tmp_path / "trial").mkdir()
        (tmp_path / "trial" / "result.json").touch()
        if code == 0:
            check_end(one)
        else:
            with pytest.raises(StudyError):
                check_end(one)


def test_a_trial_that_dies_before_it_reads_has_its_last_words_too(study, monkeypatch):
    """What was not read stays in the pipe: neither sending it nor closing it may hide why."""
    trial = study.trials([64.0, 63.5], 1)[0]
    monkeypatch.setattr(module.subprocess, "Popen", dead_at_once)
    with pytest.raises(StudyError, match=f"^{re.escape(trial.folder)}: no room$"):
        module.run([trial])


def dead_at_once(_, original=subprocess.Popen, **options):
    """Start another process than the one that is asked for, and wait until it has ended."""
    process = original([sys.executable, "-c", "import sys; sys.exit('no room')"], **options)
    process.wait()
    return process
