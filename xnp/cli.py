"""The command `xnp`: what can be typed. What is done then stands in `xnp.verbs`.

Exit codes: 0 done, 1 the work failed, 2 wrong usage.
"""

import argparse
import os
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xnp import runs, verbs
from xnp.bench.contestants import NAMES
from xnp.count import EXTRAS
from xnp.engine.processes import WorkerDied
from xnp.reproduce.experiments import EXPERIMENTS
from xnp.reproduce.presets import DEFAULT, PRESETS, QUICK_SEEDS
from xnp.runner import ENGINES
from xnp.statistics import MOST_PAIRS


def main(arguments: list[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = make_parser().parse_args(arguments)
    options.command = shlex.join(["xnp", *arguments])
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print(f"xnp: note: {message}", file=sys.stderr)
            code = options.function(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader went away, as in `xnp count xception | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print(f"xnp {options.verb}: interrupted", file=sys.stderr)
    except (OSError, ValueError, MemoryError, ModuleNotFoundError, WorkerDied) as error:
        print(f"xnp {options.verb}: {verbs.words(error)}", file=sys.stderr)
    return 1


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line. Options are typed whole: `--data` is never taken for `--data-dir`."""
    parser = argparse.ArgumentParser(
        prog="xnp",
        description="Xception from scratch in pure NumPy: train it, use it, count it, check it.",
        epilog="example:  xnp train",
        allow_abbrev=False,
    )
    added = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(function: Callable[[argparse.Namespace], int], example: str) -> argparse.ArgumentParser:
        one = added.add_parser(
            function.__name__,
            help=function.__doc__,
            description=function.__doc__,
            epilog=f"example:  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.set_defaults(function=function, parser=one)
        return one

    add_train_options(verb(verbs.train, "xnp train --data cifar10 --subset 5000 --epochs 20"))
    one = verb(verbs.evaluate, "xnp evaluate runs/patterns-tiny-1")
    one.add_argument("folder", type=Path, metavar="RUN", help="folder of a training")
    one.add_argument("--data-dir", help="folder that holds cifar-10-batches-bin/, if it has moved since the training")
    add_engine_options(one)
    add_predict_options(verb(verbs.predict, "xnp predict cat.jpg dog.png"))
    add_export_options(verb(verbs.export, "xnp export runs/patterns-tiny-1 model.onnx"))
    add_count_options(verb(verbs.count, "xnp count xception --unit flop --include batch_norm activation"))
    verb(verbs.gradcheck, "xnp gradcheck")
    add_bench_options(verb(verbs.bench, "xnp bench --what inference --model xception --batch 1"))
    add_reproduce_options(verb(verbs.reproduce, "xnp reproduce activation --quick"))
    verb(verbs.download, "xnp download     (XNP_DATA names another folder than the usual cache)")
    return parser


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Describe `xnp train`: one option for each of the `Settings`, left at None where the recipe shall decide."""
    add = parser.add_argument
    add("--data", choices=list(runs.RECIPES), help="patterns are made on the spot (default: patterns)")
    add("--data-dir", help="folder that holds cifar-10-batches-bin/ (default: what `xnp download` fetched)")
    each = f"as many of each class: N is a multiple of {runs.CLASSES}"
    add("--subset", type=positive, metavar="N", help=f"train on N images, {each} {usual('subset')}")
    validation = f"hold N training images back to validate, {each}; 0 for none {usual('validation')}"
    add("--validation", type=natural, metavar="N", help=validation)
    add("--model", choices=list(runs.MODELS), help="size of the network (default: tiny)")
    add("--seed", type=natural, help="of weights, order and augmentation (default: 0)")
    add("--epochs", type=positive, metavar="N", help=f"how often each image is seen {usual('epochs')}")
    add("--batch-size", type=positive, metavar="N", help=f"images in a step {usual('batch_size')}")
    add("--optimizer", choices=list(runs.OPTIMIZERS), help=f"how a step uses the gradients {usual('optimizer')}")
    add("--learning-rate", type=rate, metavar="R", help=f"at its highest {usual('learning_rate')}")
    schedule = f"of the learning rate; step is the paper's {usual('schedule')}"
    add("--schedule", choices=list(runs.SCHEDULES), help=schedule)
    add("--weight-decay", type=rate, metavar="R", help=f"on kernels alone {usual('weight_decay')}")
    smoothing = f"share of each label that is spread over all classes {usual('label_smoothing')}"
    add("--label-smoothing", type=share, metavar="E", help=smoothing)
    average = f"decay of the Polyak average of the weights; 0 for none {usual('average')}"
    add("--average", type=share, metavar="D", help=average)
    augment = f"any of {', '.join(runs.AUGMENTS)}; or nothing {usual('augment')}"
    add("--augment", nargs="*", choices=list(runs.AUGMENTS), metavar="A", help=augment)
    add_engine_options(parser)
    add("--run", type=Path, metavar="DIR", help="folder of this training (default: a new one in runs/)")
    add("--resume", type=Path, metavar="RUN", help="go on with a training that was stopped")


def add_predict_options(parser: argparse.ArgumentParser) -> None:
    """Describe `xnp predict`: the pictures, and one of three kinds of network."""
    add = parser.add_argument
    images = "picture of any size (PNG, JPEG, or what else Pillow reads), or a folder of pictures"
    add("images", type=Path, nargs="+", metavar="IMAGE", help=images)
    add("--run", type=Path, help="folder of a training (default: the trained network that comes with xnp)")
    add("--model", choices=["xception"], help="the paper's network; it needs --weights")
    weights = "imagenet: those published with Keras, 92 MB, fetched once; or a FILE that Keras saved"
    add("--weights", metavar="FILE|imagenet", help=weights)
    classes = "names for --weights FILE: a text, one a line, or a class index of Keras (.json); without: ImageNet's,"
    classes += " which are numbers until --weights imagenet has fetched the names"
    add("--classes", type=Path, metavar="FILE", help=classes)
    add_engine_options(parser)


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Describe who runs the network."""
    add = parser.add_argument
    add("--engine", choices=ENGINES, help="plain: the operations that are made to be read, slower (default: fast)")
    add("--workers", type=positive, metavar="N", help="of the fast engine (default: one for each core)")


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Describe `xnp export`."""
    add = parser.add_argument
    run = "folder of a training (default: the trained network that comes with xnp)"
    add("folder", type=Path, nargs="?", metavar="RUN", help=run)
    add("file", type=Path, metavar="FILE.onnx", help="what is written; an older one is replaced")
    add("--batch", type=positive, metavar="N", help="the file takes N images a call (default: any number)")


def usual(setting: str) -> str:
    """Say what the recipes take for a setting.

    >>> usual("optimizer"), usual("augment")
    ('(default: sgd)', '(default: patterns nothing, cifar10 flip crop)')
    """
    said = {}
    for data, recipe in runs.RECIPES.items():
        match recipe[setting]:
            case None:
                said[data] = "all the rest"
            case tuple(names):
                said[data] = " ".join(names) or "nothing"
            case float(number):
                said[data] = f"{number:g}"
            case value:
                said[data] = str(value)
    if len(set(said.values())) == 1:
        return f"(default: {next(iter(said.values()))})"
    return f"(default: {', '.join(f'{data} {text}' for data, text in said.items())})"


def add_count_options(parser: argparse.ArgumentParser) -> None:
    """Describe `xnp count`. MODEL comes first: after --include it would be taken for one more EXTRA."""
    parser.usage = (
        "xnp count [-h] MODEL [--size SIZE] [--conventions | [--unit {mac,flop}] [--include EXTRA [EXTRA ...]]]"
    )
    add = parser.add_argument
    add("model", choices=list(runs.MODELS), metavar="MODEL", help=f"{', '.join(runs.MODELS)} (the paper's)")
    add("--unit", type=str.lower, choices=["mac", "flop"], help="1 MAC = 2 FLOP (default: mac)")
    add("--size", type=positive, help="height and width of the image (default: the network's own)")
    conventions = "what fvcore, ptflops, torchinfo, PyTorch and Keras print for this network, and why"
    add("--conventions", action="store_true", help=conventions)
    include = f"count also the operations of these, each as 1: {', '.join(EXTRAS)}"
    add("--include", type=extra, nargs="+", metavar="EXTRA", help=include)


def add_bench_options(parser: argparse.ArgumentParser) -> None:
    """Describe `xnp bench`. What belongs to the comparison alone is left at None: so the others can refuse it."""
    add = parser.add_argument
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--growth", action="store_true", help="time and memory as batch, width, ... and workers grow")
    kind.add_argument("--ladder", action="store_true", help="from naive NumPy to the engine, one change a rung")
    kind.add_argument(
        "--parts", action="store_true", help="what the time of the engine's step goes to, with one worker"
    )
    add("--what", choices=["training", "inference"], help="a training step or a prediction (default: training)")
    add("--model", choices=list(runs.MODELS), help="size of the network (default: small)")
    add("--size", type=positive, help="height and width of an image (default: the network's own)")
    add("--batch", type=positive, metavar="N", help="images in a step (default: 64)")
    add("--contestants", choices=NAMES, nargs="+", metavar="NAME", help=f"any of {', '.join(map(repr, NAMES))}")
    add("--against", choices=NAMES, metavar="NAME", help="whose time the others' are divided by (default: the first)")
    add("--workers", type=positive, metavar="N", help="cores for each contestant (default: all)")
    add("--rounds", type=positive, metavar="N", help="turns of each contestant (default: 30; with --growth 3)")


def add_reproduce_options(parser: argparse.ArgumentParser) -> None:
    """Describe `xnp reproduce`."""
    experiments = (f"  {name:16} {experiment.question}" for name, experiment in EXPERIMENTS.items())
    parser.epilog = "\n".join(
        [
            "experiments:",
            *experiments,
            "",
            f"Without --quick and --full it takes {PRESETS[DEFAULT][1]}.",
            "Ctrl-C stops and saves; the same command goes on. A higher --seeds adds trials to those that are there.",
            "",
            parser.epilog or "",
        ]
    )
    add = parser.add_argument
    add("experiment", choices=[*EXPERIMENTS, "all"], metavar="EXPERIMENT", help="one of those below; or all of them")
    preset = parser.add_mutually_exclusive_group()
    for name, (_, words) in PRESETS.items():
        if name != DEFAULT:
            preset.add_argument(f"--{name}", action="store_const", const=name, dest="preset", help=words)
    parser.set_defaults(preset=DEFAULT)
    usual_seeds = ", ".join(f"{one.name} {one.seeds}" for one in EXPERIMENTS.values())
    seeds = f"trials of each variant, at most {MOST_PAIRS} (default: {QUICK_SEEDS} with --quick; else {usual_seeds})"
    add("--seeds", type=positive, metavar="N", help=seeds)
    add("--jobs", type=positive, metavar="N", help="trials at a time (default: one for each core)")
    folder = "folder of the results; what is there already is not done again (default: reproduce/EXPERIMENT-PRESET)"
    add("--folder", type=Path, metavar="DIR", help=folder)
    add("--data-dir", help="folder that holds cifar-10-batches-bin/ (default: what `xnp download` fetched)")


def extra(text: str) -> str:
    """Read what `xnp count` can include."""
    if text not in EXTRAS:
        wrong_place = "MODEL stands before --include" if text in runs.MODELS else f"known are {', '.join(EXTRAS)}"
        raise argparse.ArgumentTypeError(f"{text!r} is no EXTRA; {wrong_place}")
    return text


def positive(text: str) -> int:
    """Read a whole number, 1 or more."""
    return _number(text, int, lambda n: n >= 1, "a whole number, 1 or more")


def natural(text: str) -> int:
    """Read a whole number, 0 or more."""
    return _number(text, int, lambda n: n >= 0, "a whole number, 0 or more")


def rate(text: str) -> float:
    """Read a number, 0 or more."""
    return _number(text, float, lambda n: 0 <= n < float("inf"), "a number, 0 or more")


def share(text: str) -> float:
    """Read a number in [0, 1)."""
    return _number(text, float, lambda n: 0 <= n < 1, "a number, at least 0 and less than 1")


def _number(text: str, kind: Any, accept: Any, wanted: str) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not accept(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return number
