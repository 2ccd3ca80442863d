"""What a training must save to go on where it stopped: a count of steps and, for each parameter, some arrays.

>>> class Sum(Stateful):
...     slots = ("total",)
>>> saved = {"step": np.array(3), "total/stem/kernel": np.array([6.0])}
>>> running = Sum()
>>> running.load_state(saved)
>>> running.steps, running.state()["total/stem/kernel"]
(3, array([6.]))
"""

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]  # path -> array


class Stateful:
    """A count of steps and, for each path, some arrays of the parameter's shape and dtype.

    Attributes
    ----------
    slots : tuple of str
        The names of the arrays that are kept for each path.
    steps : int
        Number of steps so far. The arrays are made at the first one.
    """

    slots: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.steps = 0
        self._kept: dict[str, dict[str, np.ndarray]] = {slot: {} for slot in self.slots}  # slot -> path -> array

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all that is kept: "step" (int64, no axes) and an array for each "slot/path"."""
        arrays = {f"{slot}/{path}": a.copy() for slot, kept in self._kept.items() for path, a in kept.items()}
        return {"step": np.array(self.steps, np.int64), **arrays}

    def load_state(self, state: Arrays) -> None:
        """Go on from a state: the next step gives the same bits as if there had been no pause.

        Parameters
        ----------
        state : dict of str to array
            From `state` of an object of the same class. It is copied.

        Raises
        ------
        ValueError
            Entries that are missing, unknown, or of another shape or dtype; a "step" that does not belong to them.
            Nothing is changed then. An object without a step yet does not know the parameters: the entries of a path
            are compared with each other, and with the parameters at the next step.
        """
        who = f"{type(self).__name__}.load_state"
        found = {path: a for key, a in state.items() for slot, _, path in [key.partition("/")] if slot in self.slots}
        like = self._kept[self.slots[0]] or found  # path -> an array of the right shape and dtype
        expected = {f"{slot}/{path}": a for slot in self.slots for path, a in like.items()}
        check_same(who, "state", state, {"step": np.array(0, np.int64), **expected})
        steps = int(state["step"])
        if steps < 0 or (steps == 0) != (not like):
            raise ValueError(
                f"{who}: state has step {steps} and {len(expected)} arrays; step 0 has none, a later one has"
            )
        self.steps = steps
        self._kept = {slot: {path: np.array(state[f"{slot}/{path}"]) for path in like} for slot in self.slots}


def check_same(who: str, name: str, arrays: Arrays, like: Arrays) -> None:
    """Refuse, by name, arrays whose keys, shapes or dtypes are not those of `like`."""
    groups = {"missing": sorted(like.keys() - arrays.keys()), "unknown": sorted(arrays.keys() - like.keys())}
    wrong = [f"{len(keys)} {kind} {keys[:3]}" for kind, keys in groups.items() if keys]  # the first three of each
    if wrong:
        raise ValueError(f"{who}: {name} has wrong keys: {', '.join(wrong)}")
    for key, expected in like.items():
        came = arrays[key]
        if (came.shape, came.dtype) != (expected.shape, expected.dtype):
            raise ValueError(
                f"{who}: {name} has {key} as {came.dtype} {came.shape}; expected {expected.dtype} {expected.shape}"
            )
