"""The formulas of the docstrings become LaTeX; what is no formula is left alone."""

import pytest
from annotated import prose
from annotated.formulas import latex, split_remark

from xnp import ops


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y = x @ w + b", r"y = x \, w + b"),
        ("dx = dy @ w.T", r"\mathrm{d}x = \mathrm{d}y \cdot w^{\top}"),
        ("y[n, c*m + k] = x[n, c]", r"y_{n,\,c m + k} = x_{n,\,c}"),
        (
            "y[k] = exp(x[k]) / sum over l of exp(x[l])",
            r"y_{k} = \frac{\exp\left(x_{k}\right)}{\sum_{l} \exp\left(x_{l}\right)}",
        ),
        (
            "var = (1/R) sum over rows of (x - mean)^2",
            r"\mathrm{var} = \frac{1}{R} \sum_{\text{rows}} \left(x - \mathrm{mean}\right)^{2}",
        ),
        (
            "dx = dy where x > 0, else 0",
            r"\mathrm{d}x = \begin{cases} \mathrm{d}y & x > 0 \\ 0 & \text{else} \end{cases}",
        ),
        (
            "d = sum over all (p, i) with p*s + i = r of w[i]",
            r"d = \sum_{\substack{p,\,i \\ p s + i = r}} w_{i}",
        ),
        ("xhat = gamma * inv", r"\hat{x} = \gamma \cdot \mathrm{inv}"),
    ],
)
def test_formulas(formula, expected):
    assert " ".join((latex(formula) or "").split()) == expected


@pytest.mark.parametrize("words", ["h = depthwise_conv2d(x, w)", "dx = the parts of dy", "y = x +", "y = (x", "y = x]"])
def test_what_is_no_formula_is_left_alone(words):
    assert latex(words) is None


def test_a_remark_stands_three_spaces_away():
    assert split_remark("dw = x.T @ dy             w was used for every image") == (
        "dw = x.T @ dy",
        "w was used for every image",
    )
    assert split_remark("db[o]          = sum over n         of  dy[n, o]") == ("db[o] = sum over n of dy[n, o]", "")
    assert split_remark("y[top + h] = x[h], and 0 elsewhere") == ("y[top + h] = x[h]", "and 0 elsewhere")


def test_nearly_all_formulas_of_the_operations_are_set(library):
    texts = [
        formula.text
        for op in ops.__all__
        for block in prose.blocks(library.source(f"xnp.ops.{op}").docstring)
        if block.kind == "formulas"
        for formula in prose.formulas(block.lines)
    ]
    code = [text for text in texts if latex(split_remark(text)[0]) is None]
    assert len(texts) > 50
    assert len(code) == 8, "the six calls of separable_conv2d and the words of concatenate stay code"
