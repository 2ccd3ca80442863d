"""Importing the library loads NumPy and the standard library, nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

import xnp

ROOT = Path(xnp.__file__).parents[1]

# numpy.random comes first, for the modules of Cython that it registers under names of their own.
LOADED = """
import sys, numpy, numpy.random
before = set(sys.modules)
import {module}
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""


def modules():
    """Name all modules but those that draw pictures."""
    files = sorted(path.relative_to(ROOT) for path in (ROOT / "xnp").rglob("*.py"))
    names = [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]
    return [name for name in names if not name.startswith("xnp.viz") and not name.endswith("__main__")]


def loaded_by(module):
    """Return the packages that a new Python loads for `import module`, beside NumPy."""
    command = [sys.executable, "-W", "error", "-c", LOADED.format(module=module)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_list_of_modules_is_not_empty():
    assert {"xnp", "xnp.ops.conv2d", "xnp.layers.base", "xnp.models", "xnp.count"} <= set(modules())


@pytest.mark.parametrize("module", ["xnp", ", ".join(modules())])
def test_nothing_but_numpy_and_the_standard_library(module):
    alias = "__mp_main__"  # by which the standard library's multiprocessing calls the program
    assert loaded_by(module) - {"xnp", "numpy", alias} <= sys.stdlib_module_names


def test_the_measurement_sees_what_is_loaded():
    assert {"json", "xnp"} <= loaded_by("xnp, json")
    assert "pytest" in loaded_by("pytest")
    assert not loaded_by("pytest") <= sys.stdlib_module_names
