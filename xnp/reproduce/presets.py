"""How much work an experiment is: the data and the budget, the same for all of its trials.

    quick      patterns       minutes: to see how it goes; made on the spot, so no download
    default    CIFAR-10       5,000 training images, 12 epochs: an experiment in less than an hour on two cores
    full       CIFAR-10       all training images, 60 epochs: a day or more

Everything that is not said here is the recipe of `xnp train`, found with `tiny_xception` on validation images. It is the
same for all variants: none has a learning rate of its own.
"""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"data": "patterns", "subset": 500, "validation": 200, "epochs": 3},
    "default": {"data": "cifar10", "subset": 5000, "validation": 1000, "epochs": 12},
    "full": {"data": "cifar10"},
}
QUICK_SEEDS = 3  # trials of each variant in the quick preset; an experiment says how many it has in the others
