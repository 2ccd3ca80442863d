"""Figures: one function a figure, all in one visual grammar (`xnp.viz.style`).

Every function takes numbers and returns a `matplotlib.figure.Figure`. No window opens, nothing global changes, and
no figure stays behind in memory: pyplot is not used. `save` writes a figure to a file. In a notebook a figure is shown
when it is the last line of a cell; `figure.alt` says in words what is seen.

>>> import tempfile
>>> import numpy as np
>>> figure = confusion_matrix(np.array([[8, 2], [1, 9]]), ("cat", "dog"))
>>> with tempfile.TemporaryDirectory() as folder:
...     save(figure, folder + "/confusion.png")
"""

from xnp.viz.arrays import channels, picture
from xnp.viz.costs import costs_by_layer
from xnp.viz.differences import gradient_error, step_errors
from xnp.viz.evaluation import confusion_matrix, predictions
from xnp.viz.figure import Animation, Figure
from xnp.viz.learned import feature_maps, fingerprints, kernels
from xnp.viz.loss import surprise
from xnp.viz.panels import Panel, sheet
from xnp.viz.pictures import pictures
from xnp.viz.roof import Work, roof
from xnp.viz.style import save
from xnp.viz.training import curves
from xnp.viz.windows import convolution_step, depthwise_step, sliding

__all__ = [
    "Animation",
    "Figure",
    "Panel",
    "Work",
    "channels",
    "confusion_matrix",
    "convolution_step",
    "costs_by_layer",
    "curves",
    "depthwise_step",
    "feature_maps",
    "fingerprints",
    "gradient_error",
    "kernels",
    "picture",
    "pictures",
    "predictions",
    "roof",
    "save",
    "sheet",
    "sliding",
    "step_errors",
    "surprise",
]
