"""Experiments: the claims of the post and of the paper, run at a size that a laptop trains, with error bars.

    an experiment     variants of one network that differ in one thing; the first is what the others are compared with
    a trial           one variant, trained from one seed: `trial`
    a study           all trials of an experiment, in a folder that any number of invocations fill: `study`
    a report          table, exact paired tests, curves: `report`

The same seed gives each variant the same images in the same order, the same augmentation, and the same first weights
wherever two variants have an array of the same name and shape. So variants are compared seed by seed, in pairs.
"""

from xnp.reproduce.experiments import EXPERIMENTS, Experiment, Variant

__all__ = ["EXPERIMENTS", "Experiment", "Variant"]
