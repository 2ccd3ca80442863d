"""HDF5, read with suspicion: what a file claims is checked before any of it is believed.

A file of weights often comes from a stranger. HDF5 can say much that weights never need, and some of it costs memory
or reaches outside the file. So a tensor must be the simplest thing that HDF5 has: numbers, one after the other,
uncompressed, all there, in this file. Keras writes nothing else. Then no tensor can be larger than the file.

    a shape without data          storage smaller than the shape
    a chunk that inflates         compressed, or in chunks
    numbers of other files        external storage, virtual data sets, links
    a group that holds itself     two names for one object
    a text of 4 GiB               its length, as `hdf5_texts` finds it
    a text a thousand times       the sum of the lengths
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from xnp.weights.hdf5_texts import text_bytes

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_TEXT = 8 * 2**20  # bytes; the description of Xception takes 0.14 million


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
    ModuleNotFoundError
        h5py is not installed.
    """
    return need_h5py().File(source, "r")


def need_h5py() -> Any:
    """Give the package h5py. Whoever is about to download a file for it asks first.

    Raises
    ------
    ModuleNotFoundError
        It is not installed; the extra `keras` brings it.
    """
    try:
        import h5py
    except ImportError as error:
        raise ModuleNotFoundError(
            "files of Keras are read by the package h5py; it comes with the extra keras:  "
            'python -m pip install -e ".[keras]"'
        ) from error
    return h5py


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
    count = int(np.prod(claim.shape or (), dtype=object))
    size = count * claim.dtype.itemsize
    if claim.dtype.hasobject:  # the values are elsewhere, and as long as each says
        if claim.shape is None or h5py.check_string_dtype(claim.dtype) is None:
            raise ValueError(
                f"attribute {name} of {group.name} holds no text, but values of any length; expected texts"
            )
        if group.file.id.get_create_plist().get_sizes() != (8, 8):
            raise ValueError(
                "the file has addresses or lengths that are not of 8 bytes; expected those that Keras writes"
            )
        if size <= LARGEST_TEXT:
            size = text_bytes(Path(group.file.filename), h5py.h5o.get_info(group.id).addr, name, count)
    if size > LARGEST_TEXT:
        raise ValueError(f"attribute {name} of {group.name} claims {size:,} bytes; expected at most {LARGEST_TEXT:,}")
    return group.attrs[name]
