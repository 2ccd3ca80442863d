"""A study: all trials of an experiment, in a folder that any number of invocations fill.

    reproduce/activation-default/
        study.json                  what all trials are made with; another invocation must agree
        invocations.jsonl           a line for each one that found something to do: command, machine, versions
        trials/relu-3/              one trial: a variant and its seed; result.json once it is done
        speed.json                  images per second, once all is done, where time is a part of the question
        results.json, table.md, curves.png          written anew at the end of each invocation, from what is there
        lock                        empty; an invocation at work holds it

The trials run side by side, one on each core. Seeds come first and variants second: whenever it is stopped, most seeds
that were begun are complete, as the test of pairs needs them.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, NamedTuple

from xnp import files, history, runs
from xnp.bench.machine import conditions
from xnp.engine.team import usable_cores
from xnp.interrupt import Interrupt
from xnp.reproduce.equal import parameters, width_for
from xnp.reproduce.experiments import Experiment
from xnp.reproduce.trial import RESULT, Trial, epochs_done
from xnp.statistics import MOST_PAIRS

STUDY, INVOCATIONS, TRIALS = "study.json", "invocations.jsonl", "trials"
LOOK = 0.5  # seconds between two looks at the processes
PATIENCE = 60  # seconds for a trial to end its step and save


class StudyError(ValueError):
    """A folder that holds another study, a damaged file, a trial that failed."""


class Study(NamedTuple):
    """An experiment, its budget, its folder."""

    experiment: Experiment
    preset: str
    settings: dict[str, Any]  # of `runs.make_settings`, less the seed
    folder: Path

    def open(self) -> list[float]:
        """Begin the folder, or check that it holds the same study. Give the width of each variant.

        Raises
        ------
        StudyError
            It holds another one.
        """
        widths = equal_widths(self.experiment)
        names = [variant.name for variant in self.experiment.variants]
        record = {
            "experiment": self.experiment.name,
            "preset": self.preset,
            "widths": dict(zip(names, widths, strict=True)),
            "settings": self.common_settings(),
        }
        path = self.folder / STUDY
        if path.exists():
            check_same(path, json.loads(json.dumps(record)))
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            files.write_json(path, record)
        return widths

    def note(self, command: str) -> None:
        """Remember what is about to make trials: the command, the machine, the versions."""
        history.append(self.folder / INVOCATIONS, conditions(command))

    def invocations(self) -> list[dict[str, Any]]:
        """Read what made the trials, each only once."""
        found = history.read(self.folder / INVOCATIONS)
        return [one for place, one in enumerate(found) if one not in found[:place]]

    def common_settings(self) -> dict[str, Any]:
        """Give what all trials share and may be recorded: no path of this machine."""
        about = asdict(runs.make_settings(self.settings))
        return {name: about[name] for name in about if name not in ("seed", "model", "data_dir", "workers")}

    def trials(self, widths: Sequence[float], seeds: int) -> list[Trial]:
        """List all trials of the first seeds."""
        return [
            Trial(self.experiment.name, place, width, seed, self.settings, str(self.trial_folder(place, seed)))
            for seed in range(seeds)
            for place, width in enumerate(widths)
        ]

    def trial_folder(self, place: int, seed: int) -> Path:
        """Say where a trial is kept."""
        name = re.sub(r"[^a-z0-9]+", "-", self.experiment.variants[place].name.lower())
        return self.folder / TRIALS / f"{name}-{seed}"

    def results(self) -> dict[int, list[dict[str, Any]]]:
        """Read what is done: for each seed that all variants have done, their results."""
        places = range(len(self.experiment.variants))
        return {
            seed: [result_of(self.trial_folder(place, seed)) for place in places]
            for seed in range(MOST_PAIRS)
            if all((self.trial_folder(place, seed) / RESULT).exists() for place in places)
        }


def result_of(folder: Path) -> dict[str, Any]:
    """Read what a trial gave.

    Raises
    ------
    StudyError
        The file is damaged.
    """
    path = folder / RESULT
    try:
        result: dict[str, Any] = json.loads(path.read_text())
        if "diverged" not in result:
            float(result["test_accuracy"])
    except (ValueError, TypeError, KeyError) as error:
        raise StudyError(f"{path} is damaged; remove it, and the trial is done again") from error
    return result


def equal_widths(experiment: Experiment) -> list[float]:
    """Give each variant its width; where it has none, the one that makes as many parameters as the first has."""
    first = experiment.variants[0]
    assert first.width is not None, "the first variant sets the number of parameters"
    target = parameters(first.network(first.width, seed=0))
    return [
        width_for(lambda width, variant=variant: variant.network(width, seed=0), target)  # type: ignore[misc]
        if variant.width is None
        else float(variant.width)
        for variant in experiment.variants
    ]


def check_same(path: Path, record: dict[str, Any]) -> None:
    """Refuse to add trials to a study that was made with something else."""
    try:
        before = flat(json.loads(path.read_text()))
    except (ValueError, AttributeError) as error:  # no JSON, or no object of it
        raise StudyError(f"{path} is damaged: {error}") from error
    now = flat(record)
    for name in before | now:
        if before.get(name) != now.get(name):
            raise StudyError(
                f"{path} was made with {name} {before.get(name)}, now it is {now.get(name)}; take another --folder"
            )


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """Lay out what a record holds by its names alone.

    >>> flat({"preset": "quick", "widths": {"with": 64.0}})
    {'preset': 'quick', 'widths with': 64.0}
    """
    found: dict[str, Any] = {}
    for name, value in record.items():
        found |= {f"{name} {of}": one for of, one in value.items()} if isinstance(value, dict) else {name: value}
    return found


class Running(NamedTuple):
    """A trial at work."""

    trial: Trial
    process: Any
    errors: IO[str]

    def stop(self) -> None:
        """Ask it to save and end."""
        with suppress(BrokenPipeError):  # what it never read, as it had ended before
            self.process.stdin.close()

    def end(self) -> None:
        """Wait until it has ended; no longer than a step and a checkpoint take."""
        self.stop()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def start(trial: Trial, lock: IO[str] | None = None) -> Running:
    """Start a trial in a session of its own: Ctrl-C reaches the study alone, which then asks its trials to stop.

    It inherits the open `lock`, and so keeps the folder until it has ended.
    """
    errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed by `Running.end`
    process = subprocess.Popen(
        [sys.executable, "-m", "xnp.reproduce.trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # the same xnp as this process has
        text=True,
        start_new_session=True,
        pass_fds=() if lock is None or sys.platform == "win32" else [lock.fileno()],
    )
    with suppress(BrokenPipeError):  # it has ended already: its last words say why
        print(json.dumps(asdict(trial)), file=process.stdin, flush=True)
    return Running(trial, process, errors)


def run(trials: Sequence[Trial], *, jobs: int | None = None, lock: IO[str] | None = None) -> bool:
    """Run all trials that are not done yet, several at a time; say whether all are done now.

    Parameters
    ----------
    trials : sequence of Trial
    jobs : int, optional
        How many at a time; as many as there are cores, if not given.
    lock : file, optional
        What the trials shall hold open: see `xnp.reproduce.lock`.

    Returns
    -------
    bool
        False after Ctrl-C. What was under way is saved.

    Raises
    ------
    StudyError
        A trial failed: which one, and its last words. The others were stopped, and saved.
    """
    from tqdm import tqdm

    waiting = missing(trials)
    done = len(trials) - len(waiting)
    running: list[Running] = []
    began, epochs_at_first, epochs = time.monotonic(), epochs_of(trials), len(trials) * epochs_each(trials)
    with ExitStack() as stack:
        interrupt = stack.enter_context(Interrupt())
        bar = stack.enter_context(
            tqdm(desc="epochs of all trials", total=epochs, initial=epochs_at_first, leave=False, disable=None)
        )
        stack.callback(lambda: [one.end() for one in running])
        stack.callback(lambda: [one.stop() for one in running])  # all at once, before any is waited for
        while (waiting or running) and not interrupt.asked:
            while waiting and len(running) < (jobs or len(usable_cores())):
                running.append(start(waiting.pop(0), lock))
            time.sleep(LOOK)
            for one in [one for one in running if one.process.poll() is not None]:
                check_end(one)
                running.remove(one)
                one.end()
                done, so_far = done + 1, epochs_of(trials)
                left = (time.monotonic() - began) / max(so_far - epochs_at_first, 1) * (epochs - so_far)
                tqdm.write(line(one.trial, done, len(trials), left))
                sys.stdout.flush()  # into a file, a line shall not wait for the end of the hour
            bar.n = epochs_of(trials)
            bar.refresh()
    return done == len(trials) and not interrupt.asked


def missing(trials: Sequence[Trial]) -> list[Trial]:
    """List the trials that are not done yet."""
    return [trial for trial in trials if not (Path(trial.folder) / RESULT).exists()]


def epochs_each(trials: Sequence[Trial]) -> int:
    """Say how many epochs each of the trials has: the same for all."""
    return runs.make_settings(trials[0].settings).epochs


def epochs_of(trials: Sequence[Trial]) -> int:
    """Count the epochs that are done. Those of a trial that is done are all its epochs, though it may have diverged."""
    undone = missing(trials)
    return (len(trials) - len(undone)) * epochs_each(trials) + sum(epochs_done(Path(one.folder)) for one in undone)


def check_end(one: Running) -> None:
    """Refuse to go on after a trial that failed."""
    if one.process.returncode != 0 or not (Path(one.trial.folder) / RESULT).exists():
        one.errors.seek(0)
        said = [text.strip() for text in one.errors if text.strip()]
        raise StudyError(f"{one.trial.folder}: {said[-1] if said else f'it ended with code {one.process.returncode}'}")


def line(trial: Trial, done: int, of: int, seconds_left: float) -> str:
    """Say in one line what a trial gave, and how long the rest will take."""
    result = result_of(Path(trial.folder))
    gave = result.get("diverged") or f"{100 * result['test_accuracy']:.2f} %"
    return f"{done:3d}/{of}  {result['variant']}, seed {trial.seed}: {gave}  {history.duration(seconds_left)} left"
