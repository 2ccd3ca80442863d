"""Move the arrays of an Inception module from one form to the next: then both compute the same function.

    simplified  --- towers_to_segments -->  segmented  --- segments_to_depthwise -->  extreme
    (figure 2)  <-- segments_to_towers ---  (figure 3) <-- depthwise_to_segments ---  (figure 4)

Arrays are a dict of path -> array: the state, the parameters or the gradients of a form that stands alone.

Towers and segments: the last axis of every array is that of the output channels. Put the towers' arrays side by side.

    1/conv1/kernel    2/conv1/kernel           conv1/kernel      2 towers of 2 channels
    a a               b b               <-->   a a b b
    a a               b b                      a a b b

Segments and depthwise: possible where a segment has one channel. Only the 3x3 kernel changes, in the order of its axes:
(3, 3, 1, filters) of a grouped convolution holds the same numbers as (3, 3, filters, 1) of a depthwise one.

What comes back can share memory with what was given. `load_state` copies.

Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357, sections 1.1, 1.2.

>>> from xnp.models.inception import segmented, simplified
>>> towers = simplified(16, segments=4).build((8, 8, 3), dtype=np.float64)
>>> large = segmented(16, segments=4).build((8, 8, 3), dtype=np.float64)
>>> x = np.random.default_rng(0).normal(size=(2, 8, 8, 3))
>>> np.allclose(large.forward(x), towers.forward(x))             # each has weights of its own
False
>>> load_state(large, towers_to_segments(towers.state()))
>>> np.allclose(large.forward(x), towers.forward(x), rtol=0, atol=1e-12)
True
"""

import numpy as np

from xnp.layers import Layer
from xnp.stateful import Arrays, check_same

SPATIAL = "conv2/kernel"  # the 3x3 of figures 3 and 4


def towers_to_segments(arrays: Arrays) -> dict[str, np.ndarray]:
    """Turn the arrays of `simplified` into those of `segmented`: the towers' channels side by side.

    Parameters
    ----------
    arrays : dict of str to array
        `state()`, `parameters()` or `gradients()` of towers that are alike.

    Returns
    -------
    dict of str to array

    Raises
    ------
    ValueError
        Towers that are not alike; it names what is missing, unknown or of another shape.
    """
    one = {path.partition("/")[2]: array for path, array in arrays.items()}  # what each tower should have
    towers = range(1, len({path.partition("/")[0] for path in arrays}) + 1)
    check_same("towers_to_segments", "arrays", arrays, {f"{k}/{name}": one[name] for k in towers for name in one})
    return {name: np.concatenate([arrays[f"{k}/{name}"] for k in towers], axis=-1) for name in one}


def segments_to_towers(arrays: Arrays) -> dict[str, np.ndarray]:
    """Undo `towers_to_segments`. The shape of the 3x3 kernel says how many towers there are."""
    kernel = spatial_kernel("segments_to_towers", arrays)
    channels, filters = kernel.shape[2:]
    if filters % channels:
        raise ValueError(
            f"segments_to_towers: {SPATIAL} has shape {kernel.shape}; it must be (3, 3, filters / segments, filters)"
        )
    parts = {name: np.split(array, filters // channels, axis=-1) for name, array in arrays.items()}
    return {f"{k + 1}/{name}": parts[name][k] for k in range(filters // channels) for name in parts}


def segments_to_depthwise(arrays: Arrays) -> dict[str, np.ndarray]:
    """Turn the arrays of `segmented` into those of `extreme`. ValueError if a segment has more than one channel."""
    return turn_kernel("segments_to_depthwise", arrays, axis=2, because="a segment must have one channel")


def depthwise_to_segments(arrays: Arrays) -> dict[str, np.ndarray]:
    """Undo `segments_to_depthwise`. ValueError if a channel has more than one 3x3 kernel."""
    return turn_kernel("depthwise_to_segments", arrays, axis=3, because="a channel must have one kernel")


def load_state(model: Layer, arrays: Arrays) -> None:
    """Copy arrays into a model's live ones. ValueError, and nothing is changed, if one is missing or does not fit."""
    live = model.state()
    check_same("load_state", "arrays", arrays, live)
    for path, array in live.items():
        array[...] = arrays[path]


def turn_kernel(function: str, arrays: Arrays, axis: int, because: str) -> dict[str, np.ndarray]:
    """Swap the last two axes of the 3x3 kernel, the given one of which has length 1."""
    kernel = spatial_kernel(function, arrays)
    if kernel.shape[axis] != 1:
        raise ValueError(f"{function}: {SPATIAL} has shape {kernel.shape}; its axis {axis} must be 1: {because}")
    return {**arrays, SPATIAL: kernel.swapaxes(2, 3)}


def spatial_kernel(function: str, arrays: Arrays) -> np.ndarray:
    """Find the 3x3 kernel of figure 3 or 4."""
    if SPATIAL not in arrays:
        raise ValueError(f"{function}: arrays has no {SPATIAL} but {sorted(arrays)[:3]}; it must be of figure 3 or 4")
    return arrays[SPATIAL]
