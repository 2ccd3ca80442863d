"""Figures: one function a figure, all in one visual grammar (`xnp.viz.style`).

Every function takes numbers and returns a `matplotlib.figure.Figure`. No window opens, nothing global changes, and
no figure stays behind in memory: pyplot is not used. `save` writes a figure to a file. In a notebook, run
`%matplotlib inline` once; after that a figure on the last line of a cell is shown.

>>> import tempfile
>>> import numpy as np
>>> figure = confusion_matrix(np.array([[8, 2], [1, 9]]), ("cat", "dog"))
>>> with tempfile.TemporaryDirectory() as folder:
...     save(figure, folder + "/confusion.png")
"""

from xnp.viz.evaluation import confusion_matrix, predictions
from xnp.viz.style import save
from xnp.viz.training import curves

__all__ = ["confusion_matrix", "curves", "predictions", "save"]
