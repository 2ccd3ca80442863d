"""Training: many times forward, loss, backward, update; and what makes that bearable when it takes an hour.

A run can be stopped at any moment, even by kill -9, and gone on with: the weights at its end are bit for bit those of
a run that was never stopped (on the same machine, with the same NumPy and number of threads). For that, the checkpoint
holds all that changes: parameters, moving statistics, average, optimizer, generators, and the place in the epoch. The
order of the images is drawn anew for each epoch from (seed, epoch) alone, so it needs no place in it.
"""

import os
import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from xnp import checks, history
from xnp.data.augment import Augment
from xnp.data.dataset import Dataset
from xnp.evaluation import Evaluation, Scale, evaluate, measure
from xnp.files import write_json
from xnp.interrupt import Interrupt
from xnp.layers import Layer
from xnp.optimizers import Optimizer, PolyakAverage
from xnp.runner import EngineName, check_engine, training_runner
from xnp.schedules import Schedule
from xnp.trainer import Diverged, Trainer

__all__ = ["Diverged", "Evaluation", "History", "Interrupted", "Scale", "evaluate", "fit", "measure"]

SAVE_EVERY = 200  # steps between two checkpoints inside an epoch: a stop costs a few minutes at most
CONFIG, HISTORY, CHECKPOINT = "config.json", "history.jsonl", "checkpoint.npz"  # the files of a folder


class Interrupted(Exception):
    """Ctrl-C: the training stopped after a step, and its state is saved."""


@dataclass
class History:
    """The epochs of a training, a row each: epoch, loss, accuracy, validation_loss, validation_accuracy, ..."""

    rows: list[dict[str, Any]] = field(default_factory=list)


def fit(
    model: Layer,
    train: Dataset,
    validation: Dataset | None = None,
    *,
    epochs: int,
    optimizer: Optimizer,
    schedule: Schedule,
    batch_size: int = 64,
    augment: Augment | None = None,
    average: PolyakAverage | None = None,
    label_smoothing: float = 0.0,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    config: dict[str, Any] | None = None,
    resume: bool = False,
    progress: bool = True,
    engine: EngineName = "fast",
    workers: int | None = None,
) -> History:
    """Train a model. At the end it holds the last weights, or their average where there is one.

    Parameters
    ----------
    model : Layer
        Built; its outputs are logits (N, classes).
    train, validation : Dataset
        uint8 images. They are standardised by the training images' mean and deviation of each channel.
    epochs : int
        How often each training image is seen. The last batch of an epoch may be smaller.
    optimizer : Optimizer
    schedule : function of the step
        Gives the learning rate.
    batch_size : int
    augment : function of (batch, generator), optional
        See `xnp.data.augment`. It sees standardised images: its zeros are the mean colour. Resume with the same one:
        two functions cannot be compared.
    average : PolyakAverage, optional
        If given, validation and the end use the averaged weights.
    label_smoothing : float
        See `xnp.ops.softmax_cross_entropy`.
    seed : int
        Of the order of the images and of augmentation. The model has its own.
    folder : path, optional
        Takes config.json, history.jsonl and checkpoint.npz. Without it nothing is written.
    config : dict, optional
        More to remember in config.json: what JSON can say.
    resume : bool
        Go on from the folder's checkpoint; all other arguments must be as they were.
    progress : bool
        Print a line an epoch; on a terminal a bar too.
    engine : "fast" or "plain"
        Who runs the model: `xnp.engine`, or its own layers, several times slower, and made to be read.
    workers : int, optional
        Of the engine; as many as there are cores, if not given. The last bits of the weights depend on it.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        Data that do not fit the model; a folder that holds a training already (without resume), or another (with it).
    CheckpointError
        The checkpoint is damaged, or made with something else. It is a ValueError too.
    Diverged
        The loss or a weight is not finite. The last good checkpoint stays.
    Interrupted
        Ctrl-C. The state was saved, if there is a folder.
    """
    check(model, train, validation, epochs, batch_size, seed)
    check_engine("fit", engine, workers)
    if resume and folder is None:
        raise ValueError("fit: resume needs a folder to go on from")
    with ExitStack() as stack:
        runner = stack.enter_context(training_runner(model, batch_size, engine, workers))
        trainer = Trainer(
            model=model,
            data=train,
            scale=measure(train),
            epochs=epochs,
            optimizer=optimizer,
            schedule=schedule,
            batch_size=batch_size,
            augment=augment,
            average=average,
            label_smoothing=label_smoothing,
            seed=seed,
            runner=runner,
            engine=engine,
            workers=workers,
        )
        folder = None if folder is None else Path(folder)
        rows = [] if folder is None else open_folder(trainer, folder, config or {}, resume)
        interrupt = stack.enter_context(Interrupt())
        stack.enter_context(np.errstate(over="ignore", invalid="ignore", divide="ignore"))  # Diverged tells
        for epoch in range(trainer.position.epoch, epochs):
            position, order = trainer.position, np.random.default_rng([seed, epoch]).permutation(len(train.labels))
            with bar_of(progress, f"epoch {epoch + 1}/{epochs}", trainer.batches, position.batch) as bar:
                while position.batch < trainer.batches and not interrupt.asked:
                    trainer.step(order[position.batch * batch_size :][:batch_size])
                    bar.update()
                    if folder is not None and position.step % SAVE_EVERY == 0:
                        trainer.save(folder / CHECKPOINT)
            if interrupt.asked:
                if folder is not None:
                    trainer.save(folder / CHECKPOINT)
                raise Interrupted(f"stopped in epoch {epoch + 1}, after {position.batch} of {trainer.batches} batches")
            row = trainer.finish_epoch(validation)
            rows.append(row)
            if folder is not None:  # the history first: a kill in between leaves a line too much, which resume cuts
                history.append(folder / HISTORY, row)
                trainer.save(folder / CHECKPOINT)
            if progress:
                left = (epochs - epoch - 1) * sum(r["seconds"] for r in rows) / len(rows)
                print(history.line(row, epochs=epochs, seconds_left=left), flush=True)
    if average is not None:
        average.copy_to(model.state())
    return History(rows)


def open_folder(trainer: Trainer, folder: Path, config: dict[str, Any], resume: bool) -> list[history.Row]:
    """Begin a training's folder, or take up the training that it holds. Return the epochs that are done."""
    old = (folder / CHECKPOINT).exists()
    if old and not resume:
        raise ValueError(f"fit: folder {folder} holds a training already; go on with it (resume=True), or take another")
    if resume and not old and not (folder / CONFIG).exists():
        raise ValueError(f"fit: folder {folder} holds no training to go on with")
    if old:
        trainer.load(folder / CHECKPOINT)
    else:  # a new training, or one that was stopped before its first checkpoint
        folder.mkdir(parents=True, exist_ok=True)
        about = {"names": trainer.data.names, "scale": trainer.scale._asdict(), "made_by": trainer.made_by()}
        write_json(folder / CONFIG, {**config, **about})
        trainer.save(folder / CHECKPOINT)
    return history.cut(folder / HISTORY, trainer.position.epoch)


def bar_of(progress: bool, title: str, total: int, done: int) -> AbstractContextManager[Any]:
    """Show a bar for one epoch on a terminal; elsewhere nothing."""
    if not (progress and sys.stderr.isatty()):
        return nullcontext(NoBar())
    from tqdm import tqdm

    return tqdm(desc=title, total=total, initial=done, leave=False, unit="batch")


class NoBar:
    """Stands where no bar is shown."""

    def update(self) -> None:
        """Show nothing."""


def check(model: Layer, train: Dataset, validation: Dataset | None, epochs: int, batch_size: int, seed: int) -> None:
    """Refuse, by name, what cannot be trained."""
    checks.positive("fit", epochs=epochs, batch_size=batch_size)
    if not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"fit: seed is {seed!r}; it must be an integer, 0 or more")
    if model.input_shape is None:
        raise ValueError("fit: model knows no shapes yet; call model.build(input_shape) first")
    for name, data in (("train", train), ("validation", validation)):
        if data is None:
            continue
        if data.images.dtype != np.uint8 or data.images.shape[1:] != model.input_shape:
            raise ValueError(
                f"fit: {name} has {data.images.dtype} images of {data.images.shape[1:]}; "
                f"the model takes uint8 images of {model.input_shape}"
            )
        if len(data.labels) == 0 or len(data.images) != len(data.labels):
            raise ValueError(f"fit: {name} has {len(data.images)} images and {len(data.labels)} labels")
        if model.output_shape != (len(data.names),):
            raise ValueError(f"fit: {name} has {len(data.names)} classes but the model gives {model.output_shape}")
        if data.labels.min() < 0 or data.labels.max() >= len(data.names):
            raise ValueError(
                f"fit: {name} has labels from {data.labels.min()} to {data.labels.max()}; "
                f"they must lie in 0 to {len(data.names) - 1}"
            )
