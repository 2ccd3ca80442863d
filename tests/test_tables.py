"""A table is shown as Markdown in a notebook, and as aligned text elsewhere."""

import re

import numpy as np
import pytest

from xnp.tables import table


def test_numbers_stand_at_the_right_words_at_the_left():
    text = repr(table(["a", "number"], [["long word", 5], ["b", 1234]])).splitlines()
    assert text == ["a          number", "long word       5", "b           1,234"]


def test_markdown_has_a_rule_that_says_where_a_column_stands():
    shown = table(["a", "n"], [["`x`", np.int64(1000)], ["y", 2.5]])._repr_markdown_().splitlines()
    assert shown == ["| a | n |", "| :--- | ---: |", "| `x` | 1,000 |", "| y | 2.5 |"]


def test_a_column_with_a_word_in_it_is_one_of_words():
    assert table(["n", "n", "n"], [[1, 1, "1 %"], ["none", "", "25 %"]]).right == (False, True, True)
    assert table(["n"], []).right == (False,)


def test_a_row_of_another_length_is_refused_by_name():
    with pytest.raises(ValueError, match=re.escape("table: rows[1] has 1 cells but header has 2; they must agree")):
        table(["a", "b"], [["x", 1], ["y"]])
