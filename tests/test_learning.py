"""What the patterns were made for: a separable network learns them, and neither of its halves does.

Three networks of about 2,000 parameters, trained alike. Each ends in global pooling and a dense layer.
"""

from collections.abc import Callable

import pytest

from xnp import training
from xnp.data import patterns
from xnp.layers import (
    BatchNorm,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePool2D,
    Layer,
    PointwiseConv2D,
    ReLU,
    SeparableConv2D,
    Sequential,
)
from xnp.optimizers import SGD
from xnp.schedules import OneCycle

IMAGES, EPOCHS, BATCH_SIZE = 1536, 6, 32


NETWORKS: dict[str, Callable[[], list[Layer]]] = {
    "separable": lambda: [SeparableConv2D(24, 3, stride=stride, use_bias=False) for stride in (2, 1, 2)],
    "pointwise": lambda: [PointwiseConv2D(28, use_bias=False) for _ in range(3)],  # a stride would leave pixels out
    "depthwise": lambda: [
        DepthwiseConv2D(3, depth_multiplier=filters, stride=stride, use_bias=False)
        for filters, stride in ((16, 2), (1, 1), (1, 2))
    ],
}
LIMITS = {  # accuracy of both together, of the pattern alone, of the relation alone: at least, at most
    "separable": [(0.95, 1), (0.95, 1), (0.95, 1)],
    "pointwise": [(0, 0.25), (0, 0.25), (0.95, 1)],
    "depthwise": [(0, 0.55), (0.95, 1), (0, 0.55)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_space_and_channels_are_both_needed(name):
    layers = [layer for conv in NETWORKS[name]() for layer in (conv, BatchNorm(0.9), ReLU())]
    model = Sequential(*layers, GlobalAveragePool2D(), Dense(10)).build((32, 32, 3))
    assert 2050 < sum(array.size for array in model.parameters().values()) < 2150
    train, validation = patterns.load_training(training=IMAGES, validation=1000)
    training.fit(
        model,
        train,
        epochs=EPOCHS,
        optimizer=SGD(momentum=0.9),
        schedule=OneCycle(0.1, EPOCHS * IMAGES // BATCH_SIZE),
        batch_size=BATCH_SIZE,
        progress=False,
    )
    answers = training.evaluate(model, validation, training.measure(train)).probabilities.argmax(axis=1)
    right = answers == validation.labels
    pattern, relation = answers // 2 == validation.labels // 2, answers % 2 == validation.labels % 2
    accuracies = [float(found.mean()) for found in (right, pattern, relation)]
    for accuracy, (least, most) in zip(accuracies, LIMITS[name], strict=True):
        assert least <= accuracy <= most, accuracies
