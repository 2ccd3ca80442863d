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

import numpy as np

from xnp.engine.nodes.node import Node
from xnp.engine.tensors import Block, Memory, Place, Tensor
from xnp.layers import BatchNorm as Layer


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
        self.inv, self.scale, self.shift, self.rest = (np.zeros(C, dtype) for _ in range(4))
        self.by_batch = True

    def forward(self, block: Block, training: bool) -> None:
        """Centre, then scale and shift."""
        c, x, z = slice(block.start, block.stop), rows(self.x.value[block]), rows(self.z[block])
        moving_mean, moving_variance = self.moving_mean[c], self.moving_variance[c]
        self.by_batch = training
        if training:
            mean = x @ self.ones / self.R
            np.subtract(x, mean[:, None], out=z)
            rest = z @ self.ones / self.R
            var = np.maximum(np.vecdot(z, z) / self.R - rest * rest, 0)
            moving_mean *= self.momentum
            moving_mean += (1 - self.momentum) * (mean + rest)
            moving_variance *= self.momentum
            moving_variance += (1 - self.momentum) * var
        else:
            np.subtract(x, moving_mean[:, None], out=z)
            var, rest = moving_variance, np.zeros_like(moving_mean)
        self.rest[c], self.inv[c] = rest, 1 / np.sqrt(var + self.eps)
        self.scale[c] = self.gamma[c] * self.inv[c]
        self.shift[c] = self.beta[c] - self.scale[c] * rest
        self.again(block)

    def again(self, block: Block) -> None:
        """Scale and shift z: of x and its statistics, nothing else is left to do."""
        c, y = slice(block.start, block.stop), rows(self.y.value[block])
        np.multiply(rows(self.z[block]), self.scale[c, None], out=y)
        y += self.shift[c, None]

    def backward(self, block: Block) -> None:
        """Write dx over z."""
        c = slice(block.start, block.stop)
        dy, z, dx = rows(self.y.gradient[block]), rows(self.z[block]), rows(self.x.gradient[block])
        inv, scale, rest = self.inv[c], self.scale[c], self.rest[c]
        dbeta = dy @ self.ones
        dgamma = inv * (np.vecdot(dy, z) - rest * dbeta)
        self.dgamma[c], self.dbeta[c] = dgamma, dbeta
        if not self.by_batch:  # mean and variance were constants
            np.multiply(dy, scale[:, None], out=dx)
            return
        along = inv * dgamma / self.R  # how much of z there is in dy
        np.multiply(z, -along[:, None], out=dx)
        dx += dy
        dx += (along * rest - dbeta / self.R)[:, None]
        dx *= scale[:, None]


def rows(block: np.ndarray) -> np.ndarray:
    """Make each channel one row: (n, H, W, N) -> (n, R)."""
    return block.reshape(len(block), -1)
