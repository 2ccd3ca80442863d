"""What an image becomes on its way: the output of each block.

x --- stem --- entry/1 --- middle/1 --- ...
           |           |            |
         maps        maps         maps
"""

import numpy as np

from xnp.inside.cuts import blocks
from xnp.layers import Layer


def feature_maps(model: Layer, x: np.ndarray) -> dict[str, np.ndarray]:
    """Run a model on images and keep the output of each of its blocks.

    Parameters
    ----------
    model : Layer
        Built. It runs as in use, not as in training.
    x : (N, H, W, C) array
        Images as the model takes them: standardised, of its dtype.

    Returns
    -------
    dict of str to array
        Path of a block -> its output, in the order of the network: maps (N, H', W', C'), then (N, C) behind the global
        pooling. The last is the model's own output.

    Raises
    ------
    RuntimeError, TypeError, ValueError
        As for `model.forward`: a model that is not built, or images that do not fit it.
    """
    found = {}
    for block in blocks(model):
        found[block.path] = x = block.forward(x)
    return found
