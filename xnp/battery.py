"""The battery: every check that an operation must pass, in the order in which they are asked.

    definition        forward gives what the nested loops give, and nearly so in float32
    gradient          backward gives the slopes that are measured (see `xnp.gradcheck`)
    ties              max pooling alone: equal pixels send the gradient to the first
    contract: ...     its manners (see `xnp.contract`)

A check is a function of a case (see `xnp.cases`): it raises an AssertionError that says what is wrong, or does nothing.

>>> from xnp.cases import cases_of
>>> print(rejection(cases_of("relu")))             # the first check that says no: none does
None
"""

from collections.abc import Callable, Iterable

import numpy as np

from xnp import contract
from xnp.cases import Case, random_like
from xnp.contract import EXACT, demand
from xnp.differences import relative_error
from xnp.gradcheck import check
from xnp.shapes import slide_pool

SINGLE = 1e-5  # relative: float32 against float64


def check_definition(case: Case) -> None:
    """Forward equals the definition; float32 is near it."""
    y, expected = case.forward()[0], case.definition()
    error = relative_error(y, expected)
    demand(error <= EXACT, case, f"forward and definition differ by {error:.1e} ({y.shape} and {expected.shape})")
    error = relative_error(case.cast(np.float32).forward()[0], expected)
    demand(error <= SINGLE, case, f"forward in float32 is off by {error:.1e}")


def check_gradient(case: Case) -> None:
    """Every gradient equals the measured one."""
    wrong = [result for result in check(case) if not result.passed]
    demand(not wrong, case, ", ".join(f"{r.gradient} is off by {r.error:.1e} by {r.method}" for r in wrong))


def check_ties(case: Case) -> None:
    """In max pooling, equal pixels send the gradient to the first real one of each window."""
    if case.op_name != "max_pool2d":
        return
    x = np.zeros_like(case.arrays["x"])
    y, cache = case.forward({"x": x})
    dy, window = random_like(y), slide_pool("max_pool2d", x.shape, **case.options)
    expected = np.zeros_like(x)
    for n, p, q, c in np.ndindex(y.shape):
        pixels = (window.position(p, q, i, j) for i, j in window.offsets())
        row, column = next((r, t) for r, t in pixels if 0 <= r < x.shape[1] and 0 <= t < x.shape[2])
        expected[n, row, column, c] += dy[n, p, q, c]
    error = relative_error(case.backward(dy, cache)["x"], expected)
    demand(error <= EXACT, case, f"in a tie, the gradient does not go to the first maximum: off by {error:.1e}")


CHECKS: dict[str, Callable[[Case], None]] = {
    "definition": check_definition,
    "contract: gradient shapes": contract.check_gradients,
    "gradient": check_gradient,
    "ties": check_ties,
    "contract: unchanged": contract.check_unchanged,
    "contract: dtype": contract.check_dtype,
    "contract: repetition": contract.check_repetition,
    "contract: memory": contract.check_memory,
    "contract: layout": contract.check_layout,
    "contract: wrong dy": contract.check_wrong_dy,
    "contract: wrong arrays": contract.check_wrong_arrays,
    "contract: wrong dtypes": contract.check_wrong_dtypes,
    "contract: cost": contract.check_cost,
}


def rejection(cases: Iterable[Case]) -> str | None:
    """Name the first check that one of the cases does not pass; None where all pass."""
    cases = tuple(cases)
    for name, check_case in CHECKS.items():
        for case in cases:
            try:
                check_case(case)
            except AssertionError:
                return name
    return None
