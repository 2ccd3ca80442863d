"""Weights that were not trained here and now: those that come with the package."""
