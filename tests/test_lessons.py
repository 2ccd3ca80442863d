"""The checker of the exercises says which shape or which number is wrong; source shows what is there."""

import numpy as np
import pytest

from xnp import ops
from xnp.layers import Residual
from xnp.lessons import check, source


def said(capsys, *arguments, **options):
    check(*arguments, **options)
    return capsys.readouterr().out


RIGHT = np.arange(6.0).reshape(2, 3)


def test_three_dots_are_an_answer_not_yet_given(capsys):
    assert said(capsys, "y", ..., RIGHT) == "y: write your answer in place of the three dots.\n"


def test_a_right_answer_of_any_kind(capsys):
    for answer in (RIGHT, RIGHT.tolist(), RIGHT.astype(np.float32), RIGHT + 1e-12):
        assert said(capsys, "y", answer, RIGHT) == "y: right.\n"
    assert said(capsys, "y", 3, 3.0) == "y: right.\n"
    assert said(capsys, "y", (5, 28, 28, 7), (5, 28, 28, 7)) == "y: right.\n"
    assert said(capsys, "y", True, True) == "y: right.\n"
    assert said(capsys, "y", "dx", "dx") == "y: right.\n"


def test_a_wrong_shape_is_named(capsys):
    assert said(capsys, "y", RIGHT.T, RIGHT) == "y: not yet. Its shape is (3, 2); it must be (2, 3).\n"


def test_the_first_wrong_number_is_named_with_its_place(capsys):
    wrong = RIGHT.copy()
    wrong[1, 0], wrong[1, 2] = 9, np.nan
    assert (
        said(capsys, "y", wrong, RIGHT) == "y: not yet. y[1, 0] is 9.0; that is too large. (2 of 6 numbers differ.)\n"
    )


def test_a_wrong_single_number(capsys):
    assert said(capsys, "n", 4, 3) == "n: not yet. It is 4; that is too large.\n"
    assert said(capsys, "n", -4, 3) == "n: not yet. It is -4; that is too small.\n"
    for answer, expected in ((True, False), (np.nan, 3.0), (1j, 1.0)):
        assert said(capsys, "n", answer, expected) == f"n: not yet. It is {answer}; that is wrong.\n"


def test_a_wrong_word_does_not_give_the_right_one_away(capsys):
    assert "dw" not in said(capsys, "which", "dx", "dw")


@pytest.mark.parametrize("answer", [None, "a word", {"a": 1}, [[1, 2], [3]], np.sin])
def test_what_are_no_numbers_is_refused_in_words(capsys, answer):
    assert "it must be numbers" in said(capsys, "y", answer, RIGHT)


def test_tolerance_is_an_argument(capsys):
    assert "right" in said(capsys, "y", 1.01, 1.0, rtol=0.1)
    assert "not yet" in said(capsys, "y", 1.01, 1.0)


def test_source_gives_a_function_without_its_docstring_and_says_where_it_stands():
    shown = source(ops.conv2d.backward)
    assert shown.text.startswith("def backward(")
    assert '"""' not in shown.text
    assert "dpadded" in shown.text
    file, line = shown.place.split(", line ")
    assert file == "xnp/ops/conv2d.py"
    with open(ops.conv2d.__file__, encoding="utf-8") as lines:
        assert list(lines)[int(line) - 1].startswith("def backward(")


def test_source_keeps_the_docstring_where_it_is_wanted():
    assert '"""' in source(ops.conv2d.backward, docstring=True).text


def test_source_of_a_method_or_a_class_is_unindented():
    assert source(Residual.forward).text.startswith("def forward(")
    assert source(Residual).text.startswith("class Residual(")


def test_jupyter_shows_it_in_colours():
    shown = source(ops.relu.forward)
    assert "```python\ndef forward" in shown._repr_markdown_()
    assert shown.place in shown._repr_markdown_()
    assert repr(shown).startswith(f"# {shown.place}\ndef forward")
