"""The command `xnp`: each verb a few lines over the library.

Exit codes: 0 done, 1 the work failed, 2 wrong usage.
"""

import argparse
import os
import shlex
import sys
import warnings
from pathlib import Path
from typing import Any

from xnp.count import EXTRAS


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
    except OSError as error:
        about = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else error
        print(f"xnp {options.verb}: {about}", file=sys.stderr)
    except (ValueError, MemoryError) as error:
        print(f"xnp {options.verb}: {str(error) or type(error).__name__}", file=sys.stderr)
    return 1


def train(options: argparse.Namespace) -> int:
    """Train, then draw what came out."""
    from xnp import runs, training

    given = {name: getattr(options, name) for name in TRAIN_OPTIONS if getattr(options, name) is not None}
    if options.resume and (given or options.run):
        flag = f"--{next(iter(given), 'run').replace('_', '-')}"
        options.parser.error(f"--resume goes on with what {options.resume} was made with; it takes no {flag}")
    if "data_dir" in given and given.get("data") != "cifar10":
        options.parser.error("--data-dir belongs to --data cifar10")
    if options.resume:
        folder = options.resume
        settings, command, _, _ = runs.read_config(folder)
    else:
        settings = runs.make_settings(given)
        folder, command = options.run or runs.new_folder(settings), options.command
    print(f"{settings.model} Xception on {settings.data}, into {folder}", flush=True)
    go_on = f"Go on with:  {shlex.join(['xnp', 'train', '--resume', str(folder)])}"
    try:
        runs.train(settings, folder, command=command, resume=bool(options.resume))
    except training.Interrupted as stop:
        print(f"xnp train: {stop}. It is saved. {go_on}", file=sys.stderr)
    except KeyboardInterrupt:  # before the first step, or the second Ctrl-C
        there = (folder / training.CHECKPOINT).exists()
        print(f"xnp train: interrupted. {f'The last checkpoint stays. {go_on}' if there else ''}", file=sys.stderr)
    except training.Diverged as error:
        stays = f"The last good checkpoint stays: {folder / training.CHECKPOINT}"
        print(f"xnp train: {error}. {stays}. A smaller --learning-rate often helps", file=sys.stderr)
    else:
        draw_training(folder)
        return 0
    return 1


def draw_training(folder: Path) -> None:
    """Draw the curves, and what the trained model says of the validation images."""
    from xnp import history, runs, training, viz

    viz.save(viz.curves(history.read(folder / training.HISTORY)), folder / "curves.png")
    run = runs.open_run(folder)
    _, validation = runs.load_training(run.settings)
    if validation is None:
        print(f"drawn: {folder / 'curves.png'}")
        return
    result = training.evaluate(run.model, validation, run.scale)
    draw_answers(folder, "", validation, result)
    print(f"validation accuracy {100 * result.accuracy:.2f} %; pictures in {folder}")


def draw_answers(folder: Path, prefix: str, data: Any, result: Any) -> None:
    """Draw the confusion matrix, and a page of right and wrong predictions."""
    import numpy as np

    from xnp import viz

    matrix = np.zeros((len(data.names), len(data.names)), np.int64)
    np.add.at(matrix, (data.labels, result.probabilities.argmax(axis=1)), 1)
    viz.save(viz.confusion_matrix(matrix, data.names), folder / f"{prefix}confusion.png")
    page = viz.predictions(data.images, data.labels, result.probabilities, data.names)
    viz.save(page, folder / f"{prefix}predictions.png")


def evaluate(options: argparse.Namespace) -> int:
    """Ask a trained model for every test image."""
    from dataclasses import replace

    from xnp import files, runs, training

    run = runs.open_run(options.folder)
    settings = replace(run.settings, data_dir=options.data_dir or run.settings.data_dir)
    if run.epoch < settings.epochs:
        print(f"note: this run has done {run.epoch} of its {settings.epochs} epochs")
    data = runs.load_test(settings)
    result = training.evaluate(run.model, data, run.scale)
    figures = {"images": len(data.labels), "loss": result.loss, "accuracy": result.accuracy, "epoch": run.epoch}
    files.write_json(options.folder / "evaluation.json", figures)
    draw_answers(options.folder, "test_", data, result)
    print(f"test accuracy {100 * result.accuracy:.2f} % of {len(data.labels):,} images, loss {result.loss:.4f}")
    return 0


def predict(options: argparse.Namespace) -> int:
    """Say what a trained model sees in pictures."""
    import numpy as np

    from xnp import runs
    from xnp.data.pictures import read_picture
    from xnp.ops import softmax

    run = runs.open_run(options.folder)
    images = np.stack([read_picture(path, runs.IMAGE_SHAPE[:2]) for path in options.images])
    probabilities, _ = softmax.forward(run.model.forward(run.scale.apply(images, run.model.dtype)))
    width = max(map(len, run.names))
    for path, row in zip(options.images, probabilities, strict=True):
        print(path)
        for k in row.argsort()[::-1][:5]:
            print(f"  {run.names[k]:{width}}  {100 * row[k]:5.1f} %  {'#' * round(40 * float(row[k]))}")
    return 0


def count(options: argparse.Namespace) -> int:
    """Print a network layer by layer."""
    from xnp import runs
    from xnp.count import count as count_model

    model = runs.MODELS[options.model]()
    size = None if options.size is None else (options.size, options.size, 3)
    print(count_model(model, size, unit=options.unit.upper(), include=options.include))
    return 0


def gradcheck(options: argparse.Namespace) -> int:
    """Check every gradient by numbers."""
    from xnp import gradcheck as checks

    results = checks.run()
    print(checks.table(results))
    failed = sum(not result.passed for result in results)
    print(f"{len(results)} checks, {failed} failed")
    return 1 if failed else 0


def download(options: argparse.Namespace) -> int:
    """Fetch CIFAR-10."""
    from xnp.data import cifar10

    print(f"CIFAR-10 is in {cifar10.download(progress=True)}")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="xnp",
        description="Xception from scratch in pure NumPy: train it, use it, count it, check it.",
        epilog="example:  xnp train",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(function: Any, example: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(
            function.__name__,
            help=function.__doc__,
            description=function.__doc__,
            epilog=f"example:  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(function=function, parser=added)
        return added

    add_train_options(verb(train, "xnp train --data cifar10 --subset 5000 --epochs 20"))
    one = verb(evaluate, "xnp evaluate runs/patterns-tiny-1")
    one.add_argument("folder", type=Path, metavar="RUN", help="folder of a training")
    one.add_argument("--data-dir", help="folder that holds cifar-10-batches-bin/, if it has moved since the training")
    one = verb(predict, "xnp predict runs/cifar10-tiny-1 cat.jpg dog.png")
    one.add_argument("folder", type=Path, metavar="RUN", help="folder of a training")
    one.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="PNG or JPEG file, of any size")
    one = verb(count, "xnp count xception --unit flop --include batch_norm activation")
    one.add_argument("model", choices=["tiny", "small", "xception"], metavar="MODEL", help="tiny, small or xception")
    one.add_argument("--unit", choices=["mac", "flop"], default="mac", help="1 MAC = 2 FLOP (default: mac)")
    one.add_argument(
        "--include", nargs="+", default=[], choices=EXTRAS, metavar="EXTRA", help=f"count also: {', '.join(EXTRAS)}"
    )
    one.add_argument("--size", type=positive, help="height and width of the image (default: the network's own)")
    verb(gradcheck, "xnp gradcheck")
    verb(download, "xnp download     (XNP_DATA names another folder than the usual cache)")
    return parser


TRAIN_OPTIONS = (
    "data", "data_dir", "subset", "validation", "model", "seed", "epochs", "batch_size", "optimizer", "learning_rate",
    "schedule", "weight_decay", "label_smoothing", "average", "augment",
)  # fmt: skip


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Describe `xnp train`: every option is left at None where the recipe of the data shall decide."""
    add = parser.add_argument
    add("--data", choices=["patterns", "cifar10"], help="patterns are made on the spot (default: patterns)")
    add("--data-dir", help="folder that holds cifar-10-batches-bin/ (default: what `xnp download` fetched)")
    add("--subset", type=positive, metavar="N", help="train on N images only, as many of each class")
    add("--validation", type=natural, metavar="N", help="hold N training images back to validate; 0 for none")
    add("--model", choices=["tiny", "small", "xception"], help="size of the network (default: tiny)")
    add("--seed", type=natural, help="of weights, order and augmentation (default: 0)")
    add("--epochs", type=positive, metavar="N", help="how often each image is seen (patterns: 6, cifar10: 20)")
    add("--batch-size", type=positive, metavar="N", help="images in a step")
    add("--optimizer", choices=["sgd", "rmsprop", "adamw"])
    add("--learning-rate", type=rate, metavar="R", help="at its highest")
    schedules = ["one-cycle", "cosine", "step", "constant"]
    add("--schedule", choices=schedules, help="of the learning rate; step is the paper's")
    add("--weight-decay", type=rate, metavar="R", help="on kernels alone")
    add("--label-smoothing", type=share, metavar="E")
    add("--average", type=share, metavar="D", help="decay of the Polyak average of the weights; 0 for none")
    augments = ["flip", "crop", "cutout"]
    add("--augment", nargs="*", choices=augments, metavar="A", help="any of flip, crop, cutout; or nothing")
    add("--run", type=Path, metavar="DIR", help="folder of this training (default: a new one in runs/)")
    add("--resume", type=Path, metavar="RUN", help="go on with a training that was stopped")


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
