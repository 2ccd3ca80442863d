"""Figures: one function a figure, all in one visual grammar (`xnp.viz.style`).

Every function takes numbers and returns a `Figure`: matplotlib's, with words. No window opens, nothing global changes,
and no figure stays behind in memory: pyplot is not used. `save` writes a figure to a file. In a notebook a figure is
shown when it is the last line of a cell; `figure.alt` says in words what is seen.

>>> import tempfile
>>> import numpy as np
>>> figure = confusion_matrix(np.array([[8, 2], [1, 9]]), ("cat", "dog"))
>>> with tempfile.TemporaryDirectory() as folder:
...     save(figure, folder + "/confusion.png")
"""

from xnp.viz.architecture import architecture
from xnp.viz.arrays import channels, picture
from xnp.viz.backward import backward_step
from xnp.viz.bars import Bars, bars
from xnp.viz.both_ways import both_ways
from xnp.viz.by_block import kernels_by_layer, maps_by_block
from xnp.viz.costs import costs_by_layer
from xnp.viz.depth import gradient_by_depth
from xnp.viz.differences import gradient_error, step_errors
from xnp.viz.evaluation import confusion_matrix, predictions
from xnp.viz.fan_out import fan_out
from xnp.viz.figure import Animation, Figure
from xnp.viz.grad_cam import grad_cam
from xnp.viz.growth import Growth, growth
from xnp.viz.inception import inception_module
from xnp.viz.learned import feature_maps, fingerprints, kernels
from xnp.viz.loss import surprise
from xnp.viz.matrices import matrix_product
from xnp.viz.panels import Panel, sheet
from xnp.viz.pictures import pictures
from xnp.viz.ranks import rank_errors
from xnp.viz.receptive_fields import receptive_fields
from xnp.viz.roof import Work, roof
from xnp.viz.rows import windows_over_rows
from xnp.viz.separable import depthwise_picture, separable_picture
from xnp.viz.separable_costs import separable_costs
from xnp.viz.spectrum import spectrum
from xnp.viz.spending import time_and_memory
from xnp.viz.strips import strips
from xnp.viz.style import save
from xnp.viz.terms import gradient_terms
from xnp.viz.training import curves
from xnp.viz.trials import Trials, trials
from xnp.viz.windows import convolution_step, depthwise_step, sliding

__all__ = [
    "Animation",
    "Bars",
    "Figure",
    "Growth",
    "Panel",
    "Trials",
    "Work",
    "architecture",
    "backward_step",
    "bars",
    "both_ways",
    "channels",
    "confusion_matrix",
    "convolution_step",
    "costs_by_layer",
    "curves",
    "depthwise_picture",
    "depthwise_step",
    "fan_out",
    "feature_maps",
    "fingerprints",
    "grad_cam",
    "gradient_by_depth",
    "gradient_error",
    "gradient_terms",
    "growth",
    "inception_module",
    "kernels",
    "kernels_by_layer",
    "maps_by_block",
    "matrix_product",
    "picture",
    "pictures",
    "predictions",
    "rank_errors",
    "receptive_fields",
    "roof",
    "save",
    "separable_costs",
    "separable_picture",
    "sheet",
    "sliding",
    "spectrum",
    "step_errors",
    "strips",
    "surprise",
    "time_and_memory",
    "trials",
    "windows_over_rows",
]
