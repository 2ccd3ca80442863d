"""Files that are whole or not there: what a reader sees at each moment of the writing."""

import json
import os

import pytest

from xnp.files import replacing, write_json


def test_the_target_changes_at_the_end_and_in_one_step(tmp_path):
    path = tmp_path / "numbers.bin"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert (tmp_path / "numbers.bin.part").read_bytes() == b"new"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "numbers.bin"
    path.write_bytes(b"old")

    def write():
        with replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_bytes_are_on_the_disk_before_they_take_the_name(tmp_path, monkeypatch):
    events = []

    def fsync(number, original=os.fsync):
        events.append(("fsync", os.fstat(number).st_size))
        original(number)

    def replace(part, path, original=os.replace):
        events.append(("replace", part.name, path.name))
        original(part, path)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    with replacing(tmp_path / "a") as file:
        file.write(b"12345")
    assert events == [("fsync", 5), ("replace", "a.part", "a")]


def test_what_a_kill_left_behind_is_overwritten(tmp_path):
    (tmp_path / "a.part").write_bytes(b"a longer text of a process that was killed")
    with replacing(tmp_path / "a") as file:
        file.write(b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"new"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError) as error, replacing(tmp_path / "no" / "a"):
        pass
    assert error.value.filename == str(tmp_path / "no")


def test_errors_do_not_name_the_file_that_is_written_beside(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("no folder")
    for path, kind in (("folder", IsADirectoryError), ("file/a", NotADirectoryError), ("n" * 300, OSError)):
        with pytest.raises(kind) as error, replacing(tmp_path / path):
            pytest.fail("nothing must be written")
        assert error.value.filename == str(tmp_path / path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_an_error_of_the_writer_keeps_its_name(tmp_path):
    with pytest.raises(OSError, match="other") as error, replacing(tmp_path / "a"):
        raise OSError(2, "not there", "other")
    assert error.value.filename == "other"


def test_json_is_whole_or_not_there(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": [1, 2.5], "b": None})
    assert json.loads(path.read_text()) == {"a": [1, 2.5], "b": None}
    assert path.read_text().endswith("\n")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_json(path, {"a": 1, "b": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
