"""The plan: which node runs when, on which blocks, and where its numbers lie. Made once, followed at every step.

    nodes      norm1 -> relu1 -> depthwise -> pointwise -> norm2 -> add ...
    stages     | norm1  relu1  depthwise |  pointwise  | norm2  add ... |
                 by channels, in blocks    by columns    by channels

What needs only its own channel (batch norm, ReLU, depthwise, pooling, add) can follow each other on a few channels at a
time, while these are in the cache: a chain. A matrix product needs all channels: there the workers wait for each other,
and share its columns. Everything between two such waits is a stage. Backward runs the stages from the last to the
first, and in each the nodes from the last to the first.

What is kept for backward? Only what crosses from one chain to another. What lives and dies within a chain lies in a
block of scratch memory, and is computed again on the way back: two passes over a block in the cache cost less than to
fetch it from memory. And where a value has been used for the last time, its gradient takes its place.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from xnp.engine.chains import stages
from xnp.engine.lower import lower
from xnp.engine.nodes import BatchNorm, Fork, Node
from xnp.engine.tensors import Block, Memory, Place, Tensor
from xnp.layers import Layer
from xnp.tables import table

BLOCK = 512 * 1024  # bytes of the largest array of a block; half or twice as much is no quicker on cores with 1 MB


class Chain(NamedTuple):
    """Nodes that follow each other on the same blocks."""

    nodes: list[Node]
    blocks: list[list[Block]]  # of each worker
    again: list[Node]  # whose outputs backward needs, and nobody has kept


class Plan:
    """All stages of a model, for one size of batch and a number of workers."""

    def __init__(self, model: Layer, batch: int, workers: int, memory: Memory, input_gradient: bool = True) -> None:
        self.nodes, self.x, self.y = lower(model, batch)
        self.batch, self.workers, self.memory, self.dtype = batch, workers, memory, np.dtype(model.dtype)
        self.x.wanted = input_gradient
        groups = stages(self.nodes)
        self._chain_of = {node: id(chain) for stage in groups for chain in stage for node in chain}
        self._number = {node: k for k, node in enumerate(self.nodes)}
        self.x.value.keep(memory, "input", self.dtype)
        self.stages = [[self._place(chain) for chain in stage] for stage in groups]
        self._place_gradient(self.x, "none: it crosses", [])
        for node in self.nodes:
            node.allocate(memory, self.dtype, workers)

    def forward(self, worker: int, wait: Callable[[], None], training: bool) -> None:
        """Run a worker's share of all stages, from x.value to y.value. `wait` waits for the other workers."""
        for stage in self.stages:
            for nodes, blocks, _ in stage:
                for block in blocks[worker]:
                    for node in nodes:
                        node.forward(block, training)
            wait()
        for node in self.nodes[worker :: self.workers]:
            node.follow(training)

    def backward(self, worker: int, wait: Callable[[], None]) -> None:
        """Run a worker's share of all stages the other way round, from y.gradient to x.gradient."""
        for stage in reversed(self.stages):
            for nodes, blocks, again in reversed(stage):
                for block in blocks[worker]:
                    for node in again:
                        node.again(block)
                    for node in reversed(nodes):
                        node.backward(block)
            wait()
        for node in self.nodes[worker :: self.workers]:
            node.collect()

    def _place(self, nodes: list[Node]) -> Chain:
        """Decide where the outputs of a chain lie, and their gradients."""
        blocks = split(nodes, self.workers, self.dtype.itemsize)
        every = [block for mine in blocks for block in mine]
        for slot, node in enumerate(nodes):
            self._place_value(node, f"value {slot}", every)
        for slot, node in reversed(list(enumerate(nodes))):
            for k, tensor in enumerate(node.outputs):
                self._place_gradient(tensor, f"gradient {slot} {k}", every)
        return Chain(nodes, blocks, again(nodes))

    def _place_value(self, node: Node, slot: str, blocks: list[Block]) -> None:
        x, y = node.inputs[0], node.y
        if isinstance(node, Fork):
            for tensor in node.outputs:
                tensor.value = x.value
            return
        if isinstance(node, BatchNorm):
            node.z = x.value
            if not claimed(x):
                node.z = Place(x.shape)
                node.z.keep(self.memory, f"{self._number[node]} {node.path} centred", self.dtype)
        mine = self._chain_of[node]
        crosses = any(reader is None or self._chain_of[reader] != mine for reader in readers(y))
        if crosses or claimed(y):
            y.value.keep(self.memory, f"{self._number[node]} {node.path}", self.dtype)
        elif node.in_place and x.value.array is None and free_to_overwrite(x) and not node.needs_x:
            y.value = x.value
        else:
            y.value.borrow(self.memory, slot, self.dtype, blocks)

    def _place_gradient(self, tensor: Tensor, slot: str, blocks: list[Block]) -> None:
        writer, reader = tensor.writer, tensor.reader
        if writer is not None and reader is not None and self._chain_of[writer] == self._chain_of[reader]:
            dy = reader.outputs[0].gradient
            if reader.in_place and tensor is reader.inputs[0] and dy.array is None:
                tensor.gradient = dy
            else:
                tensor.gradient.borrow(self.memory, slot, self.dtype, blocks)
        elif free_to_overwrite(tensor) and (reader is None or reader.overwrites_x):
            tensor.gradient = tensor.value
        else:
            name = "input" if writer is None else f"{self._number[writer]} {writer.outputs.index(tensor)} {tensor.path}"
            tensor.gradient.keep(self.memory, f"gradient {name}", self.dtype)

    def __str__(self) -> str:
        header = ("stage", "shared by", "blocks", "node", "layer", "form", "gives", "value", "gradient")
        rows = []
        for number, stage in enumerate(self.stages, 1):
            for nodes, blocks, _ in stage:
                largest = max(block.stop - block.start for mine in blocks for block in mine)
                lead = [str(number), nodes[0].split, f"{max(map(len, blocks))} x {largest}"]
                for node in nodes:
                    if not isinstance(node, Fork):
                        shape = " ".join(map(str, node.y.shape))
                        rows.append([*lead, node.kind, node.path, node.form, shape, *self._lies(node.y)])
                        lead = ["", "", ""]
        kept, scratch = self.memory.megabytes()
        return (
            f"{table(header, rows)}\n"
            f"blocks: of each worker, x how many channels, columns or rows in one; gives: C H W N\n"
            f"{self.workers} workers; {kept:.0f} MB for all of them, {scratch:.0f} MB of scratch memory"
        )

    def _lies(self, tensor: Tensor) -> tuple[str, str]:
        """Say in words where a value lies, and its gradient."""
        value, gradient = (
            "scratch" if place.array is None else f"{place.array.nbytes / 1e6:.1f} MB"
            for place in (tensor.value, tensor.gradient)
        )
        return value, "in its place" if tensor.gradient is tensor.value else gradient


def split(nodes: list[Node], workers: int, itemsize: int) -> list[list[Block]]:
    """Share a chain's channels among the workers, each share in blocks that fit into the cache.

    What is split otherwise is one block a worker; and "alone" is one block of the first.
    """
    first, units = nodes[0], nodes[0].extent
    if first.split == "alone":
        return [[Block(0, 0, units, units)], *([] for _ in range(workers - 1))]
    tensors = [tensor for node in nodes for tensor in (*node.inputs, *node.outputs)]
    heaviest = max(int(np.prod(tensor.shape)) * itemsize / units for tensor in tensors)
    busy, result = min(workers, units), []
    for worker in range(workers):
        start, stop = (min(share, busy) * units // busy for share in (worker, worker + 1))
        parts = 1
        if first.split == "channels":
            parts = min(int(-(-(stop - start) * heaviest // BLOCK)), stop - start)
        edges = [start + (stop - start) * k // max(parts, 1) for k in range(parts + 1)]
        result.append([Block(worker, a, b, units) for a, b in pairwise(edges) if a < b])
    return result


def readers(tensor: Tensor) -> list[Node | None]:
    """Give the nodes that read a value, through all forks; None for who asked the network."""
    if not isinstance(tensor.reader, Fork):
        return [tensor.reader]
    return [tensor.reader, *(reader for name in tensor.reader.outputs for reader in readers(name))]


def free_to_overwrite(tensor: Tensor) -> bool:
    """Say whether nobody but its reader needs a value: its writer does not, and it has no other name."""
    return tensor.writer is None or not (isinstance(tensor.writer, Fork) or tensor.writer.needs_y)


def claimed(tensor: Tensor) -> bool:
    """Say whether the reader writes over the value what it will want on the way back."""
    return tensor.reader is not None and tensor.reader.claims_x and free_to_overwrite(tensor)


def again(nodes: list[Node]) -> list[Node]:
    """Find whose outputs must be computed once more on the way back, in the order of forward."""
    found: set[Node] = set()

    def need(tensor: Tensor) -> None:
        while isinstance(tensor.writer, Fork):
            tensor = tensor.writer.x
        writer = tensor.writer
        if tensor.value.array is None and writer is not None and writer not in found:
            found.add(writer)
            if not isinstance(writer, BatchNorm):  # it has kept what it needs
                for x in writer.inputs:
                    need(x)

    for node in nodes:
        for tensor, needed in ((node.x, node.needs_x), (node.y, node.needs_y)):
            if needed:
                need(tensor)
    return [node for node in nodes if node in found]
