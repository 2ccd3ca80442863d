"""Weights on their way: those that come with the package, those of Keras' files, and networks as files for others.

Where to read first: `keras`. It opens a file (`keras_file`, `hdf5`), finds its tensors (`keras_tensors`) and its
network (`keras_config`, `keras_layers`, `keras_graph`), and pairs both with a model (`same_network`, `keras_order`).
"""

from xnp.weights.hdf5 import need_h5py
from xnp.weights.keras import keras_model, load_keras
from xnp.weights.onnx import export_onnx

__all__ = ["export_onnx", "keras_model", "load_keras", "need_h5py"]
