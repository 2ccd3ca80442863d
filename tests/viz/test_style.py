"""The grammar: colours that all can tell apart, settings that do not leak, files that are whole, text that fits."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import xnp
from xnp.viz import style

# What red, green and blue become for people without red, green or blue cones (Machado, Oliveira and Fernandes 2009).
EYES = {
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour: object) -> np.ndarray:
    """Red, green and blue as amounts of light."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour: object) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def lightness(colour: object) -> float:
    """CIE L*: 0 is black, 100 is white, and 1 can just be seen."""
    return 116 * luminance(colour) ** (1 / 3) - 16


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b*: a distance of about 2 can just be seen."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ light.clip(0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Colours.


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(
    "colours",
    [
        (style.INPUT, style.KERNEL, style.OUTPUT),
        (style.ATTENTION, style.QUIET),
        (style.GRADIENT(0.0), style.GRADIENT(1.0)),
    ],
)
def test_colours_of_a_kind_differ_for_every_eye(eye: str, colours: tuple) -> None:
    seen = [lab(EYES[eye] @ linear(colour)) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15


def test_input_kernel_and_output_differ_in_grey():
    roles = sorted(lightness(colour) for colour in (style.INPUT, style.OUTPUT, style.KERNEL))
    assert np.diff(roles).min() > 10


@pytest.mark.parametrize("colour", [style.INK, style.ATTENTION, style.QUIET])
def test_text_colours_can_be_read_on_white(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_share_gets_darker_with_every_step():
    assert (np.diff([lightness(style.SHARE(share)) for share in np.linspace(0, 1, 101)]) < 0).all()


def test_gradient_is_white_at_zero_and_as_dark_on_both_sides():
    assert lightness(style.GRADIENT(0.5)) > 99
    assert abs(lightness(style.GRADIENT(0.0)) - lightness(style.GRADIENT(1.0))) < 2


def test_gradient_norm_puts_zero_in_the_centre_for_all_arrays_at_once():
    norm = style.gradient_norm(np.array([0.5, 2.0]), np.array([-8.0, 1.0]))
    np.testing.assert_array_equal(norm([-8.0, 0.0, 8.0]), [0.0, 0.5, 1.0])
    assert style.gradient_norm(np.zeros(3))(0.0) == 0.5


@pytest.mark.parametrize("grey", np.linspace(0, 1, 21))
def test_text_on_can_be_read_on_any_colour(grey: float) -> None:
    text, ground = (luminance(colour) + 0.05 for colour in (style.text_on((grey, grey, grey)), (grey, grey, grey)))
    assert max(text, ground) / min(text, ground) >= 4.5


# Numbers and words.


def test_percent_says_0_of_nothing_alone_and_100_of_all_alone():
    shares = [0, 1e-9, 0.0099, 0.01, 0.874, 0.99, 0.9901, 1 - 1e-9, 1]
    assert [style.percent(share) for share in shares] == ["0", "<1", "<1", "1", "87", "99", ">99", ">99", "100"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["horizontal stripes, agree", "ship", "Donaudampfschifffahrtsgesellschaft, 9\xa0%", "a bb ccc dddd"]
)
@pytest.mark.parametrize("width", [0.3, 0.8, 5.0])
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: float) -> None:
    lines = style.wrap(text, width).split("\n")
    assert max(style.text_width(line) for line in lines) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(lines)


def test_wrap_breaks_between_words_where_it_can():
    assert style.wrap("one two three", style.text_width("one two")) == "one two\nthree"
    assert style.wrap("cat, 87\xa0%", style.text_width("cat, 87")) == "cat,\n87\xa0%"


def test_text_width_is_about_what_is_drawn():
    with style.grammar():
        figure = Figure()
        text = figure.text(0, 0, "horizontal stripes, agree", size=style.SMALL)
        figure.draw_without_rendering()
        drawn = text.get_window_extent().width / figure.dpi
    assert style.text_width("horizontal stripes, agree") == pytest.approx(drawn, rel=0.05)


def test_place_counts_inches_from_the_upper_left_corner():
    axes = style.place(Figure(figsize=(4, 2)), left=1, top=0.5, width=2, height=1)
    assert axes.get_position().bounds == pytest.approx((0.25, 0.25, 0.5, 0.5))


def test_write_hangs_the_text_from_its_upper_left_corner():
    figure = Figure(figsize=(4, 2))
    style.write(figure, left=1, top=0.5, text="A")
    figure.draw_without_rendering()
    x, _, _, y = figure.texts[0].get_window_extent().extents / figure.dpi
    assert (x, y) == pytest.approx((1, 1.5), abs=0.02)


# Settings.


def test_grammar_overrides_the_users_settings_and_brings_them_back():
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        with style.grammar():
            assert matplotlib.rcParams["font.size"] == 9
            assert matplotlib.rcParams["axes.facecolor"] == "white"
        assert dict(matplotlib.rcParams) == before


def test_viz_never_loads_pyplot():
    code = "import sys, xnp.viz; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_no_other_part_of_the_library_loads_viz_or_matplotlib_with_itself():
    package = Path(xnp.__file__).parent
    files = [path for path in package.rglob("*.py") if package / "viz" not in path.parents]
    lines = [
        (path.name, line)
        for path in files
        for line in path.read_text().splitlines()
        if line.startswith(("import ", "from "))
    ]
    assert len(files) > 10
    assert [at for at in lines if "viz" in at[1] or "matplotlib" in at[1]] == []


# Files.


def dot() -> Figure:
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().plot([0], [0], "o")
    return figure


@pytest.mark.slow
def test_save_gives_the_same_bytes_twice_and_no_version_or_time(tmp_path: Path) -> None:
    figure = dot()
    for name, drawn in (("a", figure), ("b", figure), ("c", dot())):
        style.save(drawn, tmp_path / f"{name}.png")
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b == c
    assert a.startswith(b"\x89PNG")
    assert b"atplotlib" not in a
    assert b"tEXt" not in a
    assert b"tIME" not in a


def test_save_ignores_the_users_settings(tmp_path: Path) -> None:
    style.save(dot(), str(tmp_path / "a.png"))
    figure = dot()
    with matplotlib.rc_context({"savefig.bbox": "tight", "savefig.facecolor": "red"}):
        style.save(figure, str(tmp_path / "b.png"))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def break_off(file, **_):
        file.write(b"half")
        raise OSError("disk full")

    figure = dot()
    monkeypatch.setattr(figure, "savefig", break_off)
    with pytest.raises(OSError, match="disk full"):
        style.save(figure, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]


def test_save_writes_beside_the_target_and_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, moves, replace = tmp_path / "a.png", [], os.replace
    path.write_bytes(b"old")

    def watch(source, target):
        moves.append((Path(source).parent, Path(target), Path(target).read_bytes(), Path(source).read_bytes()[:4]))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watch)
    style.save(dot(), path)
    assert moves == [(tmp_path, path, b"old", b"\x89PNG")]
    assert os.listdir(tmp_path) == ["a.png"]


def test_save_refuses_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"save: path is '.*a\.jpg'; it must end in \.png"):
        style.save(dot(), tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError, match=r"save: path is '.*a\.png' but there is no folder '.*nowhere'"):
        style.save(dot(), tmp_path / "nowhere" / "a.png")
