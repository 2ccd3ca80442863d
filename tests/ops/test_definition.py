"""Forward gives what the definition, nested loops, gives: on every case of every operation."""

import numpy as np
import pytest

from xnp.battery import check_definition
from xnp.cases import CASES


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_forward_is_the_definition(case):
    check_definition(case)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_definition_is_in_the_arrays_dtype_and_writes_to_nothing(case):
    arrays = [a for a in (*case.arrays.values(), *case.options.values()) if isinstance(a, np.ndarray)]
    before = [a.copy() for a in arrays]
    y = case.definition()
    assert (y.dtype, y.shape) == (np.float64, case.forward()[0].shape)
    assert not any(np.shares_memory(y, a) for a in arrays)
    for array, kept in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, kept)
