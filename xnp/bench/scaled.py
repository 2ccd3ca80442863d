"""The small Xception, wider and deeper: to see how cost grows."""

from xnp.layers import Dense, GlobalAveragePool2D, ReLU, Residual, Sequential
from xnp.models.xception import Shape, downsample, middle_block, separables, skip, stem


def scaled_xception(
    input_shape: Shape = (32, 32, 3), classes: int = 10, *, width: int = 1, depth: int = 3
) -> Sequential:
    """Build `small_xception` with `width` times its channels and `depth` middle blocks. (1, 3) is the original.

    >>> from xnp.count import count
    >>> count(scaled_xception()).macs, count(scaled_xception(width=2)).macs
    (131574784, 515856384)
    """
    return Sequential(
        stem=stem(32 * width, 64 * width, strides=(1, 1), padding="same"),
        entry=Sequential(
            Residual(Sequential(**downsample(128 * width, 128 * width)), skip(128 * width)),
            Residual(Sequential(relu1=ReLU(), **downsample(256 * width, 256 * width)), skip(256 * width)),
        ),
        middle=Sequential(*(middle_block(256 * width, repeats=3) for _ in range(depth))),
        exit=Sequential(
            Residual(Sequential(relu1=ReLU(), **downsample(256 * width, 384 * width)), skip(384 * width)),
            separables(512 * width),
        ),
        pool=GlobalAveragePool2D(),
        classifier=Dense(classes),
    ).build(input_shape)
