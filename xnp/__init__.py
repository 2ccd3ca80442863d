"""Xception from scratch in pure NumPy: every operation forward and backward, and a small network that trains."""
