"""The history: one line an epoch, cut lines, what a person reads."""

import json

import pytest

from xnp import history

ROW = {
    "epoch": 3,
    "loss": 1.25,
    "accuracy": 0.5,
    "validation_loss": 1.5,
    "validation_accuracy": 0.25,
    "images_per_second": 420.4,
}


def test_rows_come_back_as_they_were_appended(tmp_path):
    path = tmp_path / "history.jsonl"
    rows = [ROW | {"epoch": epoch, "loss": 1 / epoch, "validation_loss": None} for epoch in (1, 2, 3)]
    for number, row in enumerate(rows, 1):
        history.append(path, row)
        assert len(path.read_text().splitlines()) == number
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows
    assert history.read(path) == rows


def test_no_file_is_no_rows(tmp_path):
    assert history.read(tmp_path / "history.jsonl") == []


def test_a_row_is_cut_short_at_every_place(tmp_path):
    path = tmp_path / "history.jsonl"
    history.append(path, ROW)
    history.append(path, ROW | {"epoch": 4})
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) - 1):  # the last row without its last bracket, or with less
        path.write_bytes(whole[:length])
        assert history.read(path) == [ROW]
    path.write_bytes(whole[:-1])  # only the line's end is missing
    assert history.read(path) == [ROW, ROW | {"epoch": 4}]


@pytest.mark.parametrize(("epochs", "left"), [(0, []), (2, [1, 2]), (3, [1, 2, 3]), (9, [1, 2, 3])])
def test_cut_keeps_the_first_epochs_whole(tmp_path, epochs, left):
    path = tmp_path / "history.jsonl"
    for epoch in (1, 2, 3):
        history.append(path, ROW | {"epoch": epoch})
    with open(path, "a") as file:
        file.write('{"epoch": 4, "lo')
    assert [row["epoch"] for row in history.cut(path, epochs)] == left
    history.append(path, ROW | {"epoch": 5})  # not glued to the half line
    assert [row["epoch"] for row in history.read(path)] == [*left, 5]
    assert [file.name for file in tmp_path.iterdir()] == ["history.jsonl"]


def test_cut_makes_a_file_where_there_is_none(tmp_path):
    assert history.cut(tmp_path / "history.jsonl", 2) == []
    assert (tmp_path / "history.jsonl").read_text() == ""


def test_a_line_says_all_that_matters():
    said = history.line(ROW, epochs=100, seconds_left=7500)
    expected = "epoch   3/100  loss 1.250  accuracy 50.0 %  validation 1.500  25.0 %  420 images/s  2 h 5 min left"
    assert said == expected


def test_a_line_without_validation():
    said = history.line(ROW | {"validation_loss": None, "validation_accuracy": None}, epochs=3, seconds_left=0)
    assert said == "epoch 3/3  loss 1.250  accuracy 50.0 %  420 images/s  0 s left"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_durations(seconds, said):
    assert history.duration(seconds) == said
