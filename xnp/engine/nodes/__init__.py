"""The nodes of a plan: each operation in the engine's layout, forward and backward, one idea a file."""

from xnp.engine.nodes.batch_norm import BatchNorm
from xnp.engine.nodes.convolution import Convolution
from xnp.engine.nodes.depthwise import Depthwise
from xnp.engine.nodes.elementwise import ELU, ReLU
from xnp.engine.nodes.joins import Add, Concatenate, Fork
from xnp.engine.nodes.moves import Flatten, Thin
from xnp.engine.nodes.node import Node
from xnp.engine.nodes.plain import Plain
from xnp.engine.nodes.pointwise import Pointwise
from xnp.engine.nodes.pooling import GlobalAveragePool, MaxPool

__all__ = [
    "ELU",
    "Add",
    "BatchNorm",
    "Concatenate",
    "Convolution",
    "Depthwise",
    "Flatten",
    "Fork",
    "GlobalAveragePool",
    "MaxPool",
    "Node",
    "Plain",
    "Pointwise",
    "ReLU",
    "Thin",
]
