"""What a mutant is, and how one is made: take an operation, replace one function."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, Literal, NamedTuple, TypeAlias

from xnp.battery import rejection
from xnp.cases import cases_of

Part: TypeAlias = Literal["definition", "forward", "backward", "cost"]


class Mutant(NamedTuple):
    """An operation with one mistake."""

    op_name: str
    name: str
    mistake: str  # one or two sentences
    caught_by: str  # the key of `xnp.battery.CHECKS` that should say no first
    op: Any  # has the four functions, as a module of `xnp.ops` has them

    def rejected_by(self) -> str | None:
        """Run the battery on all cases of the operation: the check that says no first, None where none does."""
        return rejection(case._replace(op=self.op) for case in cases_of(self.op_name))


MUTANTS: list[Mutant] = []


def mutant(
    op: ModuleType, caught_by: str, replaces: Part = "backward", **others: Callable[..., Any]
) -> Callable[[Callable[..., Any]], Mutant]:
    """Make a mutant of the function below: it stands for a function of the operation. Its docstring tells the mistake.

    Parameters
    ----------
    op : module of xnp.ops
    caught_by : str
        The check that must find it.
    replaces : str
        Which of the four functions.
    **others : function
        Further functions that are replaced, where a mistake needs two.
    """

    def decorate(function: Callable[..., Any]) -> Mutant:
        parts: dict[str, Any] = {name: getattr(op, name) for name in ("definition", "forward", "backward", "cost")}
        broken = SimpleNamespace(__name__=op.__name__, **(parts | others | {replaces: function}))
        mistake = (function.__doc__ or "").strip()
        made = Mutant(op.__name__.rpartition(".")[2], function.__name__, mistake, caught_by, broken)
        MUTANTS.append(made)
        return made

    return decorate
