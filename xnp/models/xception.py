"""Xception, as figure 5 of the paper draws it, and two smaller ones of the same build.

    stem     conv 32, conv 64                                      ordinary convolutions
    entry    three blocks that halve the image and widen it        each with a 1x1 convolution of stride 2 as skip
    middle   eight blocks that keep the shape                      each with the identity as skip
    exit     one block that halves, then two separable convolutions
    end      global average pooling, dropout, logistic regression

Paths follow the figure: `stem/conv1/kernel`, `entry/2/separable1/depthwise`, `middle/3/norm2/gamma`,
`exit/1/skip/conv/kernel`, `classifier/kernel`. Blocks are numbered from 1.
Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357, figure 5.
"""

from typing import Any

import numpy as np

from xnp.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)
from xnp.shapes import Padding
from xnp.weights import shipped

Shape = tuple[int, ...]


def xception(
    input_shape: Shape = (299, 299, 3),
    classes: int = 1000,
    *,
    dropout: float = 0.0,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """Build the paper's network: 22,855,952 trainable parameters, 8,357,403,496 multiply-accumulates at 299x299.

    Parameters
    ----------
    input_shape : (H, W, C)
        At least 71x71 keeps 3x3 pixels before the pooling.
    classes : int
    dropout : float
        Rate before the classifier; the paper takes 0.5 for ImageNet.
    seed : int
        Of the first weights.
    dtype : float32 or float64

    Returns
    -------
    Sequential
        No array is drawn yet. Its outputs are logits (N, classes).
    """
    return Sequential(
        stem=stem(32, 64, strides=(2, 1), padding="valid"),
        entry=Sequential(
            Residual(Sequential(**downsample(128, 128)), skip(128)),
            Residual(Sequential(relu1=ReLU(), **downsample(256, 256)), skip(256)),
            Residual(Sequential(relu1=ReLU(), **downsample(728, 728)), skip(728)),
        ),
        middle=Sequential(*(middle_block(728, repeats=3) for _ in range(8))),
        exit=Sequential(
            Residual(Sequential(relu1=ReLU(), **downsample(728, 1024)), skip(1024)),
            separables(1536, 2048),
        ),
        pool=GlobalAveragePool2D(),
        dropout=Dropout(dropout),
        classifier=Dense(classes),
    ).build(input_shape, seed=seed, dtype=dtype)


def small_xception(
    input_shape: Shape = (32, 32, 3), classes: int = 10, *, seed: int = 0, dtype: Any = np.float32
) -> Sequential:
    """Build the network of all speed measurements: 1,281,002 trainable parameters, 131,574,784 MACs at 32x32.

    Against `xception`: a stem that keeps the size, two entry blocks of the same widths, three middle blocks of 256
    channels (not eight of 728), an exit of 256, 384 and 512 (not 728, 1024, 1536 and 2048).

    Parameters
    ----------
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
    return Sequential(
        stem=stem(32, 64, strides=(1, 1), padding="same"),
        entry=Sequential(
            Residual(Sequential(**downsample(128, 128)), skip(128)),
            Residual(Sequential(relu1=ReLU(), **downsample(256, 256)), skip(256)),
        ),
        middle=Sequential(*(middle_block(256, repeats=3) for _ in range(3))),
        exit=Sequential(
            Residual(Sequential(relu1=ReLU(), **downsample(256, 384)), skip(384)),
            separables(512),
        ),
        pool=GlobalAveragePool2D(),
        classifier=Dense(classes),
    ).build(input_shape, seed=seed, dtype=dtype)


def tiny_xception(
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    *,
    weights: str | None = None,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """Build the network that a laptop trains in minutes: 86,106 trainable parameters, 6,493,760 MACs at 32x32.

    Every part of `xception` is there once or twice. The stem's second convolution already halves the image:
    a layer at 32x32 costs four times as much as the same one at 16x16.

    Parameters
    ----------
    input_shape : (H, W, C)
    classes : int
    weights : "cifar10", optional
        Trained ones, which come with the package: `xnp.weights.shipped` says how they were made. Images must be
        standardised as there; `xnp.runs.open_shipped` gives network, scale and names of the classes together.
    seed : int
        Of the first weights, if no trained ones are asked for.
    dtype : float32 or float64

    Returns
    -------
    Sequential
        Its outputs are logits (N, classes).

    Raises
    ------
    ValueError
        Unknown weights, or those of another number of classes or channels.
    """
    momentum = 0.9  # of the moving statistics: 0.99 looks back over more steps than a training of minutes can spare
    model = Sequential(
        stem=stem(16, 32, strides=(1, 2), padding="same", momentum=momentum),
        entry=Sequential(Residual(Sequential(**downsample(64, 64, momentum)), skip(64, momentum))),
        middle=Sequential(*(middle_block(64, repeats=2, momentum=momentum) for _ in range(2))),
        exit=Sequential(
            Residual(Sequential(relu1=ReLU(), **downsample(96, 128, momentum)), skip(128, momentum)),
            separables(160, momentum=momentum),
        ),
        pool=GlobalAveragePool2D(),
        classifier=Dense(classes),
    ).build(input_shape, seed=seed, dtype=dtype)
    if weights is not None:
        shipped.restore(model, weights)
    return model


def stem(first: int, second: int, *, strides: tuple[int, int], padding: Padding, momentum: float = 0.99) -> Sequential:
    """Make two ordinary convolutions, each with its stride."""
    return Sequential(
        conv1=Conv2D(first, 3, stride=strides[0], padding=padding, use_bias=False),
        norm1=BatchNorm(momentum),
        relu1=ReLU(),
        conv2=Conv2D(second, 3, stride=strides[1], padding=padding, use_bias=False),
        norm2=BatchNorm(momentum),
        relu2=ReLU(),
    )


def downsample(first: int, second: int, momentum: float = 0.99) -> dict[str, Layer]:
    """Name the main path of a block that halves: two separable convolutions, then a pool."""
    return {
        "separable1": SeparableConv2D(first, 3, use_bias=False),
        "norm1": BatchNorm(momentum),
        "relu2": ReLU(),
        "separable2": SeparableConv2D(second, 3, use_bias=False),
        "norm2": BatchNorm(momentum),
        "pool": MaxPool2D(3, 2),
    }


def skip(filters: int, momentum: float = 0.99) -> Sequential:
    """Give the skip the shape of the main path: a 1x1 convolution of stride 2."""
    return Sequential(conv=Conv2D(filters, 1, stride=2, use_bias=False), norm=BatchNorm(momentum))


def middle_block(filters: int, *, repeats: int, momentum: float = 0.99) -> Residual:
    """Repeat ReLU, separable convolution, batch norm; the skip is the identity."""
    layers: dict[str, Layer] = {}
    for k in range(1, repeats + 1):
        layers |= {
            f"relu{k}": ReLU(),
            f"separable{k}": SeparableConv2D(filters, 3, use_bias=False),
            f"norm{k}": BatchNorm(momentum),
        }
    return Residual(Sequential(**layers))


def separables(*filters: int, momentum: float = 0.99) -> Sequential:
    """Chain separable convolution, batch norm, ReLU, once for each width: the end of the exit flow."""
    layers: dict[str, Layer] = {}
    for k, width in enumerate(filters, 1):
        layers |= {
            f"separable{k}": SeparableConv2D(width, 3, use_bias=False),
            f"norm{k}": BatchNorm(momentum),
            f"relu{k}": ReLU(),
        }
    return Sequential(**layers)
