"""How long the texts of an HDF5 attribute claim to be, from the bytes of the file: h5py does not tell it.

A text of any length is not in its attribute. There are only its length and where it is:

    length   4 bytes
    place    8 bytes, the address of a heap, and 4 bytes, the number in it

HDF5 takes as much memory as the length says, and fills it with zeros, before it looks whether the text is there: 4 GiB
for a file of a few kilobytes. And a list may have one long text a thousand times; each copy takes its own memory. So
the lengths must be known before HDF5 reads.

They are in the header of the object that has the attribute. A header is a list of messages, in one or more blocks. Each
attribute is one message.

Source: HDF5 File Format Specification, "Data Object Headers", "The Attribute Message".
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ATTRIBUTE, CONTINUATION = 12, 16  # kinds of messages: the second says where the next block is


def text_bytes(path: Path, address: int, name: str, count: int) -> int:
    """Add up how many bytes the texts of an attribute claim to have.

    Parameters
    ----------
    path : Path
        Of an HDF5 file with addresses of 8 bytes, in which HDF5 has opened the object.
    address : int
        Of the object's header.
    name : str
        Of the attribute.
    count : int
        How many texts it has.

    Raises
    ------
    ValueError
        The attribute is not in the header, or there are two.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        values = [value for found, value in attributes(content, address) if found == name.encode()]
    if len(values) != 1:
        raise ValueError(f"attribute {name} is in the header of its object {len(values)} times; expected once")
    elements = np.frombuffer(values[0], "<u4", count=4 * count).reshape(count, 4)  # length, address (2), number
    return int(elements[:, 0].sum(dtype=np.uint64))


def attributes(content: mmap.mmap, address: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and value of each attribute in a header, as they are stored."""
    for message in messages(content, address):
        version, *sizes = struct.unpack_from("<BxHHH", message)  # of name, type and shape
        start = 9 if version == 3 else 8
        name = message[start : start + sizes[0]].partition(b"\0")[0]
        if version == 1:
            sizes = [size + -size % 8 for size in sizes]  # filled up
        yield name, message[start + sum(sizes) :]


def messages(content: mmap.mmap, address: int) -> Iterator[bytes]:
    """Yield the messages of a header that are attributes."""
    if content[address : address + 4] == b"OHDR":  # the header's version 2
        flags = content[address + 5]
        start = address + 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)  # behind times, and limits
        first = start + 2 ** (flags & 3)  # behind its own size
        blocks = [(first, int.from_bytes(content[start:first], "little"))]
        form = struct.Struct("<BHx2x" if flags & 4 else "<BHx")
        margin = 4  # of the further blocks: a signature before, a checksum behind
    else:
        blocks = [(address + 16, *struct.unpack_from("<I", content, address + 8))]
        form = struct.Struct("<HH4x")
        margin = 0
    for begin, size in blocks:  # which grows meanwhile
        block = content[begin : begin + size]
        place = 0
        while place + form.size <= len(block):
            kind, length = form.unpack_from(block, place)
            place += form.size
            message = block[place : place + length]
            place += length
            if kind == ATTRIBUTE:
                yield message
            elif kind == CONTINUATION:
                next_begin, next_size = struct.unpack_from("<QQ", message)
                following = (next_begin + margin, next_size - 2 * margin)
                if following in blocks:
                    raise ValueError(f"the header at byte {address} continues in a circle; expected an end")
                blocks.append(following)
