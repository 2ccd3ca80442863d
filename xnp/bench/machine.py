"""Where and with what something was measured: without it, a figure means little. No names or paths of the machine."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from xnp.engine.team import usable_cores

PACKAGES = ("xnp", "numpy", "torch", "keras", "onnxruntime", "mygrad")


def conditions(command: str) -> dict[str, Any]:
    """Describe the command, the machine and the versions."""
    return {
        "command": command,
        "machine": {
            "system": platform.system(),
            "processor": processor(),
            "cores": len(usable_cores()),
            "memory_bytes": memory(),
        },
        "versions": versions(),
    }


def processor() -> str:
    """Name the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory() -> int | None:
    """Give the machine's memory in bytes; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def versions() -> dict[str, str]:
    """Give the versions of Python, of the packages that are installed, and of NumPy's library of matrix products."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    blas: Any = np.show_config(mode="dicts")
    blas = blas["Build Dependencies"]["blas"]
    return found | {"blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()}
