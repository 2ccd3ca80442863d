"""Weights on their way: those that come with the package, those of Keras' files, and networks as files for others."""

from xnp.weights.keras import keras_model, load_keras
from xnp.weights.onnx import export_onnx

__all__ = ["export_onnx", "keras_model", "load_keras"]
