# %% [markdown]
# # 01 · One picture, one window: the standard convolution
#
# **Aim.** You compute one number of a convolution by hand. Then you see that the computer does the same, over and over.
#
# **Time.** 25 minutes.
#
# **Reads.** [xnp/ops/conv2d.py](../xnp/ops/conv2d.py), [xnp/shapes.py](../xnp/shapes.py),
# [xnp/data/example.py](../xnp/data/example.py)
#
# **Predict first.** A picture has 8 rows and 8 columns. A window of 3x3 moves over it, one step at a time, and never
# leaves the picture. At how many positions can it stand? Write your number down.

# %%
import numpy as np

from xnp import ops, viz
from xnp.data import example
from xnp.lessons import check, source

# %% [markdown]
# ## The picture is an array
#
# Here is a small picture: a house with a red roof, a sun, blue sky and green grass.

# %%
x = example.image()
viz.picture(
    x, alt="A house with a red roof, blue sky, a yellow sun at the right, green grass."
)

# %% [markdown]
# A computer stores it as numbers, here from 0 (dark) to 9 (bright). Each pixel has three of them: how much red, how
# much green, how much blue. These are its three **channels**.
#
# The array has four axes. We always write them in this order, **N H W C**:
#
# | letter | axis | size here |
# |---|---|---|
# | N | number of images | 1 |
# | H | height: rows, from top to bottom | 8 |
# | W | width: columns, from left to right | 8 |
# | C | channels: red, green, blue | 3 |

# %%
x.shape

# %% [markdown]
# Here is each channel as a table. Its title leaves out the axis N, since there is only one image: `x[:, :, 0]` is red.

# %%
viz.channels(x, "input", names=example.CHANNELS)

# %% [markdown]
# Look for the sun in the three tables. It is bright in red (9) and in green (8), and dark in blue (1). Red and green
# light together are yellow.
#
# One pixel is three numbers. The pixel in row 2, column 2 is a part of the roof:

# %%
x[0, 2, 2]

# %% [markdown]
# ## The kernel
#
# A convolution has a **kernel**: small tables of numbers, here 3x3, one for each channel of the picture. These numbers
# are what a network *learns*. Ours are chosen by hand, so that you can see what they do:
#
# - red: left minus right. It is large where the picture is brighter on the left.
# - green: top minus bottom.
# - blue: the pixel and its four neighbours, added up.

# %%
w = example.standard_kernel()  # (kernel height, kernel width, channels in, channels out)
assert w.shape == (3, 3, 3, 1)
viz.channels(w[..., 0], "kernel", name="w", names=example.CHANNELS)

# %% [markdown]
# ## One number by hand
#
# Lay the kernel on the picture, with its upper left corner at row 1, column 2. This place is the **window**. Do it
# first with the red channel alone. Multiply what lies on top of each other, nine products, and add them up:

# %%
row, column = 1, 2
red = x[0, row : row + 3, column : column + 3, 0]  # what the window sees in red, (3, 3)
red

# %%
products = red * w[:, :, 0, 0]
products

# %% [markdown]
# The left column of the kernel is 1, 2, 1, so 2·1 + 8·2 + 8·1 = 26. The middle column is 0. The right column is
# −1, −2, −1, so −2 − 4 − 8 = −14. Together 26 − 14 = 12.

# %%
red_sum = float(products.sum())
assert red_sum == 26 - 14 == 12
red_sum

# %% [markdown]
# Green and blue do the same with their own tables. This picture shows all three: input × kernel = products, and their
# sum. The numbers in the title are the three sums.

# %%
viz.convolution_step(x, w, (row, column), names=example.CHANNELS)

# %% [markdown]
# And now the step that makes it a *standard* convolution: the three sums are **added up** to one number,
# 12 + 12 + 21 = 45. (Lesson 03 leaves out this step, and that is all of a depthwise convolution.)
#
# As a formula, for one image, a window that starts at row $p$ and column $q$, and output channel $o$:
#
# $$y[p, q, o] = \sum_{c} \; \sum_{i, j} \; x[p + i, \; q + j, \; c] \cdot w[i, j, c, o]$$
#
# Read it from the right: multiply, add over the window ($i$, $j$), then add over the channels ($c$).

# %%
seen = x[0, row : row + 3, column : column + 3]  # (3, 3, 3)
sums = (seen * w[..., 0]).sum(axis=(0, 1))  # one sum for each channel
assert sums.tolist() == [12, 12, 21]
assert sums.sum() == 45
sums

# %% [markdown]
# ## All numbers
#
# The window moves one step to the right, and gives the next number. At the end of a row it goes back to the left, one
# row further down. Watch it (less than a second for each position):

# %%
viz.sliding(viz.convolution_step, x, w, names=example.CHANNELS)

# %% [markdown]
# How many positions? The first window starts at column 0. The last one starts at column 5, since it covers columns
# 5, 6 and 7. So 6 positions across, and also 6 down: 6 · 6 = 36. In general, for size $n$ and kernel size $k$:
#
# $$n_{out} = n - k + 1 \qquad 8 - 3 + 1 = 6$$
#
# Was your number right? Now the library. `padding="valid"` means: the window never leaves the picture.
# `forward` gives two things. The first is the output. The second is for lesson 02; till then its name is `_`.

# %%
y, _ = ops.conv2d.forward(x, w, padding="valid")
assert y.shape == (1, 6, 6, 1)
assert y[0, row, column, 0] == 45
y.shape

# %% [markdown]
# ## First maps, then their sum
#
# There is another way to look at the same numbers. Let the red kernel visit the whole red channel first: that gives a
# table of 6x6 numbers, a **map**. Do the same with green and with blue. Now we have three maps, one for each channel.
# Add the maps: that is the convolution.

# %%
depthwise, _ = ops.depthwise_conv2d.forward(x, w, padding="valid")  # each channel by itself
red_map, green_map, blue_map = (depthwise[0, ..., c] for c in range(3))
assert np.array_equal(red_map + green_map + blue_map, y[0, ..., 0])

maps = [
    viz.Panel(depthwise[0, ..., c], "output", f"map of {example.CHANNELS[c]}")
    for c in range(3)
]
total = viz.Panel(y[0, ..., 0], "output", "y[:, :, 0]")
words = "The maps of red, green and blue, and their sum: the output of the convolution."
viz.sheet([[maps[0], "+", maps[1], "+", maps[2], "=", total]], alt=words, cell=0.27)

# %% [markdown]
# What do the maps say? In the map of red there are large numbers at the right side of the house: there it is bright
# on the left and dark on the right. At the left side of the house they are negative. The map shows where a *feature*
# is, here an edge. So it is called a **feature map**.
#
# ## How the library does it
#
# First, what a convolution *is*: loops, one number at a time. `definition` is slow, and nobody can misread it.
# (`b`, `stride` and `dilation` come in later lessons. Here they change nothing.)

# %%
source(ops.conv2d.definition)

# %% [markdown]
# And now the version that is used. It does not visit windows. It visits the nine places (i, j) of the *kernel*, and
# for each of them handles all windows at once: `reads(i, j)` finds the pixel that each window has at that place, and `@`
# multiplies and adds over the channels. The nine parts add up to the same sum.

# %%
source(ops.conv2d.forward)

# %%
assert np.array_equal(ops.conv2d.definition(x, w, padding="valid"), y)

# %% [markdown]
# ## More output channels, and the cost
#
# A network is a chain of steps such as this one, its **layers**. A layer asks for many features, not one. With 16
# output channels there are 16 kernels of 3x3x3. Each kernel gives one output channel.
#
# What does that cost? One output number takes 3·3·3 = 27 products. A product that is added to a sum is called a
# **multiply-accumulate**, MAC for short. With `padding="same"` (lesson 06) the output is as large as the picture, 8x8:
#
# - numbers to learn: 3·3·3·16 = 432
# - MACs: 8·8·16 outputs · 27 = 27,648
#
# (`elementwise` counts all other work. Here there is none.)

# %%
cost = ops.conv2d.cost(x.shape, (3, 3, 3, 16), padding="same")
assert cost.parameters == 3 * 3 * 3 * 16 == 432
assert cost.macs == 8 * 8 * 16 * 27 == 27_648
cost

# %% [markdown]
# ## What you know now
#
# - An image is an array N H W C. A kernel is an array (height, width, channels in, channels out).
# - A window gives one number: multiply, add over the window, add over the channels.
# - A standard convolution is the sum of maps, one for each channel. *Keep this in mind for lesson 03.*
#
# Lesson 02 goes the other way: how much did each number of the picture and of the kernel matter?
#
# Move the window yourself: open [the explorer](../docs/explorer/index.html) in your browser.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which number is wrong.
#
# 1. `one`: the number at row 3, column 4 of the output is a sum of three. Give the three, as a
#    list: red, green, blue.
# 2. `mean`: use a kernel that takes the mean of all 27 numbers in its window. Give the whole
#    output, the first of the two things that `ops.conv2d.forward(x, your_kernel, padding="valid")` gives.
# 3. `shape`: the output's shape for 5 pictures of 32x32 with 3 channels, a kernel of 5x5, 7
#    output channels, `padding="valid"`.

# %% tags=["exercise"]
one = ...
mean = ...
shape = ...

pooled, _ = ops.average_pool2d.forward(x, size=3, stride=1, padding="valid")
right_shape = ops.conv2d.cost((5, 32, 32, 3), (5, 5, 3, 7), padding="valid").output_shape
check("one", one, depthwise[0, 3, 4])
check("mean", mean, pooled.mean(axis=-1, keepdims=True))
check("shape", shape, right_shape)

# %% tags=["solution"]
# Solutions. Run this cell to check them.
one = [(x[0, 3:6, 4:7, c] * w[:, :, c, 0]).sum() for c in range(3)]
mean, _ = ops.conv2d.forward(x, np.full((3, 3, 3, 1), 1 / 27), padding="valid")
shape = (5, 32 - 5 + 1, 32 - 5 + 1, 7)

check("one", one, depthwise[0, 3, 4])
check("mean", mean, pooled.mean(axis=-1, keepdims=True))
check("shape", shape, right_shape)
