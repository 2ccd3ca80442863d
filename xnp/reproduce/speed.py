"""How fast do the variants train? Alone on the machine, in turns: a slow moment meets all.

Trials run side by side, one worker each, so their times mean little. Here each variant has all cores, one after the
other, round after round; what counts is the ratio within a round.
"""

import time
from collections.abc import Sequence

import numpy as np

from xnp.bench.by_xnp import training_step
from xnp.engine import Engine
from xnp.layers import Sequential

ROUNDS, STEPS = 15, 10  # turns of each variant; training steps in a turn


def measure(networks: Sequence[Sequential], batch_size: int, *, rounds: int = ROUNDS) -> list[list[float]]:
    """Time training steps: forward, loss, backward, update.

    Parameters
    ----------
    networks : sequence of Sequential
        Built.
    batch_size : int
    rounds : int

    Returns
    -------
    list of lists of float
        Images per second: a list for each network, a number for each round.
    """
    from tqdm import tqdm

    rng = np.random.default_rng(0)
    speeds: list[list[float]] = [[] for _ in networks]
    for _ in tqdm(range(rounds), desc="rounds of speed", leave=False, disable=None):
        for network, found in zip(networks, speeds, strict=True):
            assert network.input_shape is not None, "the networks are built"
            images = rng.standard_normal((batch_size, *network.input_shape), dtype=np.float32)
            labels = rng.integers(0, network.output_shape[0], batch_size)
            with Engine(network, batch_size, input_gradient=False) as engine:
                step = training_step(engine, images, labels)
                step()  # the first one only warms up
                began = time.perf_counter()
                for _ in range(STEPS):
                    step()
                found.append(STEPS * batch_size / (time.perf_counter() - began))
    return speeds
