"""What xnp exports is what onnxruntime runs: every layer, every container, every network, one image or many."""

import json
from itertools import product

import numpy as np
import pytest

from xnp import cli, models, runs, weights
from xnp.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GroupedConv2D,
    MaxPool2D,
    Parallel,
    PointwiseConv2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
    Softmax,
    ZeroPadding2D,
)
from xnp.models import inception

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SAME = 1e-5


def drawn(layer):
    """Draw everything that is 0 or 1 in a new layer: an array that the file lacks then shows."""
    rng = np.random.default_rng(0)
    for path, array in layer.state().items():
        if path.endswith("moving_variance"):
            array[...] = rng.uniform(0.3, 3.0, array.shape)
        elif array.ndim == 1:
            array[...] = rng.normal(path.endswith("gamma"), 0.5, array.shape)
    return layer


def session_of(file):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


@pytest.fixture
def agree(tmp_path, distance):
    """Give a function that exports a model and holds onnxruntime's answers against the model's own."""

    def agree(model, batches=(None, 1)):
        x = np.random.default_rng(1).normal(size=(3, *model.input_shape)).astype(model.dtype)
        expected = model.forward(x)
        for batch in batches:
            weights.export_onnx(model, tmp_path / "model.onnx", batch=batch)
            session = session_of(tmp_path / "model.onnx")
            for images in (batch,) if batch else (1, 3):
                (y,) = session.run(None, {"images": x[:images].astype(np.float32)})
                assert y.dtype == np.float32
                assert distance(y, expected[:images]) <= SAME

    return agree


ALONE = {
    "conv": lambda: Conv2D(5, 3),
    "conv, no bias": lambda: Conv2D(4, 4, use_bias=False),
    "conv, wide padding and stride": lambda: Conv2D(4, 2, stride=3, padding=5),
    "conv, nearly as large as the image": lambda: Conv2D(4, (8, 7), padding="valid"),
    "grouped": lambda: GroupedConv2D(6, 3, groups=2),
    "grouped, no bias": lambda: GroupedConv2D(9, (2, 3), groups=3, stride=2, use_bias=False),
    "grouped, one channel each": lambda: GroupedConv2D(12, 3, groups=6),
    "depthwise": lambda: DepthwiseConv2D(3),
    "depthwise, multiplier": lambda: DepthwiseConv2D(3, depth_multiplier=3),
    "depthwise, no bias": lambda: DepthwiseConv2D((3, 2), depth_multiplier=2, use_bias=False),
    "pointwise": lambda: PointwiseConv2D(4),
    "pointwise, stride, no bias": lambda: PointwiseConv2D(4, stride=(2, 3), use_bias=False),
    "separable": lambda: SeparableConv2D(5, 3),
    "separable, relu": lambda: SeparableConv2D(5, 3, activation="relu", depth_multiplier=2, use_bias=False),
    "separable, elu": lambda: SeparableConv2D(5, (3, 2), activation="elu", stride=2, padding="valid"),
    "dense": lambda: Sequential(Flatten(), Dense(4)),
    "dense, no bias": lambda: Sequential(Flatten(), Dense(4, use_bias=False)),
    "norm": lambda: BatchNorm(),
    "norm, large eps": lambda: BatchNorm(eps=0.5),
    "relu": lambda: ReLU(),
    "elu": lambda: ELU(0.7),
    "softmax of pixels": lambda: Softmax(),
    "dropout": lambda: Dropout(0.5),
    "max pool": lambda: MaxPool2D(),
    "average pool": lambda: AveragePool2D(3, 1),
    "global average": lambda: GlobalAveragePool2D(),
    "zero padding": lambda: ZeroPadding2D(((1, 2), (0, 3))),
    "zero padding, alike": lambda: ZeroPadding2D(2),
    "flatten": lambda: Flatten(),
}

TOGETHER = {
    "nothing": lambda: Sequential(),
    "nothing but dropout": lambda: Sequential(Dropout(0.5), Dropout(0.1)),
    "dropout at the end": lambda: Sequential(Conv2D(4, 3), Dropout(0.3)),
    "dropout of a value that two read": lambda: Sequential(Dropout(0.3), Residual(Sequential(Dropout(0.2), ReLU()))),
    "x + x": lambda: Residual(Sequential()),
    "residual of the identity": lambda: Sequential(Residual(Sequential(ReLU(), SeparableConv2D(6, 3))), ReLU()),
    "residual with a skip": lambda: Residual(Sequential(Conv2D(4, 3), MaxPool2D()), Conv2D(4, 1, stride=2)),
    "residual in residual": lambda: Residual(Sequential(Residual(Conv2D(6, 3)), ReLU(), Conv2D(6, 3))),
    "parallel": lambda: Parallel(PointwiseConv2D(2), Sequential(), deep=Sequential(ELU(), Conv2D(4, 3))),
    "parallel of one": lambda: Parallel(Sequential()),
    "parallel rows": lambda: Sequential(Flatten(), Parallel(Dense(5), Sequential()), BatchNorm(), ReLU(), Dense(4)),
    "head": lambda: Sequential(GlobalAveragePool2D(), Dense(7), BatchNorm(), ELU(0.3), Dense(4), Softmax()),
    "head by flattening": lambda: Sequential(Conv2D(3, 3), Flatten(), Dropout(0.5), Dense(4)),
    "flat residual": lambda: Residual(Sequential(Conv2D(6, 3), Flatten()), Sequential(Flatten(), Dropout(0.2))),
    "flat twice": lambda: Sequential(Flatten(), Flatten(), Softmax()),
    "names that stand in the file too": lambda: Sequential(images=ReLU(), logits=Conv2D(2, 3), output=ReLU()),
    "names with numbers": lambda: Sequential(**{"relu:2": ReLU(), "relu": ReLU(), "images/transpose": ELU()}),
}


@pytest.mark.parametrize("name", [*ALONE, *TOGETHER])
@pytest.mark.parametrize("shape", [(9, 7, 6), (8, 10, 6)])
def test_every_layer_and_container(name, shape, agree):
    """The model is float64, the file float32."""
    agree(drawn((ALONE | TOGETHER)[name]().build(shape, dtype=np.float64)))


WINDOWED = {
    "conv": lambda size, **o: Conv2D(3, size, **o),
    "grouped": lambda size, **o: GroupedConv2D(4, size, groups=2, **o),
    "depthwise": lambda size, **o: DepthwiseConv2D(size, depth_multiplier=2, **o),
    "separable": lambda size, **o: SeparableConv2D(3, size, **o),
}
POOLS = {"max pool": MaxPool2D, "average pool": AveragePool2D}
SIZES, STRIDES, PADDINGS, DILATIONS = (1, 2, 3, (3, 2)), (1, 2, (3, 2)), ("same", "valid", 1, 2), (1, 2, (1, 3))


def side_by_side(make, options, shape):
    """Flatten and join all layers that fit: one file shows them all."""
    layers = []
    for option in options:
        try:
            make(**option).build(shape)
        except ValueError:  # a window larger than the image, a pool with too much padding
            continue
        layers.append(Sequential(make(**option), Flatten()))
    assert len(layers) >= len(options) / 2
    return Parallel(*layers).build(shape, dtype=np.float64)


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize("shape", [(7, 8, 4), (6, 5, 4)])
def test_every_window_of_a_convolution(name, shape, agree):
    names = ("size", "stride", "padding", "dilation")
    options = [dict(zip(names, each, strict=True)) for each in product(SIZES, STRIDES, PADDINGS, DILATIONS)]
    agree(drawn(side_by_side(WINDOWED[name], options, shape)))


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("shape", [(7, 8, 4), (6, 5, 4)])
def test_every_window_of_a_pool(name, shape, agree):
    names = ("size", "stride", "padding")
    options = [dict(zip(names, each, strict=True)) for each in product((1, 2, 3, 4, (3, 2)), STRIDES, PADDINGS)]
    agree(side_by_side(POOLS[name], options, shape))


def test_a_max_pool_of_negative_pixels(agree):
    """Padding with 0 would win everywhere at the border."""
    model = Sequential(Conv2D(3, 1), MaxPool2D(3, 2), MaxPool2D(2, 1)).build((6, 5, 2), dtype=np.float64)
    model.state()["1/bias"][...] = -50
    agree(model)


def test_rows(agree):
    agree(drawn(Sequential(Dense(6), BatchNorm(), ReLU(), Dense(3)).build((5,), dtype=np.float64)))
    agree(Sequential(Dropout(0.5)).build((5,)))


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4, 5)])
def test_images_of_one_axis_and_of_three(shape, agree):
    layers = [BatchNorm(), ELU(), Softmax(), Residual(ReLU()), Parallel(ReLU(), Sequential())]
    agree(drawn(Sequential(*layers).build(shape, dtype=np.float64)))
    agree(drawn(Sequential(ReLU(), Flatten(), Dense(3)).build(shape, dtype=np.float64)))


# 75 pixels: the paper's network then has pools of odd and of even sizes, whose paddings differ
NETWORKS = {
    "tiny": lambda: models.tiny_xception(),
    "tiny, other sizes": lambda: models.tiny_xception((35, 46, 1), 3),
    "small": lambda: models.small_xception(),
    "xception": lambda: models.xception((75, 75, 3), 7, dropout=0.5),
    "trained": lambda: models.tiny_xception(weights="cifar10"),
    "canonical": lambda: inception.canonical(2).build((9, 8, 5)),
    "simplified": lambda: inception.simplified(12, 3).build((9, 8, 5)),
    "segmented": lambda: inception.segmented(12, 3).build((9, 8, 5)),
    "extreme": lambda: inception.extreme(12).build((9, 8, 5)),
    "depthwise_first": lambda: inception.depthwise_first(12).build((9, 8, 5)),
    "pointwise_first": lambda: inception.pointwise_first(12).build((9, 8, 5)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_of_the_library(name, agree):
    """In float32 on both sides, as the networks are used."""
    agree(drawn(NETWORKS[name]()))


# The file


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.onnx"


def axes(value):
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize(("batch", "axis"), [(None, "N"), (1, 1), (5, 5)])
def test_what_the_file_says_of_itself(file, batch, axis):
    weights.export_onnx(models.tiny_xception(), file, batch=batch)
    made = onnx.load(file)
    assert made.ir_version == 8
    assert [(each.domain, each.version) for each in made.opset_import] == [("", 17)]
    (x,), (y,) = made.graph.input, made.graph.output
    assert (x.name, axes(x)) == ("images", [axis, 32, 32, 3])
    assert (y.name, axes(y)) == ("logits", [axis, 10])
    assert made.doc_string.startswith(f"images: float32 ({axis}, 32, 32, 3), channels last. Preprocessed already")


def test_a_fixed_batch_is_fixed(file):
    weights.export_onnx(models.tiny_xception(), file, batch=2)
    x = np.zeros((3, 32, 32, 3), np.float32)
    assert session_of(file).run(None, {"images": x[:2]})[0].shape == (2, 10)
    with pytest.raises(Exception, match="invalid dimensions"):
        session_of(file).run(None, {"images": x})


def test_the_arrays_have_the_names_of_the_state(file):
    model = drawn(models.small_xception())
    weights.export_onnx(model, file)
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(file).graph.initializer}
    assert arrays.keys() == model.state().keys()
    for path, array in model.state().items():
        assert arrays[path].dtype == np.float32
        assert np.array_equal(np.sort(arrays[path], axis=None), np.sort(array, axis=None)), path


def test_what_ends_in_a_softmax_gives_probabilities(file):
    model = Sequential(GlobalAveragePool2D(), Dense(3), Softmax()).build((4, 4, 2))
    weights.export_onnx(model, file)
    assert [y.name for y in session_of(file).get_outputs()] == ["probabilities"]


def test_metadata_are_in_the_file_and_in_its_text(file):
    weights.export_onnx(models.tiny_xception(), file, metadata={"names": ("cat", "dog"), "scale": "x / 255"})
    found = session_of(file).get_modelmeta()
    assert found.custom_metadata_map == {"names": '["cat", "dog"]', "scale": "x / 255"}
    assert found.producer_name == "xnp"
    assert found.description.splitlines()[1:] == ['names: ["cat", "dog"]', "scale: x / 255"]


def test_twice_the_same_bytes(file):
    texts = []
    for _ in range(2):
        weights.export_onnx(models.tiny_xception(), file, metadata={"b": 1, "a": 2, "c": 3})
        texts.append(file.read_bytes())
    assert texts[0] == texts[1]


def test_the_model_stays_as_it_is(file):
    model = drawn(models.tiny_xception())
    before = {path: array.tobytes() for path, array in model.state().items()}
    weights.export_onnx(model, file)
    assert {path: array.tobytes() for path, array in model.state().items()} == before


def test_a_file_that_the_checker_refuses_is_not_written(file, monkeypatch):
    def refuse(made, full_check):
        assert full_check
        raise onnx.checker.ValidationError("no")

    monkeypatch.setattr(onnx.checker, "check_model", refuse)
    file.write_text("an older one")
    with pytest.raises(onnx.checker.ValidationError):
        weights.export_onnx(models.tiny_xception(), file)
    assert [(each.name, each.read_text()) for each in file.parent.iterdir()] == [("model.onnx", "an older one")]


def test_shapes_that_onnx_finds_otherwise_are_refused(file):
    model = Sequential(GlobalAveragePool2D(), Dense(3)).build((4, 4, 2))
    model.output_shape = (4,)
    with pytest.raises(onnx.shape_inference.InferenceError, match=r"differ in dimension 1: \(3\) vs \(4\)"):
        weights.export_onnx(model, file)
    assert not list(file.parent.iterdir())


# xnp export


def small(input_shape=(32, 32, 3), classes=10, *, seed=0):
    """Make a network that trains in no time."""
    layers = Conv2D(4, 3, stride=4), BatchNorm(), ReLU(), GlobalAveragePool2D(), Dense(classes)
    return Sequential(*layers).build(input_shape, seed=seed)


def answers(file, run):
    """Ask a file for noise, prepared by what the file alone says; and the run itself."""
    session = session_of(file)
    about = session.get_modelmeta().custom_metadata_map
    mean, std, names = (json.loads(about[key]) for key in ("mean", "std", "names"))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    images = ((pixels / 255 - mean) / std).astype(np.float32)
    assert tuple(names) == run.names
    return session.run(["logits"], {"images": images})[0], run.model.forward(run.scale.apply(pixels, run.model.dtype))


def test_export_of_a_run(tmp_path, monkeypatch, capsys, distance):
    monkeypatch.setitem(runs.MODELS, "tiny", small)
    run, file = str(tmp_path / "run"), tmp_path / "model.onnx"
    few = ["--subset", "30", "--validation", "0", "--epochs", "1", "--batch-size", "10"]
    assert cli.main(["train", *few, "--run", run]) == 0
    capsys.readouterr()
    assert cli.main(["export", run, str(file), "--batch", "1"]) == 0
    first, images, logits, classes = capsys.readouterr().out.splitlines()
    assert first == f"{file}: {file.stat().st_size:,} bytes"
    preparation = (
        "RGB images, stretched to 32x32 pixels (Pillow's resize, bilinear), 0 to 255, made (x / 255 - mean) / std"
    )
    assert images.startswith(f"  images (1, 32, 32, 3) float32: {preparation}")
    assert logits == "  logits (1, 10) float32: softmax makes probabilities of the logits"
    trained = runs.open_run(tmp_path / "run")
    assert trained.names[0] == "horizontal stripes, agree"  # a name may hold a comma
    assert classes.removeprefix("  classes: ").split("; ") == [f"{k} {name}" for k, name in enumerate(trained.names)]
    about = session_of(file).get_modelmeta().custom_metadata_map
    assert about["preprocessing"].startswith(preparation)
    assert about["postprocessing"] in logits
    assert distance(*answers(file, trained)) <= SAME


def test_export_without_a_run_takes_the_shipped_network(tmp_path, capsys, distance):
    file = tmp_path / "model.onnx"
    assert cli.main(["export", str(file)]) == 0
    assert "  images (N, 32, 32, 3) float32" in capsys.readouterr().out
    assert distance(*answers(file, runs.open_shipped())) <= SAME
