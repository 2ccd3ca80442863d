"""The engine: the library's networks, run by a plan of their own, several times as fast, and equal to the last digits.

    Engine       forward and backward, for training                 layout (C, H, W, N)
    Inference    forward alone, batch norm folded                   layout (N, H, W, C)

Both take any model of the library's layers, and share its arrays. `print(engine.plan)` shows what they do.
Written for Linux, macOS and Windows; measured on Linux. Where to read first: `plan.py`, then `nodes/`.
"""

from xnp.engine.engine import Engine
from xnp.engine.inference import Inference

__all__ = ["Engine", "Inference"]
