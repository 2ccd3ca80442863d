# %% [markdown]
# # 05 · First space, then channels: the separable convolution
#
# **Aim.** You put the two halves together. You see when this costs less, when it costs *more*, and what it cannot do.
#
# **Time.** 40 minutes.
#
# **Reads.** [xnp/ops/separable_conv2d.py](../xnp/ops/separable_conv2d.py),
# [xnp/ops/depthwise_conv2d.py](../xnp/ops/depthwise_conv2d.py),
# [xnp/ops/pointwise_conv2d.py](../xnp/ops/pointwise_conv2d.py)
#
# **Predict first.** An 8x8 picture with 3 channels, a 3x3 window that stays inside, *one* output channel. The standard
# convolution takes 972 MACs. The separable convolution is famous for being cheap. How many does it take here?

# %%
import numpy as np

from xnp import layers, ops, training, viz
from xnp.data import example, patterns
from xnp.lessons import check, source
from xnp.optimizers import AdamW
from xnp.schedules import Constant
from xnp.tables import table

# %% [markdown]
# ## Two halves
#
# A **depthwise separable convolution** is two operations that you know, one after the other:
#
# 1. depthwise (lesson 03): space, each channel by itself;
# 2. pointwise (lesson 04): channels, each pixel by itself.
#
# (Elsewhere "separable" can mean something else: a 3x3 kernel as a 3x1 and a 1x3 kernel. That is not meant here.)

# %%
x = example.image()
w_depthwise = example.depthwise_kernel()  # (3, 3, 3, 1)
w_pointwise = example.pointwise_kernel()  # (3, 1)
viz.separable_picture(x, w_depthwise, w_pointwise, at=(1, 2))

# %% [markdown]
# Follow the frame. The depthwise half gives 12, 12 and 21, one number a channel, as in lesson 01. The pointwise half
# makes one number of them: $12 \cdot 1 + 12 \cdot 2 + 21 \cdot (-1) = 15$.

# %%
between, _ = ops.depthwise_conv2d.forward(x, w_depthwise, padding="valid")
y, _ = ops.pointwise_conv2d.forward(between, w_pointwise)
assert between[0, 1, 2].tolist() == [12, 12, 21]
assert y[0, 1, 2, 0] == 15

at_once, _ = ops.separable_conv2d.forward(x, w_depthwise, w_pointwise, padding="valid")
assert np.array_equal(at_once, y)
between.shape, y.shape

# %% [markdown]
# In lesson 01 the same three numbers were added up to 45. That is the pointwise convolution with the weights 1, 1, 1.
# So here the standard convolution is the separable one with a pointwise half that learns nothing.

# %%
standard, _ = ops.conv2d.forward(x, example.standard_kernel(), padding="valid")
added_up, _ = ops.pointwise_conv2d.forward(between, np.ones((3, 1)))
assert np.array_equal(standard, added_up)
assert standard[0, 1, 2, 0] == 45

# %% [markdown]
# ## When it costs more
#
# Now count. There are 6·6 = 36 windows.
#
# - standard: 36 · 27 = 972 MACs
# - depthwise half: 36 windows · 3 channels · 9 places = 972 MACs. The same!
# - pointwise half: 36 · 3 = 108 MACs
#
# The separable convolution takes 972 + 108 = **1,080**. That is *more*. The depthwise half multiplies all that the
# standard convolution multiplies. It only does not add up the channels. Then the pointwise half comes on top. (Many
# drawings of the separable convolution show just this case, one output channel. It is the one case where it does not
# pay.)

# %%
conv_cost = ops.conv2d.cost(x.shape, (3, 3, 3, 1), padding="valid")
separable_cost = ops.separable_conv2d.cost(x.shape, (3, 3, 3, 1), (3, 1), padding="valid")
assert conv_cost.macs == 36 * 27 == 972
assert separable_cost.macs == 36 * 3 * 9 + 36 * 3 == 1_080
assert (conv_cost.parameters, separable_cost.parameters) == (27, 27 + 3)
table(
    ["one output channel", "parameters", "MACs"],
    [
        ["standard", conv_cost.parameters, conv_cost.macs],
        ["separable", separable_cost.parameters, separable_cost.macs],
    ],
)

# %% [markdown]
# ## When it costs less
#
# Ask for a second output channel. The standard convolution does everything once more: 972 again. The separable one has
# its depthwise result already. A second output is only a second mix of it: 108 more.
#
# | output channels | standard | separable |
# |---|---|---|
# | 1 | 972 | 972 + 108 = 1,080 |
# | 2 | 2 · 972 = 1,944 | 972 + 2 · 108 = 1,188 |
# | 16 | 16 · 972 = 15,552 | 972 + 16 · 108 = 2,700 |
#
# **The work in space is paid once, not once for each output.** This is where the saving comes from.

# %%
viz.separable_costs(x.shape, (3, 3), padding="valid", marked=(1, 2, 16, 728))

# %% [markdown]
# How many times fewer? For each window, $c$ channels in, $c_{out}$ channels out, and a kernel of $k_h \times k_w$:
#
# $$\frac{\text{separable}}{\text{standard}}
# = \frac{k_h k_w \, c + c \, c_{out}}{k_h k_w \, c \, c_{out}}
# = \frac{1}{c_{out}} + \frac{1}{k_h k_w}$$
#
# In words: space now costs 1/$c_{out}$ of the whole, and the channels cost 1/9 of it. The number of *input* channels is
# gone. With 1 output the sum is above 1, so it costs more. With 2 it is 1/2 + 1/9 = 0.61: from 2 on it costs less.
#
# For 16 outputs this is 1/16 + 1/9 = 0.1736, so 1 / 0.1736 = **5.76** times fewer. With the 728 channels in the middle
# of Xception: 8.89 times. Never 9: the pointwise half alone is 1/9 of the standard one.

# %%
conv_16 = ops.conv2d.cost(x.shape, (3, 3, 3, 16))  # padding="same": 8x8 outputs
separable_16 = ops.separable_conv2d.cost(x.shape, (3, 3, 3, 1), (3, 16))
assert (conv_16.parameters, conv_16.macs) == (432, 27_648)
assert separable_16.parameters == 27 + 48 == 75
assert separable_16.macs == 1_728 + 3_072 == 4_800
assert round(1 / (1 / 16 + 1 / 9), 2) == 5.76
assert round(27_648 / 4_800, 2) == round(432 / 75, 2) == 5.76
assert round(1 / (1 / 728 + 1 / 9), 2) == 8.89
separable_16

# %% [markdown]
# MACs are not seconds (lesson 04). But parameters are saved in the same ratio: 75 numbers to learn, not 432. So there
# must be things that 432 numbers can do and 75 cannot. Which?
#
# ## It is a standard convolution, with a special kernel
#
# Put the two kernels together. The weight from input channel $c$ at place $(i, j)$ to output $o$ is a product:
#
# $$w[i, j, c, o] = w_{depthwise}[i, j, c] \cdot w_{pointwise}[c, o]$$
#
# A standard convolution with this kernel gives the same outputs. So whatever a separable convolution can do, a standard
# one can do, too.

# %%
rng = np.random.default_rng(5)
w_mix = rng.standard_normal((3, 16))  # a pointwise kernel to 16 channels
w_together = w_depthwise * w_mix  # (3, 3, 3, 1) * (3, 16) = (3, 3, 3, 16)
assert w_together.shape == (3, 3, 3, 16)

separable, _ = ops.separable_conv2d.forward(x, w_depthwise, w_mix)
assert np.allclose(ops.conv2d.forward(x, w_together)[0], separable)

# %% [markdown]
# ## What it cannot do
#
# The other way round it fails. Here is a standard kernel for red alone, with two outputs: output 0 looks for edges from
# left to right, output 1 for edges from top to bottom.

# %%
left_right, top_bottom = w_depthwise[:, :, 0, 0], w_depthwise[:, :, 1, 0]
w_two = np.stack([left_right, top_bottom], axis=-1)[:, :, np.newaxis]  # (3, 3, 1, 2)
viz.channels(w_two[:, :, 0], "kernel", name="w", names=("left-right", "top-bottom"))

# %% [markdown]
# A separable convolution has **one** 3x3 table for red. All its outputs get this one table, each times its own factor.
# They can differ in size and sign. They cannot look in two directions.
#
# To see this in numbers, write each 3x3 table as a column of 9 numbers. For each input channel that makes a matrix with
# 9 rows and a column for each output. In a separable kernel all columns are multiples of one: **rank 1** (lesson 04).
# In our kernel there are two different columns: rank 2.

# %%
as_matrix = w_two[:, :, 0].reshape(9, 2)
assert np.linalg.matrix_rank(as_matrix) == 2
for c in range(3):
    assert np.linalg.matrix_rank(w_together[:, :, c].reshape(9, 16)) == 1
as_matrix.T  # each row: one table, written in a line

# %% [markdown]
# ## More kernels a channel
#
# The depthwise half may have more than one kernel a channel. Their number is the depth multiplier $m$ (lesson 03).
# With $m = 2$ red gets both tables, and the pointwise half picks: rank 2 is no problem any more.

# %%
red = x[..., :1]
depthwise = w_two  # (3, 3, 1, 2), read as (kh, kw, c, m)
picked, _ = ops.separable_conv2d.forward(red, depthwise, np.eye(2))
assert np.array_equal(picked, ops.conv2d.forward(red, w_two)[0])

# %% [markdown]
# Guess: how many tables a channel are needed for edges in **16** directions? The kernel for the angle $a$ is
# $\cos a$ · left-right + $\sin a$ · top-bottom. Here are four of the 16:

# %%
angles = np.pi * np.arange(16) / 16
mixing = np.stack([np.cos(angles), np.sin(angles)])  # (2, 16)
w_edges = (w_two @ mixing).repeat(3, axis=2)  # (3, 3, 3, 16), the same for all channels
four = [
    viz.Panel(w_edges[:, :, 0, k].round(1) + 0.0, "kernel", f"{np.degrees(angles[k]):.0f}°")
    for k in (0, 4, 8, 12)
]
viz.sheet([four], alt="Four 3x3 kernels: left-right (0°), 45°, top-bottom (90°) and 135°.")

# %% [markdown]
# Two. All 16 columns are mixtures of the same two tables, so the rank is 2. Sixteen edge detectors for the price of
# two: this is what a separable convolution does well.

# %%
ranks = [int(np.linalg.matrix_rank(w_edges[:, :, c].reshape(9, 16))) for c in range(3)]
assert ranks == [2, 2, 2]
ranks

# %% [markdown]
# ## How near can it come?
#
# For any standard kernel there is a best separable one with $m$ tables a channel. The **singular value decomposition**
# (SVD) finds it: it writes a matrix as a sum of matrices of rank 1, the most important ones first. Keep the first $m$.


# %%
def separate(w, m):
    """Give the depthwise and the pointwise kernel nearest to a standard kernel."""
    kh, kw, c, c_out = w.shape
    by_channel = w.transpose(2, 0, 1, 3).reshape(c, kh * kw, c_out)  # a matrix each
    u, s, v = np.linalg.svd(by_channel, full_matrices=False)
    tables = u[:, :, :m] * s[:, np.newaxis, :m]  # (c, 9, m)
    depthwise = tables.reshape(c, kh, kw, m).transpose(1, 2, 0, 3)
    return depthwise, v[:, :m].reshape(c * m, c_out)


def together(depthwise, pointwise):
    """Write a separable kernel as the standard kernel that does the same."""
    c, m = depthwise.shape[2:]
    return np.einsum("ijcm,cmo->ijco", depthwise, pointwise.reshape(c, m, -1))


def error(w, m):
    """How far off the nearest one is, as a share of the kernel: 0 is exact, 1 is all lost."""
    return float(np.linalg.norm(w - together(*separate(w, m))) / np.linalg.norm(w))


# %% [markdown]
# Try three kernels from 3 to 16 channels: our edges, random numbers, and a kernel that a small network has **learned**.
# The network tells ten classes of patterns apart; what training is, lesson 10 shows. Here it is only a tool.

# %%
images, unseen = patterns.make(800, seed=0, size=16), patterns.make(1000, seed=1, size=16)


def trained(first):
    """Train a small network that begins with the layer `first`."""
    network = layers.Sequential(
        conv=first,
        relu=layers.ReLU(),
        pool=layers.GlobalAveragePool2D(),
        classifier=layers.Dense(10),
    ).build((16, 16, 3), seed=0)
    options = {"optimizer": AdamW(), "schedule": Constant(0.02), "batch_size": 32}
    training.fit(network, images, epochs=30, progress=False, engine="plain", **options)
    return network


def accuracy(network):
    """Share of right answers, in percent, for images that it has never seen. A guess has 10."""
    scale = training.measure(images)
    return round(100 * training.evaluate(network, unseen, scale).accuracy)


# %%
network = trained(layers.Conv2D(16, 3))
w_learned = network.parameters()["conv/kernel"].astype(float)
assert accuracy(network) > 95
accuracy(network)

# %%
w_random = rng.standard_normal((3, 3, 3, 16))
multipliers = range(1, 10)
errors = {
    name: [error(w, m) for m in multipliers]
    for name, w in {"random": w_random, "learned": w_learned, "edges": w_edges}.items()
}
assert round(errors["edges"][0], 2) == 0.71
assert errors["edges"][1] < 1e-12
viz.rank_errors(errors, parameters=(75, 432))

# %% [markdown]
# - Edges: at $m = 1$ one of the two tables is lost, and with it half of the sum of squares. The error is the root of
#   that half, 0.71, so 71 %. Exact from $m = 2$ on.
# - Random: slow. Each further table helps a little.
# - Learned: hardly better than random! Nothing in the training asked for a low rank.
# - At $m = 9$ all are exact. A column has 9 numbers, so no matrix here has a rank above 9.
#
# Is 9 a good idea, then? No. One table a channel takes 75 parameters, and $m$ tables take 75·$m$. With $m = 9$ that is
# 675, more than the 432 of the standard kernel. The two are even at $m = 432 / 75 = 5.76$. You know this number.

# %%
assert np.allclose(together(*separate(w_random, 9)), w_random)
exact, _ = ops.separable_conv2d.forward(x, *separate(w_random, 9))
assert np.allclose(exact, ops.conv2d.forward(x, w_random)[0])
shapes = [((3, 3, 3, m), (3 * m, 16)) for m in multipliers]
costs = [ops.separable_conv2d.cost(x.shape, *two).parameters for two in shapes]
assert costs == [75 * m for m in multipliers]
assert costs[4] < 432 < costs[5]  # m = 5: 375, m = 6: 450
costs

# %% [markdown]
# ## Is that bad for learning?
#
# Take the trained network. Put the nearest separable kernel in the place of its own, and test again. What will be left
# with $m = 2$?

# %%
kernel = network.parameters()["conv/kernel"]  # the array that the network works with
replaced = {}
for m in (9, 7, 5, 3, 2, 1):
    kernel[...] = together(*separate(w_learned, m))
    replaced[m] = accuracy(network)
kernel[...] = w_learned  # its own again
assert replaced[9] > 95
assert replaced[2] < 60
table(["m", "right answers (%)"], list(replaced.items()))

# %% [markdown]
# With $m = 2$ most of it is gone. Now forget the old kernel. Build the same network with a separable convolution,
# $m = 2$, and let it **learn from the start**.

# %%
separable_network = trained(layers.SeparableConv2D(16, 3, depth_multiplier=2))
assert accuracy(separable_network) > 85
assert accuracy(separable_network) > replaced[2] + 30
accuracy(separable_network)

# %% [markdown]
# The same form, the same number of tables. The copy failed. The network that learned in this form is not far behind the
# standard one, and its two kernels have 2 · 75 = 150 numbers, not 432. **The rank says what a separable convolution
# cannot copy. It does not say what it cannot learn.** There are many kernels that solve a task. Learning finds one of
# those that have the right form.
#
# (One task and one training each: an example, not a law. With $m = 1$ it depends on the first weights, as 3 tables are
# few for this task. Xception takes $m = 1$ everywhere, but there a layer has up to 1,536 input channels, with as many
# tables.)
#
# ## Which half first?
#
# An Inception module does it the other way round: 1x1 first, then space (lesson 11). Does the order matter?
#
# For one module, yes. With 3 channels in and 16 out, the depthwise half works on 3 channels if it comes first, and on
# 16 if it comes second:

# %%
pointwise_half = ops.pointwise_conv2d.cost(x.shape, (3, 16)).macs
depthwise_half = ops.depthwise_conv2d.cost((1, 8, 8, 16), (3, 3, 16, 1)).macs
assert separable_16.macs == 1_728 + 3_072 == 4_800
assert pointwise_half + depthwise_half == 3_072 + 9_216 == 12_288
table(
    ["order", "MACs"],
    [
        ["depthwise first", separable_16.macs],
        ["pointwise first", pointwise_half + depthwise_half],
    ],
)

# %% [markdown]
# And they can do other things. Depthwise first: one table for each *input*. Pointwise first: one table for each
# *output*. The two outputs of above, left-right and top-bottom from red alone, are easy for the second kind: copy red
# to two channels, then filter each by its own table.

# %%
copied, _ = ops.pointwise_conv2d.forward(red, np.ones((1, 2)))
own_tables = w_two.transpose(0, 1, 3, 2)  # (3, 3, 2, 1): one for each of the two channels
filtered, _ = ops.depthwise_conv2d.forward(copied, own_tables)
assert np.array_equal(filtered, ops.conv2d.forward(red, w_two)[0])

# %% [markdown]
# But a network **stacks** modules. Write D for depthwise, P for pointwise. Three modules of each kind:
#
# - depthwise first: (D P) (D P) (D P)
# - pointwise first: (P D) (P D) (P D)
#
# Without the brackets: D P D P D P, and P D P D P D. It is the same chain, shifted by one. Only its two ends differ: D
# **P D P D P** and **P D P D P** D. This is why the paper calls the order unimportant. Here is the proof with numbers:
# one chain, cut in two ways.

# %%
d1, d2, d3 = rng.standard_normal((3, 3, 3, 4, 1))  # three depthwise kernels for 4 channels
p1, p2, p3 = rng.standard_normal((3, 4, 4))
start = rng.standard_normal((1, 8, 8, 4))

one_way = start
for d, p in ((d1, p1), (d2, p2), (d3, p3)):  # (D P) (D P) (D P)
    one_way, _ = ops.separable_conv2d.forward(one_way, d, p)

other_way, _ = ops.depthwise_conv2d.forward(start, d1)  # D
for p, d in ((p1, d2), (p2, d3)):  # (P D) (P D)
    mixed, _ = ops.pointwise_conv2d.forward(other_way, p)
    other_way, _ = ops.depthwise_conv2d.forward(mixed, d)
other_way, _ = ops.pointwise_conv2d.forward(other_way, p3)  # P

assert np.array_equal(one_way, other_way)

# %% [markdown]
# Two things stay different. The number of channels at each D (the cost, as above). And the **non-linearity**: a ReLU
# after D is not a ReLU after P. Xception has no activation between the halves of a separable convolution. In the
# paper's experiment (figure 10) the network without one did better than those with ReLU or ELU. Lesson 11 runs this
# test on a small scale. In one small network the order did make a difference; by which of the two was not tested
# ([reproduction](../docs/reproduction.md#order)).
#
# ## Backward
#
# Two operations in a row: the chain rule goes through them in reverse order. Pointwise gives the gradient of what is
# between the halves, and this is the upstream gradient of the depthwise half.

# %%
source(ops.separable_conv2d.backward)

# %% [markdown]
# With numbers: the picture from above, and under each array its gradient. One number of dy is 1, all others are 0. Read
# the lower row from right to left.

# %%
viz.both_ways(x, w_depthwise, w_pointwise, at=(1, 2))

# %% [markdown]
# - d pointwise is 12, 12, 21: the three numbers that were mixed (lesson 04).
# - d between is 1, 2, −1 at (1, 2): the pointwise kernel. On top you see channel 0, so 1.
# - d depthwise is the window of x, times 1, 2 and −1. On top you see the window of red, times 1.
# - dx is the depthwise kernel, at the place of the window, times 1, 2 and −1.
#
# For a product, the slope for one factor is the other factor. Two products in a row: twice the same rule. Here is the
# same for a dy with no zeros, done by hand and at once.

# %%
_, cache = ops.separable_conv2d.forward(x, w_depthwise, w_mix)
dy = rng.standard_normal((1, 8, 8, 16))
dx, dw_depthwise, dw_pointwise, _ = ops.separable_conv2d.backward(dy, cache)

between, depthwise_cache = ops.depthwise_conv2d.forward(x, w_depthwise)
_, pointwise_cache = ops.pointwise_conv2d.forward(between, w_mix)
d_between, dw_second, _ = ops.pointwise_conv2d.backward(dy, pointwise_cache)  # last first
by_hand, dw_first, _ = ops.depthwise_conv2d.backward(d_between, depthwise_cache)
assert np.array_equal(dx, by_hand)
assert np.array_equal(dw_depthwise, dw_first)
assert np.array_equal(dw_pointwise, dw_second)

# %% [markdown]
# And a second way to the same gradients. The standard convolution with the kernel $w = w_{depthwise} \cdot
# w_{pointwise}$ gives the same outputs, so it must give the same gradients. Its dw has 432 numbers. Each of them is
# passed on to its two factors, times the *other* factor, and added up where a factor was used more than once:

# %%
_, standard_cache = ops.conv2d.forward(x, w_together)
dx_standard, dw_standard, _ = ops.conv2d.backward(dy, standard_cache)  # dw: (3, 3, 3, 16)
assert np.allclose(dx_standard, dx)
assert np.allclose((dw_standard * w_mix).sum(axis=3, keepdims=True), dw_depthwise)
assert np.allclose((dw_standard * w_depthwise).sum(axis=(0, 1)), dw_pointwise)

# %% [markdown]
# ## What you know now
#
# - Separable = depthwise, then pointwise. Its cost is 1/c_out + 1/9 of the standard one's: *more* for one output
#   channel, 5.76 times fewer for 16, never 9 times fewer.
# - It is a standard convolution whose kernel has rank 1 for each input channel; rank m with m tables a channel.
# - A trained standard kernel cannot simply be replaced. A separable one that learns from the start does well.
# - In a stack, the order of the halves matters at the two ends, for the cost, and for where the ReLU stands.
#
# Lesson 06 makes the picture smaller, and explains `padding="same"`.
#
# Move the window yourself: open [the explorer](../docs/explorer/index.html#operation=separable) in your browser.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which number is wrong.
#
# 1. `macs`: a separable convolution, 3x3, `"same"`, $m = 1$, of 32x32 pixels from 8 channels to 32. How many MACs?
# 2. `times_fewer`: a separable convolution with a 5x5 kernel, 100 output channels. How many times fewer MACs than the
#    standard one?
# 3. `kernel`: the standard kernel, shape (3, 3, 1, 3), that does the same as the separable convolution with `w_two` as
#    its depthwise kernel ($m = 2$) and `factors` as its pointwise kernel.

# %% tags=["exercise"]
factors = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])  # (c * m = 2, 3)

macs = ...
times_fewer = ...
kernel = ...

image, many = (1, 32, 32, 7), 100
standard_5x5 = ops.conv2d.cost(image, (5, 5, 7, many)).macs
separable_5x5 = ops.separable_conv2d.cost(image, (5, 5, 7, 1), (7, many)).macs
check("macs", macs, ops.separable_conv2d.cost((1, 32, 32, 8), (3, 3, 8, 1), (8, 32)).macs)
check("times_fewer", times_fewer, standard_5x5 / separable_5x5)
check("kernel", kernel, together(w_two, factors))

# %% tags=["solution"]
# Solutions. Run this cell to check them.
macs = 32 * 32 * (9 * 8 + 8 * 32)  # 335,872
times_fewer = 20  # 1/100 + 1/25 = 0.01 + 0.04 = 0.05
kernel = w_two @ factors  # output 2 is 2 * left-right - top-bottom

check("macs", macs, ops.separable_conv2d.cost((1, 32, 32, 8), (3, 3, 8, 1), (8, 32)).macs)
check("times_fewer", times_fewer, standard_5x5 / separable_5x5)
check("kernel", kernel, together(w_two, factors))
