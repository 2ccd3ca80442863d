"""The table of cases: small calls of every operation, on which all its checks run.

    op              name                                          arrays     options
    conv2d          "conv2d 5x6 kernel 3x3 stride 2 same bias"    x, w, b    stride=2, padding="same", dilation=1
    dropout         "dropout 3x4 rate 0.5"                        x          rng=..., rate=0.5

What is easy to get wrong has a case here: images that are not square, odd and even sizes, kernels of even size and
kernels larger than the image, strides that do not divide the size or step over pixels, the odd pixel of "same".
All is small, so that nested loops and thousands of differences take milliseconds.

Each case draws its numbers from a generator seeded by its name: a case more leaves the others as they were.
The numbers stay away from corners, where no derivative exists: from 0 for relu, from ties for max pooling.

>>> case = CASES[0]
>>> case.name, list(case.arrays)
('add 3', ['a', 'b'])
>>> y, cache = case.forward()
>>> da, db = case.op.backward(y, cache)
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

import numpy as np

from xnp import ops

Arrays: TypeAlias = dict[str, np.ndarray | None]
Shape: TypeAlias = tuple[int, ...]


class Case(NamedTuple):
    """One call of one operation. `case._replace(op=other)` makes the same call of another one."""

    op: Any  # a module of `xnp.ops`, or anything with the same four functions
    name: str
    arrays: Arrays  # name -> float64 array or None: what gets a gradient, in the order of forward's arguments
    options: dict[str, Any]  # all other arguments: labels, mean, var, rng, stride ...
    analytic: bool  # whether the call takes complex128

    @property
    def op_name(self) -> str:
        """The operation's name, as its errors give it."""
        return self.op.__name__.rpartition(".")[2]

    def forward(self, changed: Mapping[str, Any] | None = None) -> tuple[np.ndarray, Any]:
        """Call forward. `changed` replaces arrays by name."""
        return self.op.forward(*(self.arrays | dict(changed or {})).values(), **self.fresh_options())

    def as_function_of(self, name: str) -> Callable[[np.ndarray], np.ndarray]:
        """Give forward's y as a function of one array; the others stay."""
        return lambda array: self.forward({name: array})[0]

    def definition(self) -> np.ndarray:
        """Call definition with the same arguments."""
        return self.op.definition(*self.arrays.values(), **self.fresh_options())

    def fresh_options(self) -> dict[str, Any]:
        """Copy a Generator, so that each call draws the same numbers."""
        return {k: deepcopy(v) if isinstance(v, np.random.Generator) else v for k, v in self.options.items()}

    def backward(self, dy: np.ndarray, cache: Any) -> Arrays:
        """Call backward and name what it returns, as the arrays are named."""
        gradients = self.op.backward(dy, cache)
        return dict(zip(self.arrays, gradients if isinstance(gradients, tuple) else (gradients,), strict=True))

    def cast(self, dtype: type) -> "Case":
        """Give the same case with all its numbers in another dtype."""
        arrays: Arrays = {name: None if a is None else a.astype(dtype) for name, a in self.arrays.items()}
        options = {name: a.astype(dtype) if is_float(a) else a for name, a in self.options.items()}
        return self._replace(arrays=arrays, options=options)


def is_float(value: Any) -> bool:
    """Tell statistics (mean, var) from labels and plain numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def random_like(y: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw a dy for y. Random: a dy of equal numbers hides errors (it makes batch norm's dx 0)."""
    return np.asarray(np.random.default_rng(seed).normal(size=y.shape)).astype(y.dtype)


# How the numbers are drawn: (generator, shape) -> array ------------------------------------------------------------


def normal(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Draw from the normal distribution."""
    return rng.normal(size=shape)


def away_from_zero(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Draw numbers of both signs, at least 0.1 from relu's corner."""
    return rng.uniform(0.1, 2, shape) * rng.choice([-1.0, 1.0], shape)


def far_apart(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Draw numbers of both signs, any two at least 0.1 apart: no ties for max pooling."""
    size = int(np.prod(shape))
    return 0.1 * (rng.permutation(size).reshape(shape) - 0.6 * size)


def make(
    op: Any,
    name: str,
    shapes: Mapping[str, Shape | None],
    options: Mapping[str, Any] | None = None,
    *,
    draw: Callable[[np.random.Generator, Shape], np.ndarray] = normal,
    analytic: bool = True,
) -> Case:
    """Make a case of shapes: draw its arrays."""
    name = f"{op.__name__.rpartition('.')[2]} {name}"
    rng = np.random.default_rng(crc32(name.encode()))
    arrays = {key: None if shape is None else draw(rng, shape) for key, shape in shapes.items()}
    return Case(op, name, arrays, dict(options or {}), analytic)


# The windows, for all operations that slide one --------------------------------------------------------------------

WINDOWS: tuple[tuple[Shape, Shape, dict[str, Any]], ...] = (
    ((4, 6), (3, 3), {"stride": 1, "padding": "same"}),
    ((5, 6), (3, 3), {"stride": 2, "padding": "same"}),  # 5 is padded by 1 and 1, 6 by 0 and 1
    ((6, 5), (3, 3), {"stride": 2, "padding": "valid"}),  # the last row of 6 is never read
    ((4, 5), (2, 2), {"stride": 1, "padding": "same"}),  # an even kernel: all padding at the end
    ((5, 4), (2, 2), {"stride": 2, "padding": 1}),
    ((4, 3), (1, 1), {"stride": 1, "padding": "valid"}),
    ((5, 7), (1, 1), {"stride": 3, "padding": "same"}),  # the stride steps over pixels
    ((7, 4), (3, 2), {"stride": (1, 2), "padding": "same"}),
    ((6, 7), (1, 3), {"stride": (2, 3), "padding": "valid"}),
    ((4, 5), (3, 3), {"stride": 1, "padding": 1}),
    ((5, 4), (2, 3), {"stride": 3, "padding": 1}),
    ((3, 4), (3, 4), {"stride": 1, "padding": "valid"}),  # one window
    ((1, 2), (3, 3), {"stride": 1, "padding": "same"}),  # the kernel is larger than the image, and fits the padded one
)
DILATED: tuple[tuple[Shape, Shape, dict[str, Any]], ...] = (
    ((6, 5), (3, 3), {"stride": 1, "padding": "same", "dilation": 2}),
    ((7, 6), (3, 2), {"stride": 2, "padding": "same", "dilation": (2, 3)}),
    ((7, 5), (2, 3), {"stride": (3, 1), "padding": "valid", "dilation": (3, 2)}),
    ((4, 5), (2, 2), {"stride": 2, "padding": 2, "dilation": 3}),
)


def by(numbers: int | Shape) -> str:
    """Write (5, 6) as 5x6, and 2 as 2."""
    return "x".join(map(str, numbers)) if isinstance(numbers, tuple) else str(numbers)


def describe(size: Shape, kernel: Shape, options: Mapping[str, Any]) -> str:
    """Name a window: "5x6 kernel 3x3 stride 2 same"."""
    padding, dilation = options["padding"], options.get("dilation", 1)
    parts = [
        f"{by(size)} kernel {by(kernel)} stride {by(options['stride'])}",
        padding if isinstance(padding, str) else f"padding {padding}",
    ]
    return " ".join(parts if dilation == 1 else [*parts, f"dilation {by(dilation)}"])


def convolutions() -> Iterator[Case]:
    """Every window for every convolution; bias, groups and depth multiplier take turns."""
    for k, (size, kernel, options) in enumerate(WINDOWS + DILATED):
        image, name = (2, *size), describe(size, kernel, options)
        bias = k // 4 % 2 == 0  # four with, four without
        suffix = " bias" if bias else ""
        shapes: dict[str, Shape | None] = {"x": (*image, 3), "w": (*kernel, 3, 2), "b": (2,) if bias else None}
        yield make(ops.conv2d, name + suffix, shapes, options)

        groups = (2, 1, 4)[k % 3]
        shapes = {"x": (*image, 4), "w": (*kernel, 4 // groups, 8), "b": (8,) if bias else None}
        yield make(ops.grouped_conv2d, f"{name} groups {groups}{suffix}", shapes, options | {"groups": groups})

        m = (1, 2, 3)[k % 3]
        shapes = {"x": (*image, 2), "w": (*kernel, 2, m), "b": (2 * m,) if bias else None}
        yield make(ops.depthwise_conv2d, f"{name} multiplier {m}{suffix}", shapes, options)

        activation = (None, "relu", None, "elu")[k % 4]
        shapes = {"x": (*image, 2), "w_depthwise": (*kernel, 2, m), "w_pointwise": (2 * m, 3)}
        yield make(
            ops.separable_conv2d,
            f"{name} multiplier {m} activation {activation}{suffix}",
            shapes | {"b": (3,) if bias else None},
            options | {"activation": activation},
            analytic=activation is None,
        )
    for k, (size, stride) in enumerate((((4, 5), (1, 1)), ((5, 4), (2, 2)), ((7, 5), (3, 2)), ((2, 3), (4, 4)))):
        bias = k % 2 == 0
        shapes = {"x": (2, *size, 3), "w": (3, 4), "b": (4,) if bias else None}
        name = f"{by(size)} stride {by(stride)}" + (" bias" if bias else "")
        yield make(ops.pointwise_conv2d, name, shapes, {"stride": stride})


def pools() -> Iterator[Case]:
    """Every window for both pools, and the two operations on whole images."""
    for size, kernel, window in WINDOWS:
        shapes, name = {"x": (2, *size, 2)}, describe(size, kernel, window)
        options = window | {"size": kernel}
        yield make(ops.max_pool2d, name, shapes, options, draw=far_apart, analytic=False)
        yield make(ops.average_pool2d, name, shapes, options)
    for image in ((2, 3, 4, 3), (2, 5, 1, 2), (1, 1, 1, 1)):
        yield make(ops.global_average_pool2d, by(image), {"x": image})
    for padding in (0, 2, ((0, 1), (1, 0)), ((3, 0), (1, 2))):
        yield make(ops.zero_padding2d, f"4x3 padding {padding}", {"x": (2, 4, 3, 2)}, {"padding": padding})


# The others --------------------------------------------------------------------------------------------------------


def normalisations() -> Iterator[Case]:
    """Batch normalisation of rows, sequences, images and volumes; eps small, large and 0."""
    for shape, eps in (
        ((6, 3), 1e-3),
        ((2, 4, 3), 0.0),
        ((2, 3, 4, 2), 1e-3),
        ((2, 5, 3, 1), 0.5),
        ((2, 2, 3, 2, 2), 1e-3),
    ):
        name, channels = f"{by(shape)} eps {eps}", shape[-1:]
        shapes = {"x": shape, "gamma": channels, "beta": channels}
        yield make(ops.batch_norm, name, shapes, {"eps": eps})
        rng = np.random.default_rng(crc32(name.encode()))
        statistics = {"mean": rng.normal(size=channels), "var": rng.uniform(0.5, 2, channels)}
        yield make(ops.batch_norm_inference, name, shapes, statistics | {"eps": eps})


def elementwise() -> Iterator[Case]:
    """Whatever treats each number alone."""
    for shape in ((3,), (2, 5), (2, 3, 4, 2)):
        yield make(ops.add, by(shape), {"a": shape, "b": shape})
        yield make(ops.relu, by(shape), {"x": shape}, draw=away_from_zero, analytic=False)
    for shape, alpha in (((4,), 1.0), ((2, 5), 0.3), ((2, 3, 4, 2), 2.0)):
        yield make(
            ops.elu, f"{by(shape)} alpha {alpha}", {"x": shape}, {"alpha": alpha}, draw=away_from_zero, analytic=False
        )
    for shape, rate in (((7,), 0.0), ((3, 4), 0.5), ((2, 3, 4, 2), 0.2), ((4, 5), 0.9)):
        options = {"rng": np.random.default_rng(1), "rate": rate}
        yield make(ops.dropout, f"{by(shape)} rate {rate}", {"x": shape}, options)


def classifier() -> Iterator[Case]:
    """Rows in, rows out: what ends a network, and what joins its towers."""
    for shape in ((4,), (3, 5), (2, 1), (2, 3, 4)):
        yield make(ops.softmax, by(shape), {"x": shape})
    for N, K, smoothing in ((3, 4, 0.0), (5, 3, 0.1), (1, 2, 0.3), (4, 1, 0.1)):
        options = {"labels": np.arange(N)[::-1] % K, "label_smoothing": smoothing}
        yield make(ops.softmax_cross_entropy, f"{N}x{K} smoothing {smoothing}", {"logits": (N, K)}, options)
    for (N, I, O), bias in (((4, 3, 5), True), ((3, 4, 2), False), ((1, 1, 1), True)):
        shapes: dict[str, Shape | None] = {"x": (N, I), "w": (I, O), "b": (O,) if bias else None}
        yield make(ops.dense, f"{N}x{I} to {O}" + (" bias" if bias else ""), shapes)
    for rows, widths in (((2, 3, 4), (2, 3, 1)), ((3,), (1, 3)), ((2, 2), (4,))):
        shapes = {f"xs[{k}]": (*rows, width) for k, width in enumerate(widths)}
        yield make(ops.concatenate, f"{by(rows)} of {' and '.join(map(str, widths))}", shapes)


CASES: tuple[Case, ...] = tuple(
    sorted((*convolutions(), *pools(), *normalisations(), *elementwise(), *classifier()), key=lambda case: case.op_name)
)


def cases_of(op_name: str) -> tuple[Case, ...]:
    """List the cases of one operation."""
    return tuple(case for case in CASES if case.op_name == op_name)
