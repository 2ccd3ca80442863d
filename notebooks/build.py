"""Run the lessons: `NN_name.py` (what is written) becomes `NN_name.ipynb` (what is read).

    python notebooks/build.py            run all lessons, write the notebooks
    python notebooks/build.py 01 05      these alone
    python notebooks/build.py --check    run all, write nothing; name what has become stale

The same source gives the same file: one thread, one kind of arithmetic, cell ids that are
counted, no times. Pictures depend on the versions of matplotlib and its fonts, numbers on
NumPy's: `constraints.txt` pins them.

A lesson whose first cell is tagged `needs-cifar10` runs where the folder in XNP_DATA holds
the images. Elsewhere only its source is compared with its notebook.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import inspection
import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from xnp.data import cifar10
from xnp.data.dataset import DataError
from xnp.files import replacing

HERE = Path(__file__).parent
SECONDS = 900  # for one cell

# Of the kernel. Sums in another order end in other digits, so the order is fixed.
SETTINGS = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",  # the same on every x86-64 machine with AVX2
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "default,ignore::ImportWarning",  # where a feature is not there
}


def main() -> int:
    """Build or check the lessons that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument(
        "lessons", nargs="*", metavar="NN", help="lessons, as 01; default: all"
    )
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    chosen = tuple(arguments.lessons) or ("",)
    sources = [s for s in sorted(HERE.glob("[0-9]*.py")) if s.name.startswith(chosen)]
    for name in chosen:
        if not any(source.name.startswith(name) for source in sources):
            parser.error(f"no lesson begins with {name}")
    return 1 if sum(build(source, check=arguments.check) for source in sources) else 0


def build(source: Path, *, check: bool) -> int:
    """Run one lesson; write its notebook, or compare it. Give the number of problems."""
    start, target = time.perf_counter(), source.with_suffix(".ipynb")
    notebook = read(source)
    ran = "needs-cifar10" not in inspection.tags(notebook.cells[0]) or cifar10_is_there()
    problems = inspection.form(notebook)
    if ran:
        problems += run(notebook) or inspection.outputs(notebook, HERE.parent)
    if check or not ran:
        old = nbformat.read(target, as_version=4) if target.exists() else None
        problems += inspection.stale(old, notebook, outputs=ran)
    elif not problems:
        with replacing(target) as file:
            file.write((nbformat.writes(notebook) + "\n").encode())
    note = "" if ran else "  not run, for want of CIFAR-10: only its source is compared"
    print(f"{source.stem}  {time.perf_counter() - start:.0f} s{note}", flush=True)
    for problem in problems:
        print(f"    {problem}", flush=True)
    return len(problems)


def read(source: Path) -> nbformat.NotebookNode:
    """Read a lesson's source as a notebook without outputs."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for place, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem[:40].replace('_', '-')}-{place:02d}"
        if "solution" in inspection.tags(cell):
            cell.metadata["jupyter"] = {"source_hidden": True}  # folded, until it is opened
    return notebook


def run(notebook: nbformat.NotebookNode) -> list[str]:
    """Run all cells in a fresh kernel. Give the problem where one fails."""
    os.environ.update(SETTINGS)  # the kernel is a child: it takes them over
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": HERE}},
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return [str(error)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = join_streams(cell.outputs)
    return []


def join_streams(outputs: list) -> list:
    """Join what was printed piece by piece: where it is cut depends on the moment."""
    joined: list = []
    for output in outputs:
        streams = joined and output.output_type == joined[-1].output_type == "stream"
        if streams and output.name == joined[-1].name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def cifar10_is_there() -> bool:
    """Whether the folder in XNP_DATA, or the usual cache, holds CIFAR-10."""
    try:
        cifar10.load_training(subset=10)
    except (DataError, FileNotFoundError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
