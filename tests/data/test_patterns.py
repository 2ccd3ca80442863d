"""The patterns: what the two proofs of the docstring rest on, and what a class looks like."""

import numpy as np
import pytest

from xnp.data import patterns

EACH = np.repeat(np.arange(5), 40)  # 40 signals of each pattern


def signals(size: int = 32) -> np.ndarray:
    return patterns.signal(EACH, np.random.default_rng(5), size)


def identities(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def strongest_wave(field: np.ndarray) -> np.ndarray:
    """Find the (down, across) cycles of each image's strongest wave, down first where it has a sign to choose."""
    spectrum = np.abs(np.fft.rfft2(field - field.mean(axis=(1, 2), keepdims=True)))
    size = field.shape[1]
    down, across = np.unravel_index(spectrum.reshape(len(field), -1).argmax(axis=1), spectrum.shape[1:])
    return np.stack([(down + size // 2) % size - size // 2, across], axis=1)


# What both proofs rest on.


@pytest.mark.parametrize("size", [16, 20, 32])
def test_the_negative_of_a_signal_is_the_signal_moved_by_half_a_side(size: int) -> None:
    u = signals(size)
    np.testing.assert_array_equal(-u, np.roll(u, (size // 2, size // 2), axis=(1, 2)))


@pytest.mark.parametrize("size", [16, 20, 32])
def test_every_signal_of_every_pattern_holds_the_same_values(size: int) -> None:
    values = np.sort(signals(size).reshape(len(EACH), -1), axis=1)
    np.testing.assert_array_equal(values, np.broadcast_to(values[0], values.shape))
    assert len(np.unique(values[0])) == size * size  # each value once
    np.testing.assert_array_equal(values[0], -values[0, ::-1])


def test_pooled_filters_of_one_channel_cannot_tell_a_signal_from_its_negative() -> None:
    u = signals().astype(np.float64)
    kernel = np.random.default_rng(0).standard_normal((3, 3))
    pooled = []
    for x in (u, -u):
        for _ in range(3):
            moved = [np.roll(x, (i, j), axis=(1, 2)) * kernel[i, j] for i in range(3) for j in range(3)]
            x = np.maximum(sum(moved) + 10, 0)
        pooled.append((x.mean(axis=(1, 2)), x.max(axis=(1, 2))))
    np.testing.assert_allclose(pooled[0], pooled[1], rtol=1e-12)
    assert np.std(pooled[0][0]) > 0


def test_a_signal_and_its_negative_are_equally_likely_at_every_place() -> None:
    assert np.abs(np.sign(signals()).mean(axis=0)).max() < 0.3  # 4 standard errors of 200 fair coins


def test_signs_change_from_tile_to_tile_at_any_place() -> None:
    signs = np.sign(signals())
    assert len(identities(signs)) > 190  # of 200; a few are alike by chance
    for axis in (1, 2):
        changes = (np.diff(signs, axis=axis) != 0).mean(axis=(0, 3 - axis))  # (31,)
        assert changes.mean() == pytest.approx(
            1 / 16, rel=0.1
        )  # every eighth step leaves a tile, for another sign or not
        assert changes.min() > 0.02


def test_without_noise_the_bytes_say_what_the_proofs_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "NOISE", (0, 0))
    data = patterns.make(100, seed=1)
    red, green, blue = np.moveaxis(data.images.astype(int), -1, 0)
    for relation, other in enumerate((red, np.roll(red, (16, 16), axis=(1, 2)))):
        chosen = data.labels % 2 == relation
        np.testing.assert_array_equal(green[chosen], other[chosen])
        bags = np.sort((256 * red + green)[chosen].reshape(50, -1), axis=1)
        np.testing.assert_array_equal(bags, np.broadcast_to(bags[0], bags.shape))
    assert (red + green == 255)[data.labels % 2 == 1].all()
    assert np.ptp(blue, axis=(1, 2)).max() == 0
    assert len(np.unique(blue[:, 0, 0])) > 50


# What the noise leaves.


def test_a_class_is_a_pair() -> None:
    assert patterns.NAMES[0] == "horizontal stripes, agree"
    assert patterns.NAMES[9] == "checks, oppose"
    assert len(set(patterns.NAMES)) == 10


def test_red_and_green_agree_or_oppose_in_every_block_of_an_image() -> None:
    data = patterns.make(200, seed=1)
    red, green, _ = np.moveaxis(data.images - 127.5, -1, 0)
    product = (red * green).reshape(200, 4, 8, 4, 8).mean(axis=(2, 4))  # (N, 4, 4): blocks of 8 x 8
    expected = np.where(data.labels % 2 == 0, 1, -1)
    np.testing.assert_array_equal(np.sign(product), np.broadcast_to(expected[:, None, None], product.shape))


@pytest.mark.parametrize("label", range(10))
def test_the_stripes_run_as_the_name_says(label: int) -> None:
    data = patterns.make(200, seed=2)
    chosen = data.images[data.labels == label]
    for channel in (0, 1):
        down, across = strongest_wave(np.abs(chosen[..., channel] - 127.5)).T
        steep, falling = np.abs(down) - np.abs(across), down * across < 0
        match label // 2:
            case 0:
                assert (steep >= 4).all()
            case 1:
                assert (steep <= -4).all()
            case 2:
                assert (np.abs(steep) <= 2).all()
                assert not falling.any()
            case 3:
                assert (np.abs(steep) <= 2).all()
                assert falling.all()
            case 4:  # a product of two waves is a sum of two: slanted both ways, or shorter than any stripes
                assert (np.hypot(down, across) > 5.6).all()


def test_waves_run_on_from_the_upper_half_into_the_lower() -> None:
    assert (patterns.WAVES.sum(axis=-1) % 2 == 0).all()  # down plus across: half of it is a whole number of cycles


def test_phases_favour_no_pixel() -> None:
    contrast = patterns.contrast(EACH, np.random.default_rng(6), 32)
    assert np.abs(contrast.mean(axis=0) - 127.5 / 2).max() < 13  # 5 standard errors


def test_every_wave_is_rough() -> None:
    """Even along a stripe without a slant, where all pixels of the wave are equal."""
    contrast = patterns.contrast(EACH[EACH == 0], np.random.default_rng(6), 32)
    steps = np.abs(np.diff(contrast, axis=2)).mean(axis=(1, 2))
    assert steps.min() > 6  # less than 1 without the roughness: argsort has its own order for equal pixels


def test_scale_and_slant_vary_within_a_pattern() -> None:
    waves = strongest_wave(np.abs(signals()))
    for pattern in range(5):
        assert len(np.unique(waves[pattern == EACH], axis=0)) >= 4


def test_the_bag_of_pixels_is_the_same_for_all_patterns_after_the_noise() -> None:
    data = patterns.make(2000, seed=3)
    red, green, _ = np.moveaxis(data.images.astype(np.float32), -1, 0)
    statistics = np.stack([red, red**2, np.abs(red + green - 255), np.abs(red - green)]).mean(axis=(2, 3))  # (4, N)
    for relation in (0, 1):
        groups = [statistics[:, data.labels == 2 * pattern + relation] for pattern in range(5)]
        means = np.stack([group.mean(axis=1) for group in groups])
        error = np.stack([group.std(axis=1) / np.sqrt(group.shape[1]) for group in groups])
        assert (np.abs(means - means.mean(axis=0)) < 4 * error).all()


def test_noise_stops_at_black_and_at_white() -> None:
    data = patterns.make(200, seed=6)
    red, green, _ = np.moveaxis(data.images[data.labels % 2 == 0].astype(int), -1, 0)
    assert np.abs(red - green).max() < 200  # 256 would wrap around to 0, beside 255
    assert (red.min(), red.max()) == (0, 255)


def test_the_noise_varies_from_image_to_image() -> None:
    strength = patterns.make(500, seed=5).images[..., 2].std(axis=(1, 2))
    assert strength.min() < 9
    assert strength.max() > 22


# Seeds, shares, errors.


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, same, other = (patterns.make(30, seed=seed) for seed in (0, 0, 1))
    assert one.images.tobytes() == same.images.tobytes()
    assert one.labels.tobytes() == same.labels.tobytes()
    assert not identities(one.images) & identities(other.images)


@pytest.mark.parametrize("n", [1, 10, 37, 200])
def test_classes_are_as_equal_as_can_be_and_shuffled(n: int) -> None:
    data = patterns.make(n, seed=0)
    counts = np.bincount(data.labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    assert n < 10 or (np.diff(data.labels) < 0).sum() > n // 4


def test_datasets_have_the_settled_types() -> None:
    train, validation = patterns.load_training(training=30, validation=20)
    for data, shape in (
        (train, (30, 32, 32, 3)),
        (validation, (20, 32, 32, 3)),
        (patterns.load_test(n=10), (10, 32, 32, 3)),
        (patterns.make(5, seed=0, size=48), (5, 48, 48, 3)),
    ):
        assert data.images.shape == shape
        assert data.images.dtype == np.uint8
        assert data.images.flags.c_contiguous
        assert data.labels.shape == shape[:1]
        assert data.labels.dtype == np.int64
        assert data.names == patterns.NAMES


def test_the_three_shares_differ_and_hang_on_the_seed() -> None:
    shares = [
        data.images
        for seed in (0, 1)
        for data in (
            *patterns.load_training(training=40, validation=40, seed=seed),
            patterns.load_test(n=40, seed=seed),
        )
    ]
    shares.append(patterns.make(40, seed=0).images)
    assert len(set().union(*map(identities, shares))) == 40 * 7


def test_validation_does_not_depend_on_how_many_are_for_training() -> None:
    _, few = patterns.load_training(training=10, validation=20)
    _, many = patterns.load_training(training=50, validation=20)
    np.testing.assert_array_equal(few.images, many.images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "make: n is 0; it must be a whole number, at least 1"),
        ({"n": 2.5}, "make: n is 2.5; it must be a whole number, at least 1"),
        ({"seed": -1}, "make: seed is -1; it must be a whole number, at least 0"),
        ({"seed": None}, "make: seed is None; it must be a whole number, at least 0"),
        ({"size": 12}, "make: size is 12; it must be a whole number, at least 16"),
        ({"size": 30}, "make: size is 30; it must be a multiple of 4, the tiles along one side"),
    ],
)
def test_make_refuses_bad_arguments_by_name(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        patterns.make(**{"n": 10, "seed": 0, **arguments})


@pytest.mark.parametrize("name", ["training", "validation", "seed"])
def test_load_training_refuses_bad_arguments_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"^load_training: {name} is -3; it must be a whole number"):
        patterns.load_training(**{name: -3})


@pytest.mark.parametrize("name", ["n", "seed"])
def test_load_test_refuses_bad_arguments_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"^load_test: {name} is -3; it must be a whole number"):
        patterns.load_test(**{name: -3})
