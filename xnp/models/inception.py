"""From Inception to Xception: figures 1 to 4 of the paper, each a layer that any network can hold.

    figure 1, canonical         x --+-- 1x1 ------------------+
                                    +-- 1x1 --- 3x3 ----------+-- concatenate --- y
                                    +-- 1x1 --- 3x3 --- 3x3 --+
                                    +-- average pool --- 1x1 -+

    figure 2, simplified        x --+-- 1x1 --- 3x3 --+                            one size, no pool:
                                    +-- 1x1 --- 3x3 --+-- concatenate --- y        all towers are alike
                                    +-- 1x1 --- 3x3 --+

    figure 3, segmented                           +-- 3x3 --+                      the same function as figure 2:
                                x --- large 1x1 --+-- 3x3 --+-- concatenate --- y  each 3x3 reads a segment
                                                  +-- 3x3 --+                      of the channels, no two overlap

    figure 4, extreme           x --- large 1x1 ----- 3x3 for each channel --- y   a depthwise convolution

So there is a line from 1 segment (a standard 3x3 convolution behind a 1x1) to as many segments as channels (figure 4).
Inception modules have 3 or 4. The fewer channels a segment has, the less the 3x3 knows of channels.

Batch norm and ReLU follow every convolution here. A depthwise separable convolution differs from figure 4 in two ways:
nothing stands between its two halves, and usually the depthwise half comes first. `depthwise_first` and
`pointwise_first` have it in both orders.

The arrays of one form can move to the next (`xnp.models.inception_arrays`); then both compute the same. New weights are
not alike: the 1x1 of a tower has fewer outputs than the large one, so Glorot's formula starts it with larger numbers.

Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357, sections 1.1, 1.2.

>>> from xnp.count import count
>>> for segments in (1, 2, 4, 8, 16):           # 1x1: 3 * 16; batch norms: 4 * 16; 3x3: 9 * 16 * 16 / segments
...     report = count(segmented(16, segments).build((8, 8, 3)))
...     print(segments, report.trainable, report.macs)
1 2416 150528
2 1264 76800
4 688 39936
8 400 21504
16 256 12288
"""

from xnp import checks
from xnp.layers import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    GroupedConv2D,
    Layer,
    MaxPool2D,
    Parallel,
    PointwiseConv2D,
    ReLU,
    Sequential,
)


def canonical(width: float, momentum: float = 0.99) -> Parallel:
    """Make figure 1: four towers of different depth. (H, W, C) becomes (H, W, 18 * width).

    The towers end in 4, 4, 6 and 4 times `width` channels. width = 16 makes the 288 channels of the second and third
    module of Inception V3, whose second tower has a 5x5 where the figure has a 3x3.

    Parameters
    ----------
    width : float
        15 * C * width + 648 * width^2 numbers in the kernels. Where it is no whole number, each convolution rounds.
    momentum : float
        Of the batch norms.
    """
    three, four, six = (rounded("canonical", width, times) for times in (3, 4, 6))
    return Parallel(
        Sequential(**steps(conv1x1(four), momentum=momentum)),
        Sequential(**steps(conv1x1(three), conv3x3(four), momentum=momentum)),
        Sequential(**steps(conv1x1(four), conv3x3(six), conv3x3(six), momentum=momentum)),
        Sequential(pool=AveragePool2D(3, 1), **steps(conv1x1(four), momentum=momentum)),
    )


def reduction(width: float, momentum: float = 0.99) -> Parallel:
    """Make the module that halves, as Inception V3 has it: strides in two towers, a pool in the third.

    (H, W, C) becomes (H/2, W/2, C + 14 * width): the first tower ends in 8, the second in 6 times `width` channels.

    Parameters
    ----------
    width : float
        76 * C * width + 540 * width^2 numbers in the kernels. Where it is no whole number, each convolution rounds.
    momentum : float
        Of the batch norms.
    """
    four, six, eight = (rounded("reduction", width, times) for times in (4, 6, 8))
    return Parallel(
        Sequential(**steps(conv3x3(eight, stride=2), momentum=momentum)),
        Sequential(**steps(conv1x1(four), conv3x3(six), conv3x3(six, stride=2), momentum=momentum)),
        Sequential(pool=MaxPool2D(3, 2)),
    )


def simplified(filters: int, segments: int, momentum: float = 0.99) -> Parallel:
    """Make figure 2: equal towers, side by side. (H, W, C) becomes (H, W, filters).

    Parameters
    ----------
    filters : int
        Of all towers together, in their 1x1 as in their 3x3.
    segments : int
        How many towers: 1 to `filters`, a divisor of it.
    momentum : float
        Of the batch norms.

    Raises
    ------
    ValueError
        Segments that do not divide the filters.
    """
    each = segment_width("simplified", filters, segments)
    towers = (Sequential(**steps(conv1x1(each), conv3x3(each), momentum=momentum)) for _ in range(segments))
    return Parallel(*towers)


def segmented(filters: int, segments: int, momentum: float = 0.99) -> Sequential:
    """Make figure 3: one large 1x1, then a 3x3 on each segment of its channels. The function of figure 2.

    C * filters + 9 * filters^2 / segments numbers in the kernels, and as many multiply-accumulates for each pixel.

    Parameters
    ----------
    filters : int
        Of the 1x1, and of all 3x3 together.
    segments : int
        1 to `filters`, a divisor of it.
    momentum : float
        Of the batch norms.

    Raises
    ------
    ValueError
        Segments that do not divide the filters.
    """
    segment_width("segmented", filters, segments)
    spatial = GroupedConv2D(filters, 3, groups=segments, use_bias=False)
    return Sequential(**steps(conv1x1(filters), spatial, momentum=momentum))


def extreme(filters: int, momentum: float = 0.99) -> Sequential:
    """Make figure 4: one large 1x1, then a 3x3 on each of its channels. The function of `segmented(filters, filters)`.

    Parameters
    ----------
    filters : int
        Of the 1x1, and so of the depthwise convolution.
    momentum : float
        Of the batch norms.
    """
    return Sequential(**steps(conv1x1(filters), DepthwiseConv2D(3, use_bias=False), momentum=momentum))


def depthwise_first(filters: int, momentum: float = 0.99) -> Sequential:
    """Make the depthwise separable convolution as libraries and Xception have it: first space, then channels."""
    return Sequential(
        depthwise=DepthwiseConv2D(3, use_bias=False),
        pointwise=conv1x1(filters),
        norm=BatchNorm(momentum),
        relu=ReLU(),
    )


def pointwise_first(filters: int, momentum: float = 0.99) -> Sequential:
    """Make it in the order of figure 4: first channels, then space. The paper: in a stack, the order is unimportant."""
    return Sequential(
        pointwise=conv1x1(filters),
        depthwise=DepthwiseConv2D(3, use_bias=False),
        norm=BatchNorm(momentum),
        relu=ReLU(),
    )


def steps(*convolutions: Layer, momentum: float) -> dict[str, Layer]:
    """Give each convolution its batch norm and its ReLU, and name them in their order: conv1, norm1, relu1, conv2."""
    named: dict[str, Layer] = {}
    for k, convolution in enumerate(convolutions, 1):
        named |= {f"conv{k}": convolution, f"norm{k}": BatchNorm(momentum), f"relu{k}": ReLU()}
    return named


def conv1x1(filters: int) -> PointwiseConv2D:
    """Mix the channels of each pixel. No bias: the batch norm behind it has one."""
    return PointwiseConv2D(filters, use_bias=False)


def conv3x3(filters: int, stride: int = 1) -> Conv2D:
    """Mix space and channels at once."""
    return Conv2D(filters, 3, stride=stride, use_bias=False)


def rounded(form: str, width: float, times: int) -> int:
    """Give the filters that are nearest to `times * width`, 1 at least; refuse a width that is no number above 0."""
    checks.above_zero(form, width=width)
    return max(round(times * width), 1)


def segment_width(form: str, filters: int, segments: int) -> int:
    """Give the channels of one segment; refuse segments that do not divide the filters."""
    checks.positive(form, filters=filters, segments=segments)
    if filters % segments:
        raise ValueError(f"{form}: segments is {segments} but filters is {filters}; segments must divide filters")
    return filters // segments
