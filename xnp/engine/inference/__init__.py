"""Prediction by a plan of its own: batch norm folded away, steps fused, a flat list of NumPy calls for each worker."""

from xnp.engine.inference.inference import Inference

__all__ = ["Inference"]
