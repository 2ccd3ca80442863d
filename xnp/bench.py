"""How fast is a training step, and how much memory does it take, beside PyTorch's on the same network.

    python -m xnp.bench --rounds 15

Each contestant is a process of its own. They take turns (A, B, C, A, B, C, ...): only one works at a time, and a slow
moment of the machine meets all. What counts is the ratio within a round, not the milliseconds.

A step is forward, loss, backward and an SGD update with momentum, of `small_xception` on 32x32x3 images in float32.
PyTorch runs it eagerly, in its fast layout (channels_last) and in its default one; `pip install -e ".[oracles]"` brings
it. Peak memory is that of the whole process, with the libraries it loads (not known on Windows).
"""

import argparse
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

CONTESTANTS = ("xnp plain", "torch channels_last", "torch default")


def xnp_step(batch: int) -> Callable[[], float]:
    """Prepare a training step with the plain operations."""
    from xnp import models
    from xnp.ops import softmax_cross_entropy
    from xnp.optimizers import SGD

    model, optimizer = models.small_xception(), SGD(momentum=0.9)
    x, labels = make_batch(batch)

    def step() -> float:
        logits = model.forward(x, training=True)
        loss, cache = softmax_cross_entropy.forward(logits, labels)
        model.backward(softmax_cross_entropy.backward(1.0, cache))
        optimizer.step(model.parameters(), model.gradients(), 0.01)
        return float(loss)

    return step


def torch_step(batch: int, channels_last: bool) -> Callable[[], float]:
    """Prepare the same step in PyTorch."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = torch_small_xception().to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, labels = make_batch(batch)
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(memory_format=layout)
    targets = torch.from_numpy(labels)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_small_xception() -> Any:
    """Build `small_xception` in PyTorch; its pools pad on both sides, which costs the same."""
    from torch import nn

    def norm(channels: int) -> Any:
        return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)

    def conv(c: int, o: int, size: int, stride: int = 1) -> list[Any]:
        return [nn.Conv2d(c, o, size, stride, padding=size // 2, bias=False), norm(o)]

    def separable(c: int, o: int) -> list[Any]:
        depthwise = nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False)
        return [depthwise, nn.Conv2d(c, o, 1, bias=False), norm(o)]

    class Residual(nn.Module):
        def __init__(self, main: list[Any], skip: list[Any]) -> None:
            super().__init__()
            self.main, self.skip = nn.Sequential(*main), nn.Sequential(*skip)

        def forward(self, x: Any) -> Any:
            return self.main(x) + self.skip(x)

    def downsample(c: int, first: int, second: int, before: list[Any]) -> Any:
        main = [*before, *separable(c, first), nn.ReLU(), *separable(first, second), nn.MaxPool2d(3, 2, padding=1)]
        return Residual(main, conv(c, second, 1, stride=2))

    def middle(c: int) -> Any:
        return Residual([layer for _ in range(3) for layer in [nn.ReLU(), *separable(c, c)]], [])

    return nn.Sequential(
        *conv(3, 32, 3), nn.ReLU(), *conv(32, 64, 3), nn.ReLU(),
        downsample(64, 128, 128, []), downsample(128, 256, 256, [nn.ReLU()]),
        *(middle(256) for _ in range(3)),
        downsample(256, 256, 384, [nn.ReLU()]), *separable(384, 512), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def make_batch(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images and labels."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, 32, 32, 3), np.float32), rng.integers(0, 10, batch)


def contestant(name: str, batch: int) -> None:
    """Be one contestant: for each line on standard input do one step and say how long it took."""
    step = xnp_step(batch) if name == "xnp plain" else torch_step(batch, name == "torch channels_last")
    for _ in range(2):
        step()  # the first steps allocate
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        step()
        print(time.perf_counter() - started, peak_megabytes(), flush=True)


def peak_megabytes() -> float:
    """Give the most memory that this process has held."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, units of 1,024 bytes on Linux
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def compare(names: list[str], *, batch: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Let the contestants take turns: name -> (seconds, peak megabytes) of each turn."""
    command = [sys.executable, "-m", "xnp.bench", "--batch", str(batch), "--contestant"]
    processes = {
        name: subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in names
    }
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    try:
        for process in processes.values():
            ask(process, "")
        for _ in range(rounds):
            for name, process in processes.items():
                seconds, megabytes = map(float, ask(process, "go\n").split())
                turns[name].append((seconds, megabytes))
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return turns


def ask(process: Any, line: str) -> str:
    """Send a line, wait for the answer."""
    process.stdin.write(line)
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"bench: {process.args[-1]} stopped; run it alone to see why: {' '.join(process.args)}")
    return answer


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m xnp.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64, help="images in a step (default: 64)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each contestant (default: 15)")
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contestant:
        contestant(options.contestant, options.batch)
        return
    names = [name for name in CONTESTANTS if name == "xnp plain" or importlib.util.find_spec("torch")]
    turns = compare(names, batch=options.batch, rounds=options.rounds)
    ours = [seconds for seconds, _ in turns["xnp plain"]]
    print(f"training step of small_xception, batch {options.batch}, float32, {options.rounds} turns each, medians")
    print(f"{'':22}{'ms/step':>9}{'images/s':>10}{'peak MB':>9}   speed of xnp against it (quartiles)")
    for name in names:
        seconds = [turn[0] for turn in turns[name]]
        low, middle, high = np.percentile(np.divide(seconds, ours), [25, 50, 75])
        print(
            f"{name:22}{1e3 * median(seconds):9.0f}{options.batch / median(seconds):10.1f}"
            f"{max(turn[1] for turn in turns[name]):9.0f}   {middle:.2f} ({low:.2f} to {high:.2f})"
        )


if __name__ == "__main__":
    main()
