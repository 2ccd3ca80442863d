"""The archive from the web: a server on this machine cuts, refuses and lies; the archives are made here."""

import gzip
import hashlib
import io
import socket
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from xnp.data import cifar10
from xnp.data import fetch as web
from xnp.data.dataset import DataError

BODY = np.random.default_rng(0).bytes(5 * web.BLOCK + 321)
RECORDS = 10  # one of each class in a file
PART = cifar10.ARCHIVE + ".part"


class Handler(BaseHTTPRequestHandler):
    """Answer as the test says: one answer a request, the last one for all that follow."""

    def do_GET(self) -> None:
        """Note the request, and give the next answer."""
        site = self.server
        site.asked.append(self.headers["Range"])
        answer = site.answers.pop(0) if len(site.answers) > 1 else site.answers[0]
        answer(self, site.body)

    def send(self, status: int, body: bytes, **headers: object) -> None:
        """Send a whole response; an underscore in a header's name stands for its hyphen."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


Answer = Callable[[Handler, bytes], None]


def plain(handler: Handler, body: bytes) -> None:
    """Know no ranges: send all."""
    handler.send(200, body, Content_Length=len(body))


def ranges(handler: Handler, body: bytes) -> None:
    """Send what was asked for."""
    if (asked := handler.headers["Range"]) is None:
        return plain(handler, body)
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    where = f"bytes {start}-{len(body) - 1}/{len(body)}"
    handler.send(206, body[start:], Content_Length=len(body) - start, Content_Range=where)


def other_range(handler: Handler, body: bytes) -> None:
    """Answer a range with another one."""
    where = f"bytes 5-{len(body) - 1}/{len(body)}"
    handler.send(206, body[5:], Content_Length=len(body) - 5, Content_Range=where)


def cut(after: int) -> Answer:
    """Promise all, and close early."""
    return lambda handler, body: handler.send(200, body[:after], Content_Length=len(body))


def cut_chunks(handler: Handler, body: bytes) -> None:
    """Promise a chunk of two blocks, and close after one and a half."""
    handler.protocol_version = "HTTP/1.1"
    chunk = b"%x\r\n" % (2 * web.BLOCK) + body[: 3 * web.BLOCK // 2]
    handler.send(200, chunk, Transfer_Encoding="chunked", Connection="close")


def without_length(handler: Handler, body: bytes) -> None:
    """Send all, and do not say how much it will be."""
    handler.send(200, body)


def refuse(status: int) -> Answer:
    return lambda handler, body: handler.send(status, b"no", Content_Length=2)


def silent(handler: Handler, body: bytes) -> None:
    """Send two blocks and a half, then nothing more until the test is over."""
    handler.send(200, body[: 5 * web.BLOCK // 2], Content_Length=len(body))
    handler.server.over.wait(60)


def endless(handler: Handler, body: bytes) -> None:
    """Send two blocks, say no length, and never close."""
    handler.send(200, body[: 2 * web.BLOCK])
    handler.server.over.wait(60)


class Site(ThreadingHTTPServer):
    """A server that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/archive.tar.gz"
        self.body = BODY
        self.answers: list[Answer] = [ranges]
        self.asked: list[str | None] = []  # the Range of each request
        self.over = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: some clients are meant to hang up."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def fetch(site: Site, cache: Path, **changes: object) -> Path:
    """Download what the site holds, with the true size and hash unless the test changes them."""
    truth = {"url": site.url, "size": len(site.body), "sha256": sha256(site.body), "cache": cache}
    return cifar10.download(**{**truth, **changes})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Whole downloads.


@pytest.mark.parametrize("answer", [ranges, plain, without_length])
def test_download_gives_the_archive_and_nothing_else(site: Site, tmp_path: Path, answer: Answer) -> None:
    site.answers = [answer]
    cache = tmp_path / "new" / "cache"
    assert fetch(site, cache) == cache / cifar10.ARCHIVE
    assert contents(cache) == {cifar10.ARCHIVE: BODY}
    assert site.asked == [None]


def test_whole_archive_makes_no_request(site: Site, tmp_path: Path) -> None:
    first = fetch(site, tmp_path)
    site.answers = [refuse(500)]
    assert fetch(site, tmp_path) == first
    assert len(site.asked) == 1


def test_damaged_archive_is_replaced(site: Site, tmp_path: Path) -> None:
    (tmp_path / cifar10.ARCHIVE).write_bytes(BODY[:-1] + b"?")
    fetch(site, tmp_path)
    assert contents(tmp_path) == {cifar10.ARCHIVE: BODY}


def test_two_caches_know_nothing_of_each_other(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path / "a")
    fetch(site, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == {cifar10.ARCHIVE: BODY}
    assert len(site.asked) == 2


def test_cache_is_xnp_data_by_default(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNP_DATA", str(tmp_path / "mine"))
    assert fetch(site, cache=None) == tmp_path / "mine" / cifar10.ARCHIVE


# Cuts.


def test_cut_download_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    after = 2 * web.BLOCK + 99
    site.answers = [cut(after), ranges]
    with pytest.raises(ConnectionError, match=r"cannot be read.*Try again: it goes on"):
        fetch(site, tmp_path)
    kept = contents(tmp_path)
    assert kept.keys() == {PART}
    assert 2 * web.BLOCK <= len(kept[PART]) <= after  # a Python may drop the block that was cut
    assert BODY.startswith(kept[PART])
    fetch(site, tmp_path)
    assert contents(tmp_path) == {cifar10.ARCHIVE: BODY}
    assert site.asked == [None, f"bytes={len(kept[PART])}-"]


def test_cut_chunks_go_on_too(site: Site, tmp_path: Path) -> None:
    site.answers = [cut_chunks, ranges]
    with pytest.raises(ConnectionError, match="cannot be read"):
        fetch(site, tmp_path)
    assert contents(tmp_path) == {PART: BODY[: web.BLOCK]}
    fetch(site, tmp_path)
    assert contents(tmp_path) == {cifar10.ARCHIVE: BODY}


def test_server_that_falls_silent_is_left(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT", 0.5)
    site.answers = [silent]
    with pytest.raises(ConnectionError, match="timed out"):
        fetch(site, tmp_path)
    monkeypatch.setattr(web, "TIMEOUT", 30.0)
    site.answers = [ranges]
    fetch(site, tmp_path)
    assert contents(tmp_path) == {cifar10.ARCHIVE: BODY}


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([plain], ["bytes=1000-"]),  # no ranges: the same answer is the whole file
        ([other_range, plain], ["bytes=1000-", None]),
        ([refuse(416), plain], ["bytes=1000-", None]),
    ],
)
def test_start_again_where_the_server_cannot_go_on(
    site: Site, tmp_path: Path, answers: list[Answer], asked: list[str | None]
) -> None:
    (tmp_path / PART).write_bytes(BODY[:1000])
    site.answers = answers
    fetch(site, tmp_path)
    assert contents(tmp_path) == {cifar10.ARCHIVE: BODY}
    assert site.asked == asked


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        (BODY + b"too long", [None]),
        (b"?" + BODY[1:1000], ["bytes=1000-", None]),  # wrong, as only the whole file's hash can tell
        (b"?" + BODY[1:], [None]),
        (BODY, []),  # cut between its last byte and its new name
        (b"", [None]),
    ],
)
def test_part_that_an_earlier_call_left(site: Site, tmp_path: Path, part: bytes, asked: list[str | None]) -> None:
    (tmp_path / PART).write_bytes(part)
    fetch(site, tmp_path)
    assert contents(tmp_path) == {cifar10.ARCHIVE: BODY}
    assert site.asked == asked


# Refusals.


def test_wrong_hash_keeps_nothing_and_names_both(site: Site, tmp_path: Path) -> None:
    expected = "0" * 64
    with pytest.raises(DataError, match=rf"sha256 {sha256(BODY)}; expected {expected}"):
        fetch(site, tmp_path, sha256=expected)
    assert contents(tmp_path) == {}
    assert site.asked == [None]


@pytest.mark.parametrize("difference", [-1, 1])
def test_wrong_size_is_refused_before_a_byte_is_written(site: Site, tmp_path: Path, difference: int) -> None:
    (tmp_path / PART).write_bytes(BODY[:1000])
    expected = len(BODY) + difference
    with pytest.raises(DataError, match=rf"has {len(BODY):,} bytes; expected {expected:,}"):
        fetch(site, tmp_path, size=expected)
    assert contents(tmp_path) == {PART: BODY[:1000]}


@pytest.mark.parametrize("answer", [without_length, endless])
def test_more_bytes_than_expected_are_not_kept(site: Site, tmp_path: Path, answer: Answer) -> None:
    site.answers = [answer]
    with pytest.raises(DataError, match=r"more than the expected 1,000 bytes"):
        fetch(site, tmp_path, size=1000)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("status", [404, 416, 503])
def test_refusal_names_the_status_and_the_way_out(site: Site, tmp_path: Path, status: int) -> None:
    site.answers = [refuse(status)]
    with pytest.raises(ConnectionError, match=rf"{site.url}.*{status}.*by hand.*{cifar10.ARCHIVE}$"):
        fetch(site, tmp_path)
    assert contents(tmp_path) == {}


def test_no_network_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as closed:  # a port that is taken, and where nobody listens
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(ConnectionError, match=rf"cannot be read.*by hand.*{cifar10.ARCHIVE}$"):
            cifar10.download(url=url, cache=tmp_path)


def test_trouble_with_the_disk_is_not_called_trouble_with_the_network(site: Site, tmp_path: Path) -> None:
    (tmp_path / PART).mkdir()
    with pytest.raises(OSError, match=PART) as caught:
        fetch(site, tmp_path)
    assert not isinstance(caught.value, ConnectionError)


# The progress bar.


def test_progress_bar_counts_every_byte(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("tqdm")
    (tmp_path / PART).write_bytes(BODY[: len(BODY) // 2])
    fetch(site, tmp_path, progress=True)
    drawn = capsys.readouterr().err
    assert cifar10.ARCHIVE in drawn
    assert " 50%" in drawn  # a resumed download starts with what it has
    assert "100%" in drawn


def test_without_a_bar_tqdm_is_not_needed(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)  # an import of it fails
    fetch(site, tmp_path)
    assert capsys.readouterr() == ("", "")


# Archives, from the server to arrays.


def batch(seed: int) -> bytes:
    made = np.random.default_rng(seed).integers(0, 256, (RECORDS, cifar10.RECORD), dtype=np.uint8)
    made[:, 0] = np.arange(RECORDS)
    return made.tobytes()


def members() -> dict[str, bytes]:
    """Make what the official archive holds, with few records, in an order that is not the files'."""
    files = reversed((*cifar10.TRAINING_FILES, cifar10.TEST_FILE))
    made = {f"{cifar10.FOLDER}/{file}": batch(seed) for seed, file in enumerate(files)}
    return {f"{cifar10.FOLDER}/batches.meta.txt": b"airplane\n", **made}


def pack(members: dict[str, bytes], *links: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, body in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(body)
            tar.addfile(header, io.BytesIO(body))
        for link in links:
            tar.addfile(link)
    return packed.getvalue()


@pytest.fixture
def download(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Path]:
    """Return a function that serves a body and downloads it to the cache."""
    cache = tmp_path / "one" / "two" / "cache"
    monkeypatch.setattr(cifar10, "RECORDS", RECORDS)
    monkeypatch.setenv("XNP_DATA", str(cache))

    def serve(body: bytes) -> Path:
        site.body = body
        return fetch(site, cache)

    return serve


def test_archive_gives_what_the_unpacked_folder_gives(download: Callable, tmp_path: Path) -> None:
    download(pack(members()))
    for name, body in members().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(body)
    np.testing.assert_array_equal(cifar10.load_test().images, cifar10.load_test(tmp_path).images)
    packed, unpacked = (cifar10.load_training(source, validation=20) for source in (None, tmp_path))
    for share in (0, 1):
        np.testing.assert_array_equal(packed[share].images, unpacked[share].images)
        np.testing.assert_array_equal(packed[share].labels, unpacked[share].labels)


def test_data_dir_may_hold_the_archive(download: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = download(pack(members()))
    monkeypatch.delenv("XNP_DATA")
    assert cifar10.load_test(archive.parent).images.shape == (RECORDS, 32, 32, 3)


@pytest.mark.parametrize("missing", [*cifar10.TRAINING_FILES, cifar10.TEST_FILE])
def test_missing_member_is_named_by_who_needs_it(download: Callable, missing: str) -> None:
    kept = members()
    del kept[f"{cifar10.FOLDER}/{missing}"]
    download(pack(kept))
    needs, does_not = cifar10.load_training, cifar10.load_test
    if missing == cifar10.TEST_FILE:
        needs, does_not = does_not, lambda: cifar10.load_training(validation=10)
    with pytest.raises(DataError, match=rf"has no {cifar10.FOLDER}/{missing}"):
        needs()
    does_not()


@pytest.mark.parametrize("change", [-1, 1, -cifar10.RECORD])
def test_truncated_record_is_refused(download: Callable, change: int) -> None:
    size = RECORDS * cifar10.RECORD
    download(pack({**members(), f"{cifar10.FOLDER}/data_batch_5.bin": bytes(size + change)}))
    with pytest.raises(DataError, match=rf"data_batch_5\.bin has {size + change:,} bytes; expected {size:,}"):
        cifar10.load_training(validation=10)


def test_label_10_is_refused(download: Callable) -> None:
    wrong = bytearray(batch(0))
    wrong[4 * cifar10.RECORD] = 10
    download(pack({**members(), f"{cifar10.FOLDER}/test_batch.bin": bytes(wrong)}))
    with pytest.raises(DataError, match=r"test_batch\.bin, record 4 has label 10; expected 0 to 9"):
        cifar10.load_test()


def test_evil_members_do_nothing(download: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = {"../../evil": b"evil", str(tmp_path / "evil"): b"evil", f"{cifar10.FOLDER}/../../evil": b"evil"}
    archive = download(pack({**evil, **members()}))
    (archive.parent / "work").mkdir()
    monkeypatch.chdir(archive.parent / "work")
    before = sorted(tmp_path.rglob("*"))
    cifar10.load_training(validation=10)
    cifar10.load_test()
    assert sorted(tmp_path.rglob("*")) == before


def test_link_is_not_followed(download: Callable) -> None:
    kept = members()
    kept["elsewhere"] = kept.pop(f"{cifar10.FOLDER}/test_batch.bin")
    link = tarfile.TarInfo(f"{cifar10.FOLDER}/test_batch.bin")
    link.type, link.linkname = tarfile.LNKTYPE, "elsewhere"
    download(pack(kept, link))
    with pytest.raises(DataError, match=r"has no .*test_batch\.bin"):
        cifar10.load_test()


@pytest.mark.parametrize("kept", [1e-5, 0.1, 0.5, 0.9, 0.9999])
def test_truncated_archive_is_named(download: Callable, kept: float) -> None:
    whole = pack(members())
    download(whole[: int(kept * len(whole))])
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz is damaged .*xnp download"):
        cifar10.load_training(validation=10)


@pytest.mark.parametrize("body", [b"<html>log in</html>", gzip.compress(b"no tar" * 999)])
def test_another_file_is_no_archive(download: Callable, body: bytes) -> None:
    download(body)
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz is damaged"):
        cifar10.load_test()


def test_member_that_cannot_be_unpacked_is_found(download: Callable) -> None:
    packer = zlib.compressobj(wbits=31)  # 31: the gzip format
    good = packer.compress(gzip.decompress(pack(members()))[:20_000]) + packer.flush(zlib.Z_FULL_FLUSH)
    download(good + b"\xff" * 99)  # a block type that does not exist
    with pytest.raises(DataError, match=r"is damaged .*invalid block type"):
        cifar10.load_test()


@pytest.mark.parametrize("place", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_changed_byte_in_an_archive_is_found(download: Callable, place: float) -> None:
    changed = bytearray(pack(members()))
    changed[int(place * len(changed))] ^= 1
    download(bytes(changed))
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz is damaged .*xnp download"):
        cifar10.load_test()
