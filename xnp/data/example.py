"""The 8x8x3 example: one small picture and kernels of small integers, so that every number can be redone by hand.

The same picture and the same numbers stand in README, in the docstrings, the notebooks and the tests.

    . . . . . . * *      .  sky      *  sun
    . . . . . . * *
    . . A A . . . .      A  roof
    . A A A A . . .
    . # # # # . . .      #  wall
    . # D # # . . .      D  door
    _ _ D _ _ _ _ _      _  grass
    _ _ _ _ _ _ _ _

A depthwise kernel of 3x3 for each channel: red looks for edges from left to right, green for edges from top to bottom,
blue adds up its surroundings.

>>> image().shape, depthwise_kernel().shape, pointwise_kernel().shape
((1, 8, 8, 3), (3, 3, 3, 1), (3, 1))
>>> image()[0, 2, 2]                               # a pixel of the roof: much red, little green and blue
array([8., 2., 1.])
>>> depthwise_kernel()[:, :, 0, 0]                 # what red is convolved with
array([[ 1.,  0., -1.],
       [ 2.,  0., -2.],
       [ 1.,  0., -1.]])
"""

import numpy as np

CHANNELS = ("red", "green", "blue")

SCENE = (
    "......**",
    "......**",
    "..AA....",
    ".AAAA...",
    ".####...",
    ".#D##...",
    "__D_____",
    "________",
)
COLOURS = {  # 0 is dark, 9 is bright
    ".": (2, 5, 9),
    "*": (9, 8, 1),
    "A": (8, 2, 1),
    "#": (9, 7, 5),
    "D": (4, 2, 1),
    "_": (2, 7, 2),
}


def image() -> np.ndarray:
    """Paint the picture: (1, 8, 8, 3), float64, whole numbers from 0 to 9. Divided by 9 it can be shown as colours."""
    return np.array([[[COLOURS[place] for place in row] for row in SCENE]], float)


def depthwise_kernel() -> np.ndarray:
    """Give one 3x3 kernel a channel: (3, 3, 3, 1), float64. Edges in red, edges in green, a sum in blue."""
    left_right = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    surroundings = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    return np.stack([left_right, left_right.T, surroundings], axis=-1)[..., np.newaxis].astype(float)


def pointwise_kernel() -> np.ndarray:
    """Give the weights that compress three channels to one: (3, 1), float64."""
    return np.array([[1.0], [2.0], [-1.0]])


def standard_kernel() -> np.ndarray:
    """Give the same kernels as one standard convolution to one channel: (3, 3, 3, 1), float64.

    Its shape (kh, kw, c_in, c_out) is written as the depthwise one's (kh, kw, c, m), and the numbers are the same.
    What differs is the operation: the standard convolution adds up the three channels' results.
    """
    return depthwise_kernel()
