"""Patterns: ten classes that need filters in space AND a mix of channels. Made on the spot, from a seed.

A class is a pair, label = 2 * pattern + relation. Neither half of the pair alone tells it.

    pattern     horizontal, vertical, rising or falling stripes, or checks
    relation    agree: red and green are light at the same places;  oppose: red is light where green is dark

How an image is made. S is its side; u, its signal, lies between -127.5 and 127.5.

    1. Pattern   A wave of random scale, slant and phase, slightly roughened.           signs, tile by tile
    2. Contrast  The wave's pixels, from low to high, get the values A_1 < A_2 < ...        + + - +
                 These are the same in every image, whatever the pattern.                   - + + -
    3. Sign      A tile has side S/4. Each tile of the upper half draws its sign.           + - - -
    4. Twin      The lower half is the upper one, S/2 to the right, with other signs.       - + + -
    5. Position  The whole is moved by a random step. What leaves at one edge enters at the other.
    6. Colour    red = u;  green = u (agree) or -u (oppose);  blue = one random level for the whole image.
    7. Noise     On every pixel and channel, the same kind everywhere; its strength varies from image to image.

Let T u be u moved by S/2 down and S/2 to the right, round the edges. Step 4 says: (1) -u = T u. All rests on this.

Pointwise layers alone (stride 1; global pooling, dense): at most 1/5 is right.
    Each pixel is treated alone, and pooling forgets the order: the network sees a bag of pixels. Before the noise, by
    2 and 4, u takes each value A_i once, and -A_i once. So (red, green) are the pairs (A_i, A_i), (-A_i, -A_i) if they
    agree, (A_i, -A_i), (-A_i, A_i) if they oppose. This tells the relation, and is the same for all five patterns.
    Blue and the noise know nothing of the pattern. One can but guess it: 1/5, and a cross-entropy of ln 5 = 1.61.

Depthwise layers alone (any number of filters a channel; global pooling, dense): training finds at most 1/2.
    No channel meets another before the dense layer, so each logit is a sum f(red) + g(green) + h(blue). Suppose that
    the pattern is known. Let d be the logit of agree minus the logit of oppose: a sum of the same kind.
    Padding that wraps around (strides that divide S/2): a moved image gives moved features, and pooling forgets the
    move. So g(-u) = g(T u) = g(u); noise is as likely at one place as at another. Hence d has the same distribution
    under both relations, and 1/2 is right.
    Any padding, any f, g and h: by 3, -u is as likely as u. So f, g and h each have the same mean under both
    relations, and so has d; call it m. The cross-entropy, ln(1 + exp(-d)) for agree and ln(1 + exp(d)) for oppose, is
    convex, so on average at least (ln(1 + exp(-m)) + ln(1 + exp(m))) / 2 >= ln 2 = 0.69: that of a coin.
    Zero padding tells a filter where the edges are, so only the second proof covers it. The loss gives training
    nothing to find, and it finds nothing. Weights set by hand, with a look at one place, can pass 1/2, but not 3/4:
    of d at (u, u), (-u, -u), (u, -u), (-u, u) the first two must be above 0 and the others below, yet both have
    the same sum.

A separable network sees both: its pointwise half compares |red + green| with |red - green|, its depthwise half finds
the direction in which they vary.

>>> data = make(20, seed=0)
>>> data.images.shape, data.names[3]
((20, 32, 32, 3), 'vertical stripes, oppose')
"""

from numbers import Integral

import numpy as np

from xnp.data.dataset import Dataset

PATTERNS = ("horizontal stripes", "vertical stripes", "rising stripes", "falling stripes", "checks")
RELATIONS = ("agree", "oppose")
NAMES = tuple(f"{pattern}, {relation}" for pattern in PATTERNS for relation in RELATIONS)

# Cycles down and cycles across one side, a row for each pattern. Whole numbers: a wave meets itself at the edges.
# Their sum is even: S/2 down and S/2 right is a whole number of cycles, so the wave is its own twin.
WAVES = np.array(
    [
        [(4, 0), (6, 0), (5, 1), (5, -1)],
        [(0, 4), (0, 6), (1, 5), (-1, 5)],
        [(3, 3), (4, 4), (3, 5), (5, 3)],
        [(3, -3), (4, -4), (3, -5), (5, -3)],
        [(4, 0), (6, 0), (5, 1), (5, -1)],  # checks: times the same wave, turned by a right angle
    ]
)
TILES = 4  # along one side
MIDDLE = 127.5  # between black and white
ROUGHNESS = 0.2  # of a wave, as a share of its height; it also decides which of two equal pixels comes first
BLUE = 96.0  # the largest distance of blue from the middle
NOISE = (8.0, 24.0)  # the smallest and the largest standard deviation, in grey levels


def load_training(*, training: int = 3000, validation: int = 1000, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Make images to learn from, and others to choose by.

    Parameters
    ----------
    training, validation : int
        Numbers of images.
    seed : int
        Of both draws, and of the test images' (`load_test`). The three use streams of their own.

    Returns
    -------
    train, validation : Dataset
        As from `make`, of size 32.

    Raises
    ------
    ValueError
        A number of images below 1, or a negative seed.
    """
    whole("load_training", "training", training, least=1)
    whole("load_training", "validation", validation, least=1)
    whole("load_training", "seed", seed, least=0)
    return draw(training, np.random.default_rng((seed, 1))), draw(validation, np.random.default_rng((seed, 2)))


def load_test(*, n: int = 2000, seed: int = 0) -> Dataset:
    """Make images that `load_training` does not make, to be used once, at the end.

    Parameters
    ----------
    n : int
        Number of images.
    seed : int
        As for `load_training`.

    Returns
    -------
    Dataset
        As from `make`, of size 32.

    Raises
    ------
    ValueError
        As for `load_training`.
    """
    whole("load_test", "n", n, least=1)
    whole("load_test", "seed", seed, least=0)
    return draw(n, np.random.default_rng((seed, 3)))


def make(n: int, *, seed: int, size: int = 32) -> Dataset:
    """Make `n` images in random order, as many of each class as of the others (or one more).

    Parameters
    ----------
    n : int
        Number of images.
    seed : int
        The same seed, n and size give the same bytes.
    size : int
        Height and width in pixels: a multiple of 4, at least 16. The patterns grow with it.

    Returns
    -------
    Dataset
        Images (n, size, size, 3) uint8 and labels (n,) int64, which are 2 * pattern + relation.

    Raises
    ------
    ValueError
        n below 1, a negative seed, or a size that is not such a multiple.
    """
    whole("make", "n", n, least=1)
    whole("make", "seed", seed, least=0)
    whole("make", "size", size, least=16)
    if size % TILES:
        raise ValueError(f"make: size is {size}; it must be a multiple of {TILES}, the tiles along one side")
    return draw(n, np.random.default_rng(seed), size)


def draw(n: int, rng: np.random.Generator, size: int = 32) -> Dataset:
    """Do steps 1 to 7, for images of all classes."""
    labels = rng.permutation(np.arange(n) % len(NAMES))
    pattern, relation = np.divmod(labels, len(RELATIONS))
    u = signal(pattern, rng, size)
    images = rng.standard_normal((n, size, size, 3), np.float32)
    images *= rng.uniform(*NOISE, (n, 1, 1, 1))
    images += MIDDLE
    images[..., 0] += u
    images[..., 1] += u * np.where(relation == 0, 1, -1)[:, None, None]
    images[..., 2] += rng.uniform(-BLUE, BLUE, (n, 1, 1))
    return Dataset(images.round().clip(0, 255).astype(np.uint8), labels, NAMES)


def signal(pattern: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """Do steps 1 to 5: u (N, size, size) float32 for `pattern` (N,). Moved by half a side each way, it is -u."""
    n, tile = len(pattern), size // TILES
    signs = rng.choice([-1, 1], (n, TILES // 2, TILES)).repeat(tile, axis=1).repeat(tile, axis=2)
    upper = contrast(pattern, rng, size) * signs.astype(np.float32)
    lower = -np.roll(upper, size // 2, axis=2)
    u = np.concatenate([upper, lower], axis=1)
    down, right = rng.integers(0, size, (2, n, 1))
    rows, columns = (np.arange(size) - down) % size, (np.arange(size) - right) % size  # (N, size) each
    return u[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def contrast(pattern: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """Do steps 1 and 2, for the upper half: (N, size / 2, size) float32, the same values above 0 in every image."""
    n, pixels = len(pattern), size * size // 2
    cycles = WAVES[pattern, rng.integers(0, WAVES.shape[1], n)]  # (N, 2): down, across
    turned = np.stack([-cycles[:, 1], cycles[:, 0]], axis=1)
    phase, turned_phase = rng.random((2, n))
    height = wave(cycles, phase, size)
    checks = pattern == PATTERNS.index("checks")
    height[checks] *= wave(turned[checks], turned_phase[checks], size)
    height += ROUGHNESS * rng.standard_normal(height.shape)
    from_low_to_high = height.reshape(n, pixels).argsort(axis=1)
    values = np.empty((n, pixels), np.float32)
    ladder = MIDDLE * (np.arange(pixels, dtype=np.float32) + 0.5) / pixels  # A_1, A_2, ...
    np.put_along_axis(values, from_low_to_high, ladder[None], axis=1)
    return values.reshape(height.shape)


def wave(cycles: np.ndarray, phase: np.ndarray, size: int) -> np.ndarray:
    """Draw the upper half of plane waves: (N, size / 2, size) for cycles (N, 2) and phase (N,) in cycles."""
    y, x = np.mgrid[: size // 2, :size] / size
    down, across = cycles.T[:, :, None, None]
    return np.cos(2 * np.pi * (down * y + across * x + phase[:, None, None]))


def whole(function: str, name: str, value: int, *, least: int) -> None:
    """Refuse what is not a whole number, or is too small."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{function}: {name} is {value!r}; it must be a whole number, at least {least}")
