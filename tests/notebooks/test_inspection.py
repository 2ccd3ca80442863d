"""What must be found in a notebook is found: each kind of staleness, and each thing a lesson may not show."""

from base64 import b64encode
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

nbformat = pytest.importorskip("nbformat")
inspection = pytest.importorskip("inspection")

OPENING = "# 99\n**Aim.** **Time.** **Reads.** **Predict first.**"


def png(*frames):
    images = [Image.fromarray(frame.astype(np.uint8)) for frame in frames]
    file = BytesIO()
    images[0].save(file, format="png", save_all=len(images) > 1, append_images=images[1:])
    return b64encode(file.getvalue()).decode()


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3))


def code(source, *outputs, tags=()):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs), id=source.replace(" ", "-"))
    cell.metadata["tags"] = list(tags)
    return cell


def printed(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def shown(picture, alt="a picture"):
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return nbformat.v4.new_output("display_data", {"image/png": picture, "text/plain": alt}, metadata=metadata)


def notebook(*cells):
    opening = nbformat.v4.new_markdown_cell(OPENING, id="opening")
    last = code("exercises", tags=["exercise"]), code("solutions", tags=["solution"])
    return nbformat.v4.new_notebook(cells=[opening, *cells, *last])


def lesson():
    return notebook(code("print", printed("one\n2.5\n")), code("draw", shown(png(noise()))))


def found(old, new, outputs=True):
    return " | ".join(inspection.stale(old, new, outputs=outputs))


def test_the_same_is_not_stale():
    assert found(lesson(), lesson()) == ""


def test_a_notebook_that_is_not_there_is_stale():
    assert "no notebook" in found(None, lesson())


def test_another_number_in_a_text_is_stale_and_shown():
    new = notebook(code("print", printed("one\n2.6\n")), code("draw", shown(png(noise()))))
    assert found(lesson(), new) == "cell 1: stale text: '2.5' is now '2.6'"


def test_another_source_is_stale_even_where_nothing_was_run():
    new = lesson()
    new.cells[1].source = "print other"
    assert "cell 1: the source has changed" in found(lesson(), new, outputs=False)


def test_another_text_between_the_cells_is_stale():
    new = lesson()
    new.cells[0].source += " more"
    assert "cell 0" in found(lesson(), new)


def test_a_cell_more_is_stale():
    new = lesson()
    new.cells.insert(1, code("new"))
    assert found(lesson(), new) == "it has 5 cells, its source 6"


@pytest.mark.parametrize("cells", [1, 40])
def test_another_picture_is_stale(cells):
    changed = noise()
    changed.reshape(-1, 3)[:cells] = 255 - changed.reshape(-1, 3)[:cells]
    changed[0, 0] = (noise()[0, 0] + 128) % 256
    new = notebook(code("print", printed("one\n2.5\n")), code("draw", shown(png(changed))))
    assert ("stale picture" in found(lesson(), new)) == (cells > 1)  # 1 of 600 pixels is not seen, 40 are


def test_a_slightly_other_shade_is_the_same_picture():
    shade = np.clip(noise() + 3, 0, 255)
    assert inspection.pictures_differ(png(noise()), png(shade)) == ""


def test_the_last_frame_of_an_animation_is_compared_too():
    was, now = png(noise(1), noise(2), noise(3)), png(noise(1), noise(2), noise(4))
    assert inspection.pictures_differ(was, was) == ""
    assert "stale" in inspection.pictures_differ(was, now)
    assert "frames" in inspection.pictures_differ(was, png(noise(1), noise(2)))


def test_another_alternative_text_is_stale():
    new = deepcopy(lesson())
    new.cells[2].outputs[0].metadata["image/png"]["alt"] = "other words"
    assert "alternative text" in found(lesson(), new)


def test_an_output_that_came_or_went_is_stale():
    new = lesson()
    new.cells[2].outputs = []
    assert found(lesson(), new) == "cell 2: the output is nothing; it was image/png, text/plain"
    assert "was nothing" in found(new, lesson())


def test_a_measured_output_may_differ_but_must_be_there():
    old, new, empty = (
        notebook(code("time", *outputs, tags=["measured"])) for outputs in ([printed("1 s")], [printed("2 s")], [])
    )
    assert found(old, new) == ""
    assert "nothing" in found(old, empty)


def test_outputs_that_were_not_run_are_not_compared():
    new = lesson()
    for cell in new.cells[1:]:
        cell.outputs = []
    assert found(lesson(), new, outputs=False) == ""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (printed("careful", name="stderr"), "stderr"),
        (shown(png(noise()), alt=""), "without alternative text"),
        (printed(f"saved in {Path.cwd().resolve()}/x"), "path of this machine"),
        (printed("x" * inspection.LARGEST), "bytes"),
    ],
)
def test_what_no_lesson_may_show_is_named(output, words):
    problems = inspection.outputs(notebook(code("cell", output)), Path.cwd())
    assert len(problems) == 1
    assert words in problems[0]
    assert inspection.outputs(lesson(), Path.cwd()) == []


def test_a_lesson_has_all_its_parts():
    assert inspection.form(lesson()) == []
    assert inspection.form(nbformat.v4.new_notebook(cells=lesson().cells[:-1]))
    without_time = lesson()
    without_time.cells[0].source = OPENING.replace("**Time.**", "")
    assert inspection.form(without_time) == ["the first cell has no **Time.**"]
