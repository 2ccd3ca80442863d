"""The loss of one image, against the probability that the network gave to the right class.

>>> surprise([0.5, 0.1]).alt
'The curve of -log p: it falls from large numbers near p = 0 to 0 at p = 1. Marked: 0.69 at p = 0.5, 2.30 at p = 0.1.'
"""

from collections.abc import Sequence

import numpy as np

from xnp.viz import style
from xnp.viz.figure import Figure

SMALLEST = 0.004  # the curve starts here: at 0 the loss is infinite


@style.grammar()
def surprise(marked: Sequence[float]) -> Figure:
    """Draw the curve -log p, with some probabilities marked on it.

    Parameters
    ----------
    marked : sequence of float
        Probabilities of the right class, each in 0.004 to 1: nearer to 0 the loss leaves the figure.

    Raises
    ------
    ValueError
        A probability outside of this range.
    """
    for p in marked:
        if not SMALLEST <= p <= 1:
            raise ValueError(f"surprise: marked holds {p}; it must be in {SMALLEST} to 1")
    said = ", ".join(f"{-np.log(p):.2f} at p = {p:g}" for p in marked)
    alt = f"The curve of -log p: it falls from large numbers near p = 0 to 0 at p = 1. Marked: {said}."
    figure = Figure(figsize=(6.4, 3.2), layout="constrained", alt=alt)
    axes = figure.add_subplot(xlabel="probability p of the right class", ylabel="loss = −log p")
    curve = np.geomspace(SMALLEST, 1, 400)
    axes.plot(curve, -np.log(curve), color=style.INK)
    for point in marked:
        axes.plot(point, -np.log(point), color=style.ATTENTION, marker="o", markersize=7, clip_on=False)
        text = f"p = {point:g}: {-np.log(point):.2f}"
        axes.annotate(text, (point, -np.log(point)), xytext=(8, 6), textcoords="offset points")
    axes.set(xlim=(0, 1.02), ylim=(0, 5.8))
    return figure
