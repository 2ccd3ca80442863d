"""The lengths that texts claim: found in every kind of header that HDF5 writes, and believed by nobody."""

import struct

import numpy as np
import pytest

from xnp.weights import hdf5
from xnp.weights.hdf5_texts import text_bytes

h5py = pytest.importorskip("h5py")

ONE, LIST = "x" * 300, ["a" * 301, "b" * 302, "c" * 303]
HEADERS = {  # as h5py opens the file: headers of version 1, of version 2, and of version 2 with order and times
    "1": {"libver": "earliest"},
    "2": {"libver": "latest"},
    "2 in order": {"libver": "latest", "track_order": True},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "texts.h5"


def write(path, header, committed=False, more=0):
    """Write a text and a list of texts, behind other attributes."""
    with h5py.File(path, "w", **HEADERS[header]) as file:
        kind = h5py.string_dtype()
        if committed:  # the type has a place of its own in the file
            file["type"] = np.dtype(kind)
            kind = file["type"]
        file.attrs["list2"] = "another"
        file.attrs.create("one", ONE, dtype=kind)
        for number in range(more):
            file.attrs[f"more{number}"] = np.arange(100)
        file.attrs.create("list", LIST, dtype=kind)
        file.attrs["fixed"] = np.array([b"first", b"second"])
        file.create_group("group").attrs["one"] = "a text of the same name, of another object"
    return path


def claimed(path, name, count):
    with h5py.File(path) as file:
        address = h5py.h5o.get_info(file.id).addr
    return text_bytes(path, address, name, count)


def change(path, old, new):
    """Replace some bytes that are in the file once."""
    content = path.read_bytes()
    assert content.count(old) == 1
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("more", [0, 3])  # 3: the header needs further blocks
def test_lengths_are_those_of_the_texts(path, header, committed, more):
    write(path, header, committed, more)
    assert claimed(path, "one", 1) == 300
    assert claimed(path, "list", 3) == 301 + 302 + 303
    with hdf5.open_file(str(path)) as file:
        assert hdf5.text(file, "one") == ONE
        assert hdf5.texts(file, "list") == LIST
        assert hdf5.texts(file, "fixed") == ["first", "second"]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_in_blocks_is_tested_above(path, header):
    with h5py.File(write(path, header, more=3)) as file:
        assert h5py.h5o.get_info(file.id).hdr.nchunks > 1


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("limits", [False, True])
def test_a_header_with_times_and_limits(path, times, limits):
    """Version 2 of the header has both before its size, or not."""
    with h5py.File(path, "w", libver="latest") as file:
        plan = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
        plan.set_obj_track_times(times)
        if limits:
            plan.set_attr_phase_change(20, 10)
        group = h5py.Group(h5py.h5g.create(file.id, b"group", gcpl=plan))
        group.attrs["list"] = LIST
        address = h5py.h5o.get_info(group.id).addr
    assert path.read_bytes()[address + 5] & 48 == 32 * times + 16 * limits
    assert text_bytes(path, address, "list", 3) == 301 + 302 + 303


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("claim", [8 * 2**20 + 1, 2**32 - 1])
def test_a_text_that_claims_too_much_is_not_read(path, claim, committed):
    write(path, "1", committed)
    element = path.read_bytes().index(struct.pack("<I", 302))
    content = bytearray(path.read_bytes())
    content[element : element + 4] = struct.pack("<I", claim)
    path.write_bytes(content)
    words = f"attribute list of / claims {claim + 301 + 303:,} bytes; expected at most 8,388,608"
    with hdf5.open_file(str(path)) as file, pytest.raises(ValueError, match=words):
        hdf5.texts(file, "list")


def test_one_long_text_a_thousand_times_is_not_read(path):
    with h5py.File(path, "w") as file:
        file.attrs["list"] = ["x" * 70_001, *["y"] * 999]
    content = bytearray(path.read_bytes())
    element = content.index(struct.pack("<I", 70_001))
    content[element : element + 16_000] = content[element : element + 16] * 1000
    path.write_bytes(content)
    with hdf5.open_file(str(path)) as file:
        with pytest.raises(ValueError, match="attribute list of / claims 70,001,000 bytes; expected at most 8,388,608"):
            hdf5.texts(file, "list")
        assert len(file.attrs["list"][999]) == 70_001  # HDF5 would have read it


def test_two_of_one_name_are_refused(path):
    write(path, "1")
    change(path, b"list2\0", b"list\0\0")
    with pytest.raises(ValueError, match="attribute list is in the header of its object 2 times; expected once"):
        claimed(path, "list", 3)


def test_an_attribute_outside_the_header_is_refused(path):
    """More than 8 are kept elsewhere by the newest version, which Keras does not write."""
    write(path, "2", more=8)
    with (
        hdf5.open_file(str(path)) as file,
        pytest.raises(ValueError, match="attribute one is in the header of its object 0 times; expected once"),
    ):
        hdf5.text(file, "one")


def test_a_header_that_continues_in_a_circle_ends(path):
    write(path, "1", more=3)
    with h5py.File(path) as file:
        address = h5py.h5o.get_info(file.id).addr
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[address + 8 : address + 12], "little")
    place = content.index(struct.pack("<HH", 16, 16), address + 16, address + 16 + size)  # the first continuation
    content[place + 8 : place + 24] = struct.pack("<QQ", address + 16, size)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"the header at byte {address} continues in a circle; expected an end"):
        text_bytes(path, address, "list", 3)


@pytest.mark.parametrize("kind", ["numbers", "reference", "nothing"])
def test_what_is_of_any_length_and_no_text(path, kind):
    with h5py.File(path, "w") as file:
        value = np.empty((), object)
        value[()] = np.zeros(3) if kind == "numbers" else file.ref
        dtype = h5py.vlen_dtype(np.float64) if kind == "numbers" else h5py.ref_dtype
        file.attrs.create(
            "one",
            h5py.Empty(h5py.string_dtype()) if kind == "nothing" else value,
            dtype=None if kind == "nothing" else dtype,
        )
    words = "attribute one of / holds no text, but values of any length; expected texts"
    with hdf5.open_file(str(path)) as file, pytest.raises(ValueError, match=words):
        hdf5.text(file, "one")


def test_addresses_of_4_bytes_are_refused(path):
    plan = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    plan.set_sizes(4, 4)
    with h5py.File(h5py.h5f.create(str(path).encode(), fcpl=plan)) as file:
        file.attrs["one"] = ONE
    with hdf5.open_file(str(path)) as file, pytest.raises(ValueError, match="not of 8 bytes"):
        hdf5.text(file, "one")
