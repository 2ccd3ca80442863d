"""Networks that differ in one thing: for experiments that a laptop can run.

    stem      two ordinary convolutions           the same in all networks of this file
    entry     halves the image
    middle    two blocks that keep the shape
    exit      halves again, then one more module
    end       global average pooling, logistic regression

`mini_xception` is `tiny_xception` with its parts in the reader's hand: its width, its module (any function of the
number of filters), its residual connections. `mini_inception` has the modules of Inception V3 in the same places, and
no residual connections, as Inception V3 has none. `stack` is a plain chain of modules of one width.

>>> from xnp.count import count
>>> for network in (mini_xception(64), mini_inception(), stack(64)):
...     print(count(network).trainable)
86106
86274
39258

Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357, sections 1, 4.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from xnp import checks
from xnp.layers import (
    BatchNorm,
    Dense,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)
from xnp.models.inception import canonical, reduction, rounded
from xnp.models.xception import Shape, skip, stem

Module = Callable[[int], Layer]  # makes a layer that gives so many channels

MOMENTUM = 0.9  # of the moving statistics, as in `tiny_xception`


def separable(filters: int) -> Layer:
    """Make the module of Xception: depthwise, then pointwise, nothing between them."""
    return SeparableConv2D(filters, 3, use_bias=False)


def mini_xception(
    width: float = 64,
    *,
    module: Module = separable,
    residual: bool = True,
    compress: float = 1.0,
    multiple: int = 1,
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """Build `tiny_xception` with other parts. With no argument it is `tiny_xception` itself, number for number.

    Parameters
    ----------
    width : float
        Channels of entry and middle. The exit has 1.5, 2 and 2.5 times as many. Each layer rounds for itself.
    module : function of the number of filters
        What stands in place of the separable convolutions.
    residual : bool
        With the residual connections, or with the main paths alone.
    compress : float
        Share of the channels that the first module of each block gives, one at least; the second gives all again.
        It knows nothing of `multiple`.
    multiple : int
        All channels of the blocks are rounded to a multiple of it.
    input_shape : (H, W, C)
    classes : int
    seed : int
        Of the first weights.
    dtype : float32 or float64

    Returns
    -------
    Sequential
        Its outputs are logits (N, classes).
    """
    checks.above_zero("mini_xception", width=width, compress=compress)
    checks.positive("mini_xception", multiple=multiple)
    w, first, second, last = (max(round(share * width / multiple), 1) * multiple for share in (1, 1.5, 2, 2.5))

    def block(inner: int, outer: int, *, halve: bool, relu: bool = True) -> Layer:
        layers: dict[str, Layer] = {"relu1": ReLU()} if relu else {}
        layers |= {"separable1": module(max(round(compress * inner), 1)), "norm1": BatchNorm(MOMENTUM), "relu2": ReLU()}
        layers |= {"separable2": module(outer), "norm2": BatchNorm(MOMENTUM)}
        if halve:
            layers["pool"] = MaxPool2D(3, 2)
        main = Sequential(**layers)
        return Residual(main, skip(outer, MOMENTUM) if halve else None) if residual else main

    return Sequential(
        stem=common_stem(32),
        entry=Sequential(block(w, w, halve=True, relu=False)),
        middle=Sequential(*(block(w, w, halve=False) for _ in range(2))),
        exit=Sequential(
            block(first, second, halve=True),
            Sequential(separable1=module(last), norm1=BatchNorm(MOMENTUM), relu1=ReLU()),
        ),
        **end(classes),
    ).build(input_shape, seed=seed, dtype=dtype)


def mini_inception(
    width: float = 2.95,
    *,
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """Build a small Inception V3 with the stem and the end of `mini_xception`.

    Parameters
    ----------
    width : float
        Of the modules of entry and middle, as in `inception.canonical`; the exit's are 1.5 times as wide. 2.95 makes
        as many parameters as `tiny_xception` has, to half of a percent.
    input_shape : (H, W, C)
    classes : int
    seed : int
        Of the first weights.
    dtype : float32 or float64

    Returns
    -------
    Sequential
        Its outputs are logits (N, classes).
    """
    checks.above_zero("mini_inception", width=width)
    return Sequential(
        stem=common_stem(32),
        entry=reduction(width, MOMENTUM),
        middle=Sequential(canonical(width, MOMENTUM), canonical(width, MOMENTUM)),
        exit=Sequential(reduction(1.5 * width, MOMENTUM), canonical(1.5 * width, MOMENTUM)),
        **end(classes),
    ).build(input_shape, seed=seed, dtype=dtype)


def stack(
    width: float = 64,
    *,
    module: Module = separable,
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """Build a chain of six modules of one width, with two pools between them and no other layer that has a kernel.

    Modules that cannot change the number of channels, as a depthwise convolution, fit in here.

    Parameters
    ----------
    width : float
        Channels from the end of the stem on, rounded once.
    module : function of the number of filters
        Each is followed by batch norm and ReLU.
    input_shape : (H, W, C)
    classes : int
    seed : int
        Of the first weights.
    dtype : float32 or float64

    Returns
    -------
    Sequential
        Its outputs are logits (N, classes).
    """
    filters = rounded("stack", width, 1)

    def pair() -> dict[str, Layer]:
        layers: dict[str, Layer] = {}
        for k in (1, 2):
            layers |= {f"module{k}": module(filters), f"norm{k}": BatchNorm(MOMENTUM), f"relu{k}": ReLU()}
        return layers

    return Sequential(
        stem=common_stem(filters),
        entry=Sequential(**pair(), pool=MaxPool2D(3, 2)),
        middle=Sequential(**pair(), pool=MaxPool2D(3, 2)),
        exit=Sequential(**pair()),
        **end(classes),
    ).build(input_shape, seed=seed, dtype=dtype)


def common_stem(filters: int) -> Sequential:
    """Make the stem of `tiny_xception`."""
    return stem(16, filters, strides=(1, 2), padding="same", momentum=MOMENTUM)


def end(classes: int) -> dict[str, Layer]:
    """Make what turns the last channels into logits."""
    return {"pool": GlobalAveragePool2D(), "classifier": Dense(classes)}
