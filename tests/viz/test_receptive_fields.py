"""Receptive fields: the frames stand round their pixels, and the words say the sizes."""

from collections.abc import Callable

import numpy as np
import pytest

from xnp import inside, models
from xnp.inside import Extent, ReceptiveField
from xnp.viz import receptive_fields

STRENGTH = np.zeros((9, 8))
STRENGTH[4, 3] = 1
FIELD = ReceptiveField("stem", STRENGTH, seen=Extent(3, 2, 5, 4), possible=Extent(1, 0, 7, 6))


def test_frames_stand_round_the_pixels():
    (axes,) = receptive_fields([FIELD]).axes
    np.testing.assert_array_equal(axes.images[0].get_array(), STRENGTH)
    seen, possible = axes.patches
    assert (*seen.get_xy(), seen.get_width(), seen.get_height()) == (1.5, 2.5, 3, 3)
    assert (*possible.get_xy(), possible.get_width(), possible.get_height()) == (-0.5, 0.5, 7, 7)
    assert seen.get_linestyle() != possible.get_linestyle()


def test_words_say_the_sizes():
    said = "stem: 7x7 possible, 3x3 seen, half of the strength within 1x1"
    assert receptive_fields([FIELD]).alt == f"What one place sees of 9x8 pixels. {said}."


@pytest.mark.slow
def test_nothing_is_cut_off_or_overlaps(look: Callable) -> None:
    model = models.tiny_xception((48, 48, 3))
    fields = [inside.receptive_field(model, at, images=1) for at in ("stem", "entry/1", "middle/1", "exit/1", "exit/2")]
    for count in (1, 2, 5):
        look(receptive_fields(fields[:count]))
    look(receptive_fields([FIELD._replace(at="a_long_name/of_a_layer", strength=np.ones((4, 40)))] * 4))


def test_what_cannot_be_drawn_is_refused_by_name():
    with pytest.raises(ValueError, match=r"receptive_fields: fields are of images \[\]; there must be one size"):
        receptive_fields([])
    with pytest.raises(ValueError, match=r"fields are of images \[\(2, 2\), \(9, 8\)\]"):
        receptive_fields([FIELD, FIELD._replace(strength=np.ones((2, 2)))])
