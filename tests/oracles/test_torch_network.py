"""The paper's network and the small one against the same in torch: logits, all gradients, the moving statistics.

Each runs layer by layer and through the engine, in inference and in training, in float64.

The torch network is built from the paper's figure, in torch's own terms: images (N, C, H, W), kernels (O, I, kh, kw).
It shares no code with the library's layers, but the names: so our arrays are copied into it path by path.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from xnp import models
from xnp.count import count
from xnp.engine import Engine

torch = pytest.importorskip("torch")
nn = torch.nn


# The network in torch


def named(**modules):
    return nn.Sequential(OrderedDict(modules))


def numbered(*modules):
    return named(**{str(place): module for place, module in enumerate(modules, 1)})


class Block(nn.Sequential):
    """All modules but "skip" in a row, plus skip(x), or plus x where there is no skip."""

    def forward(self, x):  # noqa: D102
        modules = dict(self.named_children())
        y, skipped = x, modules.pop("skip", nn.Identity())(x)
        for module in modules.values():
            y = module(y)
        return y + skipped


def conv(before, after, size, stride=1):
    return nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # torch's momentum is the weight of the new batch


def separable(before, after):
    space = nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False)
    return named(depthwise=space, pointwise=conv(before, after, 1))


class Pool(nn.Module):
    """Halve as TensorFlow does: an even size is padded at its end alone, an odd one at both."""

    def forward(self, x):  # noqa: D102
        top, left = (n % 2 for n in x.shape[2:])
        return nn.functional.max_pool2d(nn.functional.pad(x, (left, 1, top, 1), value=-torch.inf), 3, 2)


def halving(before, between, after, relu1=True):
    """Make a block of the entry or exit flow; the first has no ReLU at its head, for the stem ends with one."""
    main = OrderedDict(
        separable1=separable(before, between),
        norm1=norm(between),
        relu2=nn.ReLU(),
        separable2=separable(between, after),
        norm2=norm(after),
        pool=Pool(),
    )
    head = {"relu1": nn.ReLU()} if relu1 else {}
    return Block(OrderedDict(**head, **main, skip=named(conv=conv(before, after, 1, stride=2), norm=norm(after))))


def keeping(channels):
    """Make a block of the middle flow."""
    steps = OrderedDict()
    for k in (1, 2, 3):
        steps |= {f"relu{k}": nn.ReLU(), f"separable{k}": separable(channels, channels), f"norm{k}": norm(channels)}
    return Block(steps)


def stem(stride, padding):
    """Make the stem: 32, then 64 channels, its first convolution of this stride."""
    return named(
        conv1=nn.Conv2d(3, 32, 3, stride, padding, bias=False),
        norm1=norm(32),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(32, 64, 3, 1, padding, bias=False),
        norm2=norm(64),
        relu2=nn.ReLU(),
    )


def ending(*widths):
    """Make the last separable convolutions; the first of the widths is that of the images that come in."""
    steps = OrderedDict()
    for k, (before, after) in enumerate(pairwise(widths), 1):
        steps |= {f"separable{k}": separable(before, after), f"norm{k}": norm(after), f"relu{k}": nn.ReLU()}
    return nn.Sequential(steps)


def head():
    """Make the mean of each channel."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def torch_xception():
    return named(
        stem=stem(stride=2, padding=0),
        entry=numbered(halving(64, 128, 128, relu1=False), halving(128, 256, 256), halving(256, 728, 728)),
        middle=numbered(*(keeping(728) for _ in range(8))),
        exit=numbered(halving(728, 728, 1024), ending(1024, 1536, 2048)),
        pool=head(),
        classifier=nn.Linear(2048, 1000),
    )


def torch_small_xception():
    return named(
        stem=stem(stride=1, padding=1),
        entry=numbered(halving(64, 128, 128, relu1=False), halving(128, 256, 256)),
        middle=numbered(*(keeping(256) for _ in range(3))),
        exit=numbered(halving(256, 256, 384), ending(384, 512)),
        pool=head(),
        classifier=nn.Linear(512, 10),
    )


# The library's arrays in torch: names, and the order of the axes


NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "depthwise": "depthwise.weight",
    "pointwise": "pointwise.weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def torch_name(path):
    place, _, name = path.rpartition("/")
    return f"{place.replace('/', '.')}.{NAMES[name]}"


def torch_axes(path, array):
    if path.endswith("/depthwise"):
        return array.transpose(2, 3, 0, 1)  # (kh, kw, C, 1) -> (C, 1, kh, kw)
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1)  # (kh, kw, I, O) -> (O, I, kh, kw)
    if path.endswith("/pointwise"):
        return array.T[:, :, None, None]  # (C, O) -> (O, C, 1, 1)
    return array.T  # (I, O) -> (O, I); one axis stays


def copy_into(net, state):
    """Fill all of a torch network with the library's arrays, and nothing twice."""
    theirs = {name: tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    ours = {torch_name(path): torch_axes(path, array) for path, array in state.items()}
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.shape == theirs[name].shape, name
        theirs[name].copy_(torch.from_numpy(array.copy()))


# The comparison


class Case(NamedTuple):
    """A network of ours and its builder in torch, the size of the images, and how many parameters it has."""

    make: Callable
    make_theirs: Callable
    size: tuple[int, int]
    parameters: int
    slow: bool = True


# At 71x71 the pools of the paper's network meet odd sizes alone; 75 columns bring an even one
CASES = {
    "small": Case(models.small_xception, torch_small_xception, (32, 32), 1_281_002, slow=False),
    "xception-71x71": Case(models.xception, torch_xception, (71, 71), 22_855_952),
    "xception-71x75": Case(models.xception, torch_xception, (71, 75), 22_855_952),
}


@pytest.fixture(
    scope="module", params=[pytest.param(c, id=name, marks=[pytest.mark.slow] * c.slow) for name, c in CASES.items()]
)
def case(request):
    return request.param


@pytest.fixture(scope="module", params=["plain", "engine"])
def engine(request):
    return request.param


@pytest.fixture(scope="module", params=[False, True], ids=["inference", "training"])
def training(request):
    return request.param


@pytest.fixture(scope="module")
def networks(case, engine, training):
    """Run two images forward and a random gradient back through both, with the same numbers in them: none is 0 or 1.

    Gives our network and torch's; what was found on the way, each as (ours, torch's); and our state before.
    """
    rng = np.random.default_rng(2)
    images = rng.normal(size=(2, *case.size, 3))
    ours = case.make(images.shape[1:], seed=1, dtype=np.float64)
    theirs = case.make_theirs().double().train(training)
    for array in ours.state().values():
        if array.ndim == 1:
            array += rng.uniform(-0.5, 0.5, array.shape)
    copy_into(theirs, ours.state())
    before = {path: array.copy() for path, array in ours.state().items()}
    dlogits = rng.normal(size=(2, *ours.output_shape))

    with Engine(ours, 2, workers=2) if engine == "engine" else nullcontext(ours) as runner:
        logits = runner.forward(images, training=training)
        dx = runner.backward(dlogits)

    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).requires_grad_()
    torch_logits = theirs(x)
    torch_logits.backward(torch.from_numpy(dlogits))

    found = {
        "logits": (logits, torch_logits.detach().numpy()),
        "dx": (dx.transpose(0, 3, 1, 2), x.grad.numpy()),
        "state before": before,
    }
    return ours, theirs, found


@pytest.mark.parametrize("name", ["logits", "dx"])
def test_what_goes_in_and_out(networks, distance, name):
    _, _, found = networks
    assert distance(*found[name]) < 1e-9


def test_all_gradients(case, networks, distance):
    ours, theirs, _ = networks
    gradients = {torch_name(path): torch_axes(path, gradient) for path, gradient in ours.gradients().items()}
    expected = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    assert gradients.keys() == expected.keys()
    assert all(gradient.any() for gradient in expected.values())
    assert sum(gradient.size for gradient in expected.values()) == case.parameters
    errors = {name: distance(gradient, expected[name]) for name, gradient in gradients.items()}
    assert max(errors.values()) < 1e-9, max(errors, key=errors.get)


def test_moving_statistics(networks, training, distance):
    ours, theirs, found = networks
    pixels = {row.path: row.activations // row.output_shape[-1] for row in count(ours).rows}
    buffers = {name: tensor.numpy() for name, tensor in theirs.named_buffers()}
    for path, moving in ours.state().items():
        place, _, name = path.rpartition("/")
        if not name.startswith("moving"):
            continue
        before, expected = found["state before"][path], buffers[torch_name(path)]
        if name == "moving_variance" and training:  # torch divides by rows - 1, the library by rows
            rows = 2 * pixels[place]
            expected = 0.99 * before + (expected - 0.99 * before) * (rows - 1) / rows
        assert distance(moving, expected) < 1e-9, path
        assert np.array_equal(moving, before) != training, path
