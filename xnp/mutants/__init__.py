"""Mutants: operations with one mistake each, for the checks to find. Checks that overlook one would prove little.

>>> mutant = MUTANTS[0]
>>> print(mutant.op_name, mutant.name, mutant.mistake, sep=" | ")
conv2d | kernel_turned | Turn the kernel by 180 degrees. The sums do that by themselves.
>>> mutant.rejected_by()                           # the check of `xnp.battery` that says no first
'gradient'

Most of these mistakes are made by everyone who writes a backward for the first time. Many do not show in training:
the loss still falls, but more slowly, or not as far.
"""

from xnp.mutants import windows, without_windows
from xnp.mutants.mutant import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant", "table", "windows", "without_windows"]


def table() -> str:
    """Let the battery judge all mutants: a line for each, with the check that rejects it and the mistake it makes."""
    rows = [("op", "mutant", "rejected by", "mistake")]
    rows += [(m.op_name, m.name, m.rejected_by() or "NOTHING", m.mistake) for m in MUTANTS]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return "\n".join("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]]) for row in rows)
