"""From the library's calls to the steps of the plan: what is left out, what is folded, what goes along.

    call                    becomes
    Dropout, Flatten        nothing: the same numbers, maybe under another shape
    BatchNorm               behind a convolution or a dense layer: part of its kernel and bias; else a tail
    ReLU, ELU, add          the tail of the step that made the value, if nobody else reads the value
    ReLU, else              part of the frame of the step that reads it, if that makes a frame and is the only one
    all others              a step

The value that two read is the crux. In a middle block of Xception x is read by the ReLU of the main path and by the
addition at its end. So the ReLU must not happen in place; but the separable convolution behind it copies its rows into
a frame anyway, and can take the ReLU along.
"""

from collections import Counter

import numpy as np

from xnp import layers, shapes
from xnp.engine.inference.depthwise import Depthwise, Separable
from xnp.engine.inference.kernels import Kernels
from xnp.engine.inference.plain import Concatenate, Plain
from xnp.engine.inference.pooling import GlobalAverage, Pool
from xnp.engine.inference.products import Convolution, Product
from xnp.engine.inference.step import Elementwise, Shape, Step
from xnp.engine.inference.tails import Add, Elu, Norm, Relu, Tail
from xnp.graph import Call
from xnp.layers import Leaf

RUNS_ITS_OP = (Leaf.forward, layers.BatchNorm.forward, layers.Dropout.forward, layers.Flatten.forward)


class Lowering:
    """The steps of a network, and which values are other values under another name.

    Parameters
    ----------
    calls : list of Call
        From `graph.trace`.
    input_shape : Shape
    dtype : dtype

    Attributes
    ----------
    steps : list of Step
        In an order in which they can run.
    shapes : dict
        Value -> shape of one image.
    same : dict
        Value -> the value whose memory it shares, for those that only change the shape.
    output : int
    """

    def __init__(self, calls: list[Call], input_shape: Shape, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.steps: list[Step] = []
        self.shapes = {0: input_shape}
        self.same: dict[int, int] = {}
        self._renamed: dict[int, int] = {}  # by dropout, which does nothing here
        dropped = {call.writes for call in calls if isinstance(call.what, layers.Dropout)}
        self._readers: Counter[int] = Counter()
        for call in calls:
            refuse_unknown(call)
            if call.writes in dropped:
                self._renamed[call.writes] = self._name(call.reads[0])
            else:
                self._readers.update(map(self._name, call.reads))
        self.output = self._name(calls[-1].writes) if calls else 0
        for call in calls:
            if call.writes not in dropped:
                self.shapes[call.writes] = call.shape
                self._take(call)

    def home(self, value: int) -> int:
        """Give the value in whose memory a value lies."""
        while value in self.same:
            value = self.same[value]
        return value

    def _name(self, value: int) -> int:
        return self._renamed.get(value, value)

    def _writer(self, value: int) -> Step | None:
        return next((step for step in self.steps if step.writes == value), None)

    def _take(self, call: Call) -> None:
        """Find a place for one call."""
        reads = tuple(map(self._name, call.reads))
        writer = self._writer(reads[0])
        match call.what:
            case layers.Flatten():
                self.same[call.writes] = reads[0]
            case layers.BatchNorm() as layer:
                if isinstance(writer, Kernels) and not writer.tail and self._readers[reads[0]] == 1:
                    writer.norms.append(layer)
                    writer.writes = call.writes
                else:
                    self._follow(call, reads[0], Norm(layer, call.shape, self.dtype))
            case layers.ReLU():
                self._follow(call, reads[0], Relu())
            case layers.ELU() as layer:
                self._follow(call, reads[0], Elu(layer.alpha))
            case "add":
                self._add(call, *reads)
            case _:
                self.steps.append(self._relu_first(make(call, reads, self.shapes[reads[0]], self.dtype)))

    def _follow(self, call: Call, value: int, tail: Tail) -> None:
        """Let an operation follow the step that writes a value, or make it a step where others read the value too."""
        writer = self._writer(value)
        if writer is not None and self._readers[value] == 1:
            writer.tail.append(tail)
            writer.writes = call.writes
        else:
            step = Elementwise(call.path, (value,), call.writes, call.shape, self.dtype)
            step.tail.append(tail)
            self.steps.append(step)

    def _add(self, call: Call, main: int, skipped: int) -> None:
        """Add to the value that is written last: then the other one is there."""
        order = {step.writes: place for place, step in enumerate(self.steps)}
        first, last = sorted((main, skipped), key=lambda value: order.get(self.home(value), -1))
        self._follow(call, last, Add(first, call.path))

    def _relu_first(self, step: Step) -> Step:
        """Let a step take along a ReLU that stands alone before it."""
        before = self._writer(step.reads[0])
        if (
            isinstance(step, Kernels)
            and step.frames
            and isinstance(before, Elementwise)
            and [type(tail) for tail in before.tail] == [Relu]
            and self._readers[before.writes] == 1
        ):
            self.steps.remove(before)
            step.relu_first, step.reads = True, before.reads
        return step


def make(call: Call, reads: tuple[int, ...], x_shape: Shape, dtype: np.dtype) -> Step:
    """Make the step of one call."""
    place = (reads, call.writes, call.shape, dtype)
    match call.what:
        case "concatenate":
            return Concatenate(call.path, *place)
        case layers.Dense() as layer:
            return Product(layer, *place)
        case layers.PointwiseConv2D() as layer:
            return Convolution(layer, lay(layer, (1, 1), x_shape), *place)
        case layers.GroupedConv2D() as layer if layer.specs["kernel"].shape[2] == 1:  # a group is one channel
            return Depthwise(layer, lay(layer, layer.kernel_size, x_shape), *place)
        case layers.Conv2D() | layers.GroupedConv2D() as layer:
            return Convolution(layer, lay(layer, layer.kernel_size, x_shape), *place)
        case layers.DepthwiseConv2D() as layer:
            return Depthwise(layer, lay(layer, layer.kernel_size, x_shape), *place)
        case layers.SeparableConv2D() as layer:
            between = {None: None, "relu": Relu(), "elu": Elu(1.0)}[layer.activation]
            return Separable(layer, lay(layer, layer.kernel_size, x_shape), between, *place)
        case layers.MaxPool2D() | layers.AveragePool2D() as layer:
            mean = isinstance(layer, layers.AveragePool2D)
            return Pool(call.path, lay(layer, layer.size, x_shape), x_shape, *place, mean=mean)
        case layers.GlobalAveragePool2D():
            return GlobalAverage(call.path, x_shape, *place)
        case Leaf() as layer:
            return Plain(layer, *place)
    raise AssertionError(call)


def lay(layer: Leaf, kernel: shapes.Pair, x_shape: Shape) -> shapes.Window:
    """Lay a layer's windows over its input."""
    size = shapes.pair(layer.label, "kernel size", kernel)
    options = {name: getattr(layer, name) for name in ("stride", "padding", "dilation") if hasattr(layer, name)}
    return shapes.slide(layer.label, (1, *x_shape), size, **options)


def refuse_unknown(call: Call) -> None:
    """Refuse a layer whose forward is its own: only the operations are known here."""
    if isinstance(call.what, Leaf) and type(call.what).forward not in RUNS_ITS_OP:
        raise TypeError(
            f"Inference: {call.what.label} is a {type(call.what).__name__}, which has a forward of its own; "
            "only layers that run their operation can be planned"
        )
