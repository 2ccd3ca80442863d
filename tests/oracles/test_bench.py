"""The network that PyTorch runs in the speed comparison is the one that xnp runs."""

import pytest

from xnp import bench, models
from xnp.count import count

torch = pytest.importorskip("torch")


def test_both_contestants_have_as_many_parameters_and_outputs():
    network = bench.torch_small_xception()
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == count(models.small_xception()).trainable == 1_281_002
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("step", [bench.xnp_step, lambda n: bench.torch_step(n, channels_last=True)])
def test_a_step_learns(step):
    run = step(4)
    losses = [run() for _ in range(4)]
    assert losses[-1] < losses[0]
