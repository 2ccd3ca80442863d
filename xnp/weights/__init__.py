"""Weights that were not trained here and now: those that come with the package, and those of Keras' files."""

from xnp.weights.keras import keras_model, load_keras

__all__ = ["keras_model", "load_keras"]
