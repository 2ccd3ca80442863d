"""PyTorch as a contestant: any network of this library, layer by layer in torch's own modules, with the same weights.

It computes the same function, so that answers can be compared, and it costs torch nothing extra: a pool with
TensorFlow's padding of (0, 1) is torch's pool with `ceil_mode`.
"""

from typing import Any

import numpy as np

from xnp import layers
from xnp.bench.work import Step, Work, batch_of, network
from xnp.shapes import Pair, Sides, pair, slide


def prepare(work: Work, workers: int, *, channels_last: bool) -> Step:
    """Prepare the work for torch, eager, in its fast layout (channels_last) or in its default one."""
    import torch

    torch.set_num_threads(workers)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = translate(network(work)).to(memory_format=layout)
    images, labels = batch_of(work)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(memory_format=layout)
    if work.what == "inference":
        model.eval()

        def predict() -> np.ndarray:
            with torch.inference_mode():
                return model(x).numpy()

        return predict
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    targets = torch.from_numpy(labels)

    def step() -> np.ndarray:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), targets)
        loss.backward()
        optimizer.step()
        return loss.detach().numpy()

    return step


def translate(layer: Any) -> Any:
    """Build the torch module that does what a layer does, with the layer's arrays in torch's order of axes."""
    from torch import nn

    groups = layer.input_shape[-1]  # of a depthwise convolution: one for each channel
    match layer:
        case layers.Sequential():
            return nn.Sequential(*map(translate, layer.children.values()))
        case layers.Residual():
            return residual(translate(layer.main), nn.Identity() if layer.skip is None else translate(layer.skip))
        case layers.Conv2D():
            return convolution(layer, layer.array("kernel").transpose(3, 2, 0, 1))
        case layers.SeparableConv2D():
            first = convolution(layer, layer.array("depthwise").transpose(2, 3, 0, 1), groups=groups)
            mix = layer.array("pointwise").T[:, :, None, None]
            second = nn.Conv2d(mix.shape[1], mix.shape[0], 1, bias=False)
            second.weight = parameter(mix)
            return nn.Sequential(first, second)
        case layers.BatchNorm():
            norm: Any = nn.BatchNorm2d(layer.output_shape[-1], eps=layer.eps, momentum=1 - layer.momentum)
            norm.weight, norm.bias = parameter(layer.array("gamma")), parameter(layer.array("beta"))
            norm.running_mean.copy_(parameter(layer.array("moving_mean")).detach())
            norm.running_var.copy_(parameter(layer.array("moving_variance")).detach())
            return norm
        case layers.MaxPool2D():
            (before, after), _ = sides(layer, layer.size)
            return nn.MaxPool2d(layer.size, layer.stride, padding=before, ceil_mode=before != after)
        case layers.Dense():
            dense = nn.Linear(*layer.array("kernel").shape)
            dense.weight, dense.bias = parameter(layer.array("kernel").T), parameter(layer.array("bias"))
            return dense
        case layers.ReLU():
            return nn.ReLU()
        case layers.GlobalAveragePool2D():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case layers.Dropout():
            return nn.Dropout(layer.rate)
    raise TypeError(f"bench: {type(layer).__name__} has no translation to torch")


def residual(main: Any, skip: Any) -> Any:
    """Make main(x) + skip(x); a function, since the class needs torch."""
    from torch import nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.skip = main, skip

        def forward(self, x: Any) -> Any:
            return self.main(x) + self.skip(x)

    return Residual()


def convolution(layer: Any, weight: np.ndarray, groups: int = 1) -> Any:
    """Make a convolution without bias. Padding that differs from side to side needs a module of its own."""
    from torch import nn

    outputs, inputs, *_ = weight.shape
    (top, bottom), (left, right) = sides(layer, layer.kernel_size)
    even = (top, left) == (bottom, right)
    conv = nn.Conv2d(
        inputs * groups, outputs, layer.kernel_size, layer.stride, (top, left) if even else 0, groups=groups, bias=False
    )
    conv.weight = parameter(weight)
    return conv if even else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), conv)


def sides(layer: Any, kernel: Pair) -> Sides:
    """Give the padding of a layer: ((top, bottom), (left, right))."""
    size = pair(layer.path, "kernel", kernel)
    return slide(layer.path, (1, *layer.input_shape), size, stride=layer.stride, padding=layer.padding).padding


def parameter(array: np.ndarray) -> Any:
    """Copy an array into a parameter of torch."""
    import torch

    return torch.nn.Parameter(torch.from_numpy(array.copy()))
