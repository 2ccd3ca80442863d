# %% [markdown]
# # 04 · One pixel, all channels: the pointwise convolution
#
# **Aim.** You see that a 1x1 convolution is one matrix product, the same at every pixel. You see what is lost when it
# makes one channel of three, and when nothing is lost.
#
# **Time.** 25 minutes.
#
# **Reads.** [xnp/ops/pointwise_conv2d.py](../xnp/ops/pointwise_conv2d.py),
# [xnp/data/example.py](../xnp/data/example.py)
#
# **Predict first.** Our picture has six colours. Give each pixel *one* number: red + green + blue. Two of the six
# things get the same number, and from then on nobody can tell them apart. Which two?
#
# | | sky | sun | roof | wall | door | grass |
# |---|---|---|---|---|---|---|
# | red | 2 | 9 | 8 | 9 | 4 | 2 |
# | green | 5 | 8 | 2 | 7 | 2 | 7 |
# | blue | 9 | 1 | 1 | 5 | 1 | 2 |

# %%
import numpy as np

from xnp import ops, viz
from xnp.data import example
from xnp.lessons import check, source
from xnp.tables import table

# %% [markdown]
# ## What is left to do
#
# A depthwise convolution (lesson 03) looks at space: each channel by itself. Red never meets green. So somebody else
# must let the channels meet. That is the **pointwise convolution**: it looks at one pixel alone, at all its channels.

# %%
x = example.image()
viz.picture(
    x, alt="A house with a red roof under a blue sky, a yellow sun, green grass below."
)

# %%
places = {  # (row, column) of one pixel of each thing
    "sky": (0, 0),
    "sun": (0, 7),
    "roof": (2, 2),
    "wall": (4, 1),
    "door": (5, 2),
    "grass": (7, 0),
}
assert len(np.unique(x.reshape(-1, 3), axis=0)) == 6  # there are no other colours
{name: x[0, row, column].tolist() for name, (row, column) in places.items()}

# %% [markdown]
# ## One number by hand
#
# The kernel has one weight for each channel, and no height and width at all. Ours is 1 for red, 2 for green, −1 for
# blue. The pixel in row 2, column 2 is a part of the roof: 8, 2, 1.
#
# $$8 \cdot 1 + 2 \cdot 2 + 1 \cdot (-1) = 8 + 4 - 1 = 11$$

# %%
w = example.pointwise_kernel()  # (channels in, channels out)
assert w[:, 0].tolist() == [1, 2, -1]
products = x[0, 2, 2] * w[:, 0]
assert products.sum() == 8 + 4 - 1 == 11
products

# %% [markdown]
# Every pixel does the same, with the same three weights:
#
# $$y[p, q, o] = \sum_{c} \; x[p, q, c] \cdot w[c, o]$$
#
# Read it from the right: multiply each channel by its weight, add over the channels ($c$). Row $p$ and column $q$ are
# the same on both sides. So a pixel never sees its neighbour, and an 8x8 picture stays 8x8.

# %%
y, _ = ops.pointwise_conv2d.forward(x, w)
assert y.shape == (1, 8, 8, 1)
assert y[0, 2, 2, 0] == 11
viz.channels(y, "output", name="y")

# %% [markdown]
# ## All pixels at once: a matrix product
#
# Write the pixels one below the other, each as a row of three numbers. Then the whole operation is one matrix product:
#
# (pixels, channels in) @ (channels in, channels out) = (pixels, channels out)
#
# The picture shows it for the 8 pixels of image row 2. A row on the left, times the column in the middle, gives one
# number on the right.

# %%
viz.matrix_product(
    viz.Panel(x[0, 2], "input", "x, row 2"),
    viz.Panel(w, "kernel", "w"),
    title="y, row 2",
    at=(2, 0),
)

# %%
pixels = x.reshape(-1, 3)  # 8 * 8 = 64 pixels, a row each
assert pixels.shape == (64, 3)
assert np.array_equal((pixels @ w).reshape(1, 8, 8, 1), y)

# %% [markdown]
# The order of the rows does not matter. Mix the 64 pixels like playing cards: the outputs are the same numbers, mixed
# in the same way. A 3x3 kernel would see another picture. A pointwise kernel sees no difference.

# %%
order = np.random.default_rng(0).permutation(64)
assert np.array_equal(pixels[order] @ w, (pixels @ w)[order])

# %% [markdown]
# ## The same, as a convolution
#
# Why is it called a convolution? Take lesson 01, and let the window be 1x1. The sum over the window has one term, and
# the sum over the channels is left. Same weights, same numbers:

# %%
as_convolution, _ = ops.conv2d.forward(x, w.reshape(1, 1, 3, 1))
assert np.array_equal(as_convolution, y)

# %% [markdown]
# The library needs no loop for it. Find the matrix product:

# %%
source(ops.pointwise_conv2d.forward)

# %% [markdown]
# ## Three channels to one: what is lost
#
# Now your prediction. Red + green + blue is a pointwise convolution with the weights 1, 1, 1. It makes a grey picture.

# %%
add_up = np.ones((3, 1))
brightness, _ = ops.pointwise_conv2d.forward(x, add_up)
sums = {
    name: float(brightness[0, row, column, 0]) for name, (row, column) in places.items()
}
assert sums["roof"] == 8 + 2 + 1 == sums["grass"] == 2 + 7 + 2 == 11
sums

# %% [markdown]
# Roof and grass: both 11. Look for the roof in the picture below. (To show one number as a colour, it is copied to red,
# green and blue. That is a pointwise convolution too, from 1 channel to 3.)

# %%
grey, _ = ops.pointwise_conv2d.forward(brightness, np.ones((1, 3)))
assert np.array_equal(grey[0, 2, 2], grey[0, 7, 0])  # roof and grass
viz.picture(
    grey,
    largest=27,
    alt="The house in grey. Roof and grass have the same grey, as if the roof were made of grass.",
)

# %% [markdown]
# Can a clever network behind it find out what was roof? Not from the number alone: 11 is 11. Every function of it
# gives both the same answer. What is lost here is lost for all layers that follow.
#
# Our first kernel, 1, 2, −1, is luckier with this picture: six colours, six numbers.

# %%
ours = {name: float(y[0, row, column, 0]) for name, (row, column) in places.items()}
assert len(set(ours.values())) == 6
ours

# %% [markdown]
# But only with this picture. A dark green leaf of colour 1, 5, 0 gets the roof's number: 1 + 10 − 0 = 11. There are
# many more. Starting from any colour, take two steps up in red and one down in green: +2 − 2 = 0, nothing changes.
#
# **Every** kernel from three channels to one has such steps: three numbers go in, and one comes out. So the question
# is not *whether* something is lost, but *what*. In a network, nobody chooses the weights by hand. They are learned, so
# that the loss becomes small: what matters for the task is kept.

# %%
leaf = np.array([1.0, 5.0, 0.0])
assert (leaf @ w)[0] == (x[0, 2, 2] @ w)[0] == 11
assert (np.array([2.0, -1.0, 0.0]) @ w)[0] == 0  # a step that changes nothing

# %% [markdown]
# ## Three channels to three: nothing is lost
#
# A pointwise convolution need not make one channel. Each column of w makes one output channel. Here are three columns:
# brightness, red minus green, and yellow (= red + green) minus two times blue.

# %%
mix = np.array(
    [
        [1.0, 1.0, 1.0],  # what red adds to each of the three
        [1.0, -1.0, 1.0],  # green
        [1.0, 0.0, -2.0],  # blue
    ]
)
mixed, _ = ops.pointwise_conv2d.forward(x, mix)
new_names = ("brightness", "red − green", "yellow − 2 blue")
viz.channels(mixed, "output", name="y", names=new_names)

# %% [markdown]
# In brightness, roof and grass are both 11. In red − green they are 6 and −5: far apart. Together the three new
# channels hold all that the old ones held. Proof: another pointwise convolution, with the inverse matrix, brings the
# picture back.

# %%
back, _ = ops.pointwise_conv2d.forward(mixed, np.linalg.inv(mix))
assert np.allclose(back, x)
assert mixed[0, 2, 2].tolist() == [11, 6, 8]
assert mixed[0, 7, 0].tolist() == [11, -5, 5]
back[0, 2, 2].round(6)  # the roof again

# %% [markdown]
# Is "three in, three out" enough? No. Go from 3 to 1 to 3, as for the grey picture: three channels come out, and they
# hold one number, three times. What counts is the **rank** of the matrix: how many of its columns are really new, not
# sums of multiples of the others. The rank says how many independent numbers of a pixel get through.

# %%
through_one = add_up @ np.ones((1, 3))  # both steps as one matrix, (3, 3)
assert np.linalg.matrix_rank(through_one) == 1
assert np.linalg.matrix_rank(mix) == 3
through_one

# %% [markdown]
# ## Three channels to sixteen
#
# Layers of a network often *widen*: they make more channels than they get. Here 16 columns, drawn at random. Does the
# picture hold more information now?

# %%
w_wide = np.random.default_rng(4).standard_normal((3, 16))
wide, _ = ops.pointwise_conv2d.forward(x, w_wide)
assert np.linalg.matrix_rank(wide.reshape(-1, 16)) == 3
undone, _ = ops.pointwise_conv2d.forward(wide, np.linalg.pinv(w_wide))
assert np.allclose(undone, x)
wide.shape

# %% [markdown]
# No: 16 numbers a pixel, but their rank is 3. Nothing is lost (`pinv`, the inverse for matrices that are not square,
# brings the picture back), and nothing is won *yet*. The 16 channels are 16 different questions about the colour: "how
# much more red than green?" They pay off when the next step treats each answer by itself: a ReLU, or a depthwise
# convolution.
#
# | kernel (in, out) | rank at most | can it be undone? |
# |---|---|---|
# | (3, 1) | 1 | never |
# | (3, 3) | 3 | if the rank is 3 |
# | (3, 16) | 3 | if the rank is 3 |
#
# ## What it costs
#
# With 16 outputs there are 3·16 = 48 weights. Each is used once at each of the 64 pixels: 64·48 = 3,072 MACs. The
# standard 3x3 convolution of lesson 01 takes 432 weights and 27,648 MACs: nine times as much, since its window has nine
# places and this one has one.

# %%
pointwise = ops.pointwise_conv2d.cost(x.shape, (3, 16))
standard = ops.conv2d.cost(x.shape, (3, 3, 3, 16))
assert (pointwise.parameters, pointwise.macs) == (3 * 16, 8 * 8 * 3 * 16) == (48, 3_072)
assert standard.macs == 27_648 == 9 * pointwise.macs
pointwise

# %% [markdown]
# ## "It greatly speeds up the computation"
#
# People often say this of the 1x1 convolution: it compresses the channels, and so the network gets fast. What does it
# mean? *The layer that follows* has less to do. Take 16 channels, and a 3x3 convolution to 16 channels. Then put a
# pointwise convolution in front, which compresses 16 to 4.

# %%
macs = {
    "3x3, 16 to 16": ops.conv2d.cost((1, 8, 8, 16), (3, 3, 16, 16)).macs,
    "1x1, 16 to 4": ops.pointwise_conv2d.cost((1, 8, 8, 16), (16, 4)).macs,
    "3x3, 4 to 16": ops.conv2d.cost((1, 8, 8, 4), (3, 3, 4, 16)).macs,
}
direct, compress, after = macs.values()
assert direct == 147_456
assert compress + after == 4_096 + 36_864 == 40_960
assert direct / (compress + after) == 3.6
table(["", "MACs"], list(macs.items()))

# %% [markdown]
# 147,456 MACs become 4,096 + 36,864 = 40,960: **3.6 times fewer**. The price: of 16 numbers a pixel, at most 4
# independent ones get through. This is the trade: less to compute, or more that is kept.
#
# But be careful with the word *speed*. We counted MACs. Nobody has looked at a clock. A computer also has to fetch
# numbers from memory and to put them back, and that takes time, too. So look at a clock. Here are two operations on 64
# channels. The pointwise one has 64 / 9 = 7.1 times as many MACs. Does it also take 7.1 times as long?

# %%
images = np.random.default_rng(0).standard_normal((8, 32, 32, 64)).astype(np.float32)
kernels = {
    ops.depthwise_conv2d: np.ones((3, 3, 64, 1), np.float32),
    ops.pointwise_conv2d: np.ones((64, 64), np.float32),
}
few, many = [op.cost(images.shape, k.shape).macs for op, k in kernels.items()]
assert (few, many) == (4_718_592, 33_554_432)
round(many / few, 1)

# %% tags=["measured"]
from timeit import repeat

for op, kernel in kernels.items():
    seconds = min(repeat(lambda op=op, kernel=kernel: op.forward(images, kernel), number=1))
    print(f"{op.__name__.split('.')[-1]:17} {1000 * seconds:6.1f} ms on this machine")

# %% [markdown]
# Do not expect 7.1. A matrix product is what computers do best, and they often do *more* MACs in *less* time there.
# A number from the paper (table 3): Xception has a little fewer parameters than Inception V3, and still it trained a
# little slower, 28 against 31 steps a second. **Fewer MACs are a fact. A faster program has to be measured.**
#
# ## Backward: two more matrix products
#
# As in lesson 02, **dy** is the upstream gradient: how much the loss changes with each output number. We look for
# **dx** and **dw**. Take two output channels now: ours (1, 2, −1) and brightness (1, 1, 1). One pixel, the roof:

# %%
w2 = np.concatenate([w, add_up], axis=1)  # (3, 2)
dy_pixel = np.array([1.0, 10.0])  # the loss grows by 1 and by 10 with the two outputs
w2

# %% [markdown]
# Red (8) went into output 0 with weight 1 and into output 1 with weight 1. So it matters $1 \cdot 1 + 10 \cdot 1 = 11$.
# Green: $1 \cdot 2 + 10 \cdot 1 = 12$. Blue: $1 \cdot (-1) + 10 \cdot 1 = 9$.
#
# And the weight from red to output 1? It was multiplied by 8, and its output matters 10: $8 \cdot 10 = 80$. Each
# weight: its input, times the dy of its output.

# %%
dx_pixel = dy_pixel @ w2.T
dw_pixel = np.outer(x[0, 2, 2], dy_pixel)
assert dx_pixel.tolist() == [11, 12, 9]
assert dw_pixel.tolist() == [[8, 80], [2, 20], [1, 10]]
dw_pixel

# %% [markdown]
# With all pixels as rows, this becomes two matrix products. The shapes leave no other choice:
#
# | | product | shapes |
# |---|---|---|
# | forward | y = x @ w | (64, 3) @ (3, 2) = (64, 2) |
# | to the input | dx = dy @ w.T | (64, 2) @ (2, 3) = (64, 3) |
# | to the kernel | dw = x.T @ dy | (3, 64) @ (64, 2) = (3, 2) |
#
# In the last line the 64 pixels disappear: they are added up. Every pixel used the same weights, so every pixel has a
# say in dw. The picture shows the part of the 8 pixels of image row 2, for the dy that is drawn here:

# %%
dy = np.random.default_rng(2).integers(-2, 3, (1, 8, 8, 2)).astype(float)
viz.matrix_product(
    viz.Panel(x[0, 2].T, "input", "x.T, row 2"),
    viz.Panel(dy[0, 2], "gradient", "dy, row 2"),
    title="dw, row 2 alone",
    role="gradient",
    axes=("channel", "pixel", "output"),
    at=(0, 0),
)

# %%
source(ops.pointwise_conv2d.backward)

# %%
y2, cache = ops.pointwise_conv2d.forward(x, w2)
dx, dw, _ = ops.pointwise_conv2d.backward(dy, cache)
assert np.array_equal(dx.reshape(64, 3), dy.reshape(64, 2) @ w2.T)
assert np.array_equal(dw, x.reshape(64, 3).T @ dy.reshape(64, 2))

# %% [markdown]
# Is it true? Make the weight from red to output 0 larger by 1. The loss, here the sum of y·dy, must grow by dw[0, 0].
# (The step may be large: y is a straight line in each weight.)

# %%
larger = w2.copy()
larger[0, 0] += 1
grown = (ops.pointwise_conv2d.forward(x, larger)[0] * dy).sum() - (y2 * dy).sum()
assert grown == dw[0, 0]
float(grown)

# %% [markdown]
# ## What you know now
#
# - Pointwise = a 1x1 convolution = the same matrix product at every pixel. Channels meet, pixels do not.
# - To fewer channels: something is always lost, and the weights decide what. To as many or more: nothing needs to be
#   lost, and nothing is won by it alone.
# - 9 times fewer MACs than a standard 3x3 convolution. MACs are not seconds.
# - dx = dy @ w.T, dw = x.T @ dy.
#
# Lesson 05 puts the two halves together: depthwise, then pointwise.
#
# Move the window yourself: open [the explorer](../docs/explorer/index.html#operation=pointwise) in your browser.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which number is wrong.
#
# 1. `swap`: a kernel of shape (3, 3) that exchanges red and blue, and keeps green.
# 2. `green`: with the weights 1, 2, −1 the wall (9, 7, 5) becomes 18. Another colour has red 5 and blue 1 and becomes
#    18, too. How much green has it?
# 3. `gradient`: dx at one pixel, three numbers, for the kernel `w2` and dy = (3, 1) at this pixel.

# %% tags=["exercise"]
swap = ...
green = ...
gradient = ...

right_swap = np.linalg.lstsq(pixels, pixels[:, ::-1], rcond=None)[0]
right_green = next(g for g in range(10) if np.array([5, g, 1]) @ w == 18)
_, one_pixel = ops.pointwise_conv2d.forward(x[:, :1, :1], w2)
right_dx, _, _ = ops.pointwise_conv2d.backward(np.array([[[[3.0, 1.0]]]]), one_pixel)
check("swap", swap, right_swap)
check("green", green, right_green)
check("gradient", gradient, right_dx[0, 0, 0])

# %% tags=["solution"]
# Solutions. Run this cell to check them.
swap = np.eye(3)[::-1]  # column 0, the new red, takes all of blue
green = 7  # 5 + 2 * 7 - 1 = 18
gradient = [3 * 1 + 1 * 1, 3 * 2 + 1 * 1, 3 * -1 + 1 * 1]

check("swap", swap, right_swap)
check("green", green, right_green)
check("gradient", gradient, right_dx[0, 0, 0])
assert np.array_equal(ops.pointwise_conv2d.forward(x, swap)[0], x[..., ::-1])
