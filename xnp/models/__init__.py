"""The networks."""

from xnp.models.xception import small_xception, tiny_xception, xception

__all__ = ["small_xception", "tiny_xception", "xception"]
