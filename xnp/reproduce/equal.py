"""Equal parameters: the width at which a network has as many as another one.

>>> from xnp.models.minis import mini_inception, mini_xception
>>> target = parameters(mini_xception(64))
>>> width = width_for(mini_inception, target)
>>> width, parameters(mini_inception(width)), target
(2.95, 86274, 86106)
"""

import math
from collections.abc import Callable

from xnp.count import count
from xnp.layers import Layer, Sequential

TOLERANCE = 0.01  # share of the parameters by which two networks may differ and still be called equal
STEPS = 1024  # widths are tried in steps of 1 / STEPS: finer than any layer rounds


def parameters(model: Layer) -> int:
    """Count what training changes."""
    return count(model).trainable


def width_for(network: Callable[[float], Sequential], target: int) -> float:
    """Find the width whose number of parameters is nearest to `target`.

    The number never falls as the width rises, so halving an interval finds where it passes the target. It rises in
    stairs, as each layer rounds its width: the nearest step may lie on either side, and many widths lie on one step.
    One with few digits is given, so that it can be printed, and typed.

    Parameters
    ----------
    network : function of the width
        Builds the network.
    target : int
        Parameters that training changes.

    Raises
    ------
    ValueError
        No width comes within 1 %.
    """
    low, high = 1, STEPS  # in steps: below the target; not below it
    while parameters(network(high / STEPS)) < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if parameters(network(middle / STEPS)) < target else (low, middle)
    best = min((low, high), key=lambda steps: abs(parameters(network(steps / STEPS)) - target))
    found = parameters(network(best / STEPS))
    if abs(found - target) > TOLERANCE * target:
        raise ValueError(
            f"width_for: no width gives {target:,} parameters within {100 * TOLERANCE:.0f} %; nearest: {found:,}"
        )
    for scale in (10**digits for digits in range(11)):  # 1 / 1024 has ten digits
        for width in (math.floor(best * scale / STEPS) / scale, math.ceil(best * scale / STEPS) / scale):
            if width > 0 and parameters(network(width)) == found:
                return width
    raise AssertionError("the step itself makes it")
