"""From a command to a report: open the study, run what is missing, measure, report."""

import shlex
import sys
from pathlib import Path

from xnp import runs
from xnp.count import count
from xnp.reproduce import report
from xnp.reproduce.lock import alone
from xnp.reproduce.presets import QUICK_SEEDS
from xnp.reproduce.study import Study, missing, run
from xnp.statistics import MOST_PAIRS


def conduct(study: Study, seeds: int | None, *, jobs: int | None, command: str) -> bool:
    """Run what is missing of a study, and report what there is then.

    Parameters
    ----------
    study : Study
    seeds : int, optional
        Trials of each variant; as many as the experiment asks for, if not given. Those that are done count.
    jobs : int, optional
        Trials at a time; one for each core, if not given.
    command : str
        As it was typed, to be remembered.

    Returns
    -------
    bool
        False after Ctrl-C: something is still missing.

    Raises
    ------
    StudyError
        The folder holds another study, or a trial failed.
    FileNotFoundError
        There are no data.
    LockedError
        Another invocation is at work in the folder.
    ValueError
        More seeds than the exact test can take.
    """
    experiment = study.experiment
    seeds = seeds or (QUICK_SEEDS if study.preset == "quick" else experiment.seeds)
    if seeds > MOST_PAIRS:
        raise ValueError(f"seeds is {seeds}; the exact test takes {MOST_PAIRS} at most")
    runs.load_training(runs.make_settings(study.settings))  # what is not there is missed now, not in every trial
    with alone(study.folder) as lock:
        widths = study.open()
        print(f"{experiment.question} {report.trials(seeds)} of each, into {study.folder}")
        for variant, width in zip(experiment.variants, widths, strict=True):
            counted = count(variant.network(width, seed=0))
            print(f"  {variant.name}: width {width:g}, {counted.trainable:,} parameters, {counted.macs:,} MACs")
        sys.stdout.flush()
        trials = study.trials(widths, seeds)
        if missing(trials) or report.lacks_speed(study):
            study.note(relative(command))
        done = run(trials, jobs=jobs, lock=lock)
        record = report.gather(study)
        if record is None:
            print("nothing to compare: there is no seed whose trials are all done, and none of them diverged")
            return done
        report.write(record, study.folder)  # what there is, before the measuring, which may be interrupted
        if done and report.lacks_speed(study):
            report.measure_speed(study, widths)
            record |= report.speeds_of(study)
            report.write(record, study.folder)
    print(f"\n{report.results_table(record)}\n\n{report.reading(record)}\n\nnumbers and picture in {study.folder}")
    return done


def relative(command: str) -> str:
    """Take the places of this machine out of a command that is recorded: its paths lead from here, or are names alone.

    >>> relative(f"xnp reproduce order --data-dir {Path.cwd()}/data")
    'xnp reproduce order --data-dir data'
    """
    return shlex.join(map(relative_word, shlex.split(command)))


def relative_word(word: str) -> str:
    """Do so for one word: a path, or an option with one. A path outside the current folder keeps its last name alone.

    >>> relative_word(f"--folder={Path.cwd()}/study"), relative_word("--data-dir=/elsewhere/cifar")
    ('--folder=study', '--data-dir=cifar')
    """
    option, equals, text = word.partition("=") if word.startswith("--") else ("", "", word)
    path, here = Path(text), Path.cwd()
    if not path.is_absolute():
        return word
    return option + equals + str(path.relative_to(here) if path.is_relative_to(here) else path.name)
