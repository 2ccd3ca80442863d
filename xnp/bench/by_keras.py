"""Keras on torch as a contestant: the same network in its layers, with the same weights, by `train_on_batch`."""

from typing import Any

import numpy as np

from xnp import layers
from xnp.bench.work import Step, Work, batch_of, network
from xnp.layers import Layer


def prepare(work: Work, workers: int) -> Step:
    """Prepare the work for Keras, in its default layout. The environment must say KERAS_BACKEND=torch."""
    import keras
    import torch

    torch.set_num_threads(workers)
    model = translate(network(work))
    images, labels = batch_of(work)
    if work.what == "inference":
        return lambda: model.predict_on_batch(images)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss=loss)
    return lambda: np.asarray(model.train_on_batch(images, labels))


def translate(model: Layer) -> Any:
    """Build the Keras model that does what a built model of this library does."""
    import keras

    x = keras.Input(model.input_shape)
    with keras.device("cpu"):
        return keras.Model(x, follow(model, x))


def follow(layer: Layer, x: Any) -> Any:
    """Apply what a layer is in Keras to x, and give it the layer's arrays."""
    import keras

    match layer:
        case layers.Sequential():
            for child in layer.children.values():
                x = follow(child, x)
            return x
        case layers.Residual():
            return keras.layers.add([follow(layer.main, x), x if layer.skip is None else follow(layer.skip, x)])
    made = make(layer)
    y = made(x)
    made.set_weights([array.reshape(w.shape) for array, w in zip(layer.state().values(), made.weights, strict=False)])
    return y


def make(layer: Layer) -> Any:
    """Make one layer of Keras."""
    import keras

    match layer:
        case layers.Conv2D():
            options = {"strides": layer.stride, "padding": layer.padding, "use_bias": layer.use_bias}
            return keras.layers.Conv2D(layer.filters, layer.kernel_size, **options)
        case layers.SeparableConv2D():
            options = {"strides": layer.stride, "padding": layer.padding, "use_bias": layer.use_bias}
            return keras.layers.SeparableConv2D(layer.filters, layer.kernel_size, **options)
        case layers.BatchNorm():
            return keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.eps)
        case layers.MaxPool2D():
            return keras.layers.MaxPooling2D(layer.size, layer.stride, layer.padding)
        case layers.Dense():
            return keras.layers.Dense(layer.units)
        case layers.ReLU():
            return keras.layers.ReLU()
        case layers.GlobalAveragePool2D():
            return keras.layers.GlobalAveragePooling2D()
        case layers.Dropout():
            return keras.layers.Dropout(layer.rate)
    raise TypeError(f"bench: {type(layer).__name__} has no translation to Keras")
