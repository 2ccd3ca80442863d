"""small_xception against the same network in torch: logits, loss, all gradients, the moving statistics.

The torch network is built from the paper's figure, in torch's own terms: images (N, C, H, W), kernels (O, I, kh, kw).
It shares no code with the library's layers, but the names: so our arrays are copied into it path by path.
"""

from collections import OrderedDict

import numpy as np
import pytest

from xnp import models
from xnp.count import count
from xnp.ops import softmax_cross_entropy

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


def pool():
    """Halve an even size as TensorFlow does: the padding is at the bottom and right alone."""
    return nn.Sequential(nn.ConstantPad2d((0, 1, 0, 1), -torch.inf), nn.MaxPool2d(3, 2))


def halving(before, between, after, relu1=True):
    """Make a block of the entry or exit flow; the first has no ReLU at its head, for the stem ends with one."""
    main = OrderedDict(
        separable1=separable(before, between),
        norm1=norm(between),
        relu2=nn.ReLU(),
        separable2=separable(between, after),
        norm2=norm(after),
        pool=pool(),
    )
    head = {"relu1": nn.ReLU()} if relu1 else {}
    return Block(OrderedDict(**head, **main, skip=named(conv=conv(before, after, 1, stride=2), norm=norm(after))))


def keeping(channels):
    """Make a block of the middle flow."""
    steps = OrderedDict()
    for k in (1, 2, 3):
        steps |= {f"relu{k}": nn.ReLU(), f"separable{k}": separable(channels, channels), f"norm{k}": norm(channels)}
    return Block(steps)


def torch_small_xception(classes=10):
    """Build small_xception for images of 32x32: all sizes that are halved are even."""
    return named(
        stem=named(
            conv1=conv(3, 32, 3),
            norm1=norm(32),
            relu1=nn.ReLU(),
            conv2=conv(32, 64, 3),
            norm2=norm(64),
            relu2=nn.ReLU(),
        ),
        entry=numbered(halving(64, 128, 128, relu1=False), halving(128, 256, 256)),
        middle=numbered(keeping(256), keeping(256), keeping(256)),
        exit=numbered(halving(256, 256, 384), named(separable1=separable(384, 512), norm1=norm(512), relu1=nn.ReLU())),
        pool=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        classifier=nn.Linear(512, classes),
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


@pytest.fixture(scope="module", params=[False, True], ids=["inference", "training"])
def training(request):
    return request.param


@pytest.fixture(scope="module")
def networks(training):
    """Run one batch forward and back through both, with the same numbers in them, of which none is 0 or 1.

    Gives our network and torch's; what was found on the way, each as (ours, torch's); and our state before.
    """
    rng = np.random.default_rng(2)
    images, labels = rng.normal(size=(4, 32, 32, 3)), np.array([3, 0, 9, 3])
    ours, theirs = models.small_xception(seed=1, dtype=np.float64), torch_small_xception().double().train(training)
    for array in ours.state().values():
        if array.ndim == 1:
            array += rng.uniform(-0.5, 0.5, array.shape)
    copy_into(theirs, ours.state())
    before = {path: array.copy() for path, array in ours.state().items()}

    logits = ours.forward(images, training=training)
    loss, cache = softmax_cross_entropy.forward(logits, labels)
    dx = ours.backward(softmax_cross_entropy.backward(1.0, cache))

    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).requires_grad_()
    torch_logits = theirs(x)
    torch_loss = nn.functional.cross_entropy(torch_logits, torch.from_numpy(labels))
    torch_loss.backward()

    found = {
        "logits": (logits, torch_logits.detach().numpy()),
        "loss": (np.asarray(loss), torch_loss.detach().numpy()),
        "dx": (dx.transpose(0, 3, 1, 2), x.grad.numpy()),
        "state before": before,
    }
    return ours, theirs, found


@pytest.mark.parametrize("name", ["logits", "loss", "dx"])
def test_what_goes_in_and_out(networks, distance, name):
    _, _, found = networks
    assert distance(*found[name]) < 1e-9


def test_all_gradients(networks, distance):
    ours, theirs, _ = networks
    gradients = {torch_name(path): torch_axes(path, gradient) for path, gradient in ours.gradients().items()}
    expected = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    assert gradients.keys() == expected.keys()
    assert sum(gradient.size for gradient in expected.values()) == 1_281_002
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
            rows = 4 * pixels[place]
            expected = 0.99 * before + (expected - 0.99 * before) * (rows - 1) / rows
        assert distance(moving, expected) < 1e-9, path
        assert np.array_equal(moving, before) != training, path
