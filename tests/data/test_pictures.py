"""Pictures from files: formats, colours, orientation, sizes; and files that are none."""

import re
import struct
import zlib

import numpy as np
import pytest

from xnp.data.dataset import DataError
from xnp.data.pictures import read_picture

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 3), np.uint8)


def save(path, pixels, mode=None, **options):
    """Write pixels as Pillow does."""
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def test_a_png_of_the_right_size_comes_as_it_is(tmp_path):
    picture = read_picture(save(tmp_path / "a.png", PIXELS), (6, 5))
    assert picture.dtype == np.uint8
    assert (picture == PIXELS).all()


def test_a_jpeg_comes_nearly_as_it_was(tmp_path):
    smooth = np.broadcast_to(np.linspace(0, 255, 40).astype(np.uint8)[:, None, None], (40, 30, 3))
    picture = read_picture(save(tmp_path / "a.jpg", smooth, quality=95), (40, 30))
    assert np.abs(picture.astype(int) - smooth).max() < 8


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_other_formats_come_too_and_the_first_picture_counts(tmp_path, name):
    first, second = (Image.new("RGB", (5, 6), colour) for colour in ("white", "black"))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    assert (read_picture(tmp_path / name, (6, 5)) == 255).all()


def test_grey_becomes_three_equal_channels(tmp_path):
    picture = read_picture(save(tmp_path / "a.png", PIXELS[..., 0]), (6, 5))
    assert (picture == PIXELS[..., :1]).all()


def test_sixteen_bits_become_eight(tmp_path):
    deep = (PIXELS[..., 0].astype(np.uint16) << 8) + 77
    picture = read_picture(save(tmp_path / "a.png", deep), (6, 5))
    assert (picture == PIXELS[..., :1]).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_shows_white(tmp_path, mode):
    if mode == "P":
        transparent = Image.new("P", (5, 6), 0)
        transparent.save(tmp_path / "a.png", transparency=0)
    else:
        Image.new(mode, (5, 6), 0).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png", (6, 5)) == 255).all()


def test_what_is_opaque_keeps_its_colours(tmp_path):
    picture = read_picture(save(tmp_path / "a.png", PIXELS, "RGBA"), (6, 5))
    assert (picture == PIXELS).all()


def test_what_is_half_transparent_is_half_white(tmp_path):
    pixels = np.zeros((6, 5, 4), np.uint8)
    pixels[..., 3] = 51  # a fifth of black
    picture = read_picture(save(tmp_path / "a.png", pixels), (6, 5))
    assert (picture == 204).all()


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr"])
def test_other_colours_become_rgb(tmp_path, mode):
    white = np.full((6, 5, 3), 255, np.uint8)
    path = save(tmp_path / ("a.png" if mode in "1P" else "a.jpg"), white, mode)
    assert (read_picture(path, (6, 5)) == 255).all()


def test_a_photo_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the top is at the right
    path = save(tmp_path / "a.png", PIXELS, exif=exif)
    assert (read_picture(path, (5, 6)) == np.rot90(PIXELS, -1)).all()


def test_a_large_picture_is_averaged_not_sampled(tmp_path):
    board = np.indices((400, 600)).sum(axis=0) % 2 * 255
    picture = read_picture(save(tmp_path / "a.png", board.astype(np.uint8)), (32, 32))
    assert picture.shape == (32, 32, 3)
    assert np.abs(picture.astype(int) - 127).max() < 20


def test_a_small_picture_is_interpolated(tmp_path):
    pixels = np.array([[0, 200]], np.uint8).repeat(2, axis=0)
    picture = read_picture(save(tmp_path / "a.png", pixels), (2, 4))
    assert picture[0, :, 0].tolist() == [0, 50, 150, 200]  # bilinear: a quarter, three quarters


def test_height_comes_first(tmp_path):
    assert read_picture(save(tmp_path / "a.png", PIXELS), (7, 3)).shape == (7, 3, 3)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "a.png", (6, 5))


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(OSError, match=re.escape(tmp_path.name)):
        read_picture(tmp_path, (6, 5))


@pytest.mark.parametrize("content", [b"", b"not a picture\n" * 50])
def test_a_file_that_is_no_picture(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=f"^{re.escape(str(path))} is no picture that can be read; PNG, JPEG, WebP and GIF can$"
    ):
        read_picture(path, (6, 5))


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_picture_cut_short(tmp_path, name, share):
    path = save(tmp_path / name, RNG.integers(0, 256, (60, 50, 3), np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=f"^{re.escape(str(path))} is damaged: "):
        read_picture(path, (6, 5))


def test_a_picture_that_claims_a_monstrous_size(tmp_path):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    with pytest.raises(DataError, match="is damaged: Image size"):
        read_picture(path, (6, 5))
