"""Figures show themselves in a notebook with words; an animation holds all its frames, in colours that stay."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageSequence

from xnp.viz.figure import Animation, Figure, render
from xnp.viz.panels import Panel, sheet


def step(k):
    return sheet([[Panel(np.eye(3) * k, "input", window=(k, k, 1, 1))]], alt=f"step {k}")


def open_png(thing):
    data, metadata = thing._repr_mimebundle_()
    return Image.open(BytesIO(b64decode(data["image/png"]))), data, metadata["image/png"]


def test_a_figure_shows_itself_with_its_words():
    image, data, metadata = open_png(step(1))
    assert image.format == "PNG"
    assert (metadata["alt"], data["text/plain"]) == ("step 1", "step 1")
    assert 0 < metadata["width"] <= image.width


@pytest.mark.slow
def test_the_same_figure_gives_the_same_bytes():
    assert render(step(1)) == render(step(1))
    assert render(step(1)) != render(step(2))


def test_an_animation_holds_every_figure_for_its_time():
    image, _, metadata = open_png(Animation([step(0), step(1), step(2)], seconds=0.5, alt="three steps"))
    frames = [(np.array(f.convert("RGB")), f.info["duration"]) for f in ImageSequence.Iterator(image)]
    assert [duration for _, duration in frames] == [500] * 3
    assert image.info["loop"] == 0
    assert metadata["alt"] == "three steps"
    for k, (frame, _) in enumerate(frames):
        alone = np.array(Image.open(BytesIO(render(step(k), 96))).convert("RGB"))
        assert np.abs(frame.astype(int) - alone).max() <= 24  # one palette for all frames: shades may move a little


def test_a_smaller_figure_of_an_animation_gets_white_to_the_size_of_the_largest():
    wide = sheet([[Panel(np.ones((2, 9)), "output")]], alt="wide")
    image, data, metadata = open_png(Animation([step(0), wide], alt="two sizes"))
    sizes = [Image.open(BytesIO(render(figure, 96))).size for figure in (step(0), wide)]
    assert sizes[0][0] < sizes[1][0]
    assert image.size == (sizes[1][0], sizes[0][1])
    assert (np.array(image.convert("RGB"))[:, sizes[0][0] :] == 255).all()
    assert abs(metadata["width"] - image.width) <= 1

    png = b64decode(data["image/png"])
    first = png.index(b"fcTL") + 8  # behind its name and its number: width and height of the first picture
    assert np.frombuffer(png, ">u4", 2, first).tolist() == list(image.size)


def test_an_animation_of_nothing_is_refused():
    with pytest.raises(ValueError, match="figures is empty"):
        Animation([], alt="")


def test_pyplot_knows_nothing_of_a_figure():
    figure = Figure(alt="free")
    assert figure.canvas.manager is None
