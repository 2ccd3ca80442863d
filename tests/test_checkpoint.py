"""Checkpoints: what goes in comes out; what is damaged, foreign or dangerous is refused, with its path."""

import json
import os
import pickle
import platform
import zipfile

import numpy as np
import pytest

from xnp import checkpoint
from xnp.checkpoint import CheckpointError

ARRAYS = {
    "model/conv/kernel": np.random.default_rng(0).standard_normal((3, 3, 2, 4)).astype(np.float32),
    "model/norm/gamma": np.array([1.0, -0.0, np.nan, np.inf, 5e-324]),
    "optimizer/step": np.array(7, np.int64),
    "empty": np.zeros((0, 3), np.float32),
}
RECORD = {"position": {"step": 7}, "text": "ä — \N{SNOWMAN}", "large": 2**127, "third": 1 / 3, "none": None}


@pytest.fixture
def path(tmp_path):
    """Give a good checkpoint."""
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, ARRAYS, RECORD)
    return path


def same(found, expected):
    """Say if two dicts of arrays are the same bit by bit."""
    return found.keys() == expected.keys() and all(
        (a.dtype, a.shape, a.tobytes()) == (expected[k].dtype, expected[k].shape, expected[k].tobytes())
        for k, a in found.items()
    )


def test_what_goes_in_comes_out(path):
    arrays, record = checkpoint.load(path)
    assert same(arrays, ARRAYS)
    assert record == RECORD


def test_a_generator_goes_on_where_it_was(tmp_path):
    rng = np.random.default_rng(3)
    rng.standard_normal(5, np.float32)
    rng.integers(3, size=3, dtype=np.int32)  # leaves half of a 64 bit number behind
    checkpoint.save(tmp_path / "c.npz", {}, {"state": rng.bit_generator.state})
    other = np.random.default_rng(99)
    other.bit_generator.state = checkpoint.load(tmp_path / "c.npz")[1]["state"]
    for _ in range(3):
        assert rng.integers(2**31, dtype=np.int32) == other.integers(2**31, dtype=np.int32)


def test_a_record_that_json_cannot_say_leaves_the_old_one(path):
    before = path.read_bytes()
    with pytest.raises(TypeError):
        checkpoint.save(path, ARRAYS, {"a": object()})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_checkpoint_cut_short_is_refused(path):
    whole = path.read_bytes()
    for length in [0, 1, 3, 4, *range(50, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="is damaged, or no checkpoint of xnp") as caught:
            checkpoint.load(path)
        assert str(path) in str(caught.value)


@pytest.mark.slow
def test_a_flipped_bit_is_noticed_or_harmless(path):
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            arrays, record = checkpoint.load(path)
        except CheckpointError:
            refused += 1
        else:  # a date, a flag that nobody reads
            assert same(arrays, ARRAYS)
            assert record == RECORD
    assert refused > 200


def write_npy(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def write_zip(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("record.npy", "not an array")


def write_pickled_array(path):
    np.savez(path, record=np.array([{"format": checkpoint.FORMAT}], dtype=object))


def write_another_record(path):
    np.savez(path, record=np.frombuffer(b"[1, 2]", np.uint8))


def write_another_format(path):
    text = json.dumps({"format": "xnp checkpoint 0", "arrays": [], "record": {}})
    np.savez(path, record=np.frombuffer(text.encode(), np.uint8))


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("epoch 1\n"),
    "npy": write_npy,
    "npz without record": lambda path: np.savez(path, a=np.zeros(3)),
    "zip": write_zip,
    "array of objects": write_pickled_array,
    "another record": write_another_record,
    "another format": write_another_format,
}


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused(tmp_path, write):
    path = tmp_path / "checkpoint.npz"
    write(path)
    with pytest.raises(CheckpointError, match="is damaged, or no checkpoint of xnp") as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value)


class Bomb:
    """Something that acts when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was executed')",))


@pytest.mark.parametrize("inside", ["the file itself", "the record"])
def test_a_pickle_is_never_executed(tmp_path, inside):
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(SystemExit):
        pickle.loads(pickle.dumps(Bomb()))
    if inside == "the record":
        np.savez(path, record=np.array([Bomb()], dtype=object))
    else:
        path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError):
        checkpoint.load(path)


def test_an_array_too_large_for_the_memory_is_damage(tmp_path):
    path = tmp_path / "checkpoint.npz"
    header = str({"descr": "<f8", "fortran_order": False, "shape": (2**50,)}).ljust(117) + "\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.load(path)


def test_a_file_that_cannot_be_read_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "checkpoint.npz")
    with pytest.raises((IsADirectoryError, PermissionError)):  # Windows says the latter
        checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: saved.pop("b"), "lacks model array b (1 in all); is it of another model?"),
        (lambda saved: saved.update(c=1), "has a strange model array c (1 in all); is it of another model?"),
        (
            lambda saved: saved.update(b=np.zeros(4, np.float32)),
            "has model array b as float32 (4,); the model has float32 (3,)",
        ),
        (lambda saved: saved.update(b=np.zeros(3)), "has model array b as float64 (3,); the model has float32 (3,)"),
    ],
)
def test_restore_refuses_by_name_and_changes_nothing(tmp_path, change, message):
    live = {"a": np.zeros((2, 2)), "b": np.zeros(3, np.float32)}
    saved = {"a": np.ones((2, 2)), "b": np.ones(3, np.float32)}
    change(saved)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.restore(tmp_path, "model array", saved, live)
    assert str(caught.value) == f"{tmp_path} {message}"
    assert not any(array.any() for array in live.values())


def test_restore_writes_into_the_live_arrays(tmp_path):
    live = {"a": np.zeros(2), "b": np.zeros(())}
    kept = dict(live)
    checkpoint.restore(tmp_path, "array", {"a": np.array([1.0, 2.0]), "b": np.array(3.0)}, live)
    assert kept["a"] is live["a"]
    assert live["a"].tolist() == [1.0, 2.0]
    assert live["b"] == 3.0


def test_sections_do_not_mix():
    a, b = np.zeros(1), np.ones(1)
    both = checkpoint.prefixed("model", {"x/kernel": a}) | checkpoint.prefixed("models", {"x/kernel": b})
    assert list(both) == ["model/x/kernel", "models/x/kernel"]
    assert checkpoint.section("model", both) == {"x/kernel": a}


def test_made_by_says_what_computes():
    made_by = checkpoint.made_by()
    assert made_by["numpy"] == np.__version__
    assert made_by["python"] == platform.python_version()
    assert made_by.keys() == {"python", "numpy", "blas", "machine", "threads", "engine"}
    assert all(isinstance(value, str) and value for value in made_by.values())


def test_made_by_knows_how_many_threads_multiply(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert checkpoint.made_by()["threads"] == str(os.cpu_count())
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert checkpoint.made_by()["threads"] == "7"
