"""The networks; and the modules that lead to them, in `inception`."""

from xnp.models import inception, inception_arrays
from xnp.models.xception import small_xception, tiny_xception, xception

__all__ = ["inception", "inception_arrays", "small_xception", "tiny_xception", "xception"]
