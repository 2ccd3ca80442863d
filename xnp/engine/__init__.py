"""The engine."""

from xnp.engine.engine import Engine

__all__ = ["Engine"]
