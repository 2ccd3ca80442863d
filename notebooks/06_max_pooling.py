# %% [markdown]
# # 06 · The largest wins: max pooling and padding
#
# **Aim.** You make a map half as high and half as wide, and follow the gradient back to the
# pixels that won. And you see why a border of zeros, which is right for a convolution, is
# wrong here.
#
# **Time.** 35 minutes.
#
# **Reads.** [xnp/ops/max_pool2d.py](../xnp/ops/max_pool2d.py),
# [xnp/shapes.py](../xnp/shapes.py), [xnp/ops/average_pool2d.py](../xnp/ops/average_pool2d.py),
# [xnp/mutants/windows.py](../xnp/mutants/windows.py)
#
# **Predict first.** A window of 3x3 moves over an 8x8 map in steps of *two*. (a) How many
# numbers come out? (b) A pixel can be the largest of more than one window. Of how many, at
# most? Write down both numbers.

# %%
import numpy as np

from xnp import ops, viz
from xnp.data import example
from xnp.lessons import check, source
from xnp.mutants import windows as broken
from xnp.shapes import slide
from xnp.tables import table

# %% [markdown]
# ## One window by hand
#
# Take our picture, and look for edges in its red channel, as in lesson 03: left minus right.
# The result is a map with numbers above and below zero.

# %%
x = example.image()
edges = ops.depthwise_conv2d.forward(x, example.depthwise_kernel())[0][..., :1]  # red alone
assert edges.shape == (1, 8, 8, 1)

# %% [markdown]
# **Max pooling** lays a window on the map and keeps the largest number. It adds nothing and it
# learns nothing. Here is the window of 3x3 that starts at row 2, column 2:

# %%
seen = edges[0, 2:5, 2:5, 0]
assert seen.max() == 27
seen

# %% [markdown]
# The largest is 27, at the lower right. That is one number of the result. The next window
# starts *two* pixels further: this distance is the **stride**, here 2. As a formula, for a
# window that starts at row $2p$ and column $2q$:
#
# $$y[p, q, c] = \max_{i, j} \; x[2p + i, \; 2q + j, \; c]$$
#
# In words: of the nine numbers under the window, take the largest. Each channel $c$ is pooled
# by itself.

# %%
y, cache = ops.max_pool2d.forward(edges, size=3, stride=2, padding="same")
assert y.shape == (1, 4, 4, 1)
assert y[0, 1, 1, 0] == 27

before = viz.Panel(edges[0, ..., 0], "input", "edges", window=(2, 2, 3, 3))
after = viz.Panel(y[0, ..., 0], "output", "y", window=(1, 1, 1, 1))
words = "The edges, 8x8, and their largest numbers, 4x4. The window at row 2, column 2 gives 27."
viz.sheet([[before, "→", after]], alt=words)

# %% [markdown]
# So (a): 4 · 4 = 16 numbers come out. The right edge of the house, the 27, is still there. But
# `y` does not say in which of the nine pixels it stood. Pooling keeps *that* there is an edge,
# and forgets *where exactly*. The strong negative numbers at the left are gone: the largest wins,
# not the one furthest from zero.
#
# Why do we want that? The small map has a quarter of the numbers, so the layers after it cost a
# quarter. And a window of 3x3 on the small map looks at 7x7 pixels of the large one.
#
# ## How many windows: the rule of "same"
#
# The last window starts at pixel 6. It covers the pixels 6, 7 and 8, but there is no pixel 8.
# Something must stand there: **padding**. How much of it, and on which side?
#
# `"same"` is a rule of TensorFlow, and Xception is built on it. For $n$ pixels, a window of $k$
# pixels and a stride of $s$:
#
# 1. The number of windows is $n / s$, rounded up: $\text{out} = \lceil n / s \rceil$.
# 2. The last window starts at pixel $(\text{out} - 1) \cdot s$ and needs $k$ pixels. So the
#    padding is $\text{total} = (\text{out} - 1) \cdot s + k - n$. (If that is negative, 0.)
# 3. Half of it goes before the first pixel. If it is odd, the odd one goes **after** the last:
#    at the bottom and at the right.
#
# For $n = 8$: out = 4, total = 3 · 2 + 3 − 8 = 1, so 0 before and 1 after. Here are five sizes.
# Each bar is a window, under the pixels that it reads:

# %%
viz.windows_over_rows([5, 6, 7, 8, 9])

# %% [markdown]
# Even sizes are not like odd ones. An odd size has padding on both sides, and the first
# window has pixel 0 in its middle. An even size has padding at the end alone, and the first
# window *starts* at pixel 0.
#
# The library computes this in one place, `xnp/shapes.py`. Let us ask it for the whole of
# Xception: an image of 299x299, two convolutions without padding, then four max pools.

# %%
layers = [("conv 3x3, stride 2", 2, "valid"), ("conv 3x3", 1, "valid")]
layers += [(f"max pool {k}, 3x3, stride 2", 2, "same") for k in (1, 2, 3, 4)]

sizes, rows = [299], []
for name, stride, padding in layers:
    n = sizes[-1]
    window = slide(name, (1, n, n, 1), (3, 3), stride=stride, padding=padding)
    top, bottom = window.padding[0]
    sizes.append(window.output[0])
    rows.append([name, padding, n, top, bottom, sizes[-1]])

assert sizes == [299, 149, 147, 74, 37, 19, 10]
table(["layer", "padding", "pixels in", "before", "after", "pixels out"], rows)

# %% [markdown]
# Check one line by hand: 147 / 2 = 73.5, rounded up 74. Total = 73 · 2 + 3 − 147 = 2, so 1
# and 1. The next: 74 / 2 = 37, total = 36 · 2 + 3 − 74 = 1, so 0 and 1.
#
# ### A trap
#
# PyTorch has no `"same"` for a stride of 2. There one writes `padding=1`: a pixel on *all four*
# sides. For 8 pixels this gives 4 windows, too. The shapes agree, and nothing complains.
# But every window stands one pixel further up and left:

# %%
other, _ = ops.max_pool2d.forward(edges, size=3, stride=2, padding=1)
assert other.shape == y.shape
differ = np.count_nonzero(other != y)
assert differ == 13

left = viz.Panel(y[0, ..., 0], "output", 'padding="same"', limits=(-13, 29))
wrong = [(int(p), int(q)) for p, q in np.argwhere(other[0, ..., 0] != y[0, ..., 0])]
right = viz.Panel(other[0, ..., 0], "output", "padding=1", marked=wrong, limits=(-13, 29))
viz.sheet([[left, "≠", right]], alt=f"Two results of 4x4 numbers; {differ} of 16 differ.")

# %% [markdown]
# 13 of 16 numbers are others (dashed frames). Copy the weights of an Xception from one library to
# another, overlook this, and the network runs, with other answers.
#
# ## What stands in the padding?
#
# A convolution *adds*. A 0 adds nothing to a sum, so zeros are the right thing to pad with.
#
# Max pooling *compares*. Is 0 a number that changes nothing there? Take a dark picture: ours,
# with 10 subtracted everywhere. All its numbers are negative, from −8 to −1. The library's
# collection of mistakes, [xnp/mutants](../xnp/mutants), has a max pool that pads with zeros:

# %%
dark = x - 10
right, _ = ops.max_pool2d.forward(dark)
wrong, _ = broken.padded_with_zeros.op.forward(dark, size=3, stride=2, padding="same")
assert dark.max() == -1
assert np.count_nonzero(wrong == 0) == 21

places = [(int(p), int(q)) for p, q in np.argwhere(wrong[0, ..., 0] != right[0, ..., 0])]
red = viz.Panel(
    dark[0, ..., 0], "input", "dark picture, red", padding=((0, 1), (0, 1)), border=""
)
ours = viz.Panel(right[0, ..., 0], "output", "padded with −∞", limits=(-8, 0))
zeros = viz.Panel(
    wrong[0, ..., 0], "output", "padded with 0", marked=places, limits=(-8, 0)
)
words = (
    "Red of the dark picture, from −8 to −1. Padded with 0, the last row and column are 0."
)
viz.sheet([[red, "→", ours, zeros]], alt=words)

# %% [markdown]
# Padded with zeros, the whole last row and last column answer 0. There is no 0 in the picture!
# The padding has won against the pixels: in each of the three channels 7 of 16 numbers, 21 in
# all.
#
# What changes nothing in a comparison? A number that never wins: **minus infinity**, −∞. So
# `ops.max_pool2d` pads with −∞.
#
# | operation | padding that changes nothing | since |
# |---|---|---|
# | sum (convolution) | 0 | $a + 0 = a$ |
# | maximum (max pooling) | −∞ | $\max(a, -\infty) = a$ |
#
# Does it matter? After a relu no number is below 0, and both are the same. But in Xception a
# max pool follows a **batch normalisation** (lesson 07), which moves the mean to 0: about half
# of all numbers are negative there.
#
# Here is the library's forward. It asks each of the nine places in turn: is this one larger than
# the best so far? It remembers who has won, for the way back.

# %%
source(ops.max_pool2d.forward)

# %% [markdown]
# ## Backward: the winner takes it all
#
# Now the other direction. `dy` says how much each output number matters. Which *input* numbers
# matter, then? In our window the 27 won. Make it a little larger: the output gets larger by the
# same amount. Its slope is 1. Make any other of the nine a little larger: the 27 still wins, and
# nothing changes. Their slope is 0.
#
# So the winner of a window takes the whole gradient of the window. To see where it goes, give
# each of the 16 windows a gradient of its own, 1 to 16:

# %%
dy = np.arange(1.0, 17.0).reshape(y.shape)
dx = ops.max_pool2d.backward(dy, cache)
assert dx[0, 4, 4, 0] == 6 + 7 + 10 + 11 == 34
assert edges[0, 4, 5, 0] == 27
assert dx[0, 4, 5, 0] == 0

upstream = viz.Panel(dy[0, ..., 0], "gradient", "dy")
back = viz.Panel(dx[0, ..., 0], "gradient", "dx", window=(4, 4, 1, 1))
given = viz.Panel(edges[0, ..., 0], "input", "edges", window=(4, 4, 1, 1))
words = (
    "The edges; dy with the numbers 1 to 16; dx, zero but at the winners. At (4, 4): 34."
)
viz.sheet([[given, upstream, "→", back]], alt=words)

# %% [markdown]
# Most of `dx` is zero. And one pixel got 34, more than any number in `dy`. Which windows did it
# win?
#
# The pixel stands in row 4, column 4. It is read by the windows that start at row 2 or row 4,
# and at column 2 or column 4. These are four windows: (1, 1), (1, 2), (2, 1) and (2, 2). It wins
# all four. Their gradients are 6, 7, 10 and 11, and 6 + 7 + 10 + 11 = 34.
#
# (Did you see it? Its right neighbour is 27 as well, and got nothing. Keep that in mind.)
#
# That is the lesson's most important sign: `+=`. Windows **overlap**, a pixel can win several of
# them, and what it gets from each of them must be added. Look for it:

# %%
source(ops.max_pool2d.backward)

# %% [markdown]
# ## Who read, who won
#
# A small trick. If every `dy` is 1, then `dx` *counts*: how many windows did this pixel win? In
# the same way, a backward that gives to all pixels of a window counts how many windows *read*
# each pixel. As a max pool it would be a mistake, and the collection has it: `all_pixels_win`.

# %%
ones = np.ones_like(y)
read = broken.all_pixels_win.op.backward(ones, cache)[0, ..., 0]
won = ops.max_pool2d.backward(ones, cache)[0, ..., 0]
assert read.max() == won.max() == 4
assert won.sum() == 16
winners = np.count_nonzero(won)
assert winners == 10

left = viz.Panel(read, "gradient", "windows that read the pixel")
right = viz.Panel(won, "gradient", "windows that the pixel won")
words = "8x8 counts: pixels in even rows and columns are read by up to 4 windows; 10 pixels won."
viz.sheet([[left, right]], alt=words)

# %% [markdown]
# Left: with a stride of 2 the windows share each second row and column. A pixel where two shared
# lines cross is read by 2 · 2 = 4 windows. That was question (b): 4 at most.
#
# Right: the counts add up to 16, one for each window. But only 10 of the 64 pixels won something.
# The other 54 get no gradient at all: what made them learns nothing from this picture. In the
# next picture others win.
#
# ## Ties
#
# The windows (1, 2) and (2, 2) hold two pixels of 27, side by side. This is a **tie**. The left
# one took all, the right one got nothing. Ties are not rare: our sky is one large tie, and after
# a relu there are windows with nothing but zeros in them.
#
# The library's rule: the **first** maximum wins, row by row. (Look at the forward once more: `>`
# and not `>=`.) Is that fair? Here are three rules, on one window of nine equal pixels, dy = 1:

# %%
flat = np.zeros((1, 3, 3, 1))
pool = {"size": 3, "stride": 3, "padding": "valid"}
rules = {
    "the first (xnp)": ops.max_pool2d,
    "the last": broken.last_maximum_wins.op,
    "each of them": broken.each_maximum_wins.op,
}
shares = {}
for name, op in rules.items():
    y_flat, cache_flat = op.forward(flat, **pool)
    shares[name] = op.backward(np.ones_like(y_flat), cache_flat)[0, ..., 0]

panels = [viz.Panel(s, "gradient", name, limits=(-1, 1)) for name, s in shares.items()]
words = "dx of nine equal pixels: 1 at the first; 1 at the last; 1 at each of the nine."
viz.sheet([panels], alt=words)

# %% [markdown]
# Which one is right? At a tie the slope does not exist: make the first pixel larger, and the
# output grows as much (slope 1). Make it smaller, and nothing happens (slope 0), since another
# one wins. So we look for something weaker. Shares $g$ are fair if they never promise *more*
# than the maximum gives, however the pixels move:
#
# $$\max(x + d) \;\ge\; \max(x) + \sum g \cdot d \qquad \text{for every move } d$$
#
# Such a $g$ is called a **subgradient**. In words: a straight line (here a plane) that touches
# the curve at this point and never rises above it. At a corner there are many such lines.
#
# Try many random moves, and one in which all nine pixels grow by 1:

# %%
rng = np.random.default_rng(6)
moves = rng.normal(size=(1000, 3, 3))
together = np.ones((3, 3))

shares["equal parts"] = np.full((3, 3), 1 / 9)
rows = []
for name, g in shares.items():
    kept = all(d.max() >= (g * d).sum() - 1e-12 for d in moves)
    promised = round((g * together).sum(), 6)
    rows.append([name, promised, int(together.max()), "yes" if kept else "NO"])

assert [row[3] for row in rows] == ["yes", "yes", "NO", "yes"]
table(["who gets dy = 1", "promised", "given", "1,000 moves: never promises more"], rows)

# %% [markdown]
# If all nine pixels grow by 1, the maximum grows by 1. "Each of them" promises 9. It sends back
# nine times what came.
#
# The others are all fair: the shares are not negative, and they **add up to 1**. Which of them
# one takes is a custom. PyTorch's `max_pool2d` takes the first, as xnp does; its `amax` shares
# in equal parts. So two libraries can give different gradients, and both are right.
#
# Remember for lesson 08: random numbers never tie. A test with random numbers cannot see any of
# this.
#
# ## Average pooling
#
# The sister of max pooling takes the **mean** of a window. Its padding has a trap of its own.
# Take a picture in which all pixels are 9. Any mean of nines must be 9. But at the border a
# window holds padding as well. Should the padding be *counted*?

# %%
nine = np.full((1, 8, 8, 1), 9.0)
pool = {"size": 3, "stride": 2, "padding": "same"}
fair, _ = ops.average_pool2d.forward(nine, **pool)
counted, _ = broken.padding_counted.op.forward(nine, **pool)
assert (fair == 9).all()
assert counted[0, 3, 3, 0] == 9 * 4 / 9 == 4

left = viz.Panel(fair[0, ..., 0], "output", "padding not counted (xnp)", limits=(0, 9))
right = viz.Panel(counted[0, ..., 0], "output", "padding counted", limits=(0, 9))
words = "Means of nines: all 9. With the padding counted: 6 in the last row and column, 4 in the corner."
viz.sheet([[left, right]], alt=words)

# %% [markdown]
# At the right border a window holds 6 pixels and 3 places of padding. The sum is 6 · 9 = 54.
# Divided by 9 it is 6, divided by the 6 real pixels it is 9. In the corner 4 pixels are real:
# 36 / 9 = 4, and 36 / 4 = 9. With the padding counted the border gets dark, though the picture is
# not.
#
# ## A window of nothing
#
# One more question: what is the largest number of a window that holds *only* padding? With 3
# pixels of padding, the first window of 3 would see nothing else. Its maximum would be −∞, and
# its mean 0 / 0. So a padding of more than half the window's size is refused, before anything is
# computed:

# %%
try:
    ops.max_pool2d.forward(edges, size=3, stride=2, padding=3)
except ValueError as error:
    print(error)

# %% [markdown]
# ## What you know now
#
# - Max pooling keeps the largest number of each window, channel by channel.
# - `"same"`: $\lceil n / s \rceil$ windows; the odd pixel of padding is at the bottom and right.
# - Pad with what changes nothing: 0 for a sum, −∞ for a maximum. A mean counts real pixels only.
# - Backward: the winner takes the gradient; who wins several windows adds up: `+=`.
# - In a tie any shares that add up to 1 are fair. xnp gives all to the first.
#
# Lesson 07: what happens if not a window but a whole *branch* reads the same numbers twice?
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which
# number is wrong.
#
# 1. `halved`: an image of 100x100 goes through five max pools, 3x3, stride 2, `"same"`. The five
#    sizes, as a list.
# 2. `sides`: `"same"` for 9 pixels, a window of 4 pixels, stride 1. How many pixels of padding
#    before, how many after? As a pair.
# 3. `small_dx`: the gradient of the 3x3 numbers below, for windows of 2x2, stride 1, `"valid"`,
#    and the `small_dy` below. Do it by hand: find the winner of each of the four windows. Mind
#    the tie. An array or list of shape (3, 3).

# %% tags=["exercise"]
small = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 0.0], [8.0, 7.0, 6.0]])
small_dy = np.array([[1.0, 10.0], [100.0, 1000.0]])

halved = ...
sides = ...
small_dx = ...

chain = [ops.max_pool2d.cost((1, 100, 100, 1))]
for _ in range(4):
    chain.append(ops.max_pool2d.cost(chain[-1].output_shape))
_, small_cache = ops.max_pool2d.forward(
    small.reshape(1, 3, 3, 1), size=2, stride=1, padding="valid"
)
right_sides = slide("sides", (1, 9, 9, 1), (4, 4), stride=1, padding="same").padding[0]
right_dx = ops.max_pool2d.backward(small_dy.reshape(1, 2, 2, 1), small_cache)
check("halved", halved, [cost.output_shape[1] for cost in chain])
check("sides", sides, right_sides)
check("small_dx", small_dx, right_dx[0, ..., 0])

# %% tags=["solution"]
# Solutions. Run this cell to check them.
halved = [50, 25, 13, 7, 4]  # each time half, rounded up
sides = (1, 2)  # 9 windows; total = 8 * 1 + 4 - 9 = 3; the odd one goes after
small_dx = [
    [0, 1 + 10, 0],  # 5 and 5 tie in two windows; the first one wins both
    [0, 0, 0],
    [100, 1000, 0],
]

check("halved", halved, [cost.output_shape[1] for cost in chain])
check("sides", sides, right_sides)
check("small_dx", small_dx, right_dx[0, ..., 0])
