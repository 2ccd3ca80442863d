"""What each verb of the command line does: a few lines over the library. What can be typed stands in `xnp.cli`.

Each verb takes the options that were parsed, and returns the exit code: 0 done, 1 the work failed.
"""

import argparse
import shlex
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from xnp import conventions, files, history, prediction, runs, training, weights
from xnp import count as counting
from xnp import gradcheck as checks
from xnp.bench.compare import compare
from xnp.bench.contestants import NAMES
from xnp.bench.growth import grow
from xnp.bench.ladder import climb
from xnp.bench.parts import measure_parts
from xnp.bench.report import write
from xnp.bench.work import Work, default_size
from xnp.data import cifar10, imagenet
from xnp.data.dataset import Dataset
from xnp.engine.team import usable_cores
from xnp.reproduce import EXPERIMENTS, presets
from xnp.reproduce.conduct import conduct
from xnp.reproduce.study import Study
from xnp.runner import check_engine


def train(options: argparse.Namespace) -> int:
    """Train, then draw what came out."""
    names = [field.name for field in fields(runs.Settings)]
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
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
    go_on = f"Go on with:  {shlex.join(['xnp', 'train', '--resume', str(folder)])}"
    saved = (folder / training.CHECKPOINT).exists()
    if saved and not options.resume:
        raise runs.RunError(f"{folder} holds a training already. {go_on}  (or take another folder for --run)")
    if saved and runs.open_run(folder).epoch == settings.epochs:
        print(f"{folder} is finished already: {settings.epochs} of {settings.epochs} epochs. It is drawn again")
        draw_training(folder, runs.load_training(settings)[1])
        return 0
    data, validation = runs.load_training(settings)
    print(f"{settings.model} Xception on {settings.data}, into {folder}", flush=True)
    try:
        runs.train(settings, data, validation, folder, command=command, resume=bool(options.resume))
    except training.Interrupted as stop:
        print(f"xnp train: {stop}. It is saved. {go_on}", file=sys.stderr)
    except KeyboardInterrupt:  # before the first step, or the second Ctrl-C
        there = (folder / training.CHECKPOINT).exists()
        print(f"xnp train: interrupted. {f'The last checkpoint stays. {go_on}' if there else ''}", file=sys.stderr)
    except training.Diverged as error:
        stays = f"The last good checkpoint stays: {folder / training.CHECKPOINT}"
        print(f"xnp train: {error}. {stays}. A smaller --learning-rate often helps", file=sys.stderr)
    else:
        draw_training(folder, validation)
        return 0
    return 1


def draw_training(folder: Path, validation: Dataset | None) -> None:
    """Draw the curves, and what the trained model says of the validation images."""
    from xnp import viz

    viz.save(viz.curves(history.read(folder / training.HISTORY)), folder / "curves.png")
    if validation is None:
        print(f"drawn: {folder / 'curves.png'}")
        return
    run = runs.open_run(folder)
    result = training.evaluate(run.model, validation, run.scale)
    draw_answers(folder, "", validation, result)
    print(f"validation accuracy {100 * result.accuracy:.2f} %; pictures in {folder}")


def draw_answers(folder: Path, prefix: str, data: Dataset, result: training.Evaluation) -> None:
    """Draw the confusion matrix, and a page of right and wrong predictions."""
    from xnp import viz

    matrix = np.zeros((len(data.names), len(data.names)), np.int64)
    np.add.at(matrix, (data.labels, result.probabilities.argmax(axis=1)), 1)
    viz.save(viz.confusion_matrix(matrix, data.names), folder / f"{prefix}confusion.png")
    page = viz.predictions(data.images, data.labels, result.probabilities, data.names)
    viz.save(page, folder / f"{prefix}predictions.png")


def evaluate(options: argparse.Namespace) -> int:
    """Ask a trained model for every test image."""
    run = open_run(options.folder)
    if options.data_dir and run.settings.data != "cifar10":
        options.parser.error(f"--data-dir belongs to --data cifar10; {options.folder} learned {run.settings.data}")
    check_engine("evaluate", options.engine or "fast", options.workers)
    data = runs.load_test(replace(run.settings, data_dir=options.data_dir or run.settings.data_dir))
    result = training.evaluate(run.model, data, run.scale, engine=options.engine or "fast", workers=options.workers)
    figures = {"images": len(data.labels), "loss": result.loss, "accuracy": result.accuracy, "epoch": run.epoch}
    files.write_json(options.folder / "evaluation.json", figures)
    draw_answers(options.folder, "test_", data, result)
    print(f"test accuracy {100 * result.accuracy:.2f} % of {len(data.labels):,} images, loss {result.loss:.4f}")
    return 0


def predict(options: argparse.Namespace) -> int:
    """Say what a trained network sees in pictures, and in folders of pictures."""
    check_predict(options)
    check_engine("predict", options.engine or "fast", options.workers)
    classifier = choose_classifier(options)
    width, code = max(map(len, classifier.names)), 0
    for path, answer in prediction.ask(classifier, options.images, options.engine or "fast", options.workers):
        if isinstance(answer, Exception):
            print(f"xnp predict: {words(answer)}", file=sys.stderr)
            code = 1
            continue
        print(path)
        for k in answer.argsort()[::-1][:5]:
            share = float(answer[k])
            print(f"  {classifier.names[k]:{width}}  {100 * share:5.1f} %  {'#' * round(40 * share)}")
    return code


def check_predict(options: argparse.Namespace) -> None:
    """Refuse what does not go together."""
    error = options.parser.error
    for name in ("model", "weights", "classes"):
        if options.run and getattr(options, name):
            error(f"--run has a network of its own; it takes no --{name}")
    if bool(options.model) != bool(options.weights):
        error("--model and --weights go together, as in: --model xception --weights imagenet")
    if options.classes and options.weights in (None, "imagenet"):
        error("--classes names the classes of --weights FILE; other weights bring their names")
    for path in options.images:
        if (path / training.CHECKPOINT).exists():
            error(f"{path} is no IMAGE but the folder of a training; it stands after --run")


def choose_classifier(options: argparse.Namespace) -> prediction.Classifier:
    """Open the network that shall be asked: of a training, of Keras, or the one that comes with xnp."""
    if options.run:
        return prediction.of_run(open_run(options.run))
    if not options.weights:
        run = runs.open_shipped()
        print(f"asking the network that comes with xnp; all that it knows: {', '.join(run.names)}")
        return prediction.of_run(run)
    if options.weights == "imagenet":
        weights.need_h5py()  # before 92 MB are fetched for it
        path, index = imagenet.download(progress=True)
        names = imagenet.read_names(index)
    else:
        path = Path(options.weights)
        names = imagenet.read_names(options.classes) if options.classes else imagenet.default_names()
    try:
        classifier = prediction.of_keras(path, names)
    except ValueError as error:
        if "classifier" not in str(error):
            raise
        source = f"names in {options.classes}" if options.classes else "in ImageNet; --classes FILE names others"
        raise ValueError(f"{error}. The model was made for {len(names):,} classes, as many as {source}") from error
    print(f"asking {options.model} with the weights of {path}; it knows {len(names):,} classes")
    if names == imagenet.NUMBERS:
        print("note: classes have numbers here. --classes FILE names them; --weights imagenet fetches ImageNet's names")
    return classifier


def export(options: argparse.Namespace) -> int:
    """Write a trained network as an ONNX file, for other programs."""
    if options.file.suffix != ".onnx":
        options.parser.error(f"{options.file} is no name for an ONNX file; it must end in .onnx")
    run = open_run(options.folder) if options.folder else runs.open_shipped()
    (height, width, _), batch = runs.IMAGE_SHAPE, options.batch or "N"
    preparation = (
        f"RGB images, stretched to {height}x{width} pixels (Pillow's resize, bilinear), 0 to 255, "
        "made (x / 255 - mean) / std in each channel"
    )
    metadata = {
        "preprocessing": preparation,
        "mean": run.scale.mean,
        "std": run.scale.std,
        "postprocessing": "softmax makes probabilities of the logits",
        "names": run.names,
    }
    weights.export_onnx(run.model, options.file, batch=options.batch, metadata=metadata)
    print(f"{options.file}: {options.file.stat().st_size:,} bytes")
    print(f"  images ({batch}, {height}, {width}, 3) float32: {preparation} (mean and std: in the file's metadata)")
    print(f"  logits ({batch}, {len(run.names)}) float32: {metadata['postprocessing']}")
    print(f"  classes: {'; '.join(f'{k} {name}' for k, name in enumerate(run.names))}")
    return 0


def open_run(folder: Path) -> runs.Run:
    """Open a run, and say it where the weights are not those of a whole training."""
    run = runs.open_run(folder)
    if run.epoch < run.settings.epochs:
        weights = "the last good ones" if run.step else "untrained"
        print(
            f"note: this training was stopped, or it diverged: {run.epoch} of its {run.settings.epochs} epochs are "
            f"done. The weights are {weights}"
        )
    return run


def count(options: argparse.Namespace) -> int:
    """Print a network layer by layer, or what other tools count."""
    for name in ("unit", "include") if options.conventions else ():
        if getattr(options, name) is not None:
            options.parser.error(f"each of the --conventions has its own; they take no --{name}")
    model = runs.MODELS[options.model]()
    size = None if options.size is None else (options.size, options.size, 3)
    report = counting.count(
        model, size, unit="FLOP" if options.unit == "flop" else "MAC", include=options.include or ()
    )
    print(conventions.text(report) if options.conventions else report)
    return 0


def gradcheck(options: argparse.Namespace) -> int:
    """Check every gradient by numbers."""
    results = checks.run()
    print(checks.table(results))
    failed = sum(not result.passed for result in results)
    print(f"{len(results)} checks, {failed} failed")
    return 1 if failed else 0


BENCH_REFUSES = {  # which options do not go with a kind of measurement
    "growth": ("what", "model", "size", "batch", "contestants", "against"),
    "ladder": ("what", "model", "size", "batch", "contestants", "against"),
    "parts": ("what", "contestants", "against", "workers"),
}


def bench(options: argparse.Namespace) -> int:
    """Measure speed and memory, beside the other libraries that are installed."""
    kind = next((kind for kind in BENCH_REFUSES if getattr(options, kind)), None)
    for name in BENCH_REFUSES[kind] if kind else ():
        if getattr(options, name) is not None:
            options.parser.error(f"--{kind} settles that by itself; it takes no --{name}")
    model = options.model or "small"
    work = Work(options.what or "training", model, options.size or default_size(model), options.batch or 64)
    workers, rounds = options.workers or len(usable_cores()), options.rounds or (3 if kind == "growth" else 30)
    match kind:
        case "growth":
            report = grow(workers=workers, rounds=rounds, command=options.command)
        case "ladder":
            report = climb(workers=workers, rounds=rounds, command=options.command)
        case "parts":
            report = measure_parts(work, rounds=rounds, command=options.command)
        case _:
            names, against = options.contestants or NAMES, options.against
            report = compare(
                work, names=names, against=against, workers=workers, rounds=rounds, command=options.command
            )
    print(report)
    print(f"numbers and picture in {write(report)}")
    return 0


def reproduce(options: argparse.Namespace) -> int:
    """Test a claim about Xception: small networks, several seeds, error bars."""
    names = list(EXPERIMENTS) if options.experiment == "all" else [options.experiment]
    if options.folder and len(names) > 1:
        options.parser.error("--folder holds one study; EXPERIMENT all has several")
    settings = presets.settings_of(options.preset, options.data_dir)
    if options.data_dir and settings["data"] != "cifar10":
        options.parser.error(f"--data-dir belongs to CIFAR-10; --{options.preset} takes {settings['data']}")
    for name in names:
        folder = options.folder or Path("reproduce") / f"{name}-{options.preset}"
        study = Study(EXPERIMENTS[name], options.preset, settings, folder)
        if not conduct(study, options.seeds, jobs=options.jobs, command=options.command):
            print("xnp reproduce: stopped, and saved. The same command goes on", file=sys.stderr)
            return 1
    return 0


def download(options: argparse.Namespace) -> int:
    """Fetch CIFAR-10."""
    print(f"CIFAR-10 is in {cifar10.download(progress=True)}")
    return 0


def words(error: Exception) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
