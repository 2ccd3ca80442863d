"""Where the numbers lie: values, their gradients, and who works on which part.

The library's own layout is (N, H, W, C). The engine turns it round: (C, H, W, N), images innermost.

- A channel is one piece of memory. What belongs to one channel (batch norm, a depthwise kernel, pooling) finds all it
  needs side by side, and two workers that take half of the channels each never meet.
- (C, H * W * N) is a matrix without moving a number: a pointwise convolution is one matrix product.
- Next to each other lie N numbers that are treated alike: loops are long, even where images are small.

- But the channels do not lie directly one behind the other: see `apart`.

A value has one of two places. Either an array of its own, as large as the value; or a piece of a worker's scratch
memory, as large as one block of channels: then it never leaves the processor's cache, and the next block overwrites it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xnp.engine.nodes.node import Node


@dataclass(eq=False)
class Block:
    """What one worker treats at a time: a range of channels, of columns of the matrix (C, H * W * N), or of rows.

    Two blocks are equal only if they are the same object, so that views can be kept by block.
    """

    worker: int
    start: int
    stop: int
    units: int  # how many channels, columns or rows there are in all


class Memory:
    """Named pieces of memory, each allocated when it is first asked for.

    A plan for fewer images asks for smaller pieces by the same names, and gets the beginnings of the large ones.

    Worker processes share what was asked for before they were made: it lies in memory that a copy of this process does
    not copy. Scratch memory is each worker's own.
    """

    def __init__(self) -> None:
        self.pieces: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
        """Give an array of this shape, with whatever numbers it holds; all workers see the same."""
        return self._piece(name, shape, np.dtype(dtype), lambda size: np.frombuffer(mmap(-1, size), np.uint8))

    def scratch(self, worker: int, name: str, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
        """Give an array of one worker's own."""
        return self._piece(f"worker {worker} {name}", shape, np.dtype(dtype), lambda size: np.empty(size, np.uint8))

    def megabytes(self) -> tuple[float, float]:
        """Add up what is shared, and the scratch of all workers."""
        scratch = sum(piece.nbytes for name, piece in self.pieces.items() if name.startswith("worker "))
        return (sum(piece.nbytes for piece in self.pieces.values()) - scratch) / 1e6, scratch / 1e6

    def _piece(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype, allocate: Callable[[int], np.ndarray]
    ) -> np.ndarray:
        size = int(np.prod(shape)) * dtype.itemsize
        if name not in self.pieces or self.pieces[name].nbytes < size:
            self.pieces[name] = allocate(size)
        return self.pieces[name][:size].view(dtype).reshape(shape)


class Place:
    """Where the numbers of one value lie. `place[block]` are the block's channels, whichever kind of place it is."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape  # (C, ..., N)
        self.array: np.ndarray | None = None  # None: in scratch memory
        self._views: dict[Block, np.ndarray] = {}

    def keep(self, memory: Memory, name: str, dtype: np.dtype) -> None:
        """Take an array of its own."""
        channels, *rest = self.shape
        length = int(np.prod(rest))
        rows = memory.array(name, (channels, apart(length, np.dtype(dtype).itemsize)), dtype)
        self.array = rows[:, :length].reshape(self.shape)  # a view: each channel is still one piece

    def borrow(self, memory: Memory, name: str, dtype: np.dtype, blocks: list[Block]) -> None:
        """Take a piece of each worker's scratch memory."""
        for block in blocks:
            shape = (block.stop - block.start, *self.shape[1:])
            self._views[block] = memory.scratch(block.worker, name, shape, dtype)

    def __getitem__(self, block: Block) -> np.ndarray:
        """Give the channels of a block: (n, ..., N)."""
        view = self._views.get(block)
        if view is None:
            each = (
                self.shape[0] // block.units
            )  # a depthwise convolution may write several channels for each one it reads
            view = self._views[block] = self.whole()[block.start * each : block.stop * each]
        return view

    def whole(self) -> np.ndarray:
        """Give all channels: (C, ..., N)."""
        assert self.array is not None, "a value in scratch memory is never whole"
        return self.array

    def columns(self, block: Block) -> np.ndarray:
        """Give a range of the columns of all channels: (C, n)."""
        view = self._views.get(block)
        if view is None:
            matrix = self.whole().reshape(self.shape[0], -1)
            view = self._views[block] = matrix[:, block.start : block.stop]
        return view


def apart(length: int, itemsize: int) -> int:
    """Say how far a channel of `length` numbers begins after the one before it, in numbers: a little more than length.

    A matrix product goes down the columns of (C, H * W * N): from channel to channel, always the same number in it. A
    cache has a few slots for addresses that end in the same bits. Where H * W * N is a power of two, all channels would
    want the same slots, and push each other out. An odd number of pairs of cache lines from one channel to the next
    spreads them over all slots; `xnp bench --ladder` measures what it gains.

    >>> apart(1024, 4), apart(100, 4)
    (1056, 160)
    """
    pair = 128 // itemsize
    pairs = -(-length // pair)
    return (pairs | 1) * pair


class Tensor:
    """One value of the network and its gradient: one node writes it, one node reads it.

    What is read twice goes through a fork, a node whose outputs are the same numbers under two names: then each name
    has a gradient of its own, and the fork's backward adds them.
    """

    def __init__(self, path: str, shape: tuple[int, ...], writer: "Node | None") -> None:
        self.path, self.shape, self.writer = path, shape, writer
        self.reader: Node | None = None
        self.wanted = True  # whether somebody will ask for the gradient
        self.value = Place(shape)
        self.gradient = Place(shape)


def to_library(x: np.ndarray) -> np.ndarray:
    """(C, H, W, N) -> (N, H, W, C), or (F, N) -> (N, F): a copy."""
    return np.moveaxis(x, (-1, 0), (0, -1)).copy()


def from_library(x: np.ndarray, *, out: np.ndarray) -> None:
    """Write (N, H, W, C) into (C, H, W, N), or (N, F) into (F, N)."""
    np.copyto(out, np.moveaxis(x, (-1, 0), (0, -1)))
