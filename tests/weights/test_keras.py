"""Weights of Keras' files reach the arrays they belong to; a file that does not fit is refused by name."""

import sys

import numpy as np
import pytest

from xnp import weights
from xnp.layers import Conv2D, Dense, Flatten, ReLU, Sequential
from xnp.weights.keras_arrays import fill
from xnp.weights.keras_file import opened
from xnp.weights.keras_order import in_keras_order

KINDS = ["keras", "whole", "old", "weights"]
HERE = {"depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise"}  # Keras' name of an array -> the library's


def by_path(made, tensors):
    """Say which array should hold which tensor."""
    kinds = {name: kind for kind, name, _, _ in made.NETWORK}
    return {
        f"{made.PATHS[layer]}/{HERE.get(variable, variable)}": array
        for layer, arrays in tensors.items()
        for variable, array in zip(made.VARIABLES[kinds[layer]], arrays, strict=False)
    }


def copy(model):
    """Copy all arrays of a model."""
    return {path: array.copy() for path, array in model.state().items()}


def same(model, before):
    """Say whether a model's arrays are what they were."""
    return all(np.array_equal(array, before[path]) for path, array in model.state().items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_tensor_reaches_its_array(made, kind, dtype):
    tensors = made.drawn(dtype=np.float64 if dtype == np.float64 else np.float32)
    model = made.model(dtype)
    live = model.state()
    weights.load_keras(model, made.write(kind, tensors))
    expected = by_path(made, tensors)
    assert live.keys() == expected.keys()
    for path, array in live.items():
        assert array is model.state()[path]
        assert array.dtype == dtype
        assert np.array_equal(array, expected[path].reshape(array.shape)), path


@pytest.mark.parametrize("kind", ["keras", "whole"])
def test_a_described_network_is_built_with_its_weights(made, kind):
    path = made.write(kind)
    loaded, built = made.model(), weights.keras_model(path)
    weights.load_keras(loaded, path)
    x = np.random.default_rng(1).standard_normal((2, 8, 8, 3)).astype(np.float32)
    logits = loaded.forward(x)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)  # Keras' network ends in a softmax
    assert np.abs(built.forward(x) - probabilities).max() < 1e-6
    assert np.ptp(logits) > 0.1


@pytest.mark.parametrize("kind", ["old", "weights"])
def test_weights_alone_make_no_network(made, kind):
    with pytest.raises(ValueError, match="holds weights alone, not which network") as error:
        weights.keras_model(path := made.write(kind))
    assert str(path) in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_optimizer_and_dropout_keep_is_no_weight(made, kind):
    def more(file):
        if kind in ("keras", "weights"):
            file["optimizer/vars/0"] = np.zeros((3, 3), np.int64)
            file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
        else:
            file["optimizer_weights/Adam/iterations:0"] = np.zeros((), np.int64)

    model = made.model()
    weights.load_keras(model, made.write(kind, more=more))
    assert same(model, {p: a.reshape(model.state()[p].shape) for p, a in by_path(made, made.drawn()).items()})


def rename(file, old, new):
    """Give an array of a layer another name, in the group and in the list."""
    group = file[old.rsplit("/", 2)[0]]
    names = [name.decode() for name in group.attrs["weight_names"]]
    short = "/".join(old.rsplit("/", 2)[1:])
    group.attrs["weight_names"] = np.array([(new if name == short else name).encode() for name in names])
    group[new] = group[short][()]
    del group[short]


@pytest.mark.parametrize("name", ["first_W:0", "first/first/kernel", "scope/first_1/kernel:0"])
def test_names_of_older_and_newer_keras_are_known(made, name):
    model = made.model()
    weights.load_keras(model, made.write("old", more=lambda file: rename(file, "first/first/kernel:0", name)))
    assert np.array_equal(model.state()["stem/conv/kernel"], made.drawn()["first"][0])


def test_keras_1_calls_the_variance_a_deviation(made):
    def more(file):
        rename(file, "sep_bn/sep_bn/moving_variance:0", "sep_bn_running_std:0")
        rename(file, "sep_bn/sep_bn/moving_mean:0", "sep_bn_running_mean:0")

    model = made.model()
    weights.load_keras(model, made.write("old", more=more))
    assert np.array_equal(model.state()["block/norm/moving_variance"], made.drawn()["sep_bn"][3])


def test_a_long_list_of_names_comes_in_pieces(made):
    def more(file):
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:5], names[5:]

    model = made.model()
    weights.load_keras(model, made.write("old", more=more))
    assert np.array_equal(model.state()["classifier/kernel"], made.drawn()["predictions"][0])


# What does not fit


def without(made, layer, place):
    tensors = made.drawn()
    tensors[layer] = [a for i, a in enumerate(tensors[layer]) if i != place]
    return tensors


def reshaped(made, layer, place, shape):
    tensors = made.drawn()
    tensors[layer][place] = np.ones(shape, np.float32)
    return tensors


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("layer", "place", "words"),
    [
        ("predictions", 1, ["bias"]),
        ("sep", 1, ["pointwise_kernel"]),
        ("first", 0, ["kernel"]),
        ("batch_normalization", 3, ["moving_variance"]),
    ],
)
def test_a_missing_tensor_is_named(made, kind, layer, place, words):
    model = made.model()
    before = copy(model)
    path = made.write(kind, without(made, layer, place))
    with pytest.raises(ValueError, match=r"m\.|w\.") as error:
        weights.load_keras(model, path)
    for word in [str(path), *words]:
        assert word in str(error.value)
    assert same(model, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("layer", "place", "shape"),
    [("predictions", 0, (6, 4)), ("sep", 0, (3, 3, 4, 2)), ("first_bn", 2, (5,)), ("conv2d", 0, (1, 6, 4))],
)
def test_a_tensor_of_another_shape_is_named(made, kind, layer, place, shape):
    model = made.model()
    before = copy(model)
    with pytest.raises(ValueError, match="needs") as error:
        weights.load_keras(model, made.write(kind, reshaped(made, layer, place, shape)))
    assert str(shape) in str(error.value)
    assert made.PATHS[layer] in str(error.value)
    assert same(model, before)


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("keras", "layers/dense/vars/2"),
        ("keras", "layers/p_re_lu/vars/0"),
        ("keras", "layers/dense_1/vars/0"),
        ("keras", "vars/0"),
        ("weights", "layers/conv2d_1/vars/1"),
        ("weights", "layers/dense_1/vars/0"),
        ("weights", "layers/dense/lora/vars/0"),
        ("whole", "model_weights/first/first/bias:0"),
        ("whole", "model_weights/top_level_model_weights/scale:0"),
        ("whole", "elsewhere"),
        ("old", "first/first/bias:0"),
        ("old", "more/more/kernel:0"),
    ],
)
def test_an_extra_tensor_is_named(made, kind, where):
    def more(file):
        file[where] = np.ones((2, 3), np.float32)

    model = made.model()
    before = copy(model)
    with pytest.raises(ValueError, match="extra") as error:
        weights.load_keras(model, made.write(kind, more=more))
    assert where.split("/vars")[0] in str(error.value)
    assert same(model, before)


@pytest.mark.parametrize("kind", KINDS)
def test_an_extra_layer_is_named(made, kind):
    network = [
        *made.NETWORK[:-1],
        ("Dense", "predictions", {"units": 5, "use_bias": True, "activation": "linear"}, ["pool"]),
        ("Dense", "more", {"units": 5, "use_bias": False, "activation": "linear"}, ["predictions"]),
    ]
    tensors = made.drawn() | {"more": [np.ones((5, 5), np.float32)]}
    model = made.model()
    before = copy(model)
    with pytest.raises(ValueError, match=r"more|dense_1"):
        weights.load_keras(model, made.write(kind, tensors, network))
    assert same(model, before)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_another_kind_are_refused(made, kind):
    tensors = made.drawn()
    tensors["predictions"][1] = np.ones(5, np.int32)
    model = made.model()
    before = copy(model)
    with pytest.raises(ValueError, match="holds int32; expected floating-point numbers"):
        weights.load_keras(model, made.write(kind, tensors))
    assert same(model, before)


def test_an_old_file_that_lists_what_it_has_not_is_refused(made):
    def more(file):
        del file["sep/sep/pointwise_kernel:0"]

    with pytest.raises(ValueError, match="sep/sep/pointwise_kernel:0 is missing; the file lists it"):
        weights.load_keras(made.model(), made.write("old", more=more))


def test_kernels_of_theano_are_turned_and_refused(made):
    def more(file):
        file.attrs["backend"] = b"theano"

    with pytest.raises(ValueError, match="Theano"):
        weights.load_keras(made.model(), made.write("old", more=more))


@pytest.mark.parametrize("kind", ["keras", "whole"])
@pytest.mark.parametrize(("option", "array", "value"), [("scale", "gamma", 1), ("center", "beta", 0)])
def test_a_batch_norm_without_scale_or_center_has_a_constant(made, kind, option, array, value):
    network = [(k, n, o | {option: False} if n == "sep_bn" else o, r) for k, n, o, r in made.NETWORK]
    tensors = made.drawn()
    kept = [v for v in made.VARIABLES["BatchNormalization"] if v != array]
    tensors["sep_bn"] = [np.full(6, 2 + i, np.float32) for i in range(3)]

    def more(file):  # the writer gives the first three names
        if kind == "whole":
            group = file["model_weights/sep_bn"]
            for i, name in enumerate(kept):
                if f"sep_bn/{name}:0" in group:
                    del group[f"sep_bn/{name}:0"]
                group[f"sep_bn/{name}:0"] = tensors["sep_bn"][i]
            if f"sep_bn/{array}:0" in group:
                del group[f"sep_bn/{array}:0"]
            group.attrs["weight_names"] = np.array([f"sep_bn/{name}:0".encode() for name in kept])

    path = made.write(kind, tensors, network, more=more)
    model = made.model()
    model.state()[f"block/norm/{array}"][...] = 7
    weights.load_keras(model, path)
    found = {name: model.state()[f"block/norm/{name}"].tolist() for name in made.VARIABLES["BatchNormalization"]}
    assert found == {array: [value] * 6} | {name: [2 + i] * 6 for i, name in enumerate(kept)}


def test_a_batch_norm_of_three_arrays_without_description_is_refused(made):
    with pytest.raises(ValueError, match=r"moving_variance|batch_normalization_1"):
        weights.load_keras(made.model(), made.write("weights", without(made, "sep_bn", 0)))


def test_tensors_are_not_larger_than_the_file(made):
    """Two of them could claim the same bytes."""
    model = made.model()
    before = copy(model)
    with opened(path := made.write("weights")) as file:
        pairs = in_keras_order(model, file.layers)
        fill(pairs, file.size)
        assert not same(model, before)
        with pytest.raises(ValueError, match="its tensors claim 1,164 bytes, but there are 1,163 in the file"):
            fill(pairs, 1163)
        assert file.size == path.stat().st_size


# The rest


def test_a_model_that_knows_no_shapes_is_refused(made):
    with pytest.raises(ValueError, match=r"load_keras: the Sequential knows no shapes yet; call build\(input_shape\)"):
        weights.load_keras(Sequential(Dense(3)), made.write("old"))


def test_a_file_that_is_not_there(made):
    with pytest.raises(FileNotFoundError):
        weights.load_keras(made.model(), made.folder / "nothing.h5")
    with pytest.raises(OSError, match=r"directory|denied"):
        weights.keras_model(made.folder)


def test_without_h5py_the_extra_is_named(made, monkeypatch):
    path = made.write("old")
    monkeypatch.setitem(sys.modules, "h5py", None)
    for need in (lambda: weights.load_keras(made.model(), path), weights.need_h5py):
        with pytest.raises(ModuleNotFoundError, match=r'the package h5py; .*pip install -e "\.\[keras\]"'):
            need()


def test_with_h5py_nothing_is_needed():
    h5py = pytest.importorskip("h5py")
    assert weights.need_h5py() is h5py


def test_sizes_that_the_file_leaves_open_are_asked_for(made):
    network = [("InputLayer", "image", {"batch_shape": [None, None, None, 3]}, []), *made.NETWORK[1:]]
    path = made.write("keras", network=network)
    with pytest.raises(ValueError, match="leaves sizes open; give input_shape"):
        weights.keras_model(path)
    assert weights.keras_model(path, (12, 10, 3)).output_shape == (5,)
    with pytest.raises(ValueError, match=r"input_shape is \(12, 10, 1\) but the file's network takes"):
        weights.keras_model(path, (12, 10, 1))


@pytest.mark.parametrize("shape", [4, 2.5])
def test_a_shape_that_is_none_is_no_fault_of_the_file(made, shape):
    with pytest.raises(ValueError, match=rf"^keras_model: input_shape is {shape}; it must be \(H, W, C\)$"):
        weights.keras_model(made.write("keras"), shape)


def test_a_network_that_cannot_be_built_is_another_one(made):
    network = [("Reshape", *each[1:]) if each[1] == "pool" else each for each in made.NETWORK]
    path = made.write("keras", network=network)
    layer = 'layer "pool": there is no Reshape here'
    with pytest.raises(ValueError, match=f"m.keras: the file describes another network: {layer}"):
        weights.load_keras(made.model(), path)
    with pytest.raises(ValueError, match=f"m.keras: {layer}"):
        weights.keras_model(path)


def test_a_sequential_network(made):
    kinds = [("Conv2D", "a", made.CONV | {"filters": 2, "kernel_size": [1, 1], "use_bias": True, "activation": "relu"})]
    kinds += [("Flatten", "b", {}), ("Dense", "c", {"units": 3, "use_bias": False, "activation": "linear"})]
    layers = [{"class_name": kind, "config": {"name": name, **options}} for kind, name, options in kinds]
    rng = np.random.default_rng(0)
    tensors = {"a": [rng.standard_normal((1, 1, 3, 2)), rng.standard_normal(2)], "c": [rng.standard_normal((8, 3))]}
    network = [(kind, name, options, []) for kind, name, options in kinds]
    model = Sequential(Conv2D(2, 1), ReLU(), Flatten(), Dense(3, use_bias=False)).build((2, 2, 3), dtype=np.float64)
    shape = [None, 2, 2, 3]
    variants = [
        {"class_name": "Sequential", "config": {"name": "s", "layers": layers, "build_input_shape": shape}},
        {
            "class_name": "Sequential",
            "config": [{**layers[0], "config": layers[0]["config"] | {"batch_input_shape": shape}}, *layers[1:]],
        },
        {
            "class_name": "Sequential",
            "config": {
                "layers": [{"class_name": "InputLayer", "config": {"name": "i", "batch_shape": shape}}, *layers]
            },
        },
    ]
    for config in variants:
        path = made.write("keras", tensors, network, config)
        weights.load_keras(model, path)
        x = rng.standard_normal((2, 2, 2, 3))
        y = np.maximum(x @ tensors["a"][0][0, 0] + tensors["a"][1], 0).reshape(2, -1) @ tensors["c"][0]
        assert np.abs(model.forward(x) - y).max() < 1e-12
        assert np.abs(weights.keras_model(path, dtype=np.float64).forward(x) - y).max() < 1e-12
    path = made.write("keras", tensors, network, {"class_name": "Sequential", "config": {"layers": layers}})
    with pytest.raises(ValueError, match="does not say which shape the network's input has"):
        weights.keras_model(path)
