"""Look into a network that is built: what its layers see, say and cost. Any model, any weights; numbers, no pictures.

    image --- stem --- entry/1 --- ... --- exit/2 --- pool --- classifier --- scores
                 feature_maps: what stands here, at the end of each block
    receptive_field: back to the image <--- |       grad_cam: back from a score <--- |

`xnp.viz` draws what these functions give. The model stays as it was: parameters, moving statistics and gradients. But
it has run forward: before its next `backward` it needs a `forward` of your own.

>>> import numpy as np
>>> from xnp import models
>>> model = models.tiny_xception()
>>> for path, maps in feature_maps(model, np.zeros((1, 32, 32, 3), np.float32)).items():
...     print(path, maps.shape)
stem (1, 16, 16, 32)
entry/1 (1, 8, 8, 64)
middle/1 (1, 8, 8, 64)
middle/2 (1, 8, 8, 64)
exit/1 (1, 4, 4, 128)
exit/2 (1, 4, 4, 160)
pool (1, 160)
classifier (1, 10)
"""

from xnp.inside.cuts import blocks, cut
from xnp.inside.grad_cam import GradCAM, grad_cam
from xnp.inside.maps import feature_maps
from xnp.inside.receptive_field import ReceptiveField, receptive_field
from xnp.inside.spending import Spent, time_and_memory
from xnp.inside.windows import Extent, possible_field

__all__ = [
    "Extent",
    "GradCAM",
    "ReceptiveField",
    "Spent",
    "blocks",
    "cut",
    "feature_maps",
    "grad_cam",
    "possible_field",
    "receptive_field",
    "time_and_memory",
]
