# %% [markdown]
# # 07 · The gradient goes several ways: residual connections and batch norm
#
# **Aim.** You follow a gradient that splits and comes together again: two ways at a residual block,
# three ways at a batch normalisation. And you break both so that a careless test does not see it.
#
# **Time.** 50 minutes.
#
# **Reads.** [xnp/ops/add.py](../xnp/ops/add.py),
# [xnp/layers/containers.py](../xnp/layers/containers.py),
# [xnp/ops/batch_norm.py](../xnp/ops/batch_norm.py),
# [xnp/mutants/without_windows.py](../xnp/mutants/without_windows.py)
#
# **Predict first.** (a) $y = 2x + x$. The loss grows by 1 when $y$ grows by 1. What is the
# gradient of $x$: 1, 2 or 3? (b) A batch normalisation moves and stretches a column of numbers,
# so that their mean is 0 and their variance is 1. The loss is the *sum* of its outputs. You make
# the first input larger. Does the loss grow, fall, or stay?

# %%
import numpy as np

from xnp import differences, gradcheck, ops, viz
from xnp.cases import cases_of
from xnp.data import example
from xnp.layers import (
    BatchNorm,
    Conv2D,
    MaxPool2D,
    PointwiseConv2D,
    ReLU,
    Residual,
    SeparableConv2D,
    Sequential,
)
from xnp.lessons import check, source
from xnp.mutants import without_windows as broken
from xnp.tables import table

# %% [markdown]
# ## Part one: residual connections
#
# ### One number, two ways
#
# A **residual connection** adds the input of a block to its output: `y = main(x) + x`. The second
# way, around the block, is called the **skip**. Twelve of Xception's fourteen modules have one.
#
# Take the smallest block there is: one pixel, one channel, and a main path that multiplies by 2.

# %%
block = Residual(PointwiseConv2D(1, use_bias=False)).build((1, 1, 1), dtype=np.float64)
block.parameters()["kernel"][...] = 2

x = np.full((1, 1, 1, 1), 3.0)
y = block.forward(x)
assert y.item() == 2 * 3 + 3 == 9
dx = block.backward(np.ones_like(y))
assert dx.item() == 2 * 1 + 1 == 3
print(f"y = {y.item():.0f}, dx = {dx.item():.0f}")

# %%
viz.fan_out(x=3, w=2, dy=1)

# %% [markdown]
# Follow the arrows. Forward, `x` is *copied* (the black dot) and the two ways are *added* (the
# plus). Backward, `dy` is copied where the plus was, and the two ways are added where the dot was.
#
# > **A copy forward is a sum backward. A sum forward is a copy backward.**
#
# Why a sum? `x` was read twice. Make it larger by 1: the main path adds 2 to `y`, and the skip
# adds 1 more. Together 3. So the answer to (a) is 3. When a number goes several ways, this is
# called **fan-out**, and its gradients always add up. (The `+=` of max pooling was the same thing.)
#
# In the library it is the last line:

# %%
source(Residual.backward)

# %% [markdown]
# ### Blocks behind blocks: paths
#
# Put two blocks one after the other. The first multiplies by 2, the second by 3. Each adds its
# skip, so each makes the gradient (main + 1) times as large:

# %%
two = Sequential(
    Residual(PointwiseConv2D(1, use_bias=False)),
    Residual(PointwiseConv2D(1, use_bias=False)),
).build((1, 1, 1), dtype=np.float64)
two.parameters()["1/kernel"][...] = 2
two.parameters()["2/kernel"][...] = 3

two.forward(x)
dx = two.backward(np.ones((1, 1, 1, 1)))
assert dx.item() == (2 + 1) * (3 + 1) == 2 * 3 + 2 + 3 + 1 == 12
dx.item()

# %% [markdown]
# $(2 + 1)(3 + 1) = 2 \cdot 3 + 2 + 3 + 1 = 12$. Read the sum: it has one term for each **path**
# from the end to the beginning.
#
# | path | factor |
# |---|---|
# | through both blocks | 2 · 3 = 6 |
# | through the first, around the second | 2 |
# | around the first, through the second | 3 |
# | around both | 1 |
#
# Two blocks make 4 paths, 16 blocks make $2^{16} = 65{,}536$. And one path goes around
# *everything*: whatever the blocks do, the gradient of the output reaches the input over it.
#
# ### Does it help?
#
# Now with real layers. A block is relu, separable convolution 3x3, 8 channels, with fresh random
# weights. (**Relu** keeps the positive numbers and makes the others 0.) We build a **stack** of
# 16 such blocks, with a skip around each or without, with a batch norm in each (part three) or
# without. A random gradient comes in at the end. How long is it after each block on the way back?
# (The **length** of an array is the root of the sum of its squares: (3, 4) has length 5.)


# %%
def stack(*, residual, norm, blocks=16):
    """Build 16 blocks: relu, separable convolution, perhaps batch norm, perhaps a skip."""
    made = []
    for _ in range(blocks):
        main = {"relu": ReLU(), "separable": SeparableConv2D(8, 3, use_bias=False)}
        if norm:
            main["norm"] = BatchNorm()
        main = Sequential(**main)
        made.append(Residual(main) if residual else main)
    return Sequential(*made).build((8, 8, 8), seed=0, dtype=np.float64)


def lengths(model):
    """Length of the gradient after 0, 1, 2 ... blocks; it starts with length 1."""
    rng = np.random.default_rng(7)
    images, dy = rng.normal(size=(2, 4, 8, 8, 8))
    dy /= np.linalg.norm(dy)
    model.forward(images, training=True)
    found = [np.linalg.norm(dy)]
    for block in reversed(model.children.values()):
        dy = block.backward(dy)
        found.append(np.linalg.norm(dy))
    return found


# %%
lines = {
    "plain": lengths(stack(residual=False, norm=False)),
    "residual": lengths(stack(residual=True, norm=False)),
    "plain, with batch norm": lengths(stack(residual=False, norm=True)),
    "residual, with batch norm": lengths(stack(residual=True, norm=True)),
}
assert abs(lines["plain"][-1] ** (1 / 16) - 0.61) < 0.01
assert all(1 < line[-1] < 100 for name, line in lines.items() if name != "plain")
viz.gradient_by_depth(lines)

# %% [markdown]
# Each mark on the left axis is a factor of 10. In the plain stack a block keeps about 61 % of the
# gradient. Sixteen times: $0.61^{16} \approx 0.0004$. The first layers hear next to nothing from the
# loss, and hardly learn. This is a **vanishing gradient**.
#
# With skips it does not vanish: the path around everything keeps it alive. It even grows, since
# many paths add up.
#
# Be fair: the dotted line has no skip, and does not vanish either. Batch norm alone repairs the
# *size* of the gradient. (Larger first weights, `initializer="he_normal"` in `SeparableConv2D`, keep
# it from vanishing too, but then it grows much more: try it.) Then what is left for the skip to
# do? Break one block. Set the pointwise weights of block 8 to zero, as if it had died:

# %%
survived = {}
for name, residual in {"plain": False, "residual": True}.items():
    model = stack(residual=residual, norm=True)
    healthy = lengths(model)[-1]
    model.parameters()["8/separable/pointwise"][...] = 0
    survived[name] = lengths(model)[-1] / healthy
    print(f"{name:<9} gradient at the input: {survived[name]:.0%} of its length before")

assert survived["plain"] == 0
assert survived["residual"] > 0.5

# %% [markdown]
# Without skips one dead block cuts the network in two, batch norm or not: 0 %. With skips the
# gradient walks around it.
#
# And there is the view that gave the thing its name. If all main paths are nearly zero, a residual
# network does nothing: it copies its input. Each block only has to learn what should be
# *different*: the **residual**, what remains. Doing nothing is easy for it. A plain block must
# learn even that.
#
# ### When the shapes differ
#
# Four blocks of Xception halve the map and widen it. Then `main(x) + x` has two shapes that cannot
# be added. The library says so, when the model is made:


# %%
def halving():
    """Make a main path that halves and widens, as at the entry of Xception."""
    return Sequential(
        separable=SeparableConv2D(16, 3, use_bias=False),
        norm=BatchNorm(),
        pool=MaxPool2D(3, 2),
    )


try:
    Residual(halving()).build((8, 8, 3))
except ValueError as error:
    print(error)

# %% [markdown]
# The message knows the way out, and Xception takes it: a convolution in the skip, 1x1 with a
# stride of 2. Its window is a single pixel, and it reads only each second pixel of each second row.

# %%
skip = Sequential(conv=Conv2D(16, 1, stride=2, use_bias=False), norm=BatchNorm())
block = Residual(halving(), skip).build((8, 8, 3), dtype=np.float64)
assert block.forward(example.image(), training=True).shape == (1, 4, 4, 16)

picture = example.image()
_, cache = ops.conv2d.forward(picture, np.ones((1, 1, 3, 1)), stride=2)
read = ops.conv2d.backward(np.ones((1, 4, 4, 1)), cache)[0][0, ..., 0]
assert read.sum() == 16

words = "8x8 numbers: 1 in even rows and columns, 0 elsewhere: 16 of 64 pixels are read."
viz.sheet([[viz.Panel(read, "gradient", "read by the skip")]], alt=words)

# %% [markdown]
# (The trick of lesson 06: with weights of 1 and a `dy` of 1, backward counts who was read.) The
# skip reads 16 of 64 pixels. The other 48 reach the output through the main path alone.
#
# ## Part two: a bug that hides
#
# ### Two innocent savings
#
# Memory is expensive. Two programmers save some, each in one backward:
#
# - **relu** makes no new array. It writes its zeros *into* `dy`, and returns that.
# - **add** makes no copies. It hands the *same* array to both ways.
#
# The library's collection of mistakes, [xnp/mutants](../xnp/mutants), has both:

# %%
savings = [broken.written_into_dy, broken.one_array_for_both]
table(["operation", "name", "mistake"], [[m.op_name, m.name, m.mistake] for m in savings])

# %% [markdown]
# Each of them has been tested. A **gradient check** (lesson 08) compares a backward with slopes
# that are measured by running forward. Here it is, on all test cases of the two operations:

# %%
for mutant in savings:
    cases = [case._replace(op=mutant.op) for case in cases_of(mutant.op_name)]
    results = [result for case in cases for result in gradcheck.check(case)]
    passed = sum(result.passed for result in results)
    assert passed == len(results)
    print(
        f"{mutant.op_name:<5} {mutant.name:<19} {passed} of {len(results)} gradients are right"
    )

# %% [markdown]
# All are right. Now put them together, in the smallest residual block with a relu:
# `y = relu(x) + x`. First by hand. `x` is (−2, 1, 3, −1) and `dy` is (10, 20, 30, 40).
#
# - main: relu lets `dy` pass where `x` is positive: (0, 20, 30, 0)
# - skip: `dy` as it is: (10, 20, 30, 40)
# - `dx` is the sum: (10, 40, 60, 40)


# %%
def residual_dx(relu, add, x, dy):
    """Backward of y = relu(x) + x, with these two operations."""
    main, relu_cache = relu.forward(x)
    _, add_cache = add.forward(main, x)
    dmain, dskip = add.backward(dy.copy(), add_cache)
    return relu.backward(dmain, relu_cache) + dskip


x = np.array([-2.0, 1.0, 3.0, -1.0])
dy = np.array([10.0, 20.0, 30.0, 40.0])
relus = {"right": ops.relu, "writes into dy": broken.written_into_dy.op}
adds = {"right": ops.add, "one array for both": broken.one_array_for_both.op}

rows = []
for relu_name, relu in relus.items():
    for add_name, add in adds.items():
        dx = residual_dx(relu, add, x, dy)
        verdict = "right" if dx.tolist() == [10, 40, 60, 40] else "WRONG"
        rows.append([relu_name, add_name, str(dx.astype(int).tolist()), verdict])

measured = differences.central_difference(lambda x: ops.relu.forward(x)[0] + x, x, dy)
assert np.allclose(measured, [10, 40, 60, 40])
assert [row[-1] for row in rows] == ["right", "right", "right", "WRONG"]
assert rows[-1][2] == "[0, 40, 60, 0]"
table(["relu", "add", "dx of the block", ""], rows)

# %% [markdown]
# Three of four are right. Only the two savings *together* are wrong: relu writes its zeros into an
# array, and the skip is about to use the same array. Where `x` is negative, the skip's gradient is
# gone: 0 instead of 10, and 0 instead of 40.
#
# No error, no warning, right shapes, and each part passes its own gradient check. A network with
# this bug can still learn, only worse. What finds it? A test of *manners*: an operation must not
# write to what it was given, and must not hand out one array twice. The library asks that of every
# operation:

# %%
for mutant in savings:
    assert mutant.rejected_by() == mutant.caught_by
    print(
        f"{mutant.op_name:<5} {mutant.name:<19} rejected by the check {mutant.rejected_by()!r}"
    )

# %% [markdown]
# The same mistake exists in forward, and there it is more common: a relu "in place" at the start
# of a block overwrites `x` itself, and the skip, which reads `x` afterwards, carries relu(x).
# Lesson 08 shows real projects. In xnp no operation ever writes to an argument.
#
# ## Part three: batch normalisation
#
# ### Four numbers
#
# A **batch normalisation** ("batch norm") looks at all numbers of one channel, in the whole batch.
# It subtracts their mean and divides by their spread. By hand, with four numbers: 1, 7, 9, 15.
#
# 1. Mean: (1 + 7 + 9 + 15) / 4 = 32 / 4 = **8**. Subtract it: −7, −1, 1, 7.
# 2. **Variance**, the mean of the squares: (49 + 1 + 1 + 49) / 4 = 100 / 4 = **25**.
# 3. Divide by its root, 5: −1.4, −0.2, 0.2, 1.4. This is called $\hat{x}$, "x hat".
# 4. Multiply by **gamma** and add **beta**, two numbers that are learned for each channel. They
#    start as 1 and 0.

# %%
x = np.array([[1.0], [7.0], [9.0], [15.0]])  # four rows, one channel
gamma, beta = np.ones(1), np.zeros(1)
y, cache = ops.batch_norm.forward(x, gamma, beta, eps=0.0)
assert cache.mean == 8
assert cache.var == 25
assert np.allclose(cache.xhat[:, 0], [-1.4, -0.2, 0.2, 1.4])
assert np.isclose(y.mean(), 0)
assert np.isclose(y.var(), 1)
y[:, 0].round(6)

# %% [markdown]
# As formulas, for a channel with $R$ numbers:
#
# $$\text{mean} = \frac{1}{R} \sum x \qquad \text{var} = \frac{1}{R} \sum (x - \text{mean})^2$$
#
# $$\text{inv} = \frac{1}{\sqrt{\text{var} + \text{eps}}} \qquad
# \hat{x} = (x - \text{mean}) \cdot \text{inv} \qquad y = \gamma \, \hat{x} + \beta$$
#
# `eps` is a small number, 0.001 in Xception. It keeps the root away from 0, where a channel is the
# same everywhere. We take 0, so that the numbers stay simple.
#
# What is it good for? The next layer always gets numbers of the same size, whatever the layers
# before have done. Multiply the whole channel by 100, and add 1,000 to it. Nothing changes:

# %%
y_other, _ = ops.batch_norm.forward(100 * x + 1000, gamma, beta, eps=0.0)
assert np.allclose(y_other, y)
y_other[:, 0].round(6)

# %% [markdown]
# Keep this in mind: *shift and scale of the input do not matter*. The surprise at the end of this
# lesson follows from it. (And so does this: a convolution before a batch norm needs no bias. It
# would be subtracted again. In Xception no convolution has one.)
#
# For images the $R$ numbers of a channel are all pixels of all images: N · H · W. Our picture has
# 8 · 8 = 64 in each channel, and so three means:

# %%
picture = example.image()
_, cache_picture = ops.batch_norm.forward(picture, np.ones(3), np.zeros(3))
assert np.allclose(cache_picture.mean, picture.reshape(64, 3).mean(axis=0))
cache_picture.mean

# %% [markdown]
# ### The rows feel each other
#
# Something new has happened. In all operations so far an image had its own result. Here, change
# the *last* number, from 15 to 55, and look at the other three:

# %%
x_changed = x.copy()
x_changed[3] = 55
y_changed, _ = ops.batch_norm.forward(x_changed, gamma, beta, eps=0.0)
assert not np.isclose(y_changed[:3], y[:3]).any()
print("before", y[:, 0].round(2), "\nafter ", y_changed[:, 0].round(2))

# %% [markdown]
# All have changed. That is a problem when the network is *used*: the answer for one picture must
# not depend on the pictures beside it, and a single picture should work too.
#
# So the layer keeps a **moving mean** and a **moving variance**. In training each batch pulls them
# a little:
#
# $$\text{moving} \leftarrow \text{momentum} \cdot \text{moving} + (1 - \text{momentum}) \cdot \text{batch}$$
#
# With a momentum of 0.9 and a start at 0, after one batch of mean 8: 0.9 · 0 + 0.1 · 8 = 0.8. After
# the second: 0.9 · 0.8 + 0.1 · 8 = 1.52. It comes nearer and nearer to 8.

# %%
layer = BatchNorm(momentum=0.9, eps=0.0).build((1,), dtype=np.float64)
means = []
for _ in range(100):
    layer.forward(x, training=True)
    means.append(layer.state()["moving_mean"].item())

assert np.allclose(means[:2], [0.8, 1.52])
for step in (1, 2, 10, 100):
    print(f"after {step:>3} batches: moving mean {means[step - 1]:.4f}")

# %% [markdown]
# With `training=False` the layer takes these two numbers. They are constants, so each row stands
# alone, and a single row is possible:

# %%
alone = layer.forward(x[:1], training=False)
together = layer.forward(x, training=False)
assert np.array_equal(alone[0], together[0])
assert np.allclose(alone, -1.4, atol=1e-3)
alone.round(3)

# %% [markdown]
# ### Backward: three ways
#
# Now the gradient. We know `dy`, and want `dx`. Gamma and beta are simple. Each row was multiplied
# by the same $\gamma$, and the same $\beta$ was added to it: fan-out, so their gradients are sums over
# the rows. Also simple: the gradient of $\hat{x}$ is $g = \gamma \cdot dy$.
#
# But how does $x_r$, the number in row $r$, reach the loss? Fan-out again, and this time **three**
# ways: directly, through the mean, and through the variance. We take them one by one, and add up.
#
# **Way 1, direct.** Hold the mean and the variance still. Make $x_r$ larger by 1, and $\hat{x}_r$
# grows by inv. The other rows do not move.
#
# $$\text{direct} = \text{inv} \cdot g_r$$
#
# **Way 2, through the mean.** Make $x_r$ larger by 1. The mean grows by $1/R$. So *every*
# $\hat{x}$ falls by $\text{inv}/R$. Add up over all rows what that does to the loss:
#
# $$\text{through the mean} = -\frac{\text{inv}}{R} \sum g = -\,\text{inv} \cdot \text{mean}(g)$$
#
# It is the same number for each row. (The mean stands in the variance, too. But the squares
# $(x - m)^2$ add up to a parabola in $m$, with its lowest point at the mean. There the slope is 0:
# nothing comes from there.)
#
# **Way 3, through the variance.** Three small steps:
#
# | step | what moves | slope |
# |---|---|---|
# | a | $x_r$ moves the variance, $\frac{1}{R} \sum (x - \text{mean})^2$ | $\frac{2}{R} (x_r - \text{mean})$ |
# | b | the variance moves inv, $(\text{var} + \text{eps})^{-1/2}$ | $-\frac{1}{2} \text{inv}^3$ |
# | c | inv moves every $\hat{x}_k = (x_k - \text{mean}) \cdot \text{inv}$ | $x_k - \text{mean}$ |
#
# Multiply the three slopes (the chain rule). 2 and ½ cancel. There are three inv's. One of them makes
# $\hat{x}_r$ of $(x_r - \text{mean})$, one makes $\hat{x}_k$ of $(x_k - \text{mean})$, and one is left:
#
# $$-\frac{1}{R} \cdot \text{inv} \cdot \hat{x}_r \cdot \hat{x}_k$$
#
# So much moves $\hat{x}_k$. Multiply by $g_k$ and add up over all rows $k$:
#
# $$\text{through the variance} = -\,\text{inv} \cdot \hat{x}_r \cdot \text{mean}(g \cdot \hat{x})$$
#
# The three together, for all rows at once:
#
# $$dx = \text{inv} \cdot \big( g \;-\; \text{mean}(g) \;-\; \hat{x} \cdot \text{mean}(g \cdot \hat{x}) \big)$$
#
# Now with our four numbers. Say that only the first output matters: `dy` is (100, 0, 0, 0). Gamma
# is 1, so $g$ = `dy`; inv = 1/5 = 0.2.
#
# - mean(g) = 100 / 4 = 25
# - mean(g · x̂) = 100 · (−1.4) / 4 = −35

# %%
dy = np.array([[100.0], [0.0], [0.0], [0.0]])
xhat, inv = cache.xhat, cache.inv
direct = inv * dy
by_mean = -inv * dy.mean() * np.ones_like(x)
by_variance = -inv * xhat * (dy * xhat).mean()

dx, dgamma, dbeta = ops.batch_norm.backward(dy, cache)
assert np.allclose(dx, direct + by_mean + by_variance)
assert np.allclose(dx[:, 0], [5.2, -6.4, -3.6, 4.8])

terms = {
    "direct": direct,
    "through\nthe mean": by_mean,
    "through\nthe variance": by_variance,
}
viz.gradient_terms({name: term[:, 0] for name, term in terms.items()}, total="dx")

# %% [markdown]
# Read the columns. Direct: 0.2 · 100 = 20, for the first row alone. Through the mean: −0.2 · 25 =
# −5, for each. Through the variance: −0.2 · (−35) = 7 times x̂: −9.8, −1.4, 1.4, 9.8. In the first
# row 20 − 5 − 9.8 = 5.2. Only a quarter of the direct way is left!
#
# And look at the last row, 4.8. Only the *first* output matters, but the last input has a gradient
# almost as large as the first one's. The rows feel each other, backward too.
#
# Is the formula right? Measure it: move each number of `x` up and down, and look what happens to
# the loss.


# %%
def normalise(x):
    """Run the right forward."""
    return ops.batch_norm.forward(x, gamma, beta, eps=0.0)[0]


measured = differences.central_difference(normalise, x, dy)
assert np.allclose(measured, dx)
measured[:, 0].round(4)

# %% [markdown]
# It is. Here is the library's backward. The two lines in the middle take away two parts of `dy`:
# its mean, and its part along x̂. What remains is the gradient.

# %%
source(ops.batch_norm.backward)

# %% [markdown]
# (`dbeta / R` is mean(dy), and `dgamma / R` is mean(dy · x̂).) Why just these two parts? Shift and
# scale of the input do not matter, we said. A gradient says in which direction the loss grows. It
# has no part in a direction in which nothing changes. So `dx` has none along (1, 1, 1, 1), the shift,
# and none along x̂, the scale. Multiply row by row and add up: both sums are 0. (With an eps of
# 0.001 the second one is only nearly 0.)

# %%
along_shift, along_scale = dx.sum(), (dx * xhat).sum()
assert np.isclose(along_shift, 0)
assert np.isclose(along_scale, 0)

# %% [markdown]
# And when the network is used? Then the mean and the variance are constants. Ways 2 and 3 do not
# exist, and way 1 is all: inv · `dy`, here 0.2 · 100 = 20 in the first row.

# %%
layer.forward(x, training=False)
dx_in_use = layer.backward(dy)
assert np.allclose(dx_in_use[:, 0], [20, 0, 0, 0], atol=0.01)
dx_in_use[:, 0].round(2)

# %% [markdown]
# ### A test that cannot fail
#
# Question (b) at last. The loss is the sum of all outputs. So `dy` is the same number everywhere.
# We take 100, so that the columns can be compared with those above. What is `dx`?

# %%
dy = np.full((4, 1), 100.0)
terms = {
    "direct": inv * dy,
    "through\nthe mean": -inv * dy.mean() * np.ones_like(x),
    "through\nthe variance": -inv * xhat * (dy * xhat).mean(),
}
assert np.allclose(terms["through\nthe variance"], 0)
assert np.allclose(ops.batch_norm.backward(dy, cache)[0], 0)
viz.gradient_terms({name: term[:, 0] for name, term in terms.items()}, total="dx")

# %% [markdown]
# Zero. The loss stays. It must: the mean of x̂ is *always* 0, so the sum of all outputs is always
# $R \cdot \beta$, whatever `x` is. A loss that cannot change has no gradient.
#
# The direct way and the mean cancel. And the third column is zero by itself, since mean(g · x̂) =
# 100 · mean(x̂) = 0. Now think of somebody who writes this backward for the first time, *forgets the
# variance*, and tests with the simplest loss there is, `y.sum()`. What does the test say?
#
# Three losses for a test:
#
# | loss | its `dy` |
# |---|---|
# | `y.sum()` | 1 everywhere |
# | `(y ** 2).sum() / 2` | `y` itself |
# | `(y * r).sum()` with random numbers `r` | `r` |
#
# And four backwards: the right one, two from the collection of mistakes, and one that returns
# nothing but zeros. We measure the true gradient, and print the largest error of each.

# %%
rng = np.random.default_rng(0)
x = rng.normal(size=(6, 3))
gamma, beta = np.ones(3), np.zeros(3)  # as they are at the start
y, cache = ops.batch_norm.forward(x, gamma, beta, eps=0.0)

losses = {
    "y.sum()": np.ones_like(y),
    "(y ** 2).sum() / 2": y,
    "(y * r).sum()": rng.normal(size=y.shape),
}
backwards = {
    "right": ops.batch_norm.backward,
    "variance forgotten": broken.variance_taken_for_constant.op.backward,
    "mean forgotten": broken.mean_taken_for_constant.op.backward,
    "all zeros": lambda dy, cache: (np.zeros_like(dy), None, None),
}

passed, rows = {}, []
for name, backward in backwards.items():
    row = [name]
    for loss, dy in losses.items():
        error = np.abs(
            backward(dy, cache)[0] - differences.central_difference(normalise, x, dy)
        ).max()
        passed[name, loss] = error < 1e-6
        row.append(f"{error:.3f} " + ("passes" if error < 1e-6 else "**caught**"))
    rows.append(row)

table(["backward", *(f"`{loss}`" for loss in losses)], rows)

# %%
assert all(passed["right", loss] for loss in losses)
assert passed["variance forgotten", "y.sum()"]
assert passed["mean forgotten", "(y ** 2).sum() / 2"]
assert passed["all zeros", "y.sum()"]
assert passed["all zeros", "(y ** 2).sum() / 2"]
assert not any(passed[name, "(y * r).sum()"] for name in backwards if name != "right")

# %% [markdown]
# Read the table by columns.
#
# - `y.sum()`: the forgotten variance passes. So does the backward that returns *zeros*.
# - The squares look cleverer. But the mean of the squares of x̂ is always 1: this loss is constant,
#   too. Now the forgotten *mean* passes, and the zeros again.
# - The random numbers catch all three.
#
# Both simple losses measure exactly what batch norm keeps fixed: the mean and the variance. **A
# test whose true answer is always zero cannot tell right from nothing.** So test with a random
# `dy`, always.
#
# ## What you know now
#
# - A copy forward is a sum backward. A residual block: `dx = main.backward(dy) + dy`.
# - Skips make paths; one of them goes around everything. Shapes differ? A 1x1 convolution with
#   stride 2 in the skip.
# - Never write into an array that another one still needs. A gradient check does not see it.
# - Batch norm: subtract the mean, divide by the spread, scale by gamma, shift by beta. In training
#   by the batch; in use by moving statistics.
# - Its gradient comes back three ways. It has no part along the shift and none along the scale.
# - With a uniform `dy` its `dx` is 0. Such a test proves nothing.
#
# Lesson 08 makes a method of this: how to check any backward, and what a check cannot see.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which
# number is wrong.
#
# 1. `residual`: for $y = 3 \cdot \text{relu}(x) + x$ with $x$ = (−2, 1, 4) and `dy` = (1, 10, 100):
#    the gradient `dx`, by hand. Three numbers.
# 2. `normalised`: the batch norm of the four numbers 2, 2, 6, 6 with $\gamma$ = 3, $\beta$ = 1 and
#    eps = 0, by hand. Four numbers.
# 3. `through_norm`: the same four numbers and $\gamma$; `dy` is (1, 0, 0, 0). The gradient `dx`, by
#    hand. Remember that $g = \gamma \cdot dy$. Four numbers.

# %% tags=["exercise"]
residual = ...
normalised = ...
through_norm = ...

x3, dy3 = np.array([-2.0, 1.0, 4.0]), np.array([1.0, 10.0, 100.0])
right_dx = differences.central_difference(lambda x: 3 * ops.relu.forward(x)[0] + x, x3, dy3)
x4, dy4 = np.array([[2.0], [2.0], [6.0], [6.0]]), np.array([[1.0], [0.0], [0.0], [0.0]])
right_y, cache4 = ops.batch_norm.forward(x4, np.full(1, 3.0), np.ones(1), eps=0.0)
check("residual", residual, right_dx.round(6))
check("normalised", normalised, right_y[:, 0])
check("through_norm", through_norm, ops.batch_norm.backward(dy4, cache4)[0][:, 0])

# %% tags=["solution"]
# Solutions. Run this cell to check them.
residual = [1, 10 + 3 * 10, 100 + 3 * 100]  # -2 is negative: the skip alone

# mean 4, variance 4, root 2: x hat is -1, -1, 1, 1
normalised = [3 * -1 + 1, 3 * -1 + 1, 3 * 1 + 1, 3 * 1 + 1]

# g = (3, 0, 0, 0), inv = 1/2, mean(g) = 0.75, mean(g * x hat) = -0.75
through_norm = [(3 - 0.75 - 0.75) / 2, (0 - 0.75 - 0.75) / 2, 0, 0]

check("residual", residual, right_dx.round(6))
check("normalised", normalised, right_y[:, 0])
check("through_norm", through_norm, ops.batch_norm.backward(dy4, cache4)[0][:, 0])
