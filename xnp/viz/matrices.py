"""A matrix product as three tables of numbers: rows of the left one times columns of the right one.

>>> from xnp.viz.panels import Panel
>>> pixels, w = np.array([[8.0, 2.0, 1.0], [2.0, 5.0, 9.0]]), np.array([[1.0], [2.0], [-1.0]])
>>> figure = matrix_product(Panel(pixels, "input", "x"), Panel(w, "kernel", "w"), title="y", at=(0, 0))
>>> figure.alt
'x (2, 3) times w (3, 1) gives y (2, 1). Marked: 8·1 + 2·2 + 1·(−1) = 11.'
"""

import numpy as np

from xnp.viz.figure import Figure
from xnp.viz.panels import Panel, Role, number, sheet


def matrix_product(
    left: Panel,
    right: Panel,
    *,
    title: str,
    role: Role = "output",
    axes: tuple[str, str, str] = ("pixel", "channel", "output"),
    at: tuple[int, int] | None = None,
) -> Figure:
    """Draw left @ right, with one row, one column and the number that they make in a frame.

    Parameters
    ----------
    left : Panel
        Values (R, K).
    right : Panel
        Values (K, S).
    title : str
        Of the product.
    role : "input", "kernel", "output" or "gradient"
        Of the product; gives its colour.
    axes : (str, str, str)
        What R, K and S count.
    at : (row, column), optional
        The number of the product whose row and column are framed. Its sum is written above.

    Raises
    ------
    ValueError
        Two panels that cannot be multiplied, a place that is not in the product.
    """
    if left.values.shape[1] != right.values.shape[0]:
        raise ValueError(
            f"matrix_product: left has shape {left.values.shape} and right {right.values.shape}; "
            f"right.values.shape[0] must be {left.values.shape[1]}"
        )
    product = Panel(left.values @ right.values, role, title)
    (R, K), S = left.values.shape, right.values.shape[1]
    alt = f"{left.title} ({R}, {K}) times {right.title} ({K}, {S}) gives {title} ({R}, {S})."
    heading = ""
    if at is not None:
        row, column = at
        if not (0 <= row < R and 0 <= column < S):
            raise ValueError(f"matrix_product: at is {at} but the product has shape {(R, S)}; it must lie within")
        left, right = left._replace(window=(row, 0, 1, K)), right._replace(window=(0, column, K, 1))
        product = product._replace(window=(row, column, 1, 1))
        words = written_out(left.values[row], right.values[:, column])
        heading, alt = words, f"{alt} Marked: {words}."
    figure = sheet([[left, "@", right, "=", product]], alt=alt, title=heading)
    rows, inner, columns = axes
    for panel, down, across in zip(figure.axes, (rows, inner, rows), (inner, columns, columns), strict=True):
        panel.yaxis.label.set_text(f"← {down}")
        panel.xaxis.label.set_text(f"{across} →")
    return figure


def written_out(row: np.ndarray, column: np.ndarray) -> str:
    """Write a sum of products as one does by hand: 8·1 + 2·2 + 1·(−1) = 11."""
    products = [
        "·".join(number(factor) if factor >= 0 else f"({number(factor)})" for factor in pair)
        for pair in zip(row, column, strict=True)
    ]
    return f"{' + '.join(products)} = {number(row @ column)}"
