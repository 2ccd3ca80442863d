"""One trial: a variant, trained from a seed, judged once by the test images. In a process of its own.

    the study  --stdin-->  a line of JSON: what to do          python -m xnp.reproduce.trial
                           ... then silence, until the end
                           the pipe is closed: stop, and save

So a trial stops after a step, with its state on the disk, both when the study asks for it and when the study is gone,
even by kill -9. The next study goes on with it, bit for bit.
"""

import _thread
import json
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xnp import files, history, runs, training
from xnp.count import count
from xnp.reproduce.experiments import EXPERIMENTS

RESULT = "result.json"  # its presence says that the trial is done


@dataclass(frozen=True)
class Trial:
    """What one trial is made with."""

    experiment: str
    variant: int  # its place in the experiment
    width: float
    seed: int
    settings: dict[str, Any]  # of `runs.make_settings`, less the seed
    folder: str


def run(trial: Trial) -> None:
    """Train, or go on training; at the end write `RESULT` and drop the checkpoint.

    A loss that is not finite is a result too: from the same seed it would be the same again.

    Raises
    ------
    Interrupted
        Asked to stop; the state was saved.
    """
    folder = Path(trial.folder)
    settings = runs.make_settings({**trial.settings, "seed": trial.seed, "workers": 1})
    variant = EXPERIMENTS[trial.experiment].variants[trial.variant]
    model = variant.network(trial.width, seed=trial.seed)
    about = {name: value for name, value in asdict(settings).items() if name not in ("model", "data_dir")}
    config = {"experiment": trial.experiment, "variant": variant.name, "width": trial.width, "settings": about}
    data, validation = runs.load_training(settings)
    test = runs.load_test(settings)  # now: what is missing shall not be missed after the training
    resume = (folder / training.CONFIG).exists()
    report = count(model)
    result: dict[str, Any] = {"variant": variant.name, "width": trial.width, "seed": trial.seed}
    result |= {"parameters": report.trainable, "macs": report.macs}
    try:
        rows = runs.train_model(model, settings, data, validation, folder, config=config, resume=resume, progress=False)
    except training.Diverged as error:
        result["diverged"] = str(error)
    else:
        judged = training.evaluate(model, test, training.measure(data), workers=1)
        result |= {"test_accuracy": judged.accuracy, "test_loss": judged.loss}
        result["epochs"] = [{name: row[name] for name in ("epoch", "loss", "validation_accuracy")} for row in rows.rows]
    files.write_json(folder / RESULT, result)
    (folder / training.CHECKPOINT).unlink()


def epochs_done(folder: Path) -> int:
    """Say how far a trial is."""
    return len(history.read(folder / training.HISTORY))


def stop_with_the_pipe() -> None:
    """Do as Ctrl-C does once the study has closed the pipe, or is gone."""
    sys.stdin.read()
    _thread.interrupt_main()


def main() -> int:
    """Do the trial that the first line of stdin describes. Exit code: 0 done, 1 failed, 2 stopped."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background would ignore it
    try:
        trial = Trial(**json.loads(sys.stdin.readline()))
        threading.Thread(target=stop_with_the_pipe, daemon=True).start()
        run(trial)
    except (KeyboardInterrupt, training.Interrupted):
        return 2
    except (OSError, ValueError, MemoryError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
