"""MyGrad as a contestant: another library of gradients in pure NumPy. It trains the same network, with two differences.

MyGrad has no depthwise convolution: nine shifted products and their sum take its place. And its max pools do not pad:
they are 2x2 here, less work than 3x3. Images are (N, C, H, W), MyGrad's layout; float32, wherever MyGrad keeps it.
"""

from typing import Any

import numpy as np

from xnp import layers
from xnp.bench.work import Step, Work, batch_of, network
from xnp.graph import Call, trace


def prepare(work: Work, workers: int) -> Step:
    """Prepare the training step for MyGrad; only BLAS uses the workers."""
    import mygrad
    from mygrad.nnet.losses import softmax_crossentropy

    model = network(work)
    calls = trace(model)
    weights = {path: mygrad.tensor(array) for path, array in model.parameters().items()}
    velocity = {path: np.zeros_like(array) for path, array in model.parameters().items()}
    images, labels = batch_of(work)
    x = images.transpose(0, 3, 1, 2).copy()

    def step() -> np.ndarray:
        values = {0: x}
        for call in calls:
            values[call.writes] = run(call, [values[k] for k in call.reads], weights)
        loss = softmax_crossentropy(values[len(calls)], labels)
        loss.backward()
        for path, weight in weights.items():
            velocity[path] = 0.9 * velocity[path] + weight.grad
            weights[path] = mygrad.tensor((weight.data - 0.01 * velocity[path]).astype(np.float32))
        return loss.data

    return step


def run(call: Call, inputs: list[Any], weights: dict[str, Any]) -> Any:
    """Run one call of the network."""
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import batchnorm, conv_nd, max_pool

    x, layer = inputs[0], call.what
    match layer:
        case "add":
            return x + inputs[1]
        case layers.Conv2D():
            kernel = weights[f"{layer.path}/kernel"].transpose(3, 2, 0, 1)
            if layer.kernel_size == 1:
                return mix(x[:, :, :: layer.stride, :: layer.stride], kernel.reshape(*kernel.shape[:2]))
            return conv_nd(x, kernel, stride=layer.stride, padding=1)
        case layers.SeparableConv2D():
            h = filter_channels(x, weights[f"{layer.path}/depthwise"])
            return mix(h, weights[f"{layer.path}/pointwise"].T)
        case layers.BatchNorm():
            gamma, beta = weights[f"{layer.path}/gamma"], weights[f"{layer.path}/beta"]
            return batchnorm(x, gamma=gamma, beta=beta, eps=layer.eps)
        case layers.MaxPool2D():
            return max_pool(x, (2, 2), 2)
        case layers.Dense():
            return x @ weights[f"{layer.path}/kernel"] + weights[f"{layer.path}/bias"]
        case layers.ReLU():
            return relu(x)
        case layers.GlobalAveragePool2D():
            return x.mean(axis=(2, 3))
    raise TypeError(f"bench: {getattr(layer, 'path', layer)} has no translation to MyGrad")


def filter_channels(x: Any, kernel: Any) -> Any:
    """Filter each channel by its 3x3 kernel: nine shifted products."""
    import mygrad

    N, C, H, W = x.shape
    padded = mygrad.zeros((N, C, H + 2, W + 2), dtype=np.float32)
    padded[:, :, 1:-1, 1:-1] = x
    taps = (padded[:, :, i : i + H, j : j + W] * kernel[i, j].reshape(C, 1, 1) for i, j in np.ndindex(3, 3))
    total = next(taps)
    for tap in taps:
        total = total + tap
    return total


def mix(x: Any, matrix: Any) -> Any:
    """Mix the channels (N, C, H, W) at each pixel by a matrix (O, C)."""
    import mygrad

    N, C, H, W = x.shape
    return mygrad.matmul(matrix, x.reshape(N, C, H * W)).reshape(N, -1, H, W)
