"""A study: all trials of an experiment, in a folder that any number of invocations fill.

    reproduce/activation-default/
        study.json                  what all trials are made with; another invocation must agree
        commands.txt                a line for each invocation
        trials/relu-3/              one trial: a variant and its seed; result.json once it is done
        results.json, table.md, curves.png          written anew at the end of each invocation, from what is there

The trials run side by side, one on each core. Seeds come first and variants second: whenever it is stopped, the pairs
that the test needs are complete but for one.
"""

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, NamedTuple

from xnp import files, history, runs
from xnp.engine.team import usable_cores
from xnp.interrupt import Interrupt
from xnp.reproduce.equal import parameters, width_for
from xnp.reproduce.experiments import Experiment
from xnp.reproduce.trial import RESULT, Trial, epochs_done

STUDY, COMMANDS, TRIALS = "study.json", "commands.txt", "trials"
LOOK = 0.5  # seconds between two looks at the processes
PATIENCE = 60  # seconds for a trial to end its step and save


class StudyError(ValueError):
    """A folder that holds another study, or a trial that failed."""


class Study(NamedTuple):
    """An experiment, its budget, its folder."""

    experiment: Experiment
    preset: str
    settings: dict[str, Any]  # of `runs.make_settings`, less the seed
    folder: Path

    def open(self, command: str) -> list[float]:
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
        with open(self.folder / COMMANDS, "a") as file:
            file.write(command + "\n")
        return widths

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

    def results(self) -> list[list[dict[str, Any]]]:
        """Read what is done: the results of each variant, for all seeds that every variant has done."""
        found: list[list[dict[str, Any]]] = [[] for _ in self.experiment.variants]
        for seed in itertools.count():
            paths = [self.trial_folder(place, seed) / RESULT for place in range(len(found))]
            if not all(path.exists() for path in paths):
                break
            for results, path in zip(found, paths, strict=True):
                results.append(json.loads(path.read_text()))
        return found


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


def start(trial: Trial) -> Running:
    """Start a trial in a session of its own: Ctrl-C reaches the study alone, which then asks its trials to stop."""
    errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed by `Running.end`
    process = subprocess.Popen(
        [sys.executable, "-m", "xnp.reproduce.trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # the same xnp as this process has
        text=True,
        start_new_session=True,
    )
    print(json.dumps(asdict(trial)), file=process.stdin, flush=True)
    return Running(trial, process, errors)


def run(trials: Sequence[Trial], *, jobs: int | None = None) -> bool:
    """Run all trials that are not done yet, several at a time; say whether all are done now.

    Parameters
    ----------
    trials : sequence of Trial
    jobs : int, optional
        How many at a time; as many as there are cores, if not given.

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

    waiting = [trial for trial in trials if not (Path(trial.folder) / RESULT).exists()]
    epochs = {trial.folder: runs.make_settings(trial.settings).epochs for trial in trials}
    done = len(trials) - len(waiting)
    running: list[Running] = []
    began, fresh = time.monotonic(), 0
    with ExitStack() as stack:
        interrupt = stack.enter_context(Interrupt())
        bar = stack.enter_context(
            tqdm(desc="epochs of all trials", total=sum(epochs.values()), leave=False, disable=None)
        )
        stack.callback(lambda: [one.end() for one in running])
        stack.callback(lambda: [one.stop() for one in running])  # all at once, before any is waited for
        while (waiting or running) and not interrupt.asked:
            while waiting and len(running) < (jobs or len(usable_cores())):
                running.append(start(waiting.pop(0)))
            time.sleep(LOOK)
            for one in [one for one in running if one.process.poll() is not None]:
                check_end(one)
                running.remove(one)
                one.end()
                done, fresh = done + 1, fresh + 1
                left = (time.monotonic() - began) / fresh * (len(trials) - done)
                tqdm.write(line(one.trial, done, len(trials), left))
                sys.stdout.flush()  # into a file, a line shall not wait for the end of the hour
            bar.n = sum(count for folder, count in epochs.items() if (Path(folder) / RESULT).exists())
            bar.n += sum(epochs_done(Path(one.trial.folder)) for one in running)
            bar.refresh()
    return done == len(trials)


def check_end(one: Running) -> None:
    """Refuse to go on after a trial that failed."""
    if one.process.returncode != 0 or not (Path(one.trial.folder) / RESULT).exists():
        one.errors.seek(0)
        said = [text.strip() for text in one.errors if text.strip()]
        raise StudyError(f"{one.trial.folder}: {said[-1] if said else f'it ended with code {one.process.returncode}'}")


def line(trial: Trial, done: int, of: int, seconds_left: float) -> str:
    """Say in one line what a trial gave, and how long the rest will take."""
    result = json.loads((Path(trial.folder) / RESULT).read_text())
    return (
        f"{done:3d}/{of}  {result['variant']}, seed {trial.seed}: {100 * result['test_accuracy']:.2f} %"
        f"  {history.duration(seconds_left)} left"
    )
