"""Run the lessons: each `NN_name.py` (what is written) becomes `NN_name.ipynb` (what is read, with all its outputs).

    python notebooks/build.py              run all lessons, write the notebooks
    python notebooks/build.py 01 05        these alone
    python notebooks/build.py --check      run all, write nothing; name what a notebook shows and a run does not give

The same source gives the same file: one thread, one kind of arithmetic, cell ids that are counted, no times. Pictures
depend on the versions of matplotlib and its fonts, numbers on NumPy's: `constraints.txt` pins them.

`--check` compares sources and texts letter by letter, and pictures pixel by pixel with a little tolerance. The output
of a cell that is tagged `measured` is a time or the like: it must be there, and is not compared. A lesson whose first
cell is tagged `needs-cifar10` runs where the folder in XNP_DATA holds the images; elsewhere its source alone is
compared.
"""

import argparse
import os
import sys
import time
from base64 import b64decode
from io import BytesIO
from itertools import zip_longest
from pathlib import Path

HERE = Path(__file__).parent
LARGEST = 2_000_000  # bytes of a notebook
PIXEL, SHARE = 24, 0.002  # pixels may differ by 24 of 255, and one in 500 by more

# One thread, and the same arithmetic on every x86-64 machine with AVX2: sums in another order end in other digits.
SETTINGS = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "default,ignore::ImportWarning",  # NumPy warns where a feature to disable is not there
}


def main() -> int:
    """Build or check the lessons that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("lessons", nargs="*", help="beginnings of names, as 01; all if none is given")
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    arguments = parser.parse_args()
    sources = [
        s
        for s in sorted(HERE.glob("[0-9][0-9]*.py"))
        if not arguments.lessons or s.name.startswith(tuple(arguments.lessons))
    ]
    if not sources:
        parser.error(f"no lesson begins with {' or '.join(arguments.lessons)}")
    return sum(build(path, check=arguments.check) for path in sources) and 1


def build(path: Path, *, check: bool) -> int:
    """Run one lesson; write its notebook, or compare it. Give the number of problems."""
    import nbformat

    from xnp.files import replacing

    start, target = time.perf_counter(), path.with_suffix(".ipynb")
    notebook = read(path)
    can_run = "needs-cifar10" not in tags(notebook.cells[0]) or cifar10_is_there()
    if can_run:
        run(notebook)
    problems = find_problems(notebook) if can_run else []
    if check or not can_run:
        if target.exists():
            problems += differences(nbformat.read(target, as_version=4), notebook, outputs=can_run)
        else:
            problems.append(f"there is no {target.name}")
    elif not problems:
        with replacing(target) as file:
            file.write((nbformat.writes(notebook) + "\n").encode())
    note = "" if can_run else "  (XNP_DATA holds no CIFAR-10: sources compared, not run)"
    print(
        f"{path.stem}  {time.perf_counter() - start:.0f} s{note}", *(f"    {p}" for p in problems), sep="\n", flush=True
    )
    return len(problems)


def read(path: Path):
    """Read a lesson's source as a notebook without outputs."""
    import jupytext

    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for place, cell in enumerate(notebook.cells):
        cell.id = f"{path.stem[:40].replace('_', '-')}-{place:02d}"
        if "solution" in tags(cell):
            cell.metadata["jupyter"] = {"source_hidden": True}  # folded until the reader opens it
    return notebook


def run(notebook) -> None:
    """Run all cells in a fresh kernel, and tidy their outputs."""
    from nbclient import NotebookClient

    os.environ.update(SETTINGS)  # the kernel is a child: it takes them over
    NotebookClient(
        notebook,
        timeout=900,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": HERE}},
        extra_arguments=["--log-level=ERROR"],
    ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = tidy(cell.outputs)


def tidy(outputs: list) -> list:
    """Join what was printed piece by piece: where a stream is cut depends on the moment."""
    joined: list = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def find_problems(notebook) -> list[str]:
    """Name what no lesson may have: a warning, a picture without words, a path of this machine, too large a file."""
    import nbformat

    problems = []
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                problems.append(f"cell {place} writes to stderr: {output.text.strip()[:200]}")
            if "image/png" in output.get("data", {}) and not output.metadata.get("image/png", {}).get("alt"):
                problems.append(f"cell {place} shows a picture without alternative text")
            if str(HERE.parent.resolve()) in str(output.get("text", "")) + str(
                output.get("data", {}).get("text/plain", "")
            ):
                problems.append(f"cell {place} prints a path of this machine")
    size = len(nbformat.writes(notebook).encode())
    if size > LARGEST:
        problems.append(f"the notebook has {size:,} bytes; {LARGEST:,} are allowed")
    return problems


def differences(old, new, *, outputs: bool) -> list[str]:
    """Name each cell of a notebook that a run does not give."""
    problems = []
    for place, (was, now) in enumerate(zip_longest(old.cells, new.cells)):
        if was is None or now is None:
            return [*problems, f"it has {len(old.cells)} cells, its source {len(new.cells)}"]
        if (was.cell_type, was.source, was.metadata, was.id) != (now.cell_type, now.source, now.metadata, now.id):
            problems.append(f"cell {place}: the source has changed")
        elif outputs and now.cell_type == "code":
            measured = "measured" in tags(now)
            pairs = list(zip_longest(was.outputs, now.outputs))
            problems += [f"cell {place}: {p}" for a, b in pairs if (p := difference(a, b, measured))]
    return problems


def difference(was, now, measured: bool) -> str:
    """Say how two outputs of one cell differ; nothing where they do not."""
    if was is None or now is None or kind(was) != kind(now):
        return f"the outputs are of other kinds: {kind(was)} and now {kind(now)}"
    if measured:
        return ""
    for key in kind(now):
        a, b = (output.get("data", {}).get(key, output.get("text")) for output in (was, now))
        if key == "image/png":
            if words := pictures_differ(a, b):
                return words
        elif a != b:
            line = next(((x, y) for x, y in zip_longest(str(a).splitlines(), str(b).splitlines()) if x != y), ("", ""))
            return f"stale text: {line[0]!r} is now {line[1]!r}"
    same = was.get("metadata") == now.get("metadata")
    return "" if same else "the alternative text or the size of a picture has changed"


def kind(output) -> tuple[str, ...]:
    """Name the forms in which an output stands there."""
    return () if output is None else tuple(sorted(output.get("data", {}))) or (output.get("name", output.output_type),)


def pictures_differ(was: str, now: str) -> str:
    """Compare two PNGs, frame by frame."""
    import numpy as np
    from PIL import Image, ImageSequence

    def frames(png: str) -> list:
        return [np.array(f.convert("RGB"), int) for f in ImageSequence.Iterator(Image.open(BytesIO(b64decode(png))))]

    a, b = frames(was), frames(now)
    if len(a) != len(b) or any(x.shape != y.shape for x, y in zip(a, b, strict=True)):
        return f"stale picture: {len(a)} of {a[0].shape[1::-1]} pixels, now {len(b)} of {b[0].shape[1::-1]}"
    share = max(float((np.abs(x - y).max(axis=-1) > PIXEL).mean()) for x, y in zip(a, b, strict=True))
    return f"stale picture: {share:.1%} of the pixels differ" if share > SHARE else ""


def tags(cell) -> list[str]:
    """Give a cell's tags."""
    return cell.metadata.get("tags", [])


def cifar10_is_there() -> bool:
    """Whether the folder in XNP_DATA, or the usual cache, holds CIFAR-10."""
    from xnp.data import cifar10
    from xnp.data.dataset import DataError

    try:
        cifar10.load_training(subset=10)
    except DataError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
