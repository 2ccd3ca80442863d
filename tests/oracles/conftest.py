"""What the oracle tests share: how configurations are drawn, and how the distance of two answers is measured."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest


class Draw:
    """Random arguments of an operation; the seed fixes them all. Sizes are small: most bugs sit at borders."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def whole(self, low: int, high: int) -> int:
        """Draw one of low, ..., high."""
        return int(self.rng.integers(low, high + 1))

    def one_of(self, *choices: Any) -> Any:
        """Draw one of the arguments, as it is."""
        return choices[self.whole(0, len(choices) - 1)]

    def pair(self, high: int) -> tuple[int, int]:
        """Draw (height, width), each 1 to high."""
        return self.whole(1, high), self.whole(1, high)

    def one_or_two(self, high: int) -> int | tuple[int, int]:
        """Draw (height, width), or one number for both."""
        return self.one_of(self.pair(high), self.pair(high), self.whole(1, high))

    def number(self, low: float, high: float) -> np.float64:
        """Draw a number of NumPy's float64, which must not turn float32 answers into float64."""
        return np.float64(self.rng.uniform(low, high))

    def normal(self, *shape: int) -> np.ndarray:
        """Draw an array."""
        return self.rng.standard_normal(shape)

    def images(self, channels: int | None = None) -> np.ndarray:
        """Draw (N, H, W, C)."""
        return self.normal(self.whole(1, 3), *self.pair(12), channels or self.whole(1, 6))

    def anything(self) -> np.ndarray:
        """Draw an array of one to four axes, with numbers up to about 10."""
        return 3 * self.normal(*self.rng.integers(1, 6, self.whole(1, 4)))

    def bias(self, outputs: int) -> np.ndarray | None:
        """Draw a bias, or none."""
        return self.one_of(None, self.normal(outputs))

    def window(self) -> dict[str, Any]:
        """Draw how a kernel slides. It need not fit into the image."""
        padding = self.one_of("same", "valid", self.whole(0, 3))
        return {"stride": self.one_or_two(3), "padding": padding, "dilation": self.one_or_two(3)}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let torch, where it is imported, work in one thread: on small arrays several spend their time waiting."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def draw_from() -> type[Draw]:
    """Give Draw; a fixture, since test files do not import one another."""
    return Draw


@pytest.fixture(scope="session")
def distance() -> Callable[[np.ndarray, np.ndarray], float]:
    """Give the function that measures."""

    def distance(got: np.ndarray, expected: np.ndarray) -> float:
        """Largest difference, in units of the largest expected number. NaN, which no bound accepts, if there is one."""
        assert got.shape == expected.shape, f"the shape is {got.shape}, the oracle's is {expected.shape}"
        scale = np.maximum(np.abs(expected).max(), np.finfo(np.float64).tiny)  # 0 against 0 is 0, not 0 / 0
        return float(np.abs(got - expected).max() / scale)

    return distance
