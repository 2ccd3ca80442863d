"""Memory of a process and its children: the proportional set size, in which a page that k processes share counts 1/k.

So the sum over processes is what they hold together. Linux alone says it, in /proc.
"""

from pathlib import Path

PROC = Path("/proc")


def proportional_set(pid: int) -> int:
    """Add up the proportional set sizes of a process and all below it, in bytes. 0 where the system does not say."""
    return sum(own_set(each) for each in family(pid))


def family(pid: int) -> list[int]:
    """List a process, its children, and theirs."""
    found = [pid]
    for each in found:  # grows while we go
        for task in (PROC / str(each) / "task").glob("*/children"):
            found += map(int, read(task).split())
    return found


def own_set(pid: int) -> int:
    """Read the proportional set size of one process, in bytes."""
    for line in read(PROC / str(pid) / "smaps_rollup").splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0]) * 1024
    return 0


def read(path: Path) -> str:
    """Read a file of /proc; nothing where it, or its process, is not there."""
    try:
        return path.read_text()
    except OSError:
        return ""
