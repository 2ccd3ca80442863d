"""ImageNet: files that a server on this machine gives; names of classes; pictures as Keras reads them."""

import hashlib
import json
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from xnp import cli, models, weights
from xnp.data import imagenet
from xnp.data.dataset import DataError
from xnp.data.fetch import Source
from xnp.data.pictures import NoPictureError
from xnp.layers import Conv2D, Dense, GlobalAveragePool2D, Sequential

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (8, 6, 3), np.uint8)
INDEX = {str(k): [f"n{k:08}", f"thing_{k}"] for k in range(1000)}
NAMES = tuple(f"thing_{k}" for k in range(1000))


def small(classes=1000):
    """Make a network of the paper's input and outputs that has next to no weights."""
    return Sequential(Conv2D(4, 3, stride=16), GlobalAveragePool2D(), Dense(classes)).build((299, 299, 3))


def load_npz(model, path):
    """Stand in for the reader of Keras' files."""
    with np.load(path) as arrays:
        for name, array in model.state().items():
            array[...] = arrays[name]


class Handler(SimpleHTTPRequestHandler):
    """Send the files of a folder, and note which were asked for."""

    def log_request(self, *_):
        """Note the name."""
        self.server.asked.append(self.path.removeprefix("/"))

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def web(tmp_path, monkeypatch):
    """Put a server on this machine into the place of Keras', with small files; it has an empty cache to fill."""
    folder = tmp_path / "web"
    folder.mkdir()
    model = small()
    model.state()["3/bias"][7] = 50
    with open(folder / "weights.h5", "wb") as file:
        np.savez(file, **model.state())
    (folder / "index.json").write_text(json.dumps(INDEX))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XNP_DATA", str(tmp_path / "cache"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        server.asked = []
        for constant, name, algorithm in (("WEIGHTS", "weights.h5", "md5"), ("CLASS_INDEX", "index.json", "sha256")):
            body = (folder / name).read_bytes()
            hashed = hashlib.new(algorithm, body).hexdigest()
            source = Source(f"http://127.0.0.1:{server.server_port}/{name}", len(body), algorithm, hashed)
            monkeypatch.setattr(imagenet, constant, source)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# From the web


def test_download_brings_both_files_whole_and_once(web, tmp_path):
    for _ in range(2):
        paths = imagenet.download()
        assert paths == (tmp_path / "cache" / "weights.h5", tmp_path / "cache" / "index.json")
    assert web.asked == ["weights.h5", "index.json"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "web").iterdir()
    }


@pytest.mark.parametrize("name", ["weights.h5", "index.json"])
def test_what_is_missing_or_damaged_is_fetched_alone(web, tmp_path, name):
    imagenet.download()
    path = tmp_path / "cache" / name
    body = path.read_bytes()
    for spoiled in (None, body[:-1], body[:-1] + b"?"):
        web.asked.clear()
        path.unlink()
        if spoiled is not None:
            path.write_bytes(spoiled)
        imagenet.download()
        assert web.asked == [name]
        assert path.read_bytes() == body


def test_files_that_are_not_the_pinned_ones_are_not_kept(web, tmp_path, monkeypatch):
    expected = "0" * 32
    monkeypatch.setattr(imagenet, "WEIGHTS", imagenet.WEIGHTS._replace(hash=expected))
    with pytest.raises(DataError, match=rf"weights\.h5 sent has md5 [0-9a-f]{{32}}; expected {expected}\. Nothing"):
        imagenet.download()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_file_that_the_server_lacks_can_be_put_there_by_hand(web, tmp_path):
    (tmp_path / "web" / "weights.h5").rename(tmp_path / "by hand")
    target = tmp_path / "cache" / "weights.h5"
    with pytest.raises(ConnectionError, match=rf"404.*by hand, and save it as {re.escape(str(target))}$"):
        imagenet.download()
    shutil.copy(tmp_path / "by hand", target)
    assert imagenet.download()[0] == target


def test_progress_is_shown_for_each_file(web, capsys):
    pytest.importorskip("tqdm")
    imagenet.download(progress=True)
    assert re.search(r"weights\.h5: 100%.*index\.json: 100%", capsys.readouterr().err, re.DOTALL)


def test_predict_fetches_asks_and_names(web, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(models, "xception", small)
    monkeypatch.setattr(weights, "load_keras", load_npz, raising=False)
    monkeypatch.setattr(weights, "need_h5py", lambda: None)
    picture = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(picture)
    line = ["predict", "--model", "xception", "--weights", "imagenet", str(picture)]
    for bars in (["index.json", "weights.h5"], []):
        assert cli.main(line) == 0
        out, err = capsys.readouterr()
        assert sorted(set(re.findall(r"(\S+): 100%", err))) == bars
        out = out.splitlines()
        said = f"asking xception with the weights of {tmp_path / 'cache' / 'weights.h5'}; it knows 1,000 classes"
        assert out[:2] == [said, str(picture)]
        assert re.fullmatch(r"  thing_7 +100\.0 %  #{40}", out[2])
        assert len(out) == 7
    assert web.asked == ["weights.h5", "index.json"]


def test_predict_without_a_network_says_what_failed(web, tmp_path, monkeypatch, capsys):
    (tmp_path / "web" / "weights.h5").unlink()
    monkeypatch.setattr(weights, "need_h5py", lambda: None)
    assert cli.main(["predict", "--model", "xception", "--weights", "imagenet", "a.png"]) == 1
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.startswith(f"xnp predict: download: {imagenet.WEIGHTS.url} cannot be read: HTTP Error 404")


# Names of classes


def test_names_come_from_the_cache_or_are_numbers(web, tmp_path):
    numbers = tuple(f"class {k}" for k in range(1000))
    assert imagenet.default_names() == numbers
    assert web.asked == []
    imagenet.download()
    assert imagenet.default_names() == NAMES
    (tmp_path / "cache" / "index.json").write_text(json.dumps({"0": ["n0", "another"]}))
    assert imagenet.default_names() == numbers


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"1": ["n2", "dog"], "0": ["n1", "Angora cat"]}'),
        ("a.JSON", '\ufeff{"0": ["n1", "Angora cat"], "1": ["n2", "dog"]}'),
        ("a.txt", "Angora cat\ndog"),
        ("names", "\ufeffAngora cat \r\ndog\r\n"),
    ],
)
def test_names_of_a_file(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode())
    assert imagenet.read_names(tmp_path / name) == ("Angora cat", "dog")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b""),
        ("a.json", b"{"),
        ("a.json", b"{}"),
        ("a.json", b"7"),
        ("a.json", b'["cat", "dog"]'),
        ("a.json", b'{"0": "cat", "1": "dog"}'),
        ("a.json", b'{"0": ["n1", "cat"], "2": ["n2", "dog"]}'),
        ("a.json", b'{"0": ["n1"]}'),
        ("a.json", b'{"0": ["n1", 7]}'),
        ("a.json", b"[" * 100_000),
        ("a.txt", b""),
        ("a.txt", b"cat\n\ndog\n"),
        ("a.txt", b"\x89PNG\xff\xff"),
    ],
)
def test_a_file_without_names_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / name))} holds no names of classes: "):
        imagenet.read_names(tmp_path / name)


def test_names_of_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        imagenet.read_names(tmp_path / "a.txt")


# Pictures


def test_a_large_picture_is_sampled(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert (imagenet.read_picture(tmp_path / "a.png", (4, 2)) == PIXELS[1::2, 1::3]).all()


def test_the_network_s_size_is_the_default(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    picture = imagenet.read_picture(tmp_path / "a.png")
    assert (picture.shape, picture.dtype) == ((299, 299, 3), np.uint8)
    assert np.isin(picture.reshape(-1, 3).view("u1,u1,u1"), PIXELS.reshape(-1, 3).view("u1,u1,u1")).all()


def test_a_turned_photo_stays_so_with_a_warning(tmp_path):
    exif = Image.Exif()
    exif[imagenet.ORIENTATION] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    with pytest.warns(UserWarning, match=rf"{re.escape(str(tmp_path / 'a.png'))} is marked as turned"):
        assert (imagenet.read_picture(tmp_path / "a.png", (8, 6)) == PIXELS).all()


def test_files_that_are_no_pictures(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(FileNotFoundError):
        imagenet.read_picture(path)
    path.write_text("no picture")
    with pytest.raises(NoPictureError, match="is no picture that can be read"):
        imagenet.read_picture(path)
    Image.fromarray(RNG.integers(0, 256, (60, 50, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match="is damaged") as error:
        imagenet.read_picture(path)
    assert not isinstance(error.value, NoPictureError)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_become_numbers_from_minus_1_to_1(dtype):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    prepared = imagenet.prepare(images, np.dtype(dtype))
    assert (prepared.dtype, prepared.shape) == (dtype, images.shape)
    assert np.allclose(prepared.ravel(), np.linspace(-1, 1, 256), rtol=0, atol=1e-7)
