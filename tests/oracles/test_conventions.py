"""Our figures, from shapes alone, are those that the tools themselves print when they run the network."""

import os
import warnings

import pytest

from xnp.bench import by_keras, by_torch
from xnp.conventions import CONVENTIONS, amounts
from xnp.count import count
from xnp.runs import MODELS

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it once, at its import
torch = pytest.importorskip("torch")


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.fixture(scope="module")
def in_torch(model):
    return by_torch.translate(model).eval()


@pytest.fixture(scope="module")
def ours(model):
    """Give our figures of one tool: its word -> how many."""
    found = amounts(count(model))
    return lambda tool: {one.says: one.figure(found) for one in CONVENTIONS if one.tool == tool}


def channels_first(model):
    return (model.input_shape[2], *model.input_shape[:2])


def test_fvcore(model, in_torch, ours):
    nn = pytest.importorskip("fvcore.nn")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore traces with what torch calls old
        analysis = nn.FlopCountAnalysis(in_torch, torch.zeros(1, *channels_first(model)))
        total = analysis.unsupported_ops_warnings(False).total()
    assert ours("fvcore") == {"flops": total}


@pytest.mark.parametrize(("backend", "tool"), [("pytorch", "ptflops"), ("aten", "ptflops, backend aten")])
def test_ptflops(model, in_torch, ours, backend, tool):
    ptflops = pytest.importorskip("ptflops")
    options = {"print_per_layer_stat": False, "as_strings": False, "backend": backend}
    macs, parameters = ptflops.get_model_complexity_info(in_torch, channels_first(model), **options)
    assert ours(tool) == {"MACs": macs}
    assert parameters == count(model).trainable


def test_torchinfo(model, in_torch, ours):
    torchinfo = pytest.importorskip("torchinfo")
    found = torchinfo.summary(in_torch, (1, *channels_first(model)), verbose=0)
    assert ours("torchinfo") == {"Total params": found.total_params, "mult-adds": found.total_mult_adds}


def test_torch_s_own_counter(model, in_torch, ours):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        in_torch(torch.zeros(1, *channels_first(model)))
    assert ours("PyTorch FlopCounterMode") == {"FLOP": counter.get_total_flops()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")
def test_keras(model, ours):
    pytest.importorskip("keras")
    printed = []
    by_keras.translate(model).summary(print_fn=lambda text, **_: printed.append(text))
    lines = [line.strip() for line in "\n".join(printed).splitlines()]
    for says, figure in ours("Keras").items():
        assert any(line.startswith(f"{says}: {figure:,} (") for line in lines), says
