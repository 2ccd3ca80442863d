"""What the notebooks need besides the operations: show a piece of source, and check an answer.

>>> from xnp import ops
>>> print(source(ops.relu.forward).text.splitlines()[0])
def forward(x: np.ndarray) -> tuple[np.ndarray, Cache]:
>>> check("y", np.zeros((2, 3)), np.zeros((3, 2)))
y: not yet. Its shape is (2, 3); it must be (3, 2).
>>> check("y", np.array([1.0, 5.0]), np.array([1.0, 2.0]))
y: not yet. y[1] is 5.0; that is too large. (1 of 2 numbers differ.)
>>> check("y", [1.0, 2.0], np.array([1.0, 2.0]))
y: right.
>>> check("y", ..., np.array([1.0, 2.0]))
y: write your answer in place of the three dots.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import xnp


class Source(NamedTuple):
    """A piece of source, with its place. Jupyter shows it in colours when it is a cell's last value."""

    text: str
    place: str  # file and first line, from the folder that holds the library

    def __repr__(self) -> str:
        return f"# {self.place}\n{self.text}"

    def _repr_markdown_(self) -> str:
        return f"`{self.place}`\n```python\n{self.text}```"


def source(thing: Callable[..., Any] | type, *, docstring: bool = False) -> Source:
    """Give the source of a function or a class of the library.

    Parameters
    ----------
    thing : function or class
    docstring : bool
        Whether to keep its docstring.
    """
    lines, first = inspect.getsourcelines(thing)
    text = inspect.cleandoc("\n".join(["", *(line.rstrip("\n") for line in lines)])) + "\n"
    if not docstring:
        text = without_docstring(text)
    file = Path(inspect.getsourcefile(thing) or "")
    return Source(text, f"{file.relative_to(Path(xnp.__file__).parent.parent).as_posix()}, line {first}")


def without_docstring(text: str) -> str:
    """Take the docstring out of the source of one function or class."""
    import ast

    body = ast.parse(text).body[0].body  # type: ignore[attr-defined]
    first = body[0]
    if not (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    ):
        return text
    lines = text.splitlines(keepends=True)
    after = first.end_lineno or first.lineno
    while len(body) > 1 and after < len(lines) and not lines[after].strip():
        after += 1  # a class has an empty line below its docstring
    return "".join(lines[: first.lineno - 1] + lines[after:])


def check(name: str, answer: Any, expected: Any, *, rtol: float = 1e-6, atol: float = 1e-9) -> None:
    """Print whether an answer is right; if it is not, which shape or which number is wrong.

    Parameters
    ----------
    name : str
        Of the answer, as the reader knows it.
    answer : anything
        The reader's: a number, an array, a tuple of them, a word. `...` is an answer not yet given.
    expected : number, array, tuple or str
        The right one.
    rtol, atol : float
        How far two numbers may lie apart: atol + rtol * the right one.
    """
    if answer is Ellipsis:
        print(f"{name}: write your answer in place of the three dots.")
        return
    problem = difference(name, answer, expected, rtol, atol)
    print(f"{name}: not yet. {problem}" if problem else f"{name}: right.")


def difference(name: str, answer: Any, expected: Any, rtol: float, atol: float) -> str:
    """Say where an answer leaves the right one first; nothing where it does not."""
    if isinstance(expected, str):
        return "" if answer == expected else f"It is {answer!r}; another one is right."
    try:
        given, right = np.asarray(answer), np.asarray(expected)
        numbers = all(np.issubdtype(a.dtype, np.number) or a.dtype == bool for a in (given, right))
    except ValueError:
        numbers = False
    if not numbers:
        return f"It is of type {type(answer).__name__}; it must be numbers in one array or list."
    if given.shape != right.shape:
        return f"Its shape is {given.shape}; it must be {right.shape}."
    wrong = np.argwhere(~np.isclose(given, right, rtol=rtol, atol=atol, equal_nan=True))
    if not len(wrong):
        return ""
    place = tuple(int(i) for i in wrong[0])
    where = f"{name}[{', '.join(map(str, place))}]" if place else "It"
    rest = f" ({len(wrong):,} of {right.size:,} numbers differ.)" if place else ""
    one, other = given[place], right[place]
    verdict = "wrong"  # the right one is not told: the reader shall try again
    if all(np.isrealobj(a) and a.dtype != bool for a in (given, right)) and not np.isnan(one - other):
        verdict = "too large" if one > other else "too small"
    return f"{where} is {one}; that is {verdict}.{rest}"
