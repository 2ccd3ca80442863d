"""Keras writes files, the library reads them, and both give the same answers.

The whole network, with numbers in batch norm that are not those of a fresh one; small networks of each layer; a file
of 2017 with trained weights.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from xnp import models, weights
from xnp.count import count
from xnp.engine import Inference

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it once, at its import
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
layers = keras.layers

NAME = "shared/data/models/fer2013_mini_XCEPTION.102-0.66.hdf5"  # beside the project, or above it; else skipped
TRAINED = next((path for up in Path(__file__).parents if (path := up / NAME).is_file()), None)
BOUND = {"float32": 1e-4, "float64": 1e-9}  # of the relative error of the logits, by norm
KINDS = [".keras", ".h5", ".weights.h5"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(autouse=True)
def on_the_cpu() -> Iterator[None]:
    """Keep Keras from a graphics card, and leave its dtype as it was."""
    before = keras.config.dtype_policy(), keras.config.floatx()
    with keras.device("cpu"):
        yield
    keras.config.set_dtype_policy(before[0])
    keras.config.set_floatx(before[1])


@pytest.fixture
def set_dtype(monkeypatch):
    """Give the function that lets Keras compute in a dtype, and in nothing less."""

    def set_dtype(dtype):
        """With torch below it, Keras makes float64 to float32 in some layers, but not with TensorFlow: so not here."""
        monkeypatch.setitem(keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)

    return set_dtype


def draw(model, seed=0):
    """Draw all of a batch norm's arrays; a fresh one would hide a wrong order of them. Kernels stay as they are."""
    rng = np.random.default_rng(seed)
    ranges = {"gamma": (0.5, 1.5), "beta": (-0.5, 0.5), "moving_mean": (-0.5, 0.5), "moving_variance": (0.5, 2)}
    for variable in model.weights:
        if variable.name in ranges:
            variable.assign(rng.uniform(*ranges[variable.name], variable.shape))
        elif variable.name == "bias":
            variable.assign(rng.uniform(-0.5, 0.5, variable.shape))
    return model


def save(model, path):
    """Save a model, or its weights, as the name of the file says."""
    model.save_weights(path) if path.name.endswith(".weights.h5") else model.save(path)
    return path


def old_weights(model, path):
    """Save weights alone in the old format, which Keras 3 reads but does not write any more: layers at the root."""
    import h5py

    save(model, path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        for name, value in group.attrs.items():
            file.attrs[name] = value
        for name in list(group):
            file.move(f"model_weights/{name}", name)
        del file["model_weights"]
        del file.attrs["model_config"]
    return path


def predict(model, x):
    """Run Keras' network in inference."""
    with torch.no_grad():
        return model(torch.tensor(x), training=False).numpy()


def infer(model, x):
    """Run the library's network by its engine."""
    with Inference(model, 1) as inference:
        return inference.forward(x)


def error(got, expected):
    """Measure the distance in units of the expected, by norm."""
    return np.linalg.norm(got - expected) / np.linalg.norm(expected)


def compare_xception(folder, dtype, size, kinds):
    """Compare logits of 10 images for each kind of file."""
    options = {"weights": None, "input_shape": (size, size, 3), "classifier_activation": None}
    theirs = draw(keras.applications.Xception(**options))
    x = np.random.default_rng(1).uniform(-1, 1, (10, size, size, 3)).astype(dtype)
    expected = np.concatenate([predict(theirs, image[None]) for image in x])
    assert np.ptp(expected, axis=0).min() > 0  # the images differ
    best = np.sort(expected)[:, -2:]
    for kind in kinds:
        path = folder / f"xception{kind}"
        old_weights(theirs, path) if kind == ".old.h5" else save(theirs, path)
        ours = models.xception((size, size, 3), seed=3, dtype=dtype)
        weights.load_keras(ours, path)
        path.unlink()
        logits = np.concatenate([infer(ours, image[None]) for image in x]) if size > 100 else ours.forward(x)
        assert logits.dtype == dtype
        assert error(logits, expected) <= BOUND[dtype], kind
        clear = best[:, 1] - best[:, 0] > 2 * np.abs(logits - expected).max(axis=1)
        assert (logits.argmax(axis=1) == expected.argmax(axis=1))[clear].all()
        assert clear.sum() >= 5
    report = count(models.xception())
    assert (report.trainable, report.non_trainable, report.macs) == (22_855_952, 54_528, 8_357_403_496)
    trainable = sum(int(np.prod(v.shape)) for v in theirs.trainable_weights)
    assert (trainable, theirs.count_params() - trainable) == (22_855_952, 54_528)


def test_xception_small_images(tmp_path):
    compare_xception(tmp_path, "float32", 71, [*KINDS, ".old.h5"])


@pytest.mark.slow
def test_xception_small_images_in_double_precision(tmp_path, set_dtype):
    set_dtype("float64")
    compare_xception(tmp_path, "float64", 71, [*KINDS, ".old.h5"])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_xception_whole(tmp_path, set_dtype, dtype):
    set_dtype(dtype)
    compare_xception(tmp_path, dtype, 299, KINDS)


def in_keras(name):
    """Build small_xception or tiny_xception in Keras' words, with Keras' own names of layers."""
    x = image = keras.Input((32, 32, 3))
    small = name == "small_xception"
    for filters, stride in [(32, 1), (64, 1)] if small else [(16, 1), (32, 2)]:
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))

    def separables(x, widths):
        for width, before in widths:
            x = layers.Activation("relu")(x) if before else x
            x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization()(x)
        return x

    def halving(x, first, second, before=True):
        skip = layers.BatchNormalization()(layers.Conv2D(second, 1, strides=2, use_bias=False)(x))
        main = separables(x, [(first, before), (second, True)])
        return layers.add([layers.MaxPooling2D(3, 2, padding="same")(main), skip])

    x = halving(x, 128, 128, before=False) if small else halving(x, 64, 64, before=False)
    x = halving(x, 256, 256) if small else x
    for _ in range(3 if small else 2):
        width, repeats = (256, 3) if small else (64, 2)
        x = layers.add([separables(x, [(width, True)] * repeats), x])
    x = halving(x, 256, 384) if small else halving(x, 96, 128)
    x = layers.Activation("relu")(separables(x, [(512 if small else 160, False)]))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("name", ["small_xception", "tiny_xception"])
def test_the_smaller_xceptions(tmp_path, name):
    theirs = draw(in_keras(name))
    x = np.random.default_rng(1).standard_normal((4, 32, 32, 3)).astype(np.float32)
    for kind in KINDS:
        ours = getattr(models, name)()
        weights.load_keras(ours, save(theirs, tmp_path / f"m{kind}"))
        assert error(ours.forward(x), predict(theirs, x)) <= BOUND["float32"], kind


def functional(make, shape=(8, 8, 6)):
    """Make a functional model of what `make` does to its input."""
    image = keras.Input(shape)
    return keras.Model(image, make(image))


def crossing_free(x):
    """Nest ways: a concatenation of an addition, the input itself, and a chain."""
    a = layers.add(
        [
            layers.Conv2D(4, 3, padding="same")(x),
            layers.Conv2D(4, 1)(x),
            layers.SeparableConv2D(4, 3, padding="same")(x),
        ]
    )
    b = layers.BatchNormalization()(layers.ReLU()(x))
    return layers.Concatenate()([a, x, layers.Concatenate()([b, layers.Conv2D(2, 1)(b)])])


MODELS = {
    "conv": lambda x: layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="relu")(x),
    "conv, dilated": lambda x: layers.Conv2D(4, 3, dilation_rate=(1, 2), padding="valid", activation="elu")(x),
    "conv, grouped": lambda x: layers.Conv2D(4, 3, groups=2, use_bias=False)(x),
    "separable": lambda x: layers.SeparableConv2D(5, 3, strides=2, depth_multiplier=2, activation="relu")(x),
    "depthwise": lambda x: layers.DepthwiseConv2D((2, 3), depth_multiplier=2, padding="same", activation="relu")(x),
    "depthwise, strided": lambda x: layers.DepthwiseConv2D(3, strides=2, use_bias=False)(x),
    "batch norm": lambda x: layers.BatchNormalization(epsilon=0.1, momentum=0.5)(x),
    "batch norm, no scale": lambda x: layers.BatchNormalization(scale=False)(x),
    "batch norm, no center": lambda x: layers.BatchNormalization(center=False, axis=3)(x),
    "batch norm of rows": lambda x: layers.BatchNormalization(axis=1)(layers.Flatten()(x)),
    "activations": lambda x: layers.Softmax()(layers.ELU(0.7)(layers.ReLU()(layers.Activation("linear")(x)))),
    "max pool": lambda x: layers.MaxPooling2D(3, 2, padding="same")(x),
    "max pool, touching": lambda x: layers.MaxPooling2D((2, 3))(x),
    "average pool": lambda x: layers.AveragePooling2D((3, 2), strides=1)(x),
    "average pool, same": lambda x: layers.AveragePooling2D(3, strides=1, padding="same")(x),
    "global pool, dense": lambda x: layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)),
    "flatten, dense": lambda x: layers.Dense(3, use_bias=False)(layers.Dropout(0.5)(layers.Flatten()(x))),
    "zero padding": lambda x: layers.ZeroPadding2D((0, 1))(layers.ZeroPadding2D(((1, 0), (2, 3)))(x)),
    "zero padding, all sides": lambda x: layers.ZeroPadding2D(2)(x),
    "add itself": lambda x: layers.add([x, x]),
    "add to itself": lambda x: layers.add([x, layers.Conv2D(6, 1)(x)]),
    "add without a layer": lambda x: layers.Conv2D(4, 1)(x) + layers.Conv2D(4, 3, padding="same")(x),
    "concatenate": lambda x: layers.concatenate([layers.Conv2D(3, 1)(x), x, layers.Conv2D(2, 1)(x)]),
    "concatenate rows": lambda x: layers.Concatenate(axis=1)([layers.Flatten()(x), layers.GlobalAveragePooling2D()(x)]),
    "nested": crossing_free,
    "names": lambda x: layers.add([layers.Conv2D(6, 1, name="skip")(x), layers.Conv2D(6, 1, name="self")(x)]),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_layer(tmp_path, name):
    theirs = draw(functional(MODELS[name]))
    x = np.random.default_rng(1).standard_normal((3, 8, 8, 6)).astype(np.float32)
    expected = predict(theirs, x)
    for kind in (".keras", ".h5"):
        ours = weights.keras_model(save(theirs, tmp_path / f"m{kind}"))
        assert ours.forward(x).shape == expected.shape
        assert error(ours.forward(x), expected) <= 1e-6, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_sequential_network(tmp_path, kind):
    """With an optimizer in the file."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((16, 8, 8, 3)).astype(np.float32), rng.integers(2, size=16)
    model.fit(x, y, epochs=2, verbose=0)
    path = save(model, tmp_path / f"m{kind}")
    if kind == ".weights.h5":
        ours = weights.keras_model(save(model, tmp_path / "m.keras"))
        for array in ours.state().values():
            array[...] = 0
        weights.load_keras(ours, path)
    else:
        ours = weights.keras_model(path)
    assert np.abs(ours.forward(x) - predict(model, x)).max() <= 1e-6


@pytest.mark.skipif(TRAINED is None, reason="the trained file is not here")
def test_trained_weights_of_keras_2(tmp_path):
    """Keras 3 reads the file too."""
    theirs, ours = keras.models.load_model(TRAINED, compile=False), weights.keras_model(TRAINED)
    assert count(ours).trainable + count(ours).non_trainable == theirs.count_params() == 58_423
    x = np.random.default_rng(0).uniform(-1, 1, (5, 64, 64, 1)).astype(np.float32)
    expected = predict(theirs, x)
    assert np.abs(ours.forward(x) - expected).max() <= 1e-5
    assert np.abs(infer(ours, x) - expected).max() <= 1e-5
    assert np.abs(expected.sum(axis=1) - 1).max() < 1e-5

    import h5py

    before = {path: array.copy() for path, array in ours.state().items()}
    shutil.copy(TRAINED, tmp_path / "alone.h5")
    with h5py.File(tmp_path / "alone.h5", "r+") as file:
        del file.attrs["model_config"]
    for array in ours.state().values():
        array[...] = 0
    weights.load_keras(ours, tmp_path / "alone.h5")  # by Keras' order alone
    assert all(np.array_equal(array, before[path]) for path, array in ours.state().items())


@pytest.mark.parametrize("kernel", [1, 3])
def test_weights_alone_of_a_resnet(tmp_path, kernel):
    """Its batch norms before an addition are alike. Its convolutions tell which way is which, unless they are alike."""

    def block(x):
        main = layers.BatchNormalization()(layers.Conv2D(6, kernel, padding="same")(x))
        return layers.add([layers.BatchNormalization()(layers.Conv2D(6, 1)(x)), layers.Activation("elu")(main)])

    theirs = draw(functional(block))
    x = np.random.default_rng(1).standard_normal((3, 8, 8, 6)).astype(np.float32)
    kinds = {"m.keras": save, "whole.h5": save, "m.weights.h5": save, "m.h5": old_weights}
    for place, (name, write) in enumerate(kinds.items()):
        path = write(theirs, tmp_path / name)
        ours = weights.keras_model(tmp_path / "m.keras")
        for array in ours.state().values():
            array[...] = 0
        if kernel == 1 and place > 1:
            with pytest.raises(ValueError, match="a file of weights alone does not tell"):
                weights.load_keras(ours, path)
            continue
        weights.load_keras(ours, path)
        assert error(ours.forward(x), predict(theirs, x)) <= 1e-6, name
