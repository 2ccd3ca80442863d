"""From a command to a report: open the study, run what is missing, measure, report."""

import os
import shlex

from xnp import runs
from xnp.count import count
from xnp.reproduce import report
from xnp.reproduce.presets import QUICK_SEEDS
from xnp.reproduce.statistics import MOST_PAIRS
from xnp.reproduce.study import Study, run


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
    ValueError
        More seeds than the exact test can take.
    """
    experiment = study.experiment
    seeds = seeds or (QUICK_SEEDS if study.preset == "quick" else experiment.seeds)
    if seeds > MOST_PAIRS:
        raise ValueError(f"seeds is {seeds}; the exact test takes {MOST_PAIRS} at most")
    runs.load_training(runs.make_settings(study.settings))  # what is not there is missed now, not in every trial
    widths = study.open(relative(command))
    print(f"{experiment.question} {report.trials(seeds)} of each, into {study.folder}")
    for variant, width in zip(experiment.variants, widths, strict=True):
        counted = count(variant.network(width, seed=0))
        print(
            f"  {variant.name}: width {width:.3g}, {counted.trainable:,} parameters, {counted.macs:,} MACs", flush=True
        )
    done = run(study.trials(widths, seeds), jobs=jobs)
    if done and experiment.speed:
        report.measure_speed(study, widths)
    record = report.gather(study)
    if record is not None:
        report.write(record, study.folder)
        print(f"\n{report.results_table(record)}\n\n{report.reading(record)}\n\nnumbers and picture in {study.folder}")
    return done


def relative(command: str) -> str:
    """Write the paths in a command as they are seen from here: what is recorded shall not name places of this machine.

    >>> relative(f"xnp reproduce order --data-dir {os.getcwd()}/data")
    'xnp reproduce order --data-dir data'
    """
    return shlex.join(map(relative_word, shlex.split(command)))


def relative_word(word: str) -> str:
    """Write the path in one word so, be it the word itself or the value of an option.

    >>> relative_word(f"--folder={os.getcwd()}/study"), relative_word("--seeds=3")
    ('--folder=study', '--seeds=3')
    """
    option, equals, path = word.partition("=") if word.startswith("--") else ("", "", word)
    return option + equals + os.path.relpath(path) if os.path.isabs(path) else word
