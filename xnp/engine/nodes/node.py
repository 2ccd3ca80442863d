"""What every node of a plan can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from xnp.engine.tensors import Block, Memory, Tensor

Split = Literal["channels", "columns", "rows", "alone"]
SomeNode = TypeVar("SomeNode", bound="Node")
Views = TypeVar("Views")


def by_block(make: Callable[[SomeNode, Block], Views]) -> Callable[[SomeNode, Block], Views]:
    """Run a method once for each block, and remember what it gave: the views of arrays that a node works on.

    To slice or to reshape an array takes NumPy as long as to add a thousand numbers. A node would do it dozens of times
    for each block, and a step has thousands of blocks; their numbers change, but where they lie does not.
    """

    @wraps(make)
    def remembered(node: SomeNode, block: Block) -> Views:
        views = node.remembered.get((make, block))
        if views is None:
            views = node.remembered[make, block] = make(node, block)
        return views

    return remembered


class Node(ABC):
    """One operation on the engine's own arrays, done block by block.

    The class attributes tell the plan which liberties it has. They are about one tensor read (x) and one written (y).
    """

    split: ClassVar[Split] = "channels"  # what a block is a part of; "alone": the first worker does all
    needs_x: ClassVar[bool] = False  # backward reads x
    needs_y: ClassVar[bool] = False  # backward reads y
    claims_x: ClassVar[bool] = False  # forward writes over x what backward shall find there
    in_place: ClassVar[bool] = False  # y may be written over x, and dx over dy
    overwrites_x: ClassVar[bool] = True  # backward may write dx where x lies: it is done with x then
    form: str = ""  # how it is computed, for the plan's table

    def __init__(self, path: str, *inputs: Tensor, shape: tuple[int, ...]) -> None:
        self.path, self.inputs = path, inputs
        self.y = Tensor(path, shape, self)
        self.outputs: tuple[Tensor, ...] = (self.y,)
        self.remembered: dict[Any, Any] = {}  # see by_block
        for tensor in inputs:
            tensor.reader = self

    @property
    def x(self) -> Tensor:
        """The tensor that is read, the first if there are several."""
        return self.inputs[0]

    @property
    def extent(self) -> int:
        """How many channels, columns or rows there are to be split."""
        return self.x.shape[0] if self.split == "channels" else int(np.prod(self.y.shape[1:]))

    def allocate(self, memory: Memory, dtype: np.dtype, workers: int) -> None:
        """Take what memory the node needs beside its tensors."""
        self.memory, self.dtype, self.workers = memory, dtype, workers

    def scratch(
        self, block: Block, name: str, shape: tuple[int, ...], dtype: np.dtype | type | None = None
    ) -> np.ndarray:
        """Give some of the worker's memory, to be used until the end of one call."""
        return self.memory.scratch(block.worker, name, shape, dtype or self.dtype)

    @abstractmethod
    def forward(self, block: Block, training: bool) -> None:
        """Write the block's part of y."""

    @abstractmethod
    def backward(self, block: Block) -> None:
        """Write the block's part of dx, and of the parameters' gradients."""

    def again(self, block: Block) -> None:
        """Write y once more, on the way back: so that it need not be kept."""
        self.forward(block, False)

    def follow(self, training: bool) -> None:  # noqa: B027 - most nodes have nothing to update
        """Do what a forward leaves to do once, for all channels: the moving statistics follow."""

    def collect(self) -> None:  # noqa: B027 - most nodes have nothing to add up
        """Add up what the workers have found of the parameters' gradients, each for its columns."""

    @property
    def kind(self) -> str:
        """What the node is, in a word."""
        return type(self).__name__


def rows(block: np.ndarray) -> np.ndarray:
    """Make each channel one row: (n, H, W, N) -> (n, R)."""
    return block.reshape(len(block), -1)
