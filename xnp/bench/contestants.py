"""Who takes part: each is a process of its own, with what it needs and the environment that it runs in."""

import importlib.util
import platform
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from xnp.bench.work import What, Work

# What makes glibc keep the memory that a program gives back. Torch asks for fresh memory at each operation, and without
# these the system fills each page with zeros again: they make it faster, and larger.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_TOP_PAD_": "67108864"}


class Contestant(NamedTuple):
    """One way of doing the work."""

    name: str
    prepare: str  # "module:function"; function(work, workers, **arguments) gives the step
    arguments: dict[str, Any] = {}  # noqa: RUF012
    environment: dict[str, str] = {}  # noqa: RUF012
    needs: tuple[str, ...] = ()  # packages
    bring: str = ""  # "module:function"; function(work, folder) puts files there, and prepare gets the folder
    does: tuple[What, ...] = ("training", "inference")
    share: int = 1  # it gets one of so many images; its time counts for all of them
    differs: str = ""  # why its answers are not the others'
    workers: int | None = None  # as many as were asked for, if not given

    def part(self, work: Work) -> Work:
        """Give the part of the work that this contestant does."""
        return work._replace(batch=max(1, work.batch // self.share))


PYTORCH: dict[str, Any] = {"prepare": "xnp.bench.by_torch:prepare", "needs": ("torch",)}
CONTESTANTS = (
    Contestant("xnp engine", "xnp.bench.by_xnp:fast"),
    Contestant("xnp plain", "xnp.bench.by_xnp:plain"),
    Contestant("naive numpy", "xnp.bench.by_xnp:naive"),
    Contestant("torch channels_last", **PYTORCH, arguments={"channels_last": True}),
    Contestant(
        "torch channels_last tuned malloc", **PYTORCH, arguments={"channels_last": True}, environment=KEEP_MEMORY
    ),
    Contestant("torch default", **PYTORCH, arguments={"channels_last": False}),
    Contestant(
        "keras on torch",
        "xnp.bench.by_keras:prepare",
        environment={"KERAS_BACKEND": "torch"},
        needs=("keras", "torch"),
    ),
    Contestant(
        "onnxruntime",
        "xnp.bench.by_onnxruntime:prepare",
        needs=("onnxruntime", "onnx"),
        bring="xnp.bench.by_onnxruntime:bring",
        does=("inference",),
    ),
    Contestant(
        "mygrad",
        "xnp.bench.by_mygrad:prepare",
        needs=("mygrad",),
        does=("training",),
        share=4,
        differs="2x2 pools, and statistics of a smaller batch",
    ),
)
NAMES = tuple(contestant.name for contestant in CONTESTANTS)


def entrants(what: What, names: Collection[str] = NAMES) -> tuple[list[Contestant], dict[str, str]]:
    """Say who can do this work here, in the order of the table.

    Returns
    -------
    list of Contestant
    dict of str to str
        Name -> reason, of those that were asked for and are left out.
    """
    able, left_out = [], {}
    for contestant in CONTESTANTS:
        if contestant.name not in names:
            continue
        if reason := obstacle(contestant, what):
            left_out[contestant.name] = reason
        else:
            able.append(contestant)
    return able, left_out


def obstacle(contestant: Contestant, what: What) -> str:
    """Say why a contestant cannot do this work here; nothing if it can."""
    if what not in contestant.does:
        return f"it does no {what} here"
    if absent := missing(contestant.needs):
        return f"{' and '.join(absent)} not installed"
    if contestant.environment is KEEP_MEMORY and platform.libc_ver()[0] != "glibc":
        return "its settings are those of glibc, on Linux"
    return ""


def missing(packages: Sequence[str]) -> list[str]:
    """Name the packages that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]
