"""What can be said of an export where the package onnx is not needed, or not there."""

import sys

import pytest

from xnp import cli, layers, weights
from xnp.layers import Conv2D, Dense, Leaf, ReLU, Sequential
from xnp.ops import relu
from xnp.weights.onnx_forms import FORMS


@pytest.fixture
def absent(monkeypatch):
    """Make the package absent."""
    monkeypatch.setitem(sys.modules, "onnx", None)


@pytest.fixture
def file(tmp_path):
    """Give a file that is there already, and must stay."""
    file = tmp_path / "model.onnx"
    file.write_text("an older one")
    yield file
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("model.onnx", "an older one")]


def test_every_layer_of_the_library_has_a_form():
    all_layers = {each for each in vars(layers).values() if isinstance(each, type) and issubclass(each, Leaf)}
    assert all_layers - {Leaf} == FORMS.keys()


def test_without_the_package_the_extra_is_named(file, absent):
    with pytest.raises(ModuleNotFoundError, match=r'needs the package onnx; .*pip install -e "\.\[onnx\]"'):
        weights.export_onnx(Sequential(ReLU()).build((4, 4, 1)), file)


def test_the_command_says_so_in_one_line(file, absent, capsys):
    assert cli.main(["export", str(file)]) == 1
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.startswith("xnp export: export_onnx needs the package onnx; it comes with the extra")
    assert said.count("\n") == 1


class Stranger(Leaf):
    """A layer of someone else's."""

    op, axes = relu, ""


class Twice(ReLU):
    """A layer of the library, changed."""

    def forward(self, x, training=False):
        """Double."""
        return 2 * super().forward(x)


@pytest.mark.parametrize("stranger", [Stranger, Twice])
def test_a_layer_without_a_form_is_named(file, absent, stranger):
    """Whether onnx is there or not. A subclass too: it may compute anything."""
    model = Sequential(conv=Conv2D(2, 3), block=Sequential(odd=stranger())).build((4, 4, 1))
    with pytest.raises(TypeError) as error:
        weights.export_onnx(model, file)
    message = str(error.value)
    assert message.startswith(f"export_onnx: block/odd is a {stranger.__name__}, which has no form in ONNX; known are ")
    assert "AveragePool2D, BatchNorm, Conv2D" in message


def test_a_model_that_is_not_built_is_refused(file):
    with pytest.raises(ValueError, match=r"the Sequential knows no shapes yet; call build\(input_shape\) first"):
        weights.export_onnx(Sequential(Dense(3)), file)


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "N"])
def test_a_batch_that_is_none(file, batch):
    with pytest.raises(ValueError, match=r"export_onnx: batch is .*; it must be a positive integer"):
        weights.export_onnx(Sequential(Dense(3)).build((4,)), file, batch=batch)


def test_a_folder_that_is_not_there(tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(FileNotFoundError) as error:
        weights.export_onnx(Sequential(Dense(3)).build((4,)), tmp_path / "no" / "model.onnx")
    assert error.value.filename == str(tmp_path / "no")
