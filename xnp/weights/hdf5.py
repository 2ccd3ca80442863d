"""HDF5, read with suspicion: what a file claims is checked before any of it is believed.

A file of weights often comes from a stranger. HDF5 can say much that weights never need, and some of it costs memory
or reaches outside the file. So a tensor must be the simplest thing that HDF5 has: numbers, one after the other,
uncompressed, all there, in this file. Keras writes nothing else. Then no tensor can be larger than the file.

    a shape without data          storage smaller than the shape
    a chunk that inflates         compressed, or in chunks
    numbers of other files        external storage, virtual data sets, links
    a group that holds itself     two names for one object
    a text of 4 GiB               its length in the file's own bytes
    texts that are one text       only fixed lengths in a list

The last two are about texts of any length. Such a text is not in its attribute. There are only its length and its
address, and HDF5 takes as much memory as the length says, and writes zeros to it, before it looks whether the text is
there. A list can name one long text thousands of times, and each copy takes its own memory.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_TEXT = 8 * 2**20  # bytes; the description of Xception takes 0.14 million
PIECE = 2**22  # bytes of the file that are looked at together
LARGEST_ATTRIBUTE = 2**18  # bytes; name, type and shape of one take less, 3 x 65,535
VARIABLE_LENGTH = 9  # the class of a type, in the low 4 bits of its first byte


class Tensor(NamedTuple):
    """An array of the file that was not read yet."""

    name: str  # where it is in the file
    shape: tuple[int, ...]
    dataset: Any  # of h5py

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return int(np.prod(self.shape, dtype=object)) * self.dataset.dtype.itemsize

    def read(self) -> np.ndarray:
        """Read the numbers, after a look at how they are stored.

        Raises
        ------
        ValueError
            They are no floating-point numbers, or not simply there.
        """
        from h5py import h5d

        dtype, layout = self.dataset.dtype, self.dataset.id.get_create_plist().get_layout()
        if dtype.kind != "f":
            raise ValueError(f"{self.name} holds {dtype}; expected floating-point numbers")
        if layout not in (h5d.CONTIGUOUS, h5d.COMPACT) or self.dataset.external:
            raise ValueError(f"{self.name} is in chunks (compressed?) or in another file; expected plain numbers")
        if self.dataset.id.get_storage_size() != self.size:
            raise ValueError(
                f"{self.name} claims shape {self.shape}, {self.size:,} bytes, "
                f"but {self.dataset.id.get_storage_size():,} are stored"
            )
        return self.dataset[()]


def open_file(source: str | BinaryIO) -> Any:
    """Open an HDF5 file to read.

    Raises
    ------
    ImportError
        h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError('files of Keras are read by h5py: python -m pip install "xnp[keras]"') from error
    return h5py.File(source, "r")


def tensors(file: Any) -> dict[str, Tensor]:
    """Find all data sets of a file. None is read."""
    from h5py import Group, h5o

    found: dict[str, Tensor] = {}
    seen = {h5o.get_info(file.id).addr}
    todo = [file]
    while todo:
        for name, thing in members(todo.pop()):
            place = h5o.get_info(thing.id).addr
            if place in seen:
                raise ValueError(f"{name} is another name of something that was there before; expected one for each")
            seen.add(place)
            if isinstance(thing, Group):
                todo.append(thing)
            else:
                found[name] = Tensor(name, thing.shape or (), thing)
    return found


def members(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and content of what is in a group. Links to other places are refused, not followed."""
    import h5py

    for key in group:
        name = f"{group.name.strip('/')}/{key}".strip("/")
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link to another place; expected a group or numbers")
        thing = group[key]
        if not isinstance(thing, h5py.Group | h5py.Dataset):
            raise ValueError(f"{name} is a {type(thing).__name__}; expected a group or numbers")
        yield name, thing


def text(group: Any, name: str) -> str:
    """Read an attribute that is a text."""
    value = attribute(group, name)
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, str):
        raise ValueError(f"attribute {name} is a {type(value).__name__}; expected a text")
    return value


def texts(group: Any, name: str) -> list[str]:
    """Read an attribute that is a list of texts. A long one is cut into `name`0, `name`1, ..."""
    if name in group.attrs:
        parts = [attribute(group, name)]
    else:
        parts = []
        while f"{name}{len(parts)}" in group.attrs:
            parts.append(attribute(group, f"{name}{len(parts)}"))
        if not parts:
            raise ValueError(f"{group.name} has no attribute {name}; expected a list of names")
    values = [value for part in parts for value in np.ravel(part).tolist()]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def attribute(group: Any, name: str) -> Any:
    """Read an attribute that is small. One that is a text of any length needs a file that was opened by its path."""
    import h5py

    claim = group.attrs.get_id(name)
    size = int(np.prod(claim.shape or (), dtype=object)) * claim.dtype.itemsize
    if claim.dtype.hasobject:  # what is in the attribute only tells where the value is
        if claim.shape != () or h5py.check_string_dtype(claim.dtype) is None:
            raise ValueError(
                f"attribute {name} of {group.name} has shape {claim.shape} and values of any length; "
                "expected one text, or values of a fixed length"
            )
        size = longest(Path(group.file.filename), name)
    if size > LARGEST_TEXT:
        raise ValueError(f"attribute {name} of {group.name} claims {size:,} bytes; expected at most {LARGEST_TEXT:,}")
    return group.attrs[name]


def longest(path: Path, name: str) -> int:
    """Find how many bytes a text claims to have: the largest claim of all attributes of this name in the file.

    All of them are looked at, for where HDF5 keeps the one that it will read is not told.

    Raises
    ------
    ValueError
        There is none.
    """
    largest = -1
    with open(path, "rb") as file:
        for start in range(0, path.stat().st_size, PIECE):
            file.seek(start)
            piece = file.read(PIECE + LARGEST_ATTRIBUTE)  # an attribute that begins in PIECE is whole
            largest = max(largest, max(text_lengths(piece, name), default=-1))
    if largest < 0:
        raise ValueError(f"attribute {name} is nowhere in {path.name} as HDF5 writes a text; expected one text")
    return largest


def text_lengths(piece: bytes, name: str) -> Iterator[int]:
    """Yield the lengths of the texts that are values of attributes of this name.

    h5py does not tell them. But an attribute is in one piece, and its value is right behind its name:

        version  flags  sizes of name, type, shape  alphabet  name  type  shape  length  address, number
        1        1      2, 2, 2                     1         ...   ...   ...    4       8, 4              bytes

    Only version 3 has the alphabet. Version 1 fills up name, type and shape to a multiple of 8 bytes.

    Source: HDF5 File Format Specification, "The Attribute Message" and "The Datatype Message".
    """
    for match in re.finditer(re.escape(name.encode()) + b"\0", piece):
        for version, begin in ((1, match.start() - 8), (2, match.start() - 8), (3, match.start() - 9)):
            if begin < 0 or piece[begin] != version:
                continue
            flags, *sizes = struct.unpack_from("<xBHHH", piece, begin)
            if version == 1:
                sizes = [size + -size % 8 for size in sizes]
            kind, value = match.start() + sizes[0], match.start() + sum(sizes)
            if value + 4 > len(piece):
                continue
            if flags or piece[kind] % 16 == VARIABLE_LENGTH:  # with flags, the type may be elsewhere: not known here
                yield int.from_bytes(piece[value : value + 4], "little")
