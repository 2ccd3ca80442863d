"""What is compared with what, and whose claim it is.

>>> [experiment.name for experiment in EXPERIMENTS.values()]
['activation', 'residual', 'order', 'inception', 'patterns', 'pointwise-width', 'spectrum']
>>> for variant in EXPERIMENTS["activation"].variants:
...     print(variant.name, variant.network(64, seed=0).output_shape)
none (10,)
ReLU (10,)
ELU (10,)
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from xnp.layers import ELU, BatchNorm, DepthwiseConv2D, GroupedConv2D, Layer, PointwiseConv2D, ReLU, Sequential
from xnp.models.minis import MOMENTUM, Module, mini_inception, mini_xception, stack

WIDTH = 64  # of the first variant, in all experiments but the spectrum


class Variant(NamedTuple):
    """One of the networks that an experiment compares."""

    name: str
    network: Callable[..., Sequential]  # network(width, seed=...) builds it
    width: float | None = WIDTH  # None: the one that gives the first variant's number of parameters


class Experiment(NamedTuple):
    """Networks that differ in one thing."""

    name: str
    question: str
    variants: tuple[Variant, ...]  # all others are compared with the first
    seeds: int  # how many trials each variant has, if nothing else is asked for
    speed: bool = False  # is time a part of the question?


def separable_with(between: Layer | None, filters: int) -> Layer:
    """Make a separable convolution with something between its two halves (figure 10)."""
    middle = {} if between is None else {"between": between}
    return Sequential(depthwise=spatial(filters), **middle, pointwise=mix(filters))


def pointwise_first(filters: int) -> Layer:
    """Make the other order: first the channels, then space."""
    return Sequential(pointwise=mix(filters), depthwise=spatial(filters))


def segments_of(segments: int | None, filters: int) -> Layer:
    """Make a 1x1, then a 3x3 on each segment of its channels (figure 3); None is one segment a channel (figure 4).

    The batch norm and the ReLU behind the 3x3 are those of the network that holds it.
    """
    space = spatial(filters) if segments is None else GroupedConv2D(filters, 3, groups=segments, use_bias=False)
    return Sequential(pointwise=mix(filters), norm=BatchNorm(MOMENTUM), relu=ReLU(), spatial=space)


def spatial(filters: int) -> DepthwiseConv2D:
    """Look at each channel alone. It gives as many channels as it reads: `filters` is not asked."""
    return DepthwiseConv2D(3, use_bias=False)


def mix(filters: int) -> PointwiseConv2D:
    """Mix the channels of each pixel alone."""
    return PointwiseConv2D(filters, use_bias=False)


def xception_of(module: Module) -> Callable[..., Sequential]:
    """Give the mini Xception that is made of a module."""
    return partial(mini_xception, module=module)


def spectrum(segments: int | None) -> Callable[..., Sequential]:
    """Give the mini Xception whose modules have so many segments."""
    return partial(mini_xception, module=partial(segments_of, segments), multiple=segments or 1)


ALL = (
    Experiment(
        "activation",
        "Does an activation between the depthwise and the pointwise half help?",
        (
            Variant("none", xception_of(lambda filters: separable_with(None, filters))),
            Variant("ReLU", xception_of(lambda filters: separable_with(ReLU(), filters))),
            Variant("ELU", xception_of(lambda filters: separable_with(ELU(), filters))),
        ),
        seeds=10,
    ),
    Experiment(
        "residual",
        "Do the residual connections help?",
        (
            Variant("with", mini_xception),
            Variant("without", partial(mini_xception, residual=False)),
            Variant("without, as many parameters", partial(mini_xception, residual=False), None),
        ),
        seeds=10,
    ),
    Experiment(
        "order",
        "Does it matter whether the pointwise half comes last or first?",
        (Variant("depthwise first", mini_xception), Variant("pointwise first", xception_of(pointwise_first), None)),
        seeds=10,
    ),
    Experiment(
        "inception",
        "Is Xception better than Inception with as many parameters, and what does a step cost?",
        (
            Variant("Xception", mini_xception),
            Variant("Xception, no residual", partial(mini_xception, residual=False), None),
            Variant("Inception", mini_inception, None),
        ),
        seeds=10,
        speed=True,
    ),
    Experiment(
        "patterns",
        "What can depthwise layers do alone, and pointwise layers alone?",
        (
            Variant("both", stack),
            Variant("depthwise alone", partial(stack, module=spatial)),
            Variant("pointwise alone", partial(stack, module=mix)),
        ),
        seeds=10,
    ),
    Experiment(
        "pointwise-width",
        "What is lost, and what is won, as pointwise layers compress to fewer channels?",
        (
            Variant("all channels", mini_xception),
            Variant("1/2", partial(mini_xception, compress=1 / 2)),
            Variant("1/4", partial(mini_xception, compress=1 / 4)),
            Variant("1/16", partial(mini_xception, compress=1 / 16)),
            Variant("one channel", partial(mini_xception, compress=1e-9)),
        ),
        seeds=5,
        speed=True,
    ),
    Experiment(
        "spectrum",
        "Between Inception and Xception: how many segments of the channels are best, with as many parameters?",
        (
            Variant("one a channel", spectrum(None)),
            *(Variant(f"{segments}", spectrum(segments), None) for segments in (1, 2, 4, 8, 16)),
        ),
        seeds=5,
    ),
)
EXPERIMENTS = {experiment.name: experiment for experiment in ALL}
