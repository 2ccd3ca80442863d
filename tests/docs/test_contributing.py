"""The operation that contributing.md adds step by step is a right one: the blocks of code on the page are run here."""

import doctest
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from xnp import layers, ops
from xnp.battery import rejection
from xnp.cases import make
from xnp.engine import Engine
from xnp.layers import Leaf

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
FILE, CASE, MUTANT, LAYER, ONNX = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def silu(monkeypatch) -> ModuleType:
    """Make the module that the page's file would be, a part of xnp.ops."""
    module = ModuleType("xnp.ops.silu")
    exec(compile(FILE, "docs/contributing.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "xnp.ops.silu", module)
    monkeypatch.setattr(ops, "silu", module, raising=False)
    return module


def cases(op: Any) -> list[Any]:
    """Make the page's case, for the shapes that `elementwise` has."""
    (call,) = re.findall(r"^yield (.*)$", CASE, re.MULTILINE)
    made = [eval(call, {"make": make, "ops": ops, "by": str, "shape": shape}) for shape in ((3,), (2, 5), (2, 3, 4, 2))]
    return [case._replace(op=op) for case in made]


def test_its_example_is_right(silu):
    assert doctest.testmod(silu, optionflags=doctest.NORMALIZE_WHITESPACE) == (0, 3)


def test_it_passes_the_whole_battery_and_its_mutant_does_not(silu):
    assert rejection(cases(silu)) is None
    made: dict[str, Any] = {}
    exec(MUTANT, {"mutant": lambda op, check: lambda f: made.update(op=op, check=check, backward=f), "np": np,
                  "silu": silu, "Any": Any})  # fmt: skip
    broken = ModuleType(silu.__name__)
    broken.__dict__.update(silu.__dict__ | {"backward": made["backward"]})
    assert made["op"] is silu
    assert rejection(cases(broken)) == made["check"]


def test_the_mistakes_that_the_page_names_are_found_as_it_says(silu):
    for right, wrong, check in (("y.copy()", "y", "contract: memory"), ("(s + y * (1 - s))", "s", "gradient")):
        assert f"`{check}`" in PAGE
        broken = ModuleType(silu.__name__)
        exec(FILE.replace(right, wrong), broken.__dict__)
        assert rejection(cases(broken)) == check


def test_its_layer_runs_in_a_network_and_in_the_engine(silu):
    scope: dict[str, Any] = {"Leaf": Leaf, "ops": ops}
    exec(LAYER, scope)
    model = layers.Sequential(layers.Conv2D(4, 3), scope["SiLU"](), layers.MaxPool2D()).build(
        (5, 6, 3), dtype=np.float64
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3))
    y = model.forward(x, training=True)
    dx = model.backward(y)
    with Engine(model, batch_size=2, workers=1) as engine:
        np.testing.assert_allclose(engine.forward(x, training=True), y, rtol=1e-10)
        np.testing.assert_allclose(engine.backward(y), dx, rtol=1e-10, atol=1e-12)


def test_the_places_and_the_tests_that_the_page_names_are_there():
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > 5
    for name in named:
        assert f"def {name}(" in tests, name
    assert "layers.SiLU" in ONNX
