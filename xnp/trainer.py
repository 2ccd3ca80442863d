"""One training from step to step: what changes in it, and how that is saved and taken up again."""

import time
import warnings
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
from xnp.schedules import Schedule


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
    """One training: what changes from step to step, and how it is saved."""

    model: Layer
    data: Dataset
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    augment: Augment | None
    average: PolyakAverage | None
    label_smoothing: float
    seed: int
    scale: Scale

    def __post_init__(self) -> None:
        self.position = Position()
        self.rng = np.random.default_rng([self.seed, *b"augment"])

    def step(self, indices: np.ndarray) -> None:
        """Learn from the images at `indices`."""
        started, position = time.perf_counter(), self.position
        labels = self.data.labels[indices]
        x = self.scale.apply(self.data.images[indices], self.model.dtype)
        if self.augment is not None:
            x = self.augment(x, self.rng)
        logits = self.model.forward(x, training=True)
        loss, cache = softmax_cross_entropy.forward(logits, labels, label_smoothing=self.label_smoothing)
        learning_rate = self.schedule(position.step)
        if not np.isfinite(loss):
            raise Diverged(self._diverged(f"the loss is {loss}", learning_rate))
        self.model.backward(softmax_cross_entropy.backward(1.0, cache))
        self.optimizer.step(self.model.parameters(), self.model.gradients(), learning_rate)
        if self.average is not None:
            self.average.update(self.model.state())
        position.step += 1
        position.batch += 1
        position.loss += float(loss) * len(labels)
        position.correct += int((logits.argmax(axis=1) == labels).sum())
        position.seconds += time.perf_counter() - started

    def finish_epoch(self, validation: Dataset | None) -> dict[str, Any]:
        """Validate, and turn to the next epoch."""
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
                result = evaluate(self.model, validation, self.scale)
            row |= {"validation_loss": result.loss, "validation_accuracy": result.accuracy}
        row["seconds"] = round(position.seconds + time.perf_counter() - started, 3)
        self.position = Position(position.step, position.epoch + 1)
        return row

    def save(self, path: Path, plan: dict[str, Any]) -> None:
        """Write the checkpoint; refuse if a weight is not finite, so that the last good one stays."""
        state = self.model.state()
        for name, array in state.items():
            if not np.isfinite(array).all():
                raise Diverged(self._diverged(f"{name} is not finite", self.schedule(max(self.position.step - 1, 0))))
        arrays = checkpoint.prefixed("model", state) | checkpoint.prefixed("optimizer", self.optimizer.state())
        if self.average is not None:
            arrays |= checkpoint.prefixed("average", self.average.state())
        generators = {"augment": self.rng, **self.model.generators()}
        record = {
            "position": asdict(self.position),
            "generators": {name: rng.bit_generator.state for name, rng in generators.items()},
            "plan": plan,
            "made_by": checkpoint.made_by(),
        }
        checkpoint.save(path, arrays, record)

    def load(self, path: Path, plan: dict[str, Any]) -> None:
        """Go on from a checkpoint. One of another training is refused; one of another machine is taken, and said."""
        arrays, record = checkpoint.load(path)
        for name, value in plan.items():
            if record["plan"].get(name) != value:
                raise checkpoint.CheckpointError(f"{path} had {name} = {record['plan'].get(name)}; now it is {value}")
        generators = {"augment": self.rng, **self.model.generators()}
        if generators.keys() != record["generators"].keys():
            raise checkpoint.CheckpointError(
                f"{path} has generators {sorted(record['generators'])}; needed are {sorted(generators)}"
            )
        checkpoint.restore(path, "model array", checkpoint.section("model", arrays), self.model.state())
        self.optimizer.load_state(checkpoint.section("optimizer", arrays))
        if self.average is not None:
            self.average.load_state(checkpoint.section("average", arrays))
        for name, rng in generators.items():
            rng.bit_generator.state = record["generators"][name]
        self.position = Position(**record["position"])
        here = checkpoint.made_by()
        other = [
            f"{name} {record['made_by'].get(name)}, now {here[name]}"
            for name in here
            if record["made_by"].get(name) != here[name]
        ]
        if other:
            warnings.warn(f"the checkpoint was made by {'; '.join(other)}: the last bits may differ", stacklevel=3)

    def _diverged(self, what: str, learning_rate: float) -> str:
        position = self.position
        mean = position.loss / max(position.batch * self.batch_size, 1)
        return (
            f"{what} in epoch {position.epoch + 1}, batch {position.batch + 1} (step {position.step}), "
            f"at learning rate {learning_rate:.3g}; the mean loss of the epoch before it was {mean:.3g}. "
            "The last good checkpoint stays. A smaller learning rate often helps"
        )
