"""What each experiment compares: what shall be the same is the same, what shall differ differs, nothing else does."""

import re

import numpy as np
import pytest

from xnp.count import count
from xnp.engine import Engine
from xnp.layers import (
    ELU,
    DepthwiseConv2D,
    GroupedConv2D,
    PointwiseConv2D,
    ReLU,
    Residual,
    SeparableConv2D,
)
from xnp.models import tiny_xception
from xnp.reproduce.experiments import ALL, EXPERIMENTS

VARIANTS = [(experiment.name, variant.name) for experiment in ALL for variant in experiment.variants]
EACH_VARIANT = pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=[": ".join(one) for one in VARIANTS])


def leaves(model):
    """Give the layers by their paths."""
    return {leaf.path: leaf for leaf in model.leaves()}


def shapes(model):
    return {path: array.shape for path, array in model.parameters().items()}


def modules(model):
    """Give the layers that a module is made of: what an experiment changes, without the frame around it."""
    return [leaf for leaf in model.leaves() if re.search("separable|module", leaf.path)]


def kinds(layers):
    return [type(layer).__name__ for layer in layers]


def has_residual(layer):
    return isinstance(layer, Residual) or any(map(has_residual, getattr(layer, "children", {}).values()))


# All ----------------------------------------------------------------------------------------------------------------


def test_the_order_is_that_of_importance():
    names = ["activation", "residual", "order", "inception", "patterns", "pointwise-width", "spectrum"]
    assert list(EXPERIMENTS) == names
    assert all(EXPERIMENTS[name].name == name for name in names)


def test_where_a_verdict_is_given_there_are_ten_seeds_and_nowhere_fewer_than_five():
    for experiment in ALL:
        assert experiment.seeds >= (5 if experiment.name in ("pointwise-width", "spectrum") else 10)


def test_time_is_asked_where_it_is_a_part_of_the_question():
    assert [experiment.name for experiment in ALL if experiment.speed] == ["inception", "pointwise-width"]


def test_names_are_unique_and_the_first_variant_has_a_width():
    for experiment in ALL:
        names = [variant.name for variant in experiment.variants]
        assert len(set(names)) == len(names) >= 2
        assert experiment.variants[0].width is not None


@EACH_VARIANT
def test_every_variant_takes_images_and_gives_ten_logits(name, variant, networks):
    model = networks(name)[variant]
    assert (model.input_shape, model.output_shape, model.dtype) == ((32, 32, 3), (10,), np.float32)


@EACH_VARIANT
def test_the_seed_decides_the_first_weights(name, variant, networks):
    def kernels(seed):
        return networks(name, seed=seed)[variant].parameters()

    one, again, other = kernels(3), kernels(3), kernels(4)
    for path, array in one.items():
        assert array.tobytes() == again[path].tobytes()
        if array.ndim > 1:
            assert array.tobytes() != other[path].tobytes(), path


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_same_layer_starts_with_the_same_weights(name, networks):
    first, *others = (model.state() for model in networks(name, seed=5).values())
    for other in others:
        same = [path for path in first.keys() & other.keys() if first[path].shape == other[path].shape]
        assert {"stem/conv1/kernel", "stem/conv2/kernel"} <= set(same)
        for path in same:
            assert first[path].tobytes() == other[path].tobytes(), path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "outputs", "gradients"),
    [
        pytest.param(np.float32, 1e-4, 3e-2, id="float32"),  # a relu or a maximum may fall the other way
        pytest.param(np.float64, 1e-11, 1e-10, id="float64"),
    ],
)
@EACH_VARIANT
def test_the_engine_computes_what_the_layers_compute(name, variant, networks, dtype, outputs, gradients):
    plain, fast = (networks(name, dtype=dtype)[variant] for _ in range(2))
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(4, 32, 32, 3)).astype(dtype), rng.normal(size=(4, 10)).astype(dtype)

    def apart(found, expected):
        found, expected = (np.concatenate([array.ravel() for array in arrays]) for arrays in (found, expected))
        assert np.isfinite(expected).all()
        return np.linalg.norm(found - expected) / np.linalg.norm(expected)

    with Engine(fast, 4, workers=1) as engine:
        for training in (False, True):
            assert apart([engine.forward(x, training)], [plain.forward(x, training)]) < outputs
            assert apart([engine.backward(dy)], [plain.backward(dy)]) < gradients
            assert apart(fast.gradients().values(), plain.gradients().values()) < gradients
            assert apart(fast.state().values(), plain.state().values()) < outputs


# One by one ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("residual", "with"),
        ("order", "depthwise first"),
        ("inception", "Xception"),
        ("pointwise-width", "all channels"),
    ],
)
def test_the_xception_that_others_are_compared_with_is_the_tiny_one(name, variant, networks):
    assert EXPERIMENTS[name].variants[0].name == variant
    found, expected = networks(name, seed=2)[variant].state(), tiny_xception(seed=2).state()
    assert list(found) == list(expected)
    assert all(found[path].tobytes() == expected[path].tobytes() for path in expected)


def test_activation_differs_in_what_stands_between_alone(networks):
    made = networks("activation")
    assert shapes(made["none"]) == shapes(made["ReLU"]) == shapes(made["ELU"])
    between = {"none": None, "ReLU": ReLU, "ELU": ELU}
    without = list(leaves(made["none"]))
    for name, model in made.items():
        found = leaves(model)
        inside = [path for path in found if path.endswith("/between")]
        assert [path for path in found if path not in inside] == without
        assert {type(found[path]) for path in inside} == ({between[name]} if between[name] else set())
        if between[name]:
            assert len(inside) == 9  # the separable convolutions of the tiny Xception
        halves = ["depthwise", "between", "pointwise"] if between[name] else ["depthwise", "pointwise"]
        assert [leaf.path.split("/")[-1] for leaf in modules(model)] == 9 * halves


def test_nothing_between_is_the_usual_separable_convolution(networks):
    """Give both the same arrays: both then compute the same."""
    found, usual = networks("activation")["none"], tiny_xception()
    names = {path: path.removesuffix("/kernel") if "separable" in path else path for path in found.state()}
    assert set(names.values()) == set(usual.state())
    for path, array in found.state().items():
        array[...] = usual.state()[names[path]]
    x = np.random.default_rng(0).standard_normal((2, 32, 32, 3), np.float32)
    np.testing.assert_allclose(found.forward(x), usual.forward(x), rtol=0, atol=1e-5)


def test_without_residual_there_is_none_and_the_main_paths_are_the_same(networks):
    made = networks("residual")
    assert [has_residual(model) for model in made.values()] == [True, False, False]
    first, second, wider = (shapes(model) for model in made.values())
    assert second == {path: shape for path, shape in first.items() if "/skip/" not in path}
    assert set(wider) == set(second)
    assert [path for path in first if "/skip/" in path and path.endswith("kernel")] == [
        "entry/1/skip/conv/kernel",
        "exit/1/skip/conv/kernel",
    ]


def test_the_halves_stand_in_the_order_that_the_name_says(networks):
    made = networks("order")
    assert kinds(modules(made["pointwise first"])) == ["PointwiseConv2D", "DepthwiseConv2D"] * 9
    separables = [leaf for leaf in made["depthwise first"].leaves() if isinstance(leaf, SeparableConv2D)]
    assert len(separables) == 9
    assert {leaf.activation for leaf in separables} == {None}
    assert all(has_residual(model) for model in made.values())


def test_inception_has_no_residual_and_neither_has_the_fair_xception(networks):
    made = networks("inception")
    assert [has_residual(model) for model in made.values()] == [True, False, False]
    assert not any(isinstance(leaf, SeparableConv2D) for leaf in made["Inception"].leaves())
    fair, other = made["Xception, no residual"], networks("residual")["without, as many parameters"]
    assert shapes(fair) == shapes(other)


def test_depthwise_alone_mixes_no_channels_and_pointwise_alone_no_pixels(networks):
    made = networks("patterns")
    assert kinds(modules(made["both"])) == ["SeparableConv2D"] * 6
    assert kinds(modules(made["depthwise alone"])) == ["DepthwiseConv2D"] * 6
    assert kinds(modules(made["pointwise alone"])) == ["PointwiseConv2D"] * 6
    assert not any(map(has_residual, made.values()))
    frames = [kinds(leaf for leaf in model.leaves() if leaf not in modules(model)) for model in made.values()]
    assert frames[0] == frames[1] == frames[2]
    assert frames[0].count("Conv2D") == 2  # the stem's
    assert {leaf.output_shape[-1] for model in made.values() for leaf in modules(model)} == {64}
    sizes = {name: shapes(model) for name, model in made.items()}
    assert {s for path, s in sizes["depthwise alone"].items() if "module" in path} == {(3, 3, 64, 1)}
    assert {s for path, s in sizes["pointwise alone"].items() if "module" in path} == {(64, 64)}


@pytest.mark.parametrize(
    ("variant", "channels"),
    [
        ("all channels", (64, 64, 64, 96)),
        ("1/2", (32, 32, 32, 48)),
        ("1/4", (16, 16, 16, 24)),
        ("1/16", (4, 4, 4, 6)),
        ("one channel", (1, 1, 1, 1)),
    ],
)
def test_compression_gives_the_channels_that_it_says(variant, channels, networks):
    sizes = shapes(networks("pointwise-width")[variant])
    blocks = ["entry/1", "middle/1", "middle/2", "exit/1"]
    assert tuple(sizes[f"{block}/separable1/pointwise"][1] for block in blocks) == channels
    assert tuple(sizes[f"{block}/separable2/pointwise"] for block in blocks) == tuple(
        zip(channels, (64, 64, 64, 128), strict=True)
    )
    assert sizes["exit/2/separable1/pointwise"] == (128, 160)


def test_compression_is_the_only_thing_that_differs(networks):
    first, *others = networks("pointwise-width").values()
    for other in others:
        assert [(leaf.path, type(leaf)) for leaf in other.leaves()] == [
            (leaf.path, type(leaf)) for leaf in first.leaves()
        ]
        blocks = "(entry/1|middle/1|middle/2|exit/1)"
        changed = {path for path, shape in shapes(other).items() if shape != shapes(first)[path]}
        assert all(re.match(f"{blocks}/(separable1/pointwise|norm1/|separable2/)", path) for path in changed)
        assert len(changed) == 4 * 5
    numbers = [count(model).trainable for model in (first, *others)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 5


def test_the_spectrum_has_the_segments_that_it_says(networks):
    for name, model in networks("spectrum").items():
        spatial = [leaf for leaf in model.leaves() if isinstance(leaf, GroupedConv2D | DepthwiseConv2D)]
        assert len(spatial) == 9
        mixing = [leaf for leaf in model.leaves() if isinstance(leaf, PointwiseConv2D)]
        assert len(mixing) == 9
        if name == "one a channel":
            assert {type(leaf) for leaf in spatial} == {DepthwiseConv2D}
        else:
            assert {leaf.groups for leaf in spatial} == {int(name)}
            assert all(leaf.output_shape[-1] % int(name) == 0 for leaf in spatial)


def test_one_segment_is_a_convolution_of_all_channels(networks):
    sizes = shapes(networks("spectrum")["1"])
    kernel = sizes["middle/1/separable1/spatial/kernel"]
    assert kernel[2] == kernel[3]
