"""What every operation promises beside the right numbers: its manners.

    unchanged      an argument is never written to, dy included
    gradients      one for each array, of its shape; None for None; a single one comes bare
    dtype          float32 stays float32, float64 stays float64
    memory         what comes back is new: to write to it changes nothing else
    repetition     the same call gives the same bits
    layout         arrays may lie in memory in any order
    refusals       a wrong dy, a wrong array, a wrong dtype: an error that names the operation and the argument
    cost           what is counted is what is there

A relu that writes into dy passes every test of relu alone; in a network the skip connection needs the same dy, and gets
a wrong one. A dy of the wrong shape is broadcast by NumPy without a word. Hence these checks.

Each is a function of a case (see `xnp.cases`): it raises an AssertionError that says what is wrong, or does nothing.

>>> from xnp.cases import cases_of
>>> for case in cases_of("relu"):
...     check_unchanged(case)
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from xnp.cases import Case, random_like
from xnp.differences import relative_error

EXACT = 1e-12  # relative: the same sum in another order


def demand(fulfilled: bool, case: Case, otherwise: str) -> None:
    """Raise an AssertionError that names the case, if the demand is not fulfilled."""
    if not fulfilled:
        raise AssertionError(f"{case.name}: {otherwise}")


def gradients_of(case: Case, dy: np.ndarray, cache: Any) -> dict[str, np.ndarray]:
    """Call backward: the gradients that are not None, by name."""
    return {f"d{name}": g for name, g in case.backward(dy, cache).items() if g is not None}


def array_arguments(case: Case) -> dict[str, np.ndarray]:
    """All arrays that forward takes: those with a gradient, and labels or statistics among the options."""
    return {k: v for k, v in (case.arrays | case.options).items() if isinstance(v, np.ndarray)}


def with_argument(case: Case, name: str, value: Any) -> Case:
    """Give the same case with one argument replaced."""
    kind = "arrays" if name in case.arrays else "options"
    return case._replace(**{kind: getattr(case, kind) | {name: value}})


def changed(case: Case, change: Callable[[np.ndarray], np.ndarray]) -> Case:
    """Give the same case with all arrays changed."""
    for name, array in array_arguments(case).items():
        case = with_argument(case, name, change(array))
    return case


def demand_refusal(
    case: Case, call: Callable[[], Any], kind: type[Exception] | tuple[type[Exception], ...], name: str, what: str
) -> None:
    """Demand an error that begins with the operation's name and mentions the argument's."""
    try:
        call()
    except kind as error:
        by_name = str(error).startswith(f"{case.op_name}: ") and name in str(error)
        demand(by_name, case, f"{what} is refused, but not by name: {error}")
    else:
        demand(False, case, f"{what} is not refused")


def check_unchanged(case: Case) -> None:
    """Neither forward nor backward writes to an argument, dy included."""

    def protect(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array.flags.writeable = False
        return array

    try:
        y, cache = changed(case, protect).forward()
        case.op.backward(protect(random_like(y)), cache)
    except ValueError as error:
        demand("read-only" not in str(error), case, f"an argument is written to ({error})")
        raise


def check_gradients(case: Case) -> None:
    """Give one gradient for each array, of its shape; None for None. A single one comes bare, several in a tuple."""
    y, cache = case.forward()
    gradients = case.op.backward(random_like(y), cache)
    if len(case.arrays) == 1:
        demand(isinstance(gradients, np.ndarray), case, "a single gradient must come bare")
        gradients = (gradients,)
    demand(isinstance(gradients, tuple), case, "several gradients must come in a tuple")
    came = tuple(None if g is None else np.shape(g) for g in gradients)
    wanted = tuple(None if a is None else a.shape for a in case.arrays.values())
    demand(came == wanted, case, f"the gradients have shapes {came}, the arrays {wanted}")


def check_dtype(case: Case) -> None:
    """float32 and float64 are kept by y and all gradients; complex128 too where the call is analytic."""
    numbers = {name: np.float64(value) if isinstance(value, float) else value for name, value in case.options.items()}
    case = case._replace(options=numbers)  # NumPy's own float64 must not spread, as Python's float does not
    for dtype in (np.float32, np.float64, np.complex128)[: 3 if case.analytic else 2]:
        y, cache = case.cast(dtype).forward()
        demand(y.dtype == dtype, case, f"of {np.dtype(dtype)} arrays, y is {y.dtype}")
        for name, gradient in gradients_of(case, random_like(y), cache).items():
            demand(gradient.dtype == dtype, case, f"of {np.dtype(dtype)} arrays, {name} is {gradient.dtype}")


def check_memory(case: Case) -> None:
    """Results are new arrays: they share no memory, may be written to, and a second backward does not see it."""
    y, cache = case.forward()
    dy = random_like(y)
    gradients = gradients_of(case, dy, cache)
    results, first = {"y": y, **gradients}, {name: g.copy() for name, g in gradients.items()}
    everything = {**array_arguments(case), "dy": dy, **results}
    for name, result in results.items():
        for other, array in everything.items():
            demand(other == name or not np.shares_memory(result, array), case, f"{name} and {other} share memory")
        demand(result.flags.writeable, case, f"{name} cannot be written to")
        result[...] = np.nan
    for name, gradient in gradients_of(case, dy, cache).items():
        demand(np.array_equal(gradient, first[name]), case, f"{name} changes when results of before are written to")


def check_repetition(case: Case) -> None:
    """Give the same bits for the same call: forward, and backward twice from one cache."""
    (y, cache), (again, _) = case.forward(), case.forward()
    demand(np.array_equal(y, again), case, "a second forward gives another y")
    dy = random_like(y)
    first = {name: g.copy() for name, g in gradients_of(case, dy, cache).items()}
    for name, gradient in gradients_of(case, dy, cache).items():
        demand(np.array_equal(gradient, first[name]), case, f"a second backward gives another {name}")


def layouts() -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    """Ways to lay the same numbers out in memory."""
    yield "in Fortran's order", lambda a: np.asfortranarray(a) if a.ndim else a
    yield "a part of a larger one", lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a
    yield "turned round", lambda a: a[..., ::-1].copy()[..., ::-1] if a.ndim else a


def check_layout(case: Case) -> None:
    """Arrays that do not lie in memory row by row are taken, and mean the same."""
    y, cache = case.forward()
    dy = random_like(y)
    gradients = gradients_of(case, dy, cache)
    for layout, lay_out in layouts():
        y_again, cache = changed(case, lay_out).forward()
        again = gradients_of(case, lay_out(dy), cache)
        errors = [relative_error(y_again, y), *(relative_error(again[name], g) for name, g in gradients.items())]
        demand(all(e <= EXACT for e in errors), case, f"an array that is {layout} gives other results: off by {errors}")


def check_wrong_dy(case: Case) -> None:
    """Refuse, by name, a dy of another shape or dtype, also where NumPy would broadcast it."""
    y, cache = case.forward()
    dy = random_like(y)
    wrong = {"a dy with one axis more": dy[np.newaxis], "a dy with all in one row": np.resize(dy, dy.size + 1)}
    if y.size > 1:
        wrong["a dy of one number"] = np.ones((1,) * y.ndim)
    for what, array in wrong.items():
        demand_refusal(case, partial(case.op.backward, array, cache), ValueError, "dy", what)
    if y.ndim:  # a loss takes a plain number
        single = partial(case.op.backward, dy.astype(np.float32), cache)
        demand_refusal(case, single, TypeError, "dy", "a dy of another dtype")


def check_wrong_arrays(case: Case) -> None:
    """Refuse a list and an empty array by name. Refuse another shape, or do the right thing with it."""
    for name, array in array_arguments(case).items():
        listed = with_argument(case, name, array.tolist())
        demand_refusal(case, listed.forward, TypeError, name, f"{name} as a list")
        shapes = [array[np.newaxis]]
        for axis in range(array.ndim):
            empty = with_argument(case, name, array.take([], axis))
            demand_refusal(case, empty.forward, ValueError, name, f"{name} with axis {axis} empty")
            shapes += [array.take([0], axis), np.concatenate([array, array.take([0], axis)], axis)]
        for other in shapes:
            reshaped = with_argument(case, name, other)
            came, expected = outcome(reshaped.forward), outcome(reshaped.definition)
            if isinstance(came, ValueError):
                by_name = str(came).startswith(f"{case.op_name}: ")
                demand(by_name, case, f"{name} of shape {other.shape} is refused, but not by name: {came}")
            else:
                right = not isinstance(expected, ValueError) and relative_error(came[0], expected) <= EXACT
                demand(right, case, f"{name} of shape {other.shape} is taken, and y is wrong")


def outcome(call: Callable[[], Any]) -> Any:
    """Call: what comes back, or the ValueError that is raised."""
    try:
        return call()
    except ValueError as error:
        return error


def check_wrong_dtypes(case: Case) -> None:
    """Integers, float16 and a mixture are refused by name; complex numbers too where the call is not analytic."""
    name = next(iter(case.arrays))
    for dtype in (np.int64, np.float16, np.complex128)[: 2 if case.analytic else 3]:
        demand_refusal(case, case.cast(dtype).forward, TypeError, name, f"{name} of {np.dtype(dtype)}")
    numbers = {name: a for name, a in array_arguments(case).items() if a.dtype.kind == "f"}
    for name, array in numbers.items() if len(numbers) > 1 else ():
        mixed = with_argument(case, name, array.astype(np.float32))
        demand_refusal(case, mixed.forward, TypeError, name, f"{name} of float32 among float64")


def check_cost(case: Case) -> None:
    """Count the output shape, the parameters and the multiply-accumulates that the arrays show."""
    shapes = [None if a is None else a.shape for a in case.arrays.values()]
    options: dict[str, Any] = {}
    for name, value in case.options.items():
        if isinstance(value, np.ndarray):
            options[f"{name}_shape"] = value.shape
        elif not isinstance(value, np.random.Generator):
            options[name] = value
    cost, (y, _) = case.op.cost(*shapes, **options), case.forward()
    sizes = {name: a.size for name, a in case.arrays.items() if a is not None}
    parameters = sum(sizes.values()) - sizes["x"] if "x" in sizes else 0
    weights = sum(size for name, size in sizes.items() if name.startswith("w"))
    macs = weights * y.size // y.shape[-1] if weights else 0  # each weight is used once in each window
    for what, counted, real in (
        ("output shape", cost.output_shape, y.shape),
        ("parameters", cost.parameters, parameters),
        ("multiply-accumulates", cost.macs, macs),
    ):
        demand(counted == real, case, f"cost counts {what} {counted}; it is {real}")
