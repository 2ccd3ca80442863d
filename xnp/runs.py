"""A run: everything that one training was made with, as a file says it, and the way back from the file to the network.

settings  -> data, model, optimizer, schedule  -> fit  -> a folder with config.json, history.jsonl, checkpoint.npz
a folder  -> settings, and the trained model
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, cast

from xnp import checkpoint, checks, models, training
from xnp.data import augment, cifar10, patterns
from xnp.data.dataset import Dataset
from xnp.layers import Sequential
from xnp.optimizers import SGD, AdamW, Optimizer, PolyakAverage, RMSprop
from xnp.runner import ENGINES, EngineName
from xnp.schedules import Constant, Cosine, OneCycle, Schedule, StepDecay
from xnp.weights import shipped

MODELS: dict[str, Callable[..., Sequential]] = {
    "tiny": models.tiny_xception,
    "small": models.small_xception,
    "xception": models.xception,
}
OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
    "sgd": lambda weight_decay: SGD(momentum=0.9, nesterov=True, weight_decay=weight_decay),
    "rmsprop": lambda weight_decay: RMSprop(momentum=0.9, weight_decay=weight_decay),
    "adamw": lambda weight_decay: AdamW(weight_decay=weight_decay),
}
SCHEDULES: dict[str, Callable[[float, int, int], Schedule]] = {  # learning rate, steps in an epoch, steps in all
    "one-cycle": lambda rate, epoch, total: OneCycle(rate, total),
    "cosine": lambda rate, epoch, total: Cosine(rate, total, warmup=min(epoch, total - 1)),
    "step": lambda rate, epoch, total: StepDecay(rate, 0.94, every=2 * epoch),  # the paper's, for ImageNet
    "constant": lambda rate, epoch, total: Constant(rate),
}
AUGMENTS: dict[str, augment.Augment] = {
    "flip": augment.flip,
    "crop": lambda images, rng: augment.pad_and_crop(images, rng, padding=3),
    "cutout": augment.cutout,
}

IMAGE_SHAPE, CLASSES = (32, 32, 3), 10  # of both data sets


class RunError(ValueError):
    """A folder that is no run, or a run that cannot be used so."""


@dataclass(frozen=True)
class Settings:
    """What a training is made with. Most defaults depend on the data: see `RECIPES`."""

    data: str
    data_dir: str | None
    subset: int | None
    validation: int
    model: str
    seed: int
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str
    weight_decay: float
    label_smoothing: float
    average: float  # decay of the Polyak average; 0 is none
    augment: tuple  # of str
    engine: str
    workers: int | None

    def __post_init__(self) -> None:
        for field in fields(self):
            value, kind = getattr(self, field.name), float | int if field.type is float else field.type
            if not isinstance(value, kind):  # type: ignore[arg-type]
                raise RunError(f"{field.name} is {value!r}; it must be of type {getattr(kind, '__name__', kind)}")
        choices: list[tuple[str, str, Mapping[str, Any]]] = [
            ("data", self.data, RECIPES),
            ("model", self.model, MODELS),
            ("optimizer", self.optimizer, OPTIMIZERS),
            ("schedule", self.schedule, SCHEDULES),
            ("engine", self.engine, dict.fromkeys(ENGINES)),
            *(("augment", name, AUGMENTS) for name in self.augment),
        ]
        for option, name, known in choices:
            if name not in known:
                raise RunError(f"{option} is {name!r}; known are {', '.join(known)}")
        for option, images in (("subset", self.subset), ("validation", self.validation)):
            if images is not None and images % CLASSES:
                raise RunError(f"{option} is {images}; it must be a multiple of {CLASSES}: as many of each class")


# Found on the validation split of 5,000 CIFAR-10 training images, and of the patterns; the test images had no part.
RECIPES: dict[str, dict[str, Any]] = {
    "patterns": {
        "subset": 3000,
        "validation": 1000,
        "epochs": 6,
        "batch_size": 32,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "schedule": "one-cycle",
        "weight_decay": 5e-4,
        "label_smoothing": 0.0,
        "average": 0.0,
        "augment": (),
    },
    "cifar10": {
        "subset": None,
        "validation": 5000,
        "epochs": 60,
        "batch_size": 64,
        "optimizer": "sgd",
        "learning_rate": 0.3,
        "schedule": "one-cycle",
        "weight_decay": 5e-4,
        "label_smoothing": 0.1,
        "average": 0.0,
        "augment": ("flip", "crop"),
    },
}


class Config(NamedTuple):
    """What a run's config.json says."""

    settings: Settings
    command: str
    names: tuple[str, ...]
    scale: training.Scale


class Run(NamedTuple):
    """A training that was opened again."""

    settings: Settings
    model: Sequential  # with the averaged weights, where there is an average
    names: tuple[str, ...]
    scale: training.Scale
    step: int  # how many were done: 0 means untrained
    epoch: int  # complete epochs


def make_settings(given: dict[str, Any]) -> Settings:
    """Take what was chosen, and from the recipe of its data what was not.

    >>> make_settings({"epochs": 2}).data, make_settings({"data": "cifar10"}).augment
    ('patterns', ('flip', 'crop'))
    """
    data = given.get("data", "patterns")
    recipe = RECIPES.get(data, RECIPES["patterns"])  # of other data: Settings will refuse them
    values = {
        "data": data,
        "data_dir": None,
        "model": "tiny",
        "seed": 0,
        "engine": "fast",
        "workers": None,
        **recipe,
        **given,
    }
    return Settings(**{**values, "augment": tuple(values["augment"])})


def train(
    settings: Settings, data: Dataset, validation: Dataset | None, folder: Path, *, command: str, resume: bool = False
) -> training.History:
    """Train as the settings say, on what `load_training` gave; `command` is remembered in config.json."""
    model = MODELS[settings.model](IMAGE_SHAPE, len(data.names), seed=settings.seed)
    config = {"command": command, "settings": asdict(settings)}
    return train_model(model, settings, data, validation, folder, config=config, resume=resume)


def train_model(
    model: Sequential,
    settings: Settings,
    data: Dataset,
    validation: Dataset | None,
    folder: Path,
    *,
    config: dict[str, Any],
    resume: bool = False,
    progress: bool = True,
) -> training.History:
    """Train any model as the settings say. Their `model` is not asked; `config` goes to config.json."""
    checks.positive("train", epochs=settings.epochs, batch_size=settings.batch_size)
    steps = -(-len(data.labels) // settings.batch_size)
    augments = [AUGMENTS[name] for name in settings.augment]
    return training.fit(
        model,
        data,
        validation,
        epochs=settings.epochs,
        optimizer=OPTIMIZERS[settings.optimizer](settings.weight_decay),
        schedule=SCHEDULES[settings.schedule](settings.learning_rate, steps, steps * settings.epochs),
        batch_size=settings.batch_size,
        augment=augment.compose(*augments) if augments else None,
        average=PolyakAverage(settings.average) if settings.average else None,
        label_smoothing=settings.label_smoothing,
        seed=settings.seed,
        folder=folder,
        config=config,
        resume=resume,
        progress=progress,
        engine=cast(EngineName, settings.engine),
        workers=settings.workers,
    )


def load_training(settings: Settings) -> tuple[Dataset, Dataset | None]:
    """Give the images to learn from and those to choose by, None where there shall be none."""
    if settings.data == "patterns":
        size = settings.subset or RECIPES["patterns"]["subset"]
        data, held_out = patterns.load_training(
            training=size, validation=max(settings.validation, 1), seed=settings.seed
        )
    else:
        data, held_out = cifar10.load_training(
            settings.data_dir, subset=settings.subset, validation=settings.validation
        )
    return data, held_out if settings.validation else None


def load_test(settings: Settings) -> Dataset:
    """Give the images that the training never sees."""
    if settings.data == "patterns":
        return patterns.load_test(seed=settings.seed)
    return cifar10.load_test(settings.data_dir)


def read_config(folder: Path) -> Config:
    """Read what a run was made with.

    Raises
    ------
    RunError
        The folder is no run.
    """
    if folder.is_file():
        raise RunError(f"{folder} is no run: it is a file, and a run is the folder of a training")
    path = folder / training.CONFIG
    try:
        return parse_config(json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise RunError(f"{folder} is no run: it has no {path.name}") from error
    except KeyError as error:
        raise RunError(f"{path} is not of `xnp train`: it lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def parse_config(config: dict[str, Any]) -> Config:
    """Take from a config.json what this version knows."""
    settings = make_settings({field.name: config["settings"][field.name] for field in fields(Settings)})
    scale = training.Scale(tuple(config["scale"]["mean"]), tuple(config["scale"]["std"]))
    return Config(settings, config["command"], tuple(config["names"]), scale)


def open_run(folder: Path) -> Run:
    """Read a run's settings and its trained model.

    Raises
    ------
    RunError
        The folder is no run.
    CheckpointError
        The checkpoint is damaged, or of another model.
    """
    config = read_config(folder)
    path = folder / training.CHECKPOINT
    if not path.exists():
        raise RunError(f"{folder} has no {path.name} yet")
    arrays, record = checkpoint.load(path)
    model = MODELS[config.settings.model](IMAGE_SHAPE, len(config.names), seed=config.settings.seed)
    average = checkpoint.section("average/average", arrays)
    checkpoint.restore(path, "model array", average or checkpoint.section("model", arrays), model.state())
    done = record["position"]
    return Run(config.settings, model, config.names, config.scale, done["step"], done["epoch"])


def open_shipped() -> Run:
    """Open the trained `tiny_xception` that comes with the package: it knows the ten classes of CIFAR-10.

    >>> open_shipped().names[3]
    'cat'
    """
    record = shipped.load("cifar10")[1]
    config = parse_config(record)
    model = models.tiny_xception(weights="cifar10")
    return Run(config.settings, model, config.names, config.scale, record["step"], record["epoch"])


def new_folder(settings: Settings) -> Path:
    """Choose a folder that is not there yet: runs/patterns-tiny-1, -2, ..."""
    number = 1
    while (folder := Path("runs") / f"{settings.data}-{settings.model}-{number}").exists():
        number += 1
    return folder
