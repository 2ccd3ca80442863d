"""Weights on their way: those that come with the package, and networks as files that other programs read."""

from xnp.weights.onnx import export_onnx

__all__ = ["export_onnx"]
