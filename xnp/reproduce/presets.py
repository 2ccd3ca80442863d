"""How much work an experiment is: the data and the budget, the same for all of its trials.

    quick      patterns       minutes: to see how it goes; made on the spot, so no download
    default    CIFAR-10       5,000 training images, 12 epochs: an experiment in less than an hour on two cores
    full       CIFAR-10       all training images, 60 epochs: a day or more

Everything that is not said here is the recipe of `xnp train`, found with `tiny_xception` on validation images. It is
the same for all variants: none has a learning rate of its own.
"""

from typing import Any

DEFAULT = "default"
PRESETS: dict[str, tuple[dict[str, Any], str]] = {  # name -> what differs from the recipe; in words
    "quick": (
        {"data": "patterns", "subset": 500, "validation": 200, "epochs": 3},
        "images made on the spot (patterns), for a minute or two",
    ),
    DEFAULT: (
        {"data": "cifar10", "subset": 5000, "validation": 1000, "epochs": 12},
        "5,000 images of CIFAR-10, up to an hour for each experiment on two cores",
    ),
    "full": ({"data": "cifar10"}, "all images of CIFAR-10, a day or more"),
}
QUICK_SEEDS = 5  # trials of each variant in the quick preset; an experiment says how many it has in the others


def settings_of(preset: str, data_dir: str | None = None) -> dict[str, Any]:
    """Give what a preset says of a run's settings; `data_dir` is where CIFAR-10 is, if not in the cache."""
    settings, _ = PRESETS[preset]
    return settings if data_dir is None else settings | {"data_dir": data_dir}
