# %% [markdown]
# # 03 · Lesson 01 without the sum: the depthwise convolution
#
# **Aim.** You leave out one sum of the standard convolution. You see what becomes cheaper, what the way back looks
# like, and what can no longer be seen at all.
#
# **Time.** 25 minutes.
#
# **Reads.** [xnp/ops/depthwise_conv2d.py](../xnp/ops/depthwise_conv2d.py), [xnp/ops/conv2d.py](../xnp/ops/conv2d.py),
# [xnp/data/example.py](../xnp/data/example.py)
#
# **Predict first.** The standard convolution of lesson 01 had 27 weights, took 36 · 27 = 972 multiply-accumulates
# (MACs), and gave 36 numbers. The depthwise convolution has the same 27 weights, on the same picture. How many MACs does
# it take, and how many numbers does it give? Fewer, the same, or more?

# %%
import numpy as np

from xnp import ops, viz
from xnp.data import example
from xnp.lessons import check, source

# %% [markdown]
# ## Three maps, and no sum
#
# In lesson 01 each channel gave a map: the red kernel visited the red channel, the green one the green channel, the
# blue one the blue channel. Then the three maps were added up to one.
#
# Leave out the last step. Keep the three maps, one behind the other. This is the **depthwise convolution**.

# %%
x = example.image()
w = example.depthwise_kernel()  # (height, width, channels, kernels for each channel)
assert w.shape == (3, 3, 3, 1)
y, cache = ops.depthwise_conv2d.forward(x, w, padding="valid")
y.shape

# %% [markdown]
# The channels are split, each meets its own kernel, and the results are stacked. The star means: the kernel slides
# over the channel. The frame shows the window of lesson 01, at row 1, column 2, and what it gives:

# %%
viz.depthwise_picture(x, w, at=(1, 2), names=example.CHANNELS)

# %% [markdown]
# There they are again: 12 in red, 12 in green, 21 in blue. In lesson 01 they were added up to 45. Here they stay three
# numbers.
#
# So the standard convolution is the sum of the depthwise one, at every place:

# %%
standard, standard_cache = ops.conv2d.forward(x, w, padding="valid")  # the same weights
assert y[0, 1, 2].tolist() == [12, 12, 21]
assert standard[0, 1, 2, 0] == 12 + 12 + 21 == 45
assert np.array_equal(y.sum(axis=-1), standard[..., 0])
y[0, 1, 2]

# %% [markdown]
# Watch the window. It moves in all channels together, and each row of this picture works alone:

# %%
viz.sliding(viz.depthwise_step, x, w, names=example.CHANNELS)

# %% [markdown]
# ## Your prediction
#
# One output number takes 9 products now, not 27. But there are three times as many output numbers: 3 · 36 = 108. And
# 108 · 9 = 972. **The same weights, the same MACs, three times as many numbers.** The sum has only thrown something
# away: which number came from which channel.

# %%
depthwise_cost = ops.depthwise_conv2d.cost(x.shape, w.shape, padding="valid")
standard_cost = ops.conv2d.cost(x.shape, w.shape, padding="valid")
assert depthwise_cost.macs == 108 * 9 == standard_cost.macs == 36 * 27 == 972
assert depthwise_cost.parameters == standard_cost.parameters == 27
assert (y.size, standard.size) == (108, 36)
print("depthwise", depthwise_cost)
print("standard ", standard_cost)

# %% [markdown]
# ## How the library does it
#
# As a formula, with the letters of lesson 01, for one kernel in each channel:
#
# $$y[p, q, c] = \sum_{i, j} \; x[p + i, \; q + j, \; c] \cdot w[i, j, c]$$
#
# In words: multiply, and add over the window ($i$, $j$). That is all. The channel $c$ stands on the left side too, so
# nothing is added over it. And in the loops, the line `for c in range(C)` is gone:

# %%
source(ops.depthwise_conv2d.definition)

# %% [markdown]
# (`divmod(o, m)` becomes important when a channel has more than one kernel, in a moment. With `m = 1` it says `c = o`.)
#
# The version that is used needs one line for all this. `einsum` reads a rule: each letter is an axis. A letter
# that stands only on the left of the arrow is added up. Look for `c`:

# %%
source(ops.depthwise_conv2d.forward)

# %% [markdown]
# The first array is `window.view(padded)`, all windows at once: image `n`, window (`p`, `q`), channel `c`, place (`i`,
# `j`). In `npqcij,ijck->npqck` the letters `i` and `j` are gone on the right: the sum over the window. The letter `c` is
# still there: no sum over the channels. *A whole kind of convolution is one letter in a rule.*

# %%
assert np.array_equal(ops.depthwise_conv2d.definition(x, w, padding="valid"), y)

# %% [markdown]
# ## The way back
#
# `dy` now has three channels, as `y` has. Let only one number of it be different from 0: 2, in *green*, at our window.
# (Lesson 02: when this output number rises by 1, the loss rises by 2.) Where will `dx` be different from 0?

# %%
dy = np.zeros_like(y)
dy[0, 1, 2, 1] = 2  # row 1, column 2, green
dx, dw, _ = ops.depthwise_conv2d.backward(dy, cache)
viz.channels(dx, "gradient", name="dx", names=example.CHANNELS, window=(1, 2, 3, 3))

# %% [markdown]
# The window stamped the green kernel, times 2, into green. Red and blue heard nothing: they had no part in that number.
# The same for `dw`. Its green table holds the nine green pixels of the window, times 2, and the others are 0:

# %%
viz.channels(dw[..., 0], "gradient", name="dw", names=example.CHANNELS)

# %%
assert np.array_equal(dx[0, 1:4, 2:5, 1], 2 * w[:, :, 1, 0])
assert np.array_equal(dw[:, :, 1, 0], 2 * x[0, 1:4, 2:5, 1])
assert not dx[..., [0, 2]].any()
assert not dw[:, :, [0, 2]].any()

# %% [markdown]
# Compare with the *standard* convolution. Its output has one channel, which all three made. So a 2 at the same place
# goes back to all three:

# %%
standard_dy = np.zeros_like(standard)
standard_dy[0, 1, 2, 0] = 2
standard_dx, _, _ = ops.conv2d.backward(standard_dy, standard_cache)
viz.channels(
    standard_dx, "gradient", name="dx", names=example.CHANNELS, window=(1, 2, 3, 3)
)

# %% [markdown]
# What goes forward alone goes back alone. Three channels of a depthwise convolution are three small convolutions side
# by side, forward and backward. In the source you find both parts of lesson 02: `dw` is a sum over all windows, and
# `dx` is stamped with `+=`:

# %%
source(ops.depthwise_conv2d.backward)

# %% [markdown]
# ## More kernels for a channel
#
# A channel can have more than one kernel. Their number is the **depth multiplier** $m$. Here $m = 2$: every channel gets
# both edge kernels, "left minus right" and "top minus bottom". Three channels become $3 \cdot 2 = 6$.

# %%
edges = w[:, :, :2, 0]  # left minus right, top minus bottom: (3, 3, 2)
two = np.stack([edges, edges, edges], axis=2)  # the same two for each channel
assert two.shape == (3, 3, 3, 2)
six, _ = ops.depthwise_conv2d.forward(x, two, padding="valid")

rows = [
    [
        viz.Panel(
            six[0, ..., 2 * c + k], "output", f"six[:, :, {2 * c + k}]  {name}\n{edge}"
        )
        for c, name in enumerate(example.CHANNELS)
    ]
    for k, edge in enumerate(["left − right", "top − bottom"])
]
words = "Six maps of 6x6 numbers: red, green and blue, each by two kernels."
viz.sheet(rows, alt=words, cell=0.27)

# %% [markdown]
# Read the numbers of the output channels: red has 0 and 1, green has 2 and 3, blue has 4 and 5. What one channel makes
# stands side by side. In general, channel $c$ by its kernel $k$ is output channel $c \cdot m + k$. The way back from
# the number to the channel is a division with remainder, `divmod(o, m)`: output channel 5 is 5 = 2 · 2 + 1, so blue by
# kernel 1. In Xception $m$ is always 1.

# %%
assert divmod(5, 2) == (2, 1)
assert np.array_equal(six[..., 0], y[..., 0])  # red by kernel 0: as before
assert np.array_equal(six[..., 3], y[..., 1])  # green by kernel 1: as before
six.shape

# %% [markdown]
# ## What it costs in a layer
#
# Lesson 01 ended with a layer of 16 output channels, `padding="same"`: 432 weights and 27,648 MACs. The depthwise
# convolution on the same picture, also "same":
#
# - weights: 3·3·3 = 27
# - MACs: 8·8·3 output numbers · 9 = 1,728

# %%
depthwise_cost = ops.depthwise_conv2d.cost(x.shape, w.shape, padding="same")
layer_cost = ops.conv2d.cost(x.shape, (3, 3, 3, 16), padding="same")
assert (depthwise_cost.parameters, depthwise_cost.macs) == (27, 1_728)
assert (layer_cost.parameters, layer_cost.macs) == (432, 27_648)
assert layer_cost.macs == 16 * depthwise_cost.macs
print(f"{'':10} weights    MACs")
print(f"{'standard':10} {layer_cost.parameters:7,} {layer_cost.macs:7,}")
print(f"{'depthwise':10} {depthwise_cost.parameters:7,} {depthwise_cost.macs:7,}")

# %% [markdown]
# 16 times less, in both columns. This is no magic. The standard convolution does the work of a depthwise one again for
# each of its 16 output channels, with other weights, and adds up.
#
# And it is not a fair race: the one gives 16 channels, the other 3. Above all, it does not do the same job.
#
# ## What it cannot see
#
# Take the picture, and mirror its red channel alone. Left goes to the right. Green and blue stay.

# %%
mixed = x.copy()
mixed[..., 0] = x[:, :, ::-1, 0]
viz.picture(
    mixed,
    alt="The house, its red mirrored: a green sun, a pink patch of sky, a roof nearly black.",
)

# %% [markdown]
# You see at once that something is wrong. The sun has lost its red: it is green. Its red has landed in the sky at the
# upper left, which is pink. Four of the six pixels of the roof are nearly black. The colours do not fit together
# any more. What does the depthwise convolution see?

# %%
y_mixed, _ = ops.depthwise_conv2d.forward(mixed, w, padding="valid")
rows = [
    [
        viz.Panel(maps[0, ..., c], "output", f"{name}\n{which}")
        for c, name in enumerate(example.CHANNELS)
    ]
    for maps, which in [(y, "of the picture"), (y_mixed, "red was mirrored")]
]
words = "Maps of both pictures. Green and blue are the same; red is mirrored, its signs changed."
viz.sheet(rows, alt=words, cell=0.27)

# %% [markdown]
# The maps of green and blue are the same, to the last digit. The map of red shows a mirrored house: the same numbers
# from right to left, with the other sign, since the kernel takes left minus right. Each map is a perfectly good map.
# **No number in them tells that red and green no longer fit.** How could it? None of the 108 numbers was made of two
# channels.

# %%
roof = (x[0] == [8, 2, 1]).all(axis=-1)
assert (roof.sum(), (mixed[0, roof, 0] == 2).sum()) == (6, 4)
assert np.array_equal(y_mixed[..., 1:], y[..., 1:])
assert np.array_equal(y_mixed[..., 0], -y[:, :, ::-1, 0])

# %% [markdown]
# That the sun is *yellow* means: red and green are both bright at the same place, and blue is dark. It is a relation
# between channels. A depthwise convolution cannot see it, with any weights, and a second and a third one after it could
# not either: red never meets green.
#
# | | looks at | does not see |
# |---|---|---|
# | depthwise | space: a window in one channel | how channels belong together |
# | standard | space and channels at once | – |
#
# So something must follow that looks at channels. It can be very small, since space is done already: a look at a single
# pixel is enough. That is lesson 04.
#
# ## What you know now
#
# - A depthwise convolution is a standard convolution without the sum over the channels.
# - Each channel is alone, forward and backward.
# - Output channel $c \cdot m + k$ is channel $c$ by its kernel $k$; $m$ is the depth multiplier.
# - It is cheap, and it is blind to colours.
#
# Move the window yourself: open [the explorer](../docs/explorer/index.html#operation=depthwise) in your browser.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which number is wrong.
#
# 1. `origin`: three channels, depth multiplier 4. Which channel and which of its kernels made output channel 7? A list
#    of two numbers, counted from 0.
# 2. `middle`: in the middle of Xception an image has 19x19 pixels and 728 channels. A depthwise convolution of 3x3,
#    "same", multiplier 1: how many MACs? And how many times as many would a standard convolution of 3x3 to 728 channels
#    take? A list of two numbers.
# 3. `imitated`: a standard convolution can imitate a depthwise one. Find a kernel of shape (3, 3, 3, 3) with which it
#    gives our three maps. Give its whole output, the first part of `ops.conv2d.forward(x, your_kernel, padding="valid")`.

# %% tags=["exercise"]
origin = ...
middle = ...
imitated = ...

depthwise_macs = ops.depthwise_conv2d.cost((1, 19, 19, 728), (3, 3, 728, 1)).macs
standard_macs = ops.conv2d.cost((1, 19, 19, 728), (3, 3, 728, 728)).macs
check("origin", origin, np.unravel_index(7, (3, 4)))
check("middle", middle, [depthwise_macs, standard_macs // depthwise_macs])
check("imitated", imitated, y)

# %% tags=["solution"]
# Solutions. Run this cell to check them.
# 1. 7 = 1 * 4 + 3: green, its last kernel.
origin = [1, 3]
# 2. 9 for each output number. The standard one does this for each of 728 output channels.
middle = [19 * 19 * 728 * 9, 728]
# 3. Output channel c takes channel c alone: the other 54 of 81 weights are 0.
kernel = np.zeros((3, 3, 3, 3))
for c in range(3):
    kernel[:, :, c, c] = w[:, :, c, 0]
imitated, _ = ops.conv2d.forward(x, kernel, padding="valid")

check("origin", origin, np.unravel_index(7, (3, 4)))
check("middle", middle, [depthwise_macs, standard_macs // depthwise_macs])
check("imitated", imitated, y)
