"""A gradient as a sum of terms: the columns, their sum, and what is refused."""

import numpy as np
import pytest

from xnp.viz import gradient_terms

TERMS = {"direct": [20.0, 0.0, 0.1 + 0.2], "through\nthe mean": np.array([-5.0, -5.0, -0.3])}


def columns(figure) -> list[list[str]]:
    return [[text.get_text() for text in axes.texts] for axes in figure.axes]


def test_the_last_column_is_the_sum_without_what_rounding_left():
    assert columns(gradient_terms(TERMS, total="dx")) == [["20", "0", "0.3"], ["−5", "−5", "−0.3"], ["15", "−5", "0"]]


def test_alternative_text_gives_all_numbers_in_one_line():
    alt = gradient_terms(TERMS, total="dx").alt
    assert alt == "dx as a sum of terms. direct: 20, 0, 0.3. through the mean: −5, −5, −0.3. dx: 15, −5, 0."


def test_columns_stand_at_one_height_and_have_one_scale_of_colours():
    figure = gradient_terms(TERMS, total="dx")
    assert np.ptp([axes.get_position().y0 for axes in figure.axes]) < 1e-9
    colours = [[patch.get_facecolor() for patch in axes.patches] for axes in figure.axes]
    assert colours[1][0] == colours[2][1]  # -5 in both


@pytest.mark.slow
def test_nothing_is_cut_off(look):
    look(gradient_terms(TERMS | {"through\nthe variance": [-9.8, 1.4, 0.0]}, total="dx"), smallest=7)  # of −9.8


def test_zeros_are_drawn():
    assert columns(gradient_terms({"a": [0.0]}, total="b")) == [["0"], ["0"]]


def test_terms_of_other_lengths_and_none_are_refused():
    with pytest.raises(ValueError, match=r"gradient_terms: terms have \{'a': 1, 'b': 2\} rows"):
        gradient_terms({"a": [1.0], "b": [1.0, 2.0]}, total="c")
    with pytest.raises(ValueError, match="gradient_terms: terms have"):
        gradient_terms({}, total="c")
