"""Contestants that cost nothing: a process starts, does almost nothing, and answers."""

import pytest

from xnp.bench import contestants as table
from xnp.bench.contestants import Contestant


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Put into the table what a test needs: name -> the function's body, with `work`, `workers` and `more` at hand."""

    def put(bodies: dict[str, str], **options: dict) -> list[Contestant]:
        lines = ["import os, sys, time", "import numpy as np"]
        made = []
        for number, (name, body) in enumerate(bodies.items()):
            lines += [f"def prepare{number}(work, workers, **more):", *(f"    {line}" for line in body.splitlines())]
            made.append(Contestant(name, f"stand_ins:prepare{number}", **options.get(name.replace(" ", "_"), {})))
        (tmp_path / "stand_ins.py").write_text("\n".join(lines))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(table, "CONTESTANTS", tuple(made))
        return made

    return put
