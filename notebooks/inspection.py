"""What is wrong with a notebook: a part is missing, an output may not stay, or is stale.

Sources and texts are compared letter by letter, pictures pixel by pixel with a little
tolerance. The output of a cell that is tagged `measured` is a time or the like: it must be
there, and is not compared.
"""

from base64 import b64decode
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from PIL import Image, ImageSequence

LARGEST = 2_000_000  # bytes of a notebook
SLIGHT = 24  # of 255: a pixel that differs by more is another pixel
FEW = 0.002  # of all pixels: more other pixels make another picture
OPENING = ("# ", "**Aim.**", "**Time.**", "**Reads.**", "**Predict first.**")

Cell = Any  # of a notebook; nbformat gives its parts as attributes


def tags(cell: Cell) -> list[str]:
    """Give a cell's tags."""
    return cell.metadata.get("tags", [])


def form(notebook: nbformat.NotebookNode) -> list[str]:
    """Name the parts of a lesson that are not there."""
    first, *_, exercise, solution = notebook.cells
    problems = [f"the first cell has no {p}" for p in OPENING if p not in first.source]
    if "exercise" not in tags(exercise) or "solution" not in tags(solution):
        problems.append("the last two cells must be tagged exercise and solution")
    return problems


def outputs(notebook: nbformat.NotebookNode, root: Path) -> list[str]:
    """Name outputs that may not stay: warnings, pictures without words, paths, too much."""
    problems = []
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            data, text = output.get("data", {}), output.get("text", "")
            if output.get("name") == "stderr":
                problems.append(f"cell {place} writes to stderr: {text.strip()[:200]}")
            if "image/png" in data and not output.metadata.get("image/png", {}).get("alt"):
                problems.append(f"cell {place} shows a picture without alternative text")
            if str(root.resolve()) in text + str(data.get("text/plain", "")):
                problems.append(f"cell {place} prints a path of this machine")
    size = len(nbformat.writes(notebook).encode())
    if size > LARGEST:
        problems.append(f"the notebook has {size:,} bytes; {LARGEST:,} are allowed")
    return problems


def stale(
    old: nbformat.NotebookNode | None, new: nbformat.NotebookNode, *, outputs: bool
) -> list[str]:
    """Name what a committed notebook shows and a new run does not give.

    `outputs` says whether `new` was run; if it was not, the sources alone are compared.
    """
    if old is None:
        return ["there is no notebook yet; run build.py without --check"]
    if len(old.cells) != len(new.cells):
        return [f"it has {len(old.cells)} cells, its source {len(new.cells)}"]
    problems = []
    for place, (was, now) in enumerate(zip(old.cells, new.cells, strict=True)):
        keys = ("id", "cell_type", "metadata", "source")
        if any(was.get(key) != now.get(key) for key in keys):
            problems.append(f"cell {place}: the source has changed")
        elif outputs and now.cell_type == "code":
            pairs = zip_longest(was.outputs, now.outputs)
            found = [difference(a, b, measured="measured" in tags(now)) for a, b in pairs]
            problems += [f"cell {place}: {words}" for words in found if words]
    return problems


def difference(was: Cell | None, now: Cell | None, *, measured: bool) -> str:
    """Say how two outputs differ; nothing where they do not."""
    if forms(was) != forms(now):
        return f"the output is {forms(now)}; it was {forms(was)}"
    if measured or was is None or now is None:
        return ""
    for key, text in forms_of(now).items():
        before = forms_of(was)[key]
        if key == "image/png":
            if words := pictures_differ(before, text):
                return words
        elif before != text:
            lines = zip_longest(before.splitlines(), text.splitlines(), fillvalue="")
            a, b = next((pair for pair in lines if pair[0] != pair[1]), ("", ""))
            return f"stale text: {a!r} is now {b!r}"
    same = was.get("metadata") == now.get("metadata")
    return "" if same else "stale picture: its alternative text or its size has changed"


def forms_of(output: Cell) -> dict[str, str]:
    """Give the forms in which an output stands there: name of the form -> text."""
    if output.output_type == "stream":
        return {output.name: output.text}
    return dict(output.get("data", {}))


def forms(output: Cell | None) -> str:
    """Name the forms in which an output stands there."""
    return ", ".join(sorted(forms_of(output))) if output is not None else "nothing"


def pictures_differ(was: str, now: str) -> str:
    """Compare two PNGs in base64, frame by frame; say nothing where they are alike."""
    before, after = frames(was), frames(now)
    if [frame.shape for frame in before] != [frame.shape for frame in after]:
        return "stale picture: another size, or another number of frames"
    share = max(
        float((np.abs(a - b).max(axis=-1) > SLIGHT).mean())
        for a, b in zip(before, after, strict=True)
    )
    return f"stale picture: {share:.1%} of its pixels are others" if share > FEW else ""


def frames(png: str) -> list[np.ndarray]:
    """Unpack a PNG, animated or not: an (H, W, 3) array of integers each frame."""
    with Image.open(BytesIO(b64decode(png))) as image:
        return [np.array(f.convert("RGB"), int) for f in ImageSequence.Iterator(image)]
