"""The figures of measured gradients: the numbers that are drawn, the numbers that are said, and what is refused."""

import numpy as np
import pytest

from xnp.viz import gradient_error, step_errors, style
from xnp.viz.differences import NOTHING, power

STEPS = [1e-1, 1e-2, 1e-3, 1e-4]
LINES = {"central": [1e-2, 1e-4, 1e-9, 1e-3], "complex": [1e-3, 0.0, 0.0, 0.0]}


def test_each_line_has_its_numbers_and_0_stands_on_the_edge():
    (axes,) = step_errors(STEPS, LINES).axes
    central, exact = axes.lines
    np.testing.assert_array_equal(central.get_xdata(), STEPS)
    np.testing.assert_array_equal(central.get_ydata(), LINES["central"])
    np.testing.assert_array_equal(exact.get_ydata(), [1e-3, NOTHING, NOTHING, NOTHING])
    assert axes.get_ylim()[0] == pytest.approx(NOTHING)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_legend_and_alternative_text_name_the_best_step():
    figure = step_errors(STEPS, LINES)
    assert [line.get_label() for line in figure.axes[0].lines] == [
        "central: 1e-9 at step 1e-3",
        "complex: 0 at step 1e-2",
    ]
    assert "central: smallest error 1e-9, at step 1e-3; error 1e-2 at step 1e-1, 1e-3 at step 1e-4." in figure.alt
    assert "complex: smallest error 0, at step 1e-2" in figure.alt


def test_lines_differ_in_dashes_and_markers():
    lines = step_errors(STEPS, {str(k): [0.1] * 4 for k in range(4)}).axes[0].lines
    assert len({line.get_linestyle() for line in lines}) == len({line.get_marker() for line in lines}) == 4


@pytest.mark.slow
def test_nothing_is_cut_off(look):
    steps = 10.0 ** -np.arange(0, 17)
    names = ("forward difference, float64", "central difference, float64", "central difference, float32", "complex")
    look(step_errors(steps, {name: np.full(17, 1e-9) for name in names}))


def test_other_numbers_of_lines_and_of_points_are_refused():
    with pytest.raises(ValueError, match="step_errors: errors has 0 lines; it must have 1 to 4"):
        step_errors(STEPS, {})
    with pytest.raises(ValueError, match="errors has 5 lines"):
        step_errors(STEPS, {str(k): [0.1] * 4 for k in range(5)})
    with pytest.raises(ValueError, match=r"errors\['a'\] has 2 numbers but there are 4 steps"):
        step_errors(STEPS, {"a": [0.1, 0.2]})


def test_powers_are_written_as_python_reads_them():
    assert [power(v) for v in (1e-30, 3.4e-7, 12.0, 0.0)] == ["1e-30", "3e-7", "1e1", "0"]


# The error of a gradient.


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_three_panels_and_the_wrong_numbers_framed():
    found, measured = np.array([[1.0, 2.0, -3.0]]), np.array([[1.0, 2.5, 3.0 + 1e-9]])
    figure = gradient_error(found, measured, name="dw")
    left, middle, right = figure.axes
    assert [a.get_title(loc="left") for a in figure.axes] == ["dw, found", "dw, measured", "error"]
    assert texts(left) == ["1", "2", "−3"]
    assert texts(middle) == ["1", "2.5", "3"]
    assert texts(right) == ["0", "−0.5", "−6"]
    frames = [p.get_xy() for p in right.patches if p.get_edgecolor()[:3] == tuple(style.to_rgb(style.ATTENTION))]
    assert frames == [(1, 0), (2, 0)]
    assert figure.alt == (
        "dw, as found and as measured, and the error: 1x3 numbers each. "
        "2 of 3 are wrong, the worst by 6 in row 0, column 2."
    )


def test_rounding_is_no_error():
    x = np.random.default_rng(0).normal(size=(3, 4))
    figure = gradient_error(x, x + 1e-9)
    assert set(texts(figure.axes[2])) == {"0"}
    assert figure.alt.endswith("None is wrong.")


def test_zeros_are_drawn():
    assert set(texts(gradient_error(np.zeros((2, 2)), np.zeros((2, 2))).axes[0])) == {"0"}


def test_arrays_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"gradient_error: measured has shape \(3, 2\) but found has \(2, 3\)"):
        gradient_error(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="gradient_error: found has shape"):
        gradient_error(np.zeros(3), np.zeros(3))
