"""Print how long a depthwise convolution takes: the figures in `depthwise.py` come from here.

    python -m xnp.engine.inference.measure

One core, float32, 3x3, stride 1, images already framed. Each time is the least of several, divided by how many numbers
the output has. Two formulations: runs of so many pixels, as `Runs` has them; and nine shifts, each a multiplication of
whole rows by the repeated kernel and an addition, in blocks of rows.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from xnp import shapes
from xnp.engine.inference.blocks import Block, Scratch
from xnp.engine.inference.depthwise import Runs
from xnp.engine.team import one_blas_thread
from xnp.tables import Table, table

SHAPES = ((1, 147, 147, 64), (1, 74, 74, 256), (1, 19, 19, 728), (1, 10, 10, 1536), (8, 32, 32, 128))  # N H W C
PIXELS = (1, 2, 4, 8, 16)


def depthwise_table() -> Table:
    """Measure all shapes and lengths of runs; nanoseconds a number."""
    rows = []
    for N, H, W, C in SHAPES:
        framed = np.random.default_rng(0).normal(size=(N, H + 2, W + 2, C)).astype(np.float32)
        times = [by_runs(framed, pixels) if pixels <= W else None for pixels in (*PIXELS, W)]
        times.append(min(by_shifts(framed, rows_at_a_time) for rows_at_a_time in (1, 4, 16)))
        rows.append([f"{N}x{H}x{W}x{C}", *("" if t is None else f"{t:.2f}" for t in times)])
    return table(("N x H x W x C", *(f"{pixels} px" for pixels in PIXELS), "whole rows", "nine shifts"), rows)


def by_runs(framed: np.ndarray, pixels: int) -> float:
    """Time `Runs` with runs of so many pixels."""
    N, H, W, C = framed.shape
    window = shapes.slide("measure", framed.shape, (3, 3), padding="valid")
    runs = Runs(window, C, framed.dtype, pixels)
    runs.set(np.ones((3, 3, C)))
    y = np.empty((N, H - 2, W - 2, C), framed.dtype)
    calls = list(runs.calls(framed, y, Block(slice(0, N), slice(0, H - 2)), Scratch(framed.dtype), relu=False))
    return nanoseconds(lambda: [call() for call in calls], y.size)


def by_shifts(framed: np.ndarray, rows: int) -> float:
    """Time nine shifted multiplications and additions, so many rows at a time."""
    N, H, W, C = framed.shape
    x, y = framed.reshape(N, H, W * C), np.empty((N, H - 2, (W - 2) * C), framed.dtype)
    kernel, product = np.ones((3, 3, y.shape[2]), framed.dtype), np.empty((rows, y.shape[2]), framed.dtype)

    def shift_all() -> None:
        for n in range(N):
            for row in range(0, H - 2, rows):
                target = y[n, row : row + rows]
                target.fill(0)
                for i, j in np.ndindex(3, 3):
                    seen = x[n, row + i : row + i + len(target), j * C : j * C + y.shape[2]]
                    np.multiply(seen, kernel[i, j], out=product[: len(target)])
                    target += product[: len(target)]

    return nanoseconds(shift_all, y.size)


def nanoseconds(work: Callable[[], Any], numbers: int) -> float:
    """Give the least time of seven, for one number."""
    work()
    times = []
    for _ in range(7):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times) * 1e9 / numbers


if __name__ == "__main__":
    with one_blas_thread():
        print(depthwise_table())
