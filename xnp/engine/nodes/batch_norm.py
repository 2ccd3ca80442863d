"""Batch normalisation, six passes over a block that stays in the cache.

A channel is one row of R = H * W * N numbers, so its sums are dot products; and nobody else has to be asked, for the
workers have different channels.

    forward    z = x - mean                        written over x: nothing else needs x any more
               mean: a dot product with ones, then once more of what is left (see below)
               var = z.z / R
               y = scale * z + shift               scale = gamma * inv, shift = beta

    backward   dbeta = dy.1    dgamma = inv * dy.z
               dx = scale * (dy - dbeta / R - z * inv * dgamma / R)      written over z

Near a mean of 1e4, a float32 sum of a channel is off in its 7th digit, so z is off by a thousandth. But z is small now,
and its own mean can be taken exactly enough: `rest`. It is not subtracted (that would be one pass more) but put into
shift.
"""

from typing import NamedTuple

import numpy as np

from xnp.engine.nodes.node import Node, by_block, rows
from xnp.engine.tensors import Block, Memory, Place, Tensor
from xnp.layers import BatchNorm as Layer

Pair = tuple[np.ndarray, np.ndarray]


class BatchNorm(Node):
    """Batch norm of one block of channels, in training or with the moving statistics."""

    claims_x = True
    form = "cache-sized blocks"

    def __init__(self, path: str, x: Tensor, layer: Layer) -> None:
        super().__init__(path, x, shape=x.shape)
        self.momentum, self.eps = layer.momentum, float(layer.eps)
        # the layer's own arrays, all (C,). A layer draws an array when it is first asked for it: ask before workers do
        self.gamma, self.beta, self.moving_mean, self.moving_variance = map(layer.array, layer.specs)
        self.dgamma, self.dbeta = map(layer.gradient, layer.trainable())
        self.z: Place  # centred x; the plan says where: over x, if it can be

    def allocate(self, memory: Memory, dtype: np.dtype, workers: int) -> None:
        """Take the ones of the sums, and what is remembered of each channel."""
        super().allocate(memory, dtype, workers)
        self.R = int(np.prod(self.x.shape[1:]))
        self.ones = memory.array("ones", (self.R,), dtype)
        self.ones[...] = 1
        C = self.x.shape[0]
        self.batch = Channels(*(memory.array(f"{self.path} {name}", (C,), dtype) for name in Channels._fields))
        self.by_batch = True

    def forward(self, block: Block, training: bool) -> None:
        """Centre, then scale and shift."""
        x, z, c, own, moving = self._forward_views(block)
        self.by_batch = training
        if training:
            mean, rest, variance = c.mean, c.rest, c.variance
            np.matmul(x, self.ones, out=mean)
            mean /= self.R
            np.subtract(x, mean[:, None], out=z)
            np.matmul(z, self.ones, out=rest)
            rest /= self.R
            np.vecdot(z, z, out=variance)
            variance /= self.R
            variance -= rest * rest
            np.maximum(variance, 0, out=variance)
        else:
            c.mean[...], c.variance[...] = moving
            c.rest[...] = 0
            np.subtract(x, c.mean[:, None], out=z)
        gamma, beta = own
        np.divide(1, np.sqrt(c.variance + self.eps), out=c.inv)
        np.multiply(gamma, c.inv, out=c.scale)
        np.subtract(beta, c.scale * c.rest, out=c.shift)
        self.again(block)

    def again(self, block: Block) -> None:
        """Scale and shift z: of x and its statistics, nothing else is left to do."""
        z, y, scale, shift = self._again_views(block)
        np.multiply(z, scale, out=y)
        np.add(y, shift, out=y)

    def follow(self, training: bool) -> None:
        """Move the moving statistics towards the batch's."""
        if training:
            mean, variance = self.batch.mean + self.batch.rest, self.batch.variance
            for moving, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving *= self.momentum
                moving += (1 - self.momentum) * found

    def backward(self, block: Block) -> None:
        """Write dx over z."""
        dy, z, dx, c, dgamma, dbeta = self._backward_views(block)
        np.matmul(dy, self.ones, out=dbeta)
        np.vecdot(dy, z, out=dgamma)
        dgamma -= c.rest * dbeta
        dgamma *= c.inv
        if not self.by_batch:  # mean and variance were constants
            np.multiply(dy, c.scale[:, None], out=dx)
            return
        along = c.inv * dgamma / self.R  # how much of z there is in dy
        np.multiply(z, -along[:, None], out=dx)
        np.add(dx, dy, out=dx)
        np.add(dx, (along * c.rest - dbeta / self.R)[:, None], out=dx)
        np.multiply(dx, c.scale[:, None], out=dx)

    @by_block
    def _forward_views(self, block: Block) -> tuple[np.ndarray, np.ndarray, "Channels", Pair, Pair]:
        c = slice(block.start, block.stop)
        own, moving = (self.gamma[c], self.beta[c]), (self.moving_mean[c], self.moving_variance[c])
        return rows(self.x.value[block]), rows(self.z[block]), self._of(block), own, moving

    @by_block
    def _again_views(self, block: Block) -> tuple[np.ndarray, ...]:
        c = self._of(block)
        return rows(self.z[block]), rows(self.y.value[block]), c.scale[:, None], c.shift[:, None]

    @by_block
    def _backward_views(
        self, block: Block
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, "Channels", np.ndarray, np.ndarray]:
        c = slice(block.start, block.stop)
        dy, z, dx = rows(self.y.gradient[block]), rows(self.z[block]), rows(self.x.gradient[block])
        return dy, z, dx, self._of(block), self.dgamma[c], self.dbeta[c]

    def _of(self, block: Block) -> "Channels":
        return Channels(*(array[block.start : block.stop] for array in self.batch))


class Channels(NamedTuple):
    """What forward finds out about each channel; (C,) arrays, or a block's part of them."""

    mean: np.ndarray
    rest: np.ndarray
    variance: np.ndarray
    inv: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
