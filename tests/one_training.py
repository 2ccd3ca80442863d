"""A training in a process of its own, for test_resume.py. It can kill itself, as `kill -9` does.

python one_training.py FOLDER                    train; go on where FOLDER has a training
python one_training.py FOLDER calls 5000         ... and die at the 5,000th call of a function; 0 only counts
python one_training.py FOLDER WHERE MOMENT       ... and die while a file is written

WHERE is "config", "history" (a line of it) or the step whose checkpoint is written; MOMENT is one of MOMENTS.
"""

import io
import os
import signal
import sys
from pathlib import Path

import numpy as np

from xnp import checkpoint, files, history, training
from xnp.data import augment
from xnp.data.dataset import Dataset
from xnp.layers import BatchNorm, Conv2D, Dense, Dropout, GlobalAveragePool2D, ReLU, SeparableConv2D, Sequential
from xnp.optimizers import SGD, PolyakAverage
from xnp.schedules import Cosine
from xnp.trainer import Trainer

EPOCHS, BATCH_SIZE, IMAGES = 3, 5, 22  # batches of 5, 5, 5, 5 and 2
SAVE_EVERY = 3  # steps: checkpoints inside an epoch too
MOMENTS = ("before it is opened", "opened", "half written", "all written", "on the disk", "renamed")


def make_data(seed: int, n: int) -> Dataset:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    images = rng.integers(0, 120, (n, 8, 8, 3)) + 60 * labels[:, None, None, None]
    return Dataset(images.astype(np.uint8), labels, ("a", "b", "c"))


def make_model() -> Sequential:
    """Everything that has a state: weights, moving statistics, two layers that draw."""
    return Sequential(
        conv=Conv2D(8, 3, use_bias=False),
        norm=BatchNorm(),
        relu=ReLU(),
        drop1=Dropout(0.2),
        separable=SeparableConv2D(12, 3),
        pool=GlobalAveragePool2D(),
        drop2=Dropout(0.2),
        classifier=Dense(3),
    ).build((8, 8, 3), seed=4)


def train(folder: Path) -> dict[str, np.ndarray]:
    """Train to the end, from wherever the folder stands. Return the model's weights."""
    model = make_model()
    training.fit(
        model,
        make_data(0, IMAGES),
        make_data(1, 7),
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        optimizer=SGD(momentum=0.9, nesterov=True, weight_decay=1e-3),
        schedule=Cosine(0.1, 15, warmup=2),
        augment=augment.compose(augment.flip, augment.pad_and_crop),
        average=PolyakAverage(0.9),
        label_smoothing=0.1,
        seed=7,
        folder=folder,
        resume=(folder / "config.json").exists(),
        progress=False,
    )
    return model.state()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesHalfway(io.FileIO):
    """A file that takes some thousand bytes, or half of a text, and no more."""

    def write(self, data) -> int:
        """Write half of the fatal piece."""
        data = data.encode() if isinstance(data, str) else bytes(data)
        if self.tell() > 8000 or data.startswith(b"{"):
            super().write(data[: len(data) // 2])
            die()
        return super().write(data)


def die_in_writing(where: str, moment: str) -> None:
    """Put a deadly step before, in or after each step of the writing of one file."""
    now = ["config"]  # the file that is written at the moment

    def at(name: str) -> None:
        if (where, moment) == (now[0], name):
            die()

    def save(trainer, path, original=Trainer.save):
        now[0] = str(trainer.position.step)
        original(trainer, path)
        now[0] = ""

    def append(path, row, original=history.append):
        now[0] = "history"
        original(path, row)

    def open_file(path, mode):
        at("before it is opened")
        if (where, moment) == (now[0], "half written"):
            return DiesHalfway(path, mode[0])
        file = open(path, mode)  # noqa: SIM115  the caller closes it
        at("opened")
        return file

    def fsync(number, original=os.fsync):
        at("all written")
        original(number)
        at("on the disk")

    def replace(part, path, original=os.replace):
        original(part, path)
        at("renamed")

    Trainer.save, history.append, os.fsync, os.replace = save, append, fsync, replace
    files.open = history.open = open_file  # found before the builtin one


def count_calls(deadly: int) -> list[int]:
    """Count the calls of all functions of this process, Python's and C's; die at one of them."""
    calls, ours = [0], os.getpid()

    def count(frame, event, argument) -> None:
        if event.endswith("call") and os.getpid() == ours:  # not in a worker of the engine
            calls[0] += 1
            if calls[0] == deadly:
                die()

    sys.setprofile(count)
    return calls


def main() -> None:
    folder = Path(sys.argv[1])
    training.SAVE_EVERY = SAVE_EVERY
    calls = [0]
    match sys.argv[2:]:
        case ["calls", number]:
            calls = count_calls(int(number))
        case [where, moment]:
            die_in_writing(where, moment)
    weights = train(folder)
    sys.setprofile(None)
    checkpoint.save(folder / "weights.npz", weights, {"calls": calls[0]})


if __name__ == "__main__":
    main()
