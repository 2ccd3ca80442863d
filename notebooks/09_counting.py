# %% [markdown]
# # 09 · Counting: what Xception costs, and why fewer is not faster
#
# **Aim.** You count the parameters and the multiply-accumulates of the whole Xception, line by line, without making a
# single array. You see why other people print other numbers for the same network. And you see why 8 times fewer
# multiply-accumulates is not 8 times faster.
#
# **Time.** 35 minutes.
#
# **Reads.** [xnp/count.py](../xnp/count.py), [xnp/models/xception.py](../xnp/models/xception.py), and the function
# `cost` in each file of [xnp/ops](../xnp/ops)
#
# **Predict first.** Write down two numbers.
#
# 1. The last three layers of Xception hold 30 % of its parameters. What share of its multiply-accumulates do they need?
# 2. A block with separable convolutions needs 8.4 times fewer multiply-accumulates than the same block with standard
#    ones. How many times faster does it run?

# %%
import time
from dataclasses import replace
from importlib import import_module
from unittest.mock import patch

import numpy as np

from xnp import layers, models, ops, viz
from xnp.conventions import tables
from xnp.count import count
from xnp.lessons import check, source
from xnp.models.xception import middle_block
from xnp.tables import table

# %% [markdown]
# ## The small table first
#
# A **parameter** is a number that the network learns. A **multiply-accumulate** (MAC) is one product that is added to a
# sum: lesson 01 counted them. Each operation of the library counts itself, in its function `cost`. It gets shapes, and
# no arrays:

# %%
source(ops.conv2d.cost)

# %% [markdown]
# Here is our picture, 8x8x3, with a window of 3x3, padding "same" and 16 channels out. Each operation, in one line:

# %%
x_shape = (1, 8, 8, 3)
costs = {
    "standard": ops.conv2d.cost(x_shape, (3, 3, 3, 16)),
    "depthwise": ops.depthwise_conv2d.cost(x_shape, (3, 3, 3, 1)),
    "pointwise": ops.pointwise_conv2d.cost(x_shape, (3, 16)),
    "separable": ops.separable_conv2d.cost(x_shape, (3, 3, 3, 1), (3, 16)),
}
assert [c.parameters for c in costs.values()] == [432, 27, 48, 27 + 48]
assert [c.macs for c in costs.values()] == [27_648, 1_728, 3_072, 1_728 + 3_072]
table(
    ["operation", "parameters", "MACs"],
    [[name, c.parameters, c.macs] for name, c in costs.items()],
)

# %% [markdown]
# Look at the two columns. In each line, the MACs are 64 times the parameters. Why 64? The output has 8 · 8 = 64 pixels,
# and at each pixel every number of the kernel is used once. This is the most useful rule of this lesson:
#
# $$\text{MACs} = \text{parameters of the kernel} \times \text{pixels of the output}$$
#
# (With padding, some of these products have a factor 0. They are counted too, because they are computed too.)

# %%
assert all(c.macs == c.parameters * 8 * 8 for c in costs.values())
assert 27_648 / 4_800 == 432 / 75 == 5.76

# %% [markdown]
# ## The whole network
#
# Now all of Xception, for one image of 299x299. The network knows its shapes as soon as it is made. Its arrays are drawn
# later, when somebody asks for them. So we can count 22.9 million parameters, and none of them exists.
#
# The table has a line for each layer with MACs. The others are left out, and its last lines do not count them. Read
# one line with the rule. `middle/1/separable1` has 728 channels in and 728 out:
#
# - depthwise: 3 · 3 · 728 = 6,552 parameters
# - pointwise: 728 · 728 = 529,984 parameters
# - together 536,536, at 19 · 19 = 361 pixels: 193,689,496 MACs

# %%
xception = models.xception()
report = count(xception)
with_macs = [row for row in report.rows if row.macs]
print(replace(report, rows=with_macs))

# %%
line = next(row for row in with_macs if row.path == "middle/1/separable1")
assert line.trainable == 9 * 728 + 728 * 728 == 536_536
assert line.macs == 536_536 * 19 * 19 == 193_689_496

# %% [markdown]
# Count the lines: 41. These are the 36 convolutions of the paper, the 4 skip convolutions, and the classifier.
#
# The paper says 22,855,952 parameters, and the table says 22,801,424. What is missing? **Batch norm**. It has no MACs,
# so it has no line here. But it learns two numbers for each channel, gamma and beta: 54,528 together.
#
# Batch norm also *keeps* two numbers for each channel, the moving mean and the moving variance. They are not learned by
# gradient. Keras adds them to its total, 22,910,480. So there are already two honest numbers for one network.

# %%
norms = [row for row in report.rows if row.kind == "BatchNorm"]
gamma_and_beta = sum(row.trainable for row in norms)
moving = sum(row.non_trainable for row in norms)

assert len(with_macs) == 36 + 4 + 1
assert gamma_and_beta == moving == 54_528
assert report.trainable == 22_801_424 + 54_528 == 22_855_952  # the paper's number
assert report.trainable + moving == 22_910_480  # Keras' number
assert report.macs == 8_357_403_496
report.trainable, report.macs

# %% [markdown]
# ## Who holds the parameters, who does the work?
#
# We split every separable convolution into its two halves. A half counts itself, from the shape of its input and the
# shape of its kernel:

# %%
depthwise, pointwise = [], []
for layer in xception.leaves():
    if isinstance(layer, layers.SeparableConv2D):
        shape = (1, *layer.input_shape)
        kernels = [layer.specs[name].shape for name in ("depthwise", "pointwise")]
        depthwise.append(ops.depthwise_conv2d.cost(shape, kernels[0]))
        pointwise.append(ops.pointwise_conv2d.cost(depthwise[-1].output_shape, kernels[1]))

# %%
conv = [row for row in report.rows if row.kind == "Conv2D"]
classifier = report.rows[-1]
kinds = {
    "standard": (sum(r.trainable for r in conv), sum(r.macs for r in conv)),
    "depthwise": (sum(c.parameters for c in depthwise), sum(c.macs for c in depthwise)),
    "pointwise": (sum(c.parameters for c in pointwise), sum(c.macs for c in pointwise)),
    "batch norm": (gamma_and_beta, 0),
    "classifier": (classifier.trainable, classifier.macs),
}
rows = []
for kind, (p, m) in kinds.items():
    share_p, share_m = 100 * p / report.trainable, 100 * m / report.macs
    rows.append([kind, p, f"{share_p:.1f} %", m, f"{share_m:.1f} %"])
table(["kind", "parameters", "share", "MACs", "share"], rows)

# %%
assert kinds["standard"] == (992_096, 649_023_584)
assert kinds["depthwise"] == (207_432, 132_190_344)
assert kinds["pointwise"] == (19_552_896, 7_574_141_568)
assert kinds["classifier"] == (2_049_000, 2_048_000)  # 1,000 of its parameters are a bias
assert sum(p for p, m in kinds.values()) == report.trainable
assert sum(m for p, m in kinds.values()) == report.macs

# %% [markdown]
# ("Standard" are the two of the stem and the four skips.) Depthwise convolutions are the idea of Xception. They are 0.9 %
# of the parameters and 1.6 % of the MACs. Nine tenths of the work is done by the *pointwise* ones. So, to make Xception
# fast, look at the pointwise ones alone? Keep this question in mind.
#
# ## Where along the network?
#
# The three rows of bars are our rule: parameters, times output pixels, equals MACs. Each bar is a layer, from the first
# at the left to the last at the right. (k is a thousand, M is a million.)

# %%
viz.costs_by_layer(report, marked=["stem/conv2", "classifier"])

# %% [markdown]
# The pixels become fewer, the channels become more. So the parameters sit towards the end, and the work is spread more
# evenly: stem and entry hold 5 % of the parameters, and do 32 % of the work. The two hatched layers are the extremes:
#
# - `stem/conv2` holds 0.1 % of the parameters, and does 4.8 % of the work: its kernel is used at 21,609 pixels.
# - the classifier holds 9.0 % of the parameters, and does 0.02 % of the work: its kernel is used once.
#
# And now your first prediction. The last three layers hold 30 % of the parameters, and need 6 % of the MACs.

# %%
stem_conv2 = next(row for row in with_macs if row.path == "stem/conv2")
assert round(100 * stem_conv2.trainable / report.trainable, 1) == 0.1
assert round(100 * stem_conv2.macs / report.macs, 1) == 4.8
assert round(100 * classifier.trainable / report.trainable, 1) == 9.0
assert round(100 * classifier.macs / report.macs, 2) == 0.02

early = [row for row in with_macs if row.path.startswith(("stem", "entry"))]
assert round(100 * sum(row.trainable for row in early) / report.trainable) == 5
assert round(100 * sum(row.macs for row in early) / report.macs) == 32

last_three = with_macs[-3:]
print(*(row.path for row in last_three))
parameter_share = sum(row.trainable for row in last_three) / report.trainable
mac_share = sum(row.macs for row in last_three) / report.macs
print(f"{parameter_share:.0%} of the parameters, {mac_share:.0%} of the MACs")
assert f"{parameter_share:.0%} {mac_share:.0%}" == "30% 6%"

# %% [markdown]
# The paper divides the network into three flows. The entry flow (with the stem) needs 2.693 billion MACs, the middle flow
# 4.649 billion, the exit flow (with the classifier) 1.016 billion. A billion is written **G** here, for giga.

# %%
flow_of = {"stem": "entry", "classifier": "exit"}  # the others bear the name of their flow
flows = {"entry": 0, "middle": 0, "exit": 0}
for row in with_macs:
    part = row.path.split("/")[0]
    flows[flow_of.get(part, part)] += row.macs
giga = {flow: round(macs / 1e9, 3) for flow, macs in flows.items()}
assert giga == {"entry": 2.693, "middle": 4.649, "exit": 1.016}
giga

# %% [markdown]
# ## Why do others print 8.38, 8.39, 8.40 or 16.7 G?
#
# Look for Xception in other lists. You will find 8.36, 8.38, 8.39, 8.40 and 16.7 G. The network is always the same. The
# **convention** differs: what is counted, and in which unit.
#
# - Unit: a **FLOP** is one multiplication or one addition. A MAC is both, so 1 MAC = 2 FLOPs. (Careful: some people
#   write FLOP and mean MAC.)
# - Batch norm, when the network is used, has four constants for each channel. They make two, $\gamma'$ and $\beta'$, and
#   each number becomes $\gamma' x + \beta'$: one product and one sum, so 2. But you can multiply $\gamma'$ into the kernel
#   once and for all. Then 1 is left. And who counts products alone takes 0.
# - ReLU is one comparison for each number, or nothing.
#
# The library takes the convention as an argument, and prints it above each table. With `include`, batch norm
# counts 2.

# %%
flops = count(xception, unit="FLOP").total
relu = count(xception, include=["activation"]).total - report.macs  # 1 for each number
batch_norm = count(xception, include=["batch_norm"]).total - report.macs  # 2 for each

conventions = [
    ["MACs of convolutions and classifier", report.macs],
    ["+ batch norm at 1 a number", report.macs + batch_norm // 2],
    ["+ batch norm at 1, ReLU at 1", report.macs + batch_norm // 2 + relu],
    ["+ batch norm at 2", report.macs + batch_norm],
    ["FLOPs of convolutions and classifier", flops],
]
table(
    ["what is counted", "how many", "in G"],
    [[*row, f"{row[1] / 1e9:.3f}"] for row in conventions],
)

# %%
in_giga = [round(amount / 1e9, 3) for _, amount in conventions]
assert in_giga == [8.357, 8.379, 8.394, 8.400, 16.715]
assert report.macs + batch_norm == 8_399_677_800
print(count(xception, include=["batch_norm"]).convention())

# %% [markdown]
# What about the bias? In Xception only the classifier has one: 1,000 additions. You will not see them in any of these
# numbers.
#
# There are tools that count a network for you. Each has its own convention, and seldom says it. But every figure is a sum
# of a few parts, and we can count them all, from shapes alone:

# %%
parts, figures = tables(report)
parts

# %% [markdown]
# And this is what the tools print for this network. Look at the last column: it says which parts a tool adds up. (`2 ReLU`
# means that this part is taken twice.)

# %%
figures

# %% [markdown]
# Choose one line and add it up. For fvcore: 8,357,403,496 + 42,274,304 + 204,800 = 8,399,882,600. Then look at these:
#
# - *One word, two units.* A "flop" of fvcore is a MAC. A FLOP of PyTorch is half a MAC.
# - *One word, two numbers.* "Total params" of Keras are 54,528 more than those of torchinfo. In PyTorch the moving
#   statistics are not parameters.
# - *One layer, two counts.* For batch norm, fvcore takes two operations for each number, and torchinfo two for each
#   channel.
# - ptflops meets each ReLU and each pool twice: as a module, and as the function that this module calls. It counts both.
#
# The tests of the library run these tools on the same network, and compare.

# %%
assert 8_357_403_496 + 42_274_304 + 204_800 == 8_399_882_600
assert moving == 22_910_480 - 22_855_952

# %% [markdown]
# A rule for your own work: *a count without its convention is not a number*. And compare two networks in one convention.
#
# ## What if all convolutions were standard ones?
#
# We build the network again. While it is built, the name `SeparableConv2D` means `Conv2D`. Nothing else changes.


# %%
def with_standard_convolutions(make, *arguments, **options):
    """Make a network, or a part of one, with standard convolutions in place of separable ones."""
    module = import_module("xnp.models.xception")
    with patch.object(module, "SeparableConv2D", layers.Conv2D):
        return make(*arguments, **options)


pairs = {
    make.__name__: (count(with_standard_convolutions(make)), count(make()))
    for make in (models.xception, models.small_xception)
}
table(
    ["network", "MACs, standard", "MACs, separable", "times fewer"],
    [[name, a.macs, b.macs, f"{a.macs / b.macs:.2f}"] for name, (a, b) in pairs.items()],
)

# %%
ratio = {name: round(a.macs / b.macs, 2) for name, (a, b) in pairs.items()}
assert ratio == {"xception": 8.23, "small_xception": 7.15}
assert pairs["xception"][0].trainable == 179_071_688  # parameters, 7.8 times as many

# %% [markdown]
# Why 8.23, and not 9, the size of the window? For one layer with $O$ channels out, the separable form needs
# $\frac{1}{9} + \frac{1}{O}$ of the MACs. With $O = 728$ that is 8.89 times fewer. And the stem, the skips and the
# classifier do not change at all: 0.651 G in both networks. `small_xception` has fewer channels, and its stem does more
# of the work. So its number is smaller, 7.15.

# %%
assert round(1 / (1 / 9 + 1 / 728), 2) == 8.89
assert kinds["standard"][1] + kinds["classifier"][1] == 651_071_584

# %% [markdown]
# ## Does it also run 8 times faster?
#
# We measure one block: three times ReLU, convolution, batch norm, and the residual addition. 128 channels at 32x32
# pixels, as the early layers of `small_xception` have it. Once with standard convolutions, once with separable ones.


# %%
def block():
    """Make a block of the middle flow, with 128 channels."""
    return middle_block(128, repeats=3).build((32, 32, 128))


standard, separable = with_standard_convolutions(block), block()
fewer = count(standard).macs / count(separable).macs
assert round(fewer, 2) == round(1 / (1 / 9 + 1 / 128), 2) == 8.41
f"{fewer:.2f} times fewer MACs"

# %% [markdown]
# Each block runs forward and backward on 4 images, five times in turns. We take the **median**, the middle one of the
# five. The times are those of the machine that ran this notebook. Yours will differ.

# %% tags=["measured"]
images = np.random.default_rng(0).standard_normal((4, 32, 32, 128), np.float32)


def seconds(model):
    """Time one forward and one backward."""
    start = time.perf_counter()
    y = model.forward(images, training=True)
    middle = time.perf_counter()
    model.backward(y)
    return middle - start, time.perf_counter() - middle


turns = [(seconds(standard), seconds(separable)) for _ in range(6)]
turns = turns[1:]  # the first one warms up
slow, fast = np.median(turns, axis=0) * 1000  # milliseconds: forward, backward
times = {
    "forward": (slow[0], fast[0]),
    "backward": (slow[1], fast[1]),
    "both": (sum(slow), sum(fast)),
}
rows = [[name, f"{a:.0f}", f"{b:.0f}", f"{a / b:.1f}"] for name, (a, b) in times.items()]
table(["", "standard (ms)", "separable (ms)", "times faster"], rows)

# %% [markdown]
# Was your second prediction 8.4, like the MACs? Compare it with the last line. Most likely the time fell by much less
# than the MACs. Where is the rest?
#
# ## Numbers must also be moved
#
# A processor does not only multiply. It must fetch each number from memory and bring the result back. Often *that* takes
# the time. So we count a second thing, also from shapes alone: the numbers an operation moves.
#
# $$\text{moved} = \text{numbers of the input} + \text{of the kernel} + \text{of the output}$$
#
# We assume the best case: each number is moved only once. Then we ask how many MACs there are for each number moved. This
# is the **arithmetic intensity**.

# %%
C, size = 128, 32 * 32 * 128  # numbers in the input, and in the output
input_shape = (1, 32, 32, C)
works = []
for name, cost in {
    "standard": ops.conv2d.cost(input_shape, (3, 3, C, C)),
    "depthwise": ops.depthwise_conv2d.cost(input_shape, (3, 3, C, 1)),
    "pointwise": ops.pointwise_conv2d.cost(input_shape, (C, C)),
}.items():
    works.append(viz.Work(name, cost.macs, moved=size + cost.parameters + size))
table(
    ["operation", "MACs", "numbers moved", "MACs for each number"],
    [[work.name, work.macs, work.moved, f"{work.intensity:.1f}"] for work in works],
)

# %% [markdown]
# The depthwise convolution has 128 times fewer MACs than the standard one. But it moves more than half as many numbers.
#
# Look at its 4.5. One number comes in, one number goes out, and between them are 9 products: 9 MACs for 2 numbers moved,
# so 4.5 at most. It does not matter how large the image is, how many channels there are, or how many images you take.
# A depthwise 3x3 can *never* have more.

# %%
for pixels, channels, batch in [(32, 128, 1), (19, 728, 1), (147, 128, 64), (999, 3, 99)]:
    cost = ops.depthwise_conv2d.cost((batch, pixels, pixels, channels), (3, 3, channels, 1))
    moved = 2 * batch * pixels * pixels * channels + cost.parameters
    assert 4.4 < cost.macs / moved < 4.5
assert [round(work.intensity, 1) for work in works] == [368.6, 4.5, 60.2]
assert works[0].macs == 128 * works[1].macs
assert works[1].moved > works[0].moved / 2

# %% [markdown]
# ## The roof
#
# How many MACs for each number are enough? That depends on the machine. We imagine one that can do 20 MACs in the time
# in which it moves one number. This 20 is the **balance** of the machine. Think of a kitchen with 20 cooks and one door:
#
# - An operation with *more* than 20 MACs for each number keeps all cooks busy. Arithmetic sets the time.
# - An operation with *fewer* than 20 lets cooks stand around. They wait at the door. Memory sets the time.
#
# The picture shows the share of the cooks that can work. It looks like a roof, and is called **roofline**. Both axes are
# logarithmic: each step is ten times as much.

# %%
viz.roof(works, balance=20)

# %% [markdown]
# The depthwise convolution stands on the slope. Of 20 cooks, 4 or 5 have work: 22 %. Its MACs are few, but each of them
# is expensive. So it is not enough to look at the pointwise ones alone.
#
# And there is more. ReLU, batch norm and the addition have *no* MACs at all. No list of MACs shows them. But they move
# numbers: each reads its whole input and writes its whole output. They cost the same in both blocks.
#
# ## A small model of time
#
# Now we can estimate. The unit of time is: one number moved. An operation takes the longer one of two times, the time to
# compute and the time to move.


# %%
def time_of(macs, moved, balance):
    """Estimate, in units of one number moved."""
    return max(macs / balance, moved)


def block_times(balance):
    """Estimate the forward of both blocks, for one image."""
    conv, depth, point = (time_of(work.macs, work.moved, balance) for work in works)
    relu_and_norm = 2 * (size + size)  # each reads all numbers and writes all numbers
    addition = size + size + size  # it reads two arrays and writes one
    rest = 3 * relu_and_norm + addition
    return 3 * conv + rest, 3 * (depth + point) + rest


rows = []
for balance in (1, 20, 200):
    a, b = block_times(balance)
    rows.append([balance, round(a), round(b), f"{a / b:.2f}"])
table(["balance", "standard block", "separable block", "times faster"], rows)

# %%
assert [row[-1] for row in rows] == ["8.15", "4.67", "1.18"]
assert works[1].moved + works[2].moved > works[0].moved

# %% [markdown]
# Read the table from top to bottom. This is the surprise of the lesson.
#
# - A machine with little arithmetic (balance 1) gains almost what the MACs promise: 8.15 of 8.41.
# - With balance 20 it gains 4.67.
# - With balance 200 it gains almost nothing, 1.18. This machine is fast at MACs, and MACs are what we saved. It still has
#   to move the numbers through the same door, and there are even more of them: two convolutions in place of one.
#
# So fewer MACs help most where MACs are expensive: on a small processor, such as a phone's.
#
# ## The same, measured
#
# Here is each operation of the block alone, forward, on the 4 images. The last column is the speed: billions of MACs in
# a second.

# %% tags=["measured"]
rng = np.random.default_rng(0)
arguments = {
    ops.conv2d: [rng.standard_normal((3, 3, C, C), np.float32)],
    ops.depthwise_conv2d: [rng.standard_normal((3, 3, C, 1), np.float32)],
    ops.pointwise_conv2d: [rng.standard_normal((C, C), np.float32)],
    ops.relu: [],
    ops.batch_norm: [np.ones(C, np.float32), np.zeros(C, np.float32)],
}


def median_ms(op, others):
    """Time five forwards."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        op.forward(images, *others)
        times.append(1000 * (time.perf_counter() - start))
    return np.median(times[1:])


rows = []
for op, others in arguments.items():
    ms, macs = median_ms(op, others), op.cost(images.shape, *(a.shape for a in others)).macs
    name = op.__name__.rpartition(".")[2]
    rows.append([name, macs, f"{ms:.1f}", f"{macs / ms / 1e6:.1f}" if macs else ""])
table(["operation", "MACs", "ms", "G MACs in a second"], rows)

# %% [markdown]
# Compare the speeds of the three convolutions. The standard and the pointwise one are large matrix products, and a
# processor is built for these. The depthwise one does its few MACs slowly. And ReLU and batch norm take time without any
# MAC.
#
# The model is the best case, and a real program is not. It can move numbers more than once, and it can leave cooks without
# work. So do not read the measured ratio as a law of nature. It belongs to a machine *and* a program.
#
# ## What the paper found
#
# The paper's table 3 compares Xception with Inception V3, on 60 GPUs:
#
# | | parameters | training steps in a second |
# |---|---:|---:|
# | Inception V3 | 23,626,728 | 31 |
# | Xception | 22,855,952 | 28 |
#
# Fewer parameters, and slower by 10 %. So Xception was not better because it was larger. And it was not better because it
# was faster. It used its parameters better: its first answer was right for 79.0 % of the ImageNet pictures,
# against 78.2 %.

# %%
assert round(100 * (1 - 28 / 31)) == 10

# %% [markdown]
# ## What you know now
#
# - MACs = parameters of the kernel · pixels of the output.
# - Xception: 22,855,952 parameters, 8,357,403,496 MACs. Pointwise convolutions are 85.5 % of the one and 90.6 % of the
#   other.
# - A count needs its convention. 8.36, 8.38, 8.39, 8.40 and 16.7 G are one network.
# - MACs are not time. A depthwise 3x3 has at most 4.5 MACs for each number moved, and then it waits for memory.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. Use no `cost`: do it with a pencil first. Three
# digits are enough for 2 and 3.
#
# 1. `layer`: parameters and MACs of a separable 3x3 convolution from 256 to 512 channels, whose output has 10x10 pixels.
#    A list of two numbers.
# 2. `fewer_5x5`: how many times fewer MACs has a separable convolution than a standard one, for a window of 5x5 and 64
#    channels out?
# 3. `intensities`: the MACs for each number moved in Xception's classifier (2,048 numbers in, 1,000 out, no bias): first
#    for 1 image, then for 64 images. A list of two numbers. What does a batch do for the classifier?

# %% tags=["exercise"]
layer = ...
fewer_5x5 = ...
intensities = ...

first = ops.separable_conv2d.cost((1, 10, 10, 256), (3, 3, 256, 1), (256, 512))
full = ops.conv2d.cost((1, 8, 8, 3), (5, 5, 3, 64))
separated = ops.separable_conv2d.cost((1, 8, 8, 3), (5, 5, 3, 1), (3, 64))
one, many = (ops.dense.cost((n, 2048), (2048, 1000)) for n in (1, 64))
moved = [one.parameters + n * (2048 + 1000) for n in (1, 64)]

check("layer", layer, [first.parameters, first.macs])
check("fewer_5x5", fewer_5x5, full.macs / separated.macs, rtol=1e-3)
check("intensities", intensities, [one.macs / moved[0], many.macs / moved[1]], rtol=1e-3)

# %% tags=["solution"]
# Solutions. Run this cell to check them.
parameters = 9 * 256 + 256 * 512  # depthwise + pointwise
layer = [parameters, parameters * 10 * 10]  # 133,376 and 13,337,600
fewer_5x5 = 1 / (1 / 25 + 1 / 64)  # 17.98
kernel = 2048 * 1000
intensities = [
    kernel / (2048 + kernel + 1000),  # just below 1: a weight is fetched for one product
    64 * kernel / (64 * 2048 + kernel + 64 * 1000),  # 58.4: fetched once, used 64 times
]

check("layer", layer, [first.parameters, first.macs])
check("fewer_5x5", fewer_5x5, full.macs / separated.macs, rtol=1e-3)
check("intensities", intensities, [one.macs / moved[0], many.macs / moved[1]], rtol=1e-3)
