"""Data sets, and the random changes that make more of them."""
