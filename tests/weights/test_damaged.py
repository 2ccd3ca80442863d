"""Damaged and dangerous files: each is refused, says why, takes no memory, and leaves the model as it was."""

import json
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from xnp import weights

KINDS = ["keras", "whole", "old", "weights"]


@pytest.fixture
def refused(made):
    """Give the function that expects an error from both public functions."""

    def refused(path, *words, model=None):
        """Expect an error that names the file and holds these words, and a model that is as it was."""
        model = made.model() if model is None else model
        before = {name: array.copy() for name, array in model.state().items()}
        for read in (lambda: weights.load_keras(model, path), lambda: weights.keras_model(path)):
            tracemalloc.start()
            with pytest.raises((ValueError, OSError)) as error:
                read()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 30e6
            assert str(path) in str(error.value)
            if not str(error.value).endswith("then call load_keras"):  # weights alone make no network, whole or damaged
                for word in words:
                    assert word in str(error.value)
        assert all(np.array_equal(array, before[name]) for name, array in model.state().items())

    return refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_short(made, refused, kind):
    path = made.write(kind)
    whole = path.read_bytes()
    for length in [0, 1, 7, 8, 100, len(whole) // 3, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        refused(path, "expected")


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits_are_refused_or_change_numbers_only(made, kind):
    path = made.write(kind)
    whole = path.read_bytes()
    model = made.model()
    refused = 0
    for place in range(0, len(whole), 401):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        before = {name: array.copy() for name, array in model.state().items()}
        try:
            weights.load_keras(model, path)
        except (ValueError, OSError):
            refused += 1
            assert all(np.array_equal(array, before[name], equal_nan=True) for name, array in model.state().items())
    assert refused > 5


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "m.weights.h5", "m.keras"])
@pytest.mark.parametrize("content", [pickle.dumps({"kernel": 1}), b"", b"<html>404</html>", b"version https://git-lfs"])
def test_what_is_another_file(made, refused, name, content):
    path = made.folder / name
    path.write_bytes(content)
    what = f"begins with {content[:8]!r}" if content else "is empty"
    refused(path, f"it {what}; expected an HDF5 file or a zip archive")


def test_an_hdf5_file_of_something_else(made, refused):
    import h5py

    path = made.folder / "other.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros(3)
    refused(path, "it is an HDF5 file with 'images' in it; expected")
    with h5py.File(path, "w"):
        pass
    refused(path, "with nothing in it; expected")


# Claims

PLACE = {  # of the first kernel
    "keras": "layers/conv2d/vars/0",
    "weights": "layers/conv2d/vars/0",
    "whole": "model_weights/first/first/kernel:0",
    "old": "first/first/kernel:0",
}


def replace(kind, **how):
    """Put another data set in place of the first kernel."""

    def more(file):
        del file[PLACE[kind]]
        file.create_dataset(PLACE[kind], **how)

    return more


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"shape": (50_000, 50_000), "dtype": "f4"}, ["(50000, 50000)"]),  # 10 GB that are nowhere
        ({"shape": (50_000, 50_000), "dtype": "f4", "chunks": (100, 100), "compression": "gzip"}, ["(50000, 50000)"]),
        ({"shape": (3, 3, 3, 4), "dtype": "f4"}, ["claims shape (3, 3, 3, 4), 432 bytes, but 0 are stored"]),
        ({"data": np.zeros((3, 3, 3, 4), "f4"), "compression": "gzip"}, ["in chunks"]),
        ({"data": np.zeros((3, 3, 3, 4), "f4"), "chunks": (3, 3, 3, 4)}, ["in chunks"]),
        ({"data": np.zeros((3, 3, 3, 4), "f4"), "maxshape": (None,) * 4, "chunks": (99, 99, 99, 99)}, ["in chunks"]),
        ({"shape": (3, 3, 3, 4), "dtype": "f4", "external": [("/etc/passwd", 0, 432)]}, ["in another file"]),
        ({"data": np.zeros((3, 3, 3, 4), "c8")}, ["holds complex64; expected floating-point numbers"]),
        ({"shape": None, "dtype": "f4"}, ["()"]),
    ],
)
def test_a_data_set_that_claims_what_is_not_there(made, refused, kind, how, words):
    if how.get("maxshape"):
        how = how | {"chunks": (9, 9, 9, 9)}  # larger than the shape
    refused(made.write(kind, more=replace(kind, **how)), *words)


@pytest.mark.parametrize("kind", KINDS)
def test_links_are_not_followed(made, refused, kind):
    import h5py

    with h5py.File(made.folder / "secret.h5", "w") as file:
        file["kernel"] = np.zeros((3, 3, 3, 4), "f4")
    links = {
        "external": h5py.ExternalLink(str(made.folder / "secret.h5"), "kernel"),
        "soft": h5py.SoftLink("/" + PLACE[kind]),
    }
    for link in links.values():

        def more(file, link=link):
            del file[PLACE[kind]]
            file[PLACE[kind]] = link

        refused(made.write(kind, more=more), PLACE[kind], "is a link to another place")


@pytest.mark.parametrize("root", ["model_weights", "layers"])
def test_a_whole_part_in_another_file_is_not_opened(made, refused, root):
    import h5py

    path = made.folder / "m.h5"
    with h5py.File(path, "w") as file:
        file[root] = h5py.ExternalLink(str(made.write("keras")), "/")
    refused(path, f"{root} is a link to another place")


@pytest.mark.parametrize("kind", KINDS)
def test_a_virtual_data_set_reads_nothing(made, refused, kind):
    import h5py

    def more(file):
        del file[PLACE[kind]]
        layout = h5py.VirtualLayout((3, 3, 3, 4), "f4")
        layout[...] = h5py.VirtualSource(str(made.folder / "secret.h5"), "kernel", (3, 3, 3, 4))
        file.create_virtual_dataset(PLACE[kind], layout)

    refused(made.write(kind, more=more), PLACE[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_that_holds_itself_ends(made, refused, kind):
    def more(file):
        group = file[PLACE[kind].rpartition("/")[0]]
        group["again"] = group

    refused(made.write(kind, more=more), "again is another name of something that was there before")


def test_a_named_type_is_neither_group_nor_numbers(made, refused):
    def more(file):
        file["type"] = np.dtype("f8")

    refused(made.write("old", more=more), "type is a Datatype; expected a group or numbers")


def test_a_description_of_numbers_and_one_that_is_too_long(made, refused):
    def more(file):
        file.attrs["model_config"] = 3

    refused(made.write("whole", more=more), "attribute model_config is a int64; expected a text")
    import h5py

    path = made.folder / "long.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_group("model_weights")
        file.attrs["model_config"] = np.bytes_(b" " * 9_000_000)
    refused(path, "attribute model_config of / claims 9,000,000 bytes; expected at most 8,388,608")


def lie(path, name, length, claim):
    """Let the attribute `name`, a text of this length, claim another length."""
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<I", length), content.index(name.encode() + b"\0"))
    content[place : place + 4] = struct.pack("<I", claim)
    path.write_bytes(content)


@pytest.mark.parametrize("claim", [8 * 2**20 + 1, 2**32 - 1])
def test_a_text_that_claims_gigabytes(made, refused, claim):
    path = made.write("whole")
    lie(path, "model_config", len(json.dumps(made.description(keras=2))), claim)
    refused(path, f"attribute model_config of / claims {claim:,} bytes; expected at most 8,388,608")
    path = made.write("old")
    lie(path, "backend", len("tensorflow"), claim)
    refused(path, f"attribute backend of / claims {claim:,} bytes; expected at most 8,388,608")


def test_the_networks_own_size_is_no_reason_to_take_memory(made, refused):
    """A description may claim any size: no array is made before the file has shown its numbers."""
    network = [(k, n, o | {"units": 10**9} if k == "Dense" else o, r) for k, n, o, r in made.NETWORK]
    refused(made.write("keras", network=network))


# Archives


def archive(made, **members):
    """Write an archive with other members, where None leaves one out."""
    good = made.write("keras")
    with zipfile.ZipFile(good) as file:
        contents = {info.filename: file.read(info) for info in file.infolist()}
    contents |= {name.replace("__", "."): content for name, content in members.items()}
    path = made.folder / "made.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            if content is not None:
                file.writestr(name, content)
    return path


def test_a_compressed_archive_is_fine(made):
    model = made.model()
    weights.load_keras(model, archive(made))
    assert np.array_equal(model.state()["classifier/bias"], made.drawn()["predictions"][1])


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:\\evil", "\\\\server\\evil", "config.json/../../x"]
)
def test_a_path_that_climbs_out(made, refused, name):
    refused(archive(made, **{name: b"evil"}), "leads out of the archive")
    assert not list(made.folder.parent.rglob("evil"))


def test_an_archive_without_a_part(made, refused):
    refused(archive(made, config__json=None), "an archive with no config.json; expected one, as in a .keras file")
    refused(archive(made, **{"model.weights.h5": None}), "an archive with no model.weights.h5; expected one")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_descriptions(made, refused):
    path = archive(made)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("config.json", "{}")
    refused(path, "an archive with 2 of config.json")


def test_members_that_inflate(made, refused):
    refused(
        archive(made, config__json=b" " * 9_000_000), "config.json claims 9,000,000 bytes; expected at most 8,388,608"
    )
    refused(archive(made, **{"model.weights.h5": b"\0" * 25_000_000}), "model.weights.h5 claims 25,000,000 bytes")


def test_a_member_that_claims_less_than_it_holds(made, refused):
    path = archive(made, config__json=b" " * 7_000_000)
    with zipfile.ZipFile(path) as file:
        size = file.getinfo("config.json").file_size.to_bytes(4, "little")
    content = path.read_bytes()
    assert content.count(size) == 2  # in the member's header, and in the list at the end
    path.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    refused(path, "damaged")


def test_a_member_that_claims_10_gigabytes(made, refused):
    path = made.write("keras")
    with zipfile.ZipFile(path) as file:
        size = file.getinfo("model.weights.h5").file_size.to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (4_000_000_000).to_bytes(4, "little")))
    refused(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(made, refused, compression):
    path = made.folder / "m.keras"
    made.archive(path, b"", "{}", compression)
    refused(path, "is compressed by method")


def test_weights_that_are_no_hdf5(made, refused):
    refused(
        archive(made, **{"model.weights.h5": pickle.dumps([1])}), "model.weights.h5 begins with", "expected an HDF5"
    )


# Descriptions

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        (b"\xff\xfe\xfa", "is no JSON"),
        (DEEP, "is no JSON"),
        ('{"class_name": ' + DEEP + "}", "is no JSON"),
        ("[]", "not as Keras writes it"),
        ("{}", "not as Keras writes it (KeyError: 'class_name')"),
        ("null", "not as Keras writes it"),
        ('{"class_name": "Functional", "config": 3}', "not as Keras writes it"),
        ('{"class_name": "Functional", "config": {"layers": [1]}}', "not as Keras writes it"),
        ('{"class_name": "Sequential", "config": {"layers": []}}', "not as Keras writes it"),
        ('{"class_name": "Mine", "config": {"layers": []}}', "the network is a Mine; expected a Functional"),
        (json.dumps({"class_name": "Sequential", "config": [{}] * 5001}), "has 5,001 layers; expected at most 5,000"),
    ],
)
def test_descriptions_that_say_nothing(made, refused, text, words):
    refused(archive(made, config__json=text), words)
    if text and b"\xff" not in (text if isinstance(text, bytes) else text.encode()) and len(text) < 60_000:
        refused(made.write("whole", config=text), words)


def test_additions_that_nest_without_end(made, refused):
    network = made.NETWORK[:2]
    for level in range(1200):
        network = [*network, ("Add", f"add{level}", {}, [network[-1][1], "first"])]
    refused(made.write("keras", {"first": made.drawn()["first"]}, network), "nests more deeply than any network does")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory of a process is told in another way")
def test_no_file_takes_memory_outside_python_either(made):
    """HDF5 and zlib allocate for themselves. So a process of its own reads the worst, and says its peak."""
    paths = []
    for number, how in enumerate(
        [
            {"shape": (50_000, 50_000), "dtype": "f4"},
            {"shape": (50_000, 50_000), "dtype": "f4", "chunks": (5000, 5000), "compression": "gzip"},
            {"data": np.zeros((3, 3, 3, 4), "f4"), "maxshape": (None,) * 4, "chunks": (90, 90, 90, 90)},
        ]
    ):
        paths.append(made.folder / f"{number}.h5")
        made.write("old", more=replace("old", **how)).rename(paths[-1])
    paths.append(made.write("whole").rename(made.folder / "text.h5"))
    lie(paths[-1], "model_config", len(json.dumps(made.description(keras=2))), 500_000_000)
    paths.append(archive(made, **{"model.weights.h5": b"\0" * 300_000_000}))
    program = """if True:
        import resource, sys
        from xnp import weights
        from xnp.layers import Conv2D
        model = Conv2D(4, 3, use_bias=False).build((8, 8, 3))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for path in sys.argv[1:]:
            try:
                weights.load_keras(model, path)
            except ValueError:
                continue
            raise AssertionError(path)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        """
    command = [sys.executable, "-c", program, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60_000  # kilobytes, most of them h5py's own
