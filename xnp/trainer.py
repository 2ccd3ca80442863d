"""One training from step to step: what changes in it, and how that is saved and taken up again."""

import time
import warnings
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xnp import checkpoint
from xnp.data.augment import Augment
from xnp.data.dataset import Dataset
from xnp.evaluation import Scale, averaged, evaluate
from xnp.layers import Layer
from xnp.ops import softmax_cross_entropy
from xnp.optimizers import Optimizer, PolyakAverage
from xnp.runner import EngineName, Runner, threads_of
from xnp.schedules import Schedule
from xnp.stateful import Stateful


class Diverged(RuntimeError):
    """The loss or a weight is no longer a finite number."""


@dataclass
class Position:
    """Where the training stands, and what the epoch has added up so far."""

    step: int = 0
    epoch: int = 0  # complete epochs
    batch: int = 0  # batches of the current epoch that are done
    loss: float = 0.0  # sum over the epoch's images
    correct: int = 0
    seconds: float = 0.0  # of the current epoch


@dataclass
class Trainer:
    """Holds the parts of one training; `step` and `finish_epoch` move it on."""

    model: Layer
    data: Dataset
    scale: Scale
    epochs: int
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    augment: Augment | None
    average: PolyakAverage | None
    label_smoothing: float
    seed: int
    runner: Runner  # runs the model: its forward and backward
    engine: EngineName
    workers: int | None

    def __post_init__(self) -> None:
        self.position = Position()
        self.batches = -(-len(self.data.labels) // self.batch_size)  # in an epoch
        self.rng = np.random.default_rng([self.seed, *b"augment"])
        self.plan = self._plan()

    def step(self, indices: np.ndarray) -> None:
        """Learn from the images at `indices`."""
        started, position = time.perf_counter(), self.position
        labels = self.data.labels[indices]
        x = self.scale.apply(self.data.images[indices], self.model.dtype)
        if self.augment is not None:
            x = self.augment(x, self.rng)
        logits = self.runner.forward(x, training=True)
        loss, cache = softmax_cross_entropy.forward(logits, labels, label_smoothing=self.label_smoothing)
        if not np.isfinite(loss):
            raise Diverged(self._diverged(f"the loss is {loss}", position.step + 1))
        self.runner.backward(softmax_cross_entropy.backward(1.0, cache))
        self.optimizer.step(self.model.parameters(), self.model.gradients(), self.schedule(position.step))
        if self.average is not None:
            self.average.update(self.model.state())
        position.step += 1
        position.batch += 1
        position.loss += float(loss) * len(labels)
        position.correct += int((logits.argmax(axis=1) == labels).sum())
        position.seconds += time.perf_counter() - started

    def finish_epoch(self, validation: Dataset | None) -> dict[str, Any]:
        """Validate, and turn to the next epoch."""
        self.finite_arrays()  # a last step that ruins the weights has a loss that is still fine
        position, seen = self.position, len(self.data.labels)
        row: dict[str, Any] = {
            "epoch": position.epoch + 1,
            "loss": position.loss / seen,
            "accuracy": position.correct / seen,
            "validation_loss": None,
            "validation_accuracy": None,
            "learning_rate": self.schedule(position.step - 1),
            "images_per_second": round(seen / position.seconds, 1),
        }
        started = time.perf_counter()
        if validation is not None:
            with averaged(self.model, self.average):
                result = evaluate(self.model, validation, self.scale, engine=self.engine, workers=self.workers)
            row |= {"validation_loss": result.loss, "validation_accuracy": result.accuracy}
        row["seconds"] = round(position.seconds + time.perf_counter() - started, 3)
        self.position = Position(position.step, position.epoch + 1)
        return row

    def finite_arrays(self) -> dict[str, np.ndarray]:
        """Gather all arrays that change; refuse if one holds a number that is not finite."""
        arrays = checkpoint.prefixed("model", self.model.state())
        arrays |= checkpoint.prefixed("optimizer", self.optimizer.state())
        if self.average is not None:
            arrays |= checkpoint.prefixed("average", self.average.state())
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise Diverged(self._diverged(f"{name} is not finite", self.position.step))
        return arrays

    def save(self, path: Path) -> None:
        """Write the checkpoint, unless a number is not finite: the last good one stays."""
        record = {
            "position": asdict(self.position),
            "generators": {name: rng.bit_generator.state for name, rng in self._generators().items()},
            "plan": self.plan,
            "made_by": self.made_by(),
        }
        checkpoint.save(path, self.finite_arrays(), record)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint. One of another training is refused; one of another machine is taken, and said."""
        arrays, record = checkpoint.load(path)
        for name, value in self.plan.items():
            if record["plan"].get(name) != value:
                raise checkpoint.CheckpointError(f"{path} had {name} = {record['plan'].get(name)}; now it is {value}")
        generators = self._generators()
        if generators.keys() != record["generators"].keys():
            raise checkpoint.CheckpointError(
                f"{path} has generators {sorted(record['generators'])}; needed are {sorted(generators)}"
            )
        self.optimizer.load_state(checkpoint.section("optimizer", arrays))
        if self.average is not None:
            self.average.load_state(checkpoint.section("average", arrays))
        checkpoint.restore(path, "model array", checkpoint.section("model", arrays), self.model.state())
        for name, rng in generators.items():
            rng.bit_generator.state = record["generators"][name]
        self.position = Position(**record["position"])
        then, now = record["made_by"], self.made_by()
        other = [f"{name} {then.get(name)}, now {now[name]}" for name in now if then.get(name) != now[name]]
        if other:
            warnings.warn(f"the checkpoint was made by {'; '.join(other)}: the last bits may differ", stacklevel=4)

    def _plan(self) -> dict[str, Any]:
        """Say what must be the same when the training goes on. Of a function, only its values can be compared."""
        images, labels = (np.ascontiguousarray(array).data for array in (self.data.images, self.data.labels))
        last = self.epochs * self.batches - 1
        return {
            "epochs": int(self.epochs),
            "batch_size": int(self.batch_size),
            "label_smoothing": float(self.label_smoothing),
            "seed": int(self.seed),
            "images": len(labels),
            "crc32": zlib.crc32(labels, zlib.crc32(images)),
            "optimizer": describe(self.optimizer),
            "average": describe(self.average),
            "augment": self.augment is not None,
            "learning_rates": [float(self.schedule(step)) for step in (0, last // 2, last)],
        }

    def made_by(self) -> dict[str, str]:
        """Say what computes here."""
        return checkpoint.made_by(threads_of(self.engine, self.workers))

    def _generators(self) -> dict[str, np.random.Generator]:
        return {"augment": self.rng, **self.model.generators()}

    def _diverged(self, what: str, step: int) -> str:
        """Say what happened in a step; the first one is 1."""
        position = self.position
        batch = position.batch + step - position.step
        rates = [self.schedule(k) for k in range(max(step, 1))]
        text = (
            f"{what} in epoch {position.epoch + 1}, batch {batch} of {self.batches} (step {step}), "
            f"at learning rate {rates[-1]:.3g}"
        )
        if max(rates) > rates[-1]:  # one-cycle ends at 0, which has done no harm
            text += f" (highest so far: {max(rates):.3g})"
        if not position.batch:
            return text
        seen = min(position.batch * self.batch_size, len(self.data.labels))
        return f"{text}; up to there, the mean loss of the epoch was {position.loss / seen:.3g}"


def describe(part: Stateful | None) -> str | None:
    """Say a part's class and the numbers that it was made with.

    >>> from xnp.optimizers import SGD
    >>> describe(SGD(momentum=0.9))
    'SGD(momentum=0.9, nesterov=False, weight_decay=0.0)'
    """
    if part is None:
        return None
    numbers = {name: value for name, value in vars(part).items() if name != "steps" and not name.startswith("_")}
    return f"{type(part).__name__}({', '.join(f'{name}={value}' for name, value in numbers.items())})"
