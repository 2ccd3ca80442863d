# %% [markdown]
# # 02 · The way back: the gradient of a convolution
#
# **Aim.** You compute two slopes by hand: one for a number of the kernel, one for a pixel. Then you understand a
# function `backward` that really trains networks, and why it says `+=`.
#
# **Time.** 35 minutes.
#
# **Reads.** [xnp/ops/conv2d.py](../xnp/ops/conv2d.py), [xnp/mutants/windows.py](../xnp/mutants/windows.py),
# [xnp/differences.py](../xnp/differences.py)
#
# **Predict first.** The window of lesson 01 stood at 36 positions on the picture of 8x8. Each time it read nine pixels.
# How many of the 36 windows read the pixel in the corner? And how many read a pixel in the middle? Write both down.

# %%
from functools import partial
from timeit import repeat

import numpy as np

from xnp import gradcheck, mutants, ops, viz
from xnp.data import example
from xnp.lessons import check, source

# %% [markdown]
# ## Where lesson 01 ended
#
# The picture `x`, the kernel `w`, and the output `y`: 36 numbers, one for each window. We also keep the `cache`. It
# holds what the way back needs: the picture, the kernel, and where the windows stood.

# %%
x = example.image()
w = example.standard_kernel()
y, cache = ops.conv2d.forward(x, w, padding="valid")
assert y.shape == (1, 6, 6, 1)
assert y[0, 1, 2, 0] == 45

# %% [markdown]
# ## The question
#
# A network learns in small steps. At the end of the network stands one number, the **loss** $L$. It says how wrong the
# network is, so it should be small. The numbers of the kernel are what is learned; they are called **weights**. For each
# weight we ask: *if it rises a little, does $L$ rise or fall, and how fast?* This is a slope, like the slope of a curve. Then
# each weight is moved a little in the direction in which $L$ falls.
#
# All slopes of an array together are its **gradient**. It has the shape of the array: one slope for each number. We
# write `dw` for the gradient of $L$ with respect to `w`, and also `dx` and `dy`.
#
# > **The chain rule, in a box**
# >
# > Let $y = 3w$ and $L = y^2$, and let $w = 2$. Then $y = 6$.
# >
# > - When $w$ rises by a little, $y$ rises by 3 times as much. The slope of $y$ is 3.
# > - When $y$ rises by a little, $L$ rises by $2y = 12$ times as much. The slope of $L$ is 12.
# > - So $L$ rises by $12 \cdot 3 = 36$ times as much as $w$. **Slopes along a way are multiplied.**
# >
# > $$\frac{dL}{dw} = \frac{dL}{dy} \cdot \frac{dy}{dw}$$
# >
# > If $w$ reaches $L$ in several ways, each way brings its change. **Slopes of several ways are added.**
#
# These two sentences are all that we need today.
#
# ## dy: what comes back
#
# A convolution does not know $L$. The layers after it do, and they tell it one thing: `dy`, the slope of $L$ for each
# number of `y`. This is the **upstream gradient**. The convolution multiplies it with its own slopes, and gets two things.
# `dw` is for itself: this is how its kernel learns. `dx` is for the layer before it, whose output `x` was: for that
# layer it is the `dy`. So the slopes travel through the whole network, from its end to its beginning.
#
# Nothing comes after our convolution, so we write a `dy` by hand. It has the shape of `y`, and small whole numbers:

# %%
dy = np.array(
    [
        [1, 0, 1, 0, 0, 1],
        [0, 1, 2, 0, -1, 0],
        [-1, 0, 1, 1, 0, 0],
        [0, 2, 0, -1, 0, 1],
        [1, 0, 0, 1, 0, 0],
        [0, -1, 0, 0, 2, 0],
    ],
    float,
).reshape(y.shape)

words = "dy, 6x6 numbers from −1 to 2; y, 6x6 numbers from −14 to 63."
output, upstream = (
    viz.Panel(y[0, ..., 0], "output", "y"),
    viz.Panel(dy[0, ..., 0], "gradient", "dy"),
)
viz.sheet([[output, "", upstream]], alt=words)

# %% [markdown]
# Brown is above zero, violet below, white is zero. Read it so: `dy[1, 2]` is 2. When `y[1, 2]` rises by 1, $L$ rises
# by 2. `dy[1, 4]` is −1: when that number rises, $L$ falls. Where `dy` is 0, $L$ does not care.
#
# ## One window
#
# Take the window at row 1, column 2. Its output number, 45, is a sum of 27 products. Look at one of them, in red: the
# pixel at row 2, column 2 is 8, and lies under the weight `w[1, 0]`, which is 2. Their product is 16.

# %%
pixel, weight = x[0, 2, 2, 0], w[1, 0, 0, 0]
assert (pixel, weight, pixel * weight) == (8, 2, 16)
print("weight + 1:", pixel * (weight + 1) - pixel * weight, "more")
print("pixel + 1: ", (pixel + 1) * weight - pixel * weight, "more")

# %% [markdown]
# When the *weight* rises by 1, the product rises by 8: the pixel. When the *pixel* rises by 1, it rises by 2: the
# weight. **The slope for one factor is the other factor.** The other 26 products stay as they are.
#
# Now the chain rule: multiply by `dy[1, 2] = 2`. This product adds 2 · 8 = 16 to the slope of the weight, and
# 2 · 2 = 4 to the slope of the pixel.
#
# The same holds for all nine products in red. The nine *pixels*, times 2, go to `dw`. The nine *weights*, times 2, go
# to `dx`, to the place where the window stood. (For now we take the red channel alone. Green and blue do the same.)

# %%
x_red, w_red = x[..., :1], w[:, :, :1]
one = np.zeros_like(dy)
one[0, 1, 2, 0] = dy[0, 1, 2, 0]  # as if all other windows had dy = 0
viz.backward_step(x_red, w_red, (1, 2), dy=one, names=["red"])

# %% [markdown]
# Forward, a window *reads* the picture. Backward, it *stamps* the kernel onto `dx`, as with a rubber stamp. How strong
# the stamp is, and whether it changes the sign: that is `dy`.
#
# ## One weight by hand
#
# `w[1, 0]` does not work in one window. It works in all 36, and meets another pixel each time. In the window at row 0,
# column 0 it meets the pixel at row 1, column 0. In the last window, at row 5, column 5, it meets row 6, column 5. So
# it met rows 1 to 6 and columns 0 to 5, framed here.
#
# These are 36 ways from the weight to $L$. Each has the slope dy · pixel, and slopes of several ways are added:

# %%
met = x[0, 1:7, 0:6, 0]  # what w[1, 0] met in red: one pixel in each window, (6, 6)
products = dy[0, ..., 0] * met
picture = viz.Panel(x[0, ..., 0], "input", "x  red", window=(1, 0, 6, 6))
result = viz.Panel(products, "gradient", "products")
words = "dy times the 36 red pixels that the weight met: 36 products, their sum is 60."
viz.sheet([[upstream, "×", picture, "=", result, "sum\n60"]], alt=words, cell=0.27)

# %% [markdown]
# Check the second row of the products: 1 · 2 = 2, then 2 · 8 = 16 (that was our window), then −1 · 2 = −2, together 16.
# The six rows:

# %%
by_row = products.sum(axis=1)
assert by_row.tolist() == [6, 16, 14, 11, 11, 2]
by_row

# %% [markdown]
# 6 + 16 + 14 + 11 + 11 + 2 = 60. When this weight rises by 1, $L$ rises by 60. The library says the same:

# %%
dx, dw, _ = ops.conv2d.backward(dy, cache)
assert dw[1, 0, 0, 0] == products.sum() == 60
dw[:, :, 0, 0]

# %% [markdown]
# ## One pixel by hand
#
# Now the pixel at row 2, column 2. Which windows read it? A window that starts at row 0 covers rows 0, 1, 2: yes. At
# row 1: yes. At row 2: yes, with its first row. At row 3: no more. The same for columns. So there are 3 · 3 = 9
# windows, and in each of them the pixel lies under *another* weight:

# %%
for p, q in np.ndindex(3, 3):
    slope, weight = int(dy[0, p, q, 0]), int(w[2 - p, 2 - q, 0, 0])
    place = f"w[{2 - p}, {2 - q}] = {weight:2}"
    print(f"window ({p}, {q})   dy = {slope:2}   {place}   product {slope * weight:2}")

# %% [markdown]
# The window goes to the right, so the pixel goes to the *left* in it. The first window sees it in its last place,
# `w[2, 2]`. The last window sees it in its first place, `w[0, 0]`. So in this picture the kernel stands turned by 180
# degrees:

# %%
turned = w[::-1, ::-1, 0, 0]
around = viz.Panel(dy[0, ..., 0], "gradient", "dy", window=(0, 0, 3, 3))
kernel = viz.Panel(turned, "kernel", "w, turned")
result = viz.Panel(dy[0, :3, :3, 0] * turned, "gradient", "products")
words = (
    "The nine dy of the windows that read the pixel, times the turned kernel: the sum is 6."
)
viz.sheet([[around, "×", kernel, "=", result, "sum\n6"]], alt=words)

# %% [markdown]
# Nine ways from the pixel to $L$, so nine slopes are added: −1 + 1 + 4 + 1 + 1 = 6, and four zeros. The 4 is our window
# again.

# %%
assert (dy[0, :3, :3, 0] * turned).sum() == -1 + 1 + 4 + 1 + 1 == 6
assert dx[0, 2, 2, 0] == 6
float(dx[0, 2, 2, 0])

# %% [markdown]
# ## All windows
#
# Nobody has to search for those nine windows, and nobody has to turn a kernel. Let every window stamp the kernel as it
# is, one after the other. In the end each pixel has got its sum. Look at the stamps that overlap, and at `dw[1, 0]`,
# which ends at 60:

# %%
stamp = partial(viz.backward_step, dy=dy)
viz.sliding(stamp, x_red, w_red, names=["red"], seconds=0.6)

# %% [markdown]
# As formulas, with the letters of lesson 01 ($p$, $q$ for the window, $i$, $j$ for the place in it, $c$ and $o$ for the
# channels in and out):
#
# $$dw[i, j, c, o] = \sum_{p, q} \; dy[p, q, o] \cdot x[p + i, \; q + j, \; c]$$
#
# In words: the slope of a weight is the sum, over all windows, of dy times the pixel that the weight met there.
#
# $$dx[r, t, c] = \sum_{o} \;\; \sum_{p + i = r, \;\; q + j = t} \; dy[p, q, o] \cdot w[i, j, c, o]$$
#
# In words: the slope of a pixel is the sum, over all windows that read it, of dy times the weight that it met there.
# With several output channels each of them has its own stamp, and they are added as well: the sum over $o$.
#
# ## How many windows read a pixel?
#
# This was your prediction. A trick answers it: let every `dy` be 1, and every weight be 1. Then each window adds a 1 to
# each pixel that it read, and `dx` counts.

# %%
ones = np.ones((3, 3, 1, 1))
_, counting = ops.conv2d.forward(x_red, ones, padding="valid")
counts, _, _ = ops.conv2d.backward(np.ones_like(y), counting)
words = "How many windows read each pixel of 8x8: 1 in the corners, 9 from row 2 to 5, column 2 to 5."
viz.sheet(
    [[viz.Panel(counts[0, ..., 0], "gradient", "windows that read a pixel")]], alt=words
)

# %% [markdown]
# 1 in the corners, 9 in the middle, and steps of 1, 2, 3 from the border inwards. (Think of one axis: 1, 2, 3, 3, 3, 3,
# 2, 1 windows. A place has the product of its row's and its column's number.)
#
# This hill is the reason for `+=`. 36 windows send nine numbers each: 36 · 9 = 324 numbers come back. They go to only
# 64 pixels.

# %%
assert counts[0, 0, 0, 0] == 1
assert counts[0, 4, 4, 0] == 9
assert counts.sum() == 36 * 9 == 324
assert counts.size == 64

# %% [markdown]
# ## What if it said `=`?
#
# It is an easy mistake, so the library keeps a copy of `conv2d` that makes it. A copy with one mistake is called a
# **mutant**. This one takes `dw` and `db` from the right backward. In its own loop it writes `=` where `+=` belongs:

# %%
last_window_wins = mutants.windows.last_window_wins
source(last_window_wins.op.backward)

# %%
heard, _, _ = last_window_wins.op.backward(np.ones_like(y), counting)
right = viz.Panel(counts[0, ..., 0], "gradient", "with +=")
wrong = viz.Panel(heard[0, ..., 0], "gradient", "with =", limits=(-9, 9))
assert heard.sum() == 64
words = "With += the counts are a hill from 1 to 9. With = every pixel has 1."
viz.sheet([[right, "", wrong]], alt=words)

# %% [markdown]
# The hill is gone. Every pixel hears one window, and forgets the others: of 324 numbers, 64 are left. No error, no
# warning, and the shape is right. With our own `dy` it looks like this:

# %%
dx_wrong, _, _ = last_window_wins.op.backward(dy, cache)
right = viz.Panel(dx[0, ..., 0], "gradient", "dx, with +=   red", marked=[(2, 2)])
wrong = viz.Panel(
    dx_wrong[0, ..., 0], "gradient", "dx, with =   red", marked=[(2, 2)], limits=(-8, 8)
)
words = (
    "dx in red, with += and with =. The marked pixel (2, 2) has 6 with +=, and −1 with =."
)
viz.sheet([[right, "", wrong]], alt=words)

# %% [markdown]
# At our pixel (dashed frame) the mutant says −1 in place of 6. Even the sign is wrong. The layer before takes this `dx`
# for its `dy`, and learns in the wrong direction.

# %%
assert dx[0, 2, 2, 0] == 6
assert dx_wrong[0, 2, 2, 0] == -1

# %% [markdown]
# ## The bias
#
# Often a convolution also adds one number to every output, the **bias** `b`, one for each output channel. It is added
# in all 36 windows, each time with slope 1. So its gradient is the sum of all `dy`. The rows of our `dy` add up to
# 3 + 2 + 1 + 2 + 2 + 1 = 11:

# %%
_, with_bias = ops.conv2d.forward(x, w, np.array([5.0]), padding="valid")
_, _, db = ops.conv2d.backward(dy, with_bias)
assert db[0] == dy.sum() == 3 + 2 + 1 + 2 + 2 + 1 == 11
db

# %% [markdown]
# ## How the library does it
#
# You have done each of its steps by hand. As forward does, backward visits the nine places (i, j) of the kernel, and
# handles all windows at once. `reads` says which pixels the place (i, j) met, one in each window. (`@` multiplies and
# adds over the output channels, since `.T` swaps channels in and out; `tensordot` multiplies and adds over all images and
# windows; `upstream` checks the shape of `dy`; `crop` takes off the padding, which we do not have here.)

# %%
source(ops.conv2d.backward)

# %% [markdown]
# Look at the last two lines of the loop. `dpadded[reads] += ...` is the stamp: at one place (i, j) the windows meet
# different pixels, but at the next place the same pixels come again. `dw[i, j] = ...` has a plain `=`: each weight is
# visited once, and `tensordot` has already added over all windows.
#
# Here is the whole `dx`, all three channels. Each channel got the same `dy`, through its own kernel:

# %%
viz.channels(dx, "gradient", name="dx", names=example.CHANNELS)

# %% [markdown]
# ## Is it right? Measure a slope
#
# There is a test for every backward: move one number, and look. For that we need an $L$ whose slopes are our `dy`.
# The simplest is the sum of all `dy` · `y`. Move our pixel up by 1:


# %%
def loss(x, w):
    """Run forward, and take the sum of dy * y."""
    y, _ = ops.conv2d.forward(x, w, padding="valid")
    return float((dy * y).sum())


moved = x.copy()
moved[0, 2, 2, 0] += 1
measured = loss(moved, w) - loss(x, w)
print(f"L was {loss(x, w):.0f}, is {loss(moved, w):.0f}: {measured:.0f} more")
assert measured == dx[0, 2, 2, 0] == 6

# %% [markdown]
# 6, as we computed, and not −1. Forward alone has decided who is right: `+=`.
#
# The library can do this with every number: `central_difference` moves each of the 192 numbers of the picture up and
# down, and gives 192 slopes. All agree with `dx`:

# %%
slopes = gradcheck.central_difference(
    lambda x: ops.conv2d.forward(x, w, padding="valid")[0], x, dy
)
assert np.allclose(slopes, dx, atol=1e-6)
assert not np.allclose(slopes, dx_wrong, atol=1e-6)
print(f"{slopes.size} slopes, all as in dx: {np.allclose(slopes, dx, atol=1e-6)}")

# %% [markdown]
# Our $L$ is a straight line in each pixel, so even a step of 1 gave the exact slope. In a whole network the line is a
# curve, and the step must be small. How small? Lesson 08 is about that.
#
# ## Aside: im2col
#
# In other libraries you meet another way to compute a convolution, called **im2col** ("image to columns"). First it
# copies each window into a row of a large table. Then one matrix product does all the work. The nine pixels of a window
# in three channels make 27 numbers:

# %%
windows = cache.window.view(cache.padded)  # a view of all windows, nothing is copied yet
table = windows.transpose(0, 1, 2, 4, 5, 3).reshape(36, 27)  # a row for each window: a copy
assert np.shares_memory(windows, cache.padded)
assert not np.shares_memory(table, cache.padded)

y_im2col = table @ w.reshape(27, 1)
dw_im2col = table.T @ dy.reshape(36, 1)
assert np.array_equal(y_im2col.reshape(y.shape), y)
assert np.array_equal(dw_im2col.reshape(w.shape), dw)
print(
    f"picture {x.size} numbers, table {table.size} numbers: {table.size / x.size:.1f} times as many"
)

# %% [markdown]
# The same numbers, and two very short lines. What does it cost? The 36 · 27 = 972 numbers are 5.1 times the picture's
# 192: the hill from above, since each pixel is copied once for each window that reads it. On a large picture almost
# every pixel has its nine windows, so the table takes about **nine times** the memory. And `dx` does not get simpler:
# it first comes as such a table, and must then be added back to the pixels, with `+=`.
#
# `conv2d` takes nine smaller products, and never holds all windows at once. Is it slower? Eight images of 32x32, 64
# channels in and 64 out:

# %% tags=["measured"]
rng = np.random.default_rng(0)
images = rng.standard_normal((8, 32, 32, 64), np.float32)
kernel = rng.standard_normal((3, 3, 64, 64), np.float32)
_, large = ops.conv2d.forward(images, kernel)


def im2col():
    """Copy all windows, then one matrix product."""
    table = large.window.view(large.padded).transpose(0, 1, 2, 4, 5, 3).reshape(-1, 9 * 64)
    return (table @ kernel.reshape(9 * 64, 64)).reshape(images.shape)


def nine_products():
    """Use the library's forward."""
    return ops.conv2d.forward(images, kernel)[0]


assert np.allclose(im2col(), nine_products(), atol=1e-3)
print(f"images {images.nbytes / 1e6:.1f} MB, table {9 * images.nbytes / 1e6:.1f} MB")
for way in im2col, nine_products:
    print(f"{way.__name__:13} {1000 * min(repeat(way, number=1, repeat=5)):6.1f} ms")

# %% [markdown]
# These times belong to one machine. Run the cell on yours, and try other sizes: which one is faster changes with them.
#
# ## What you know now
#
# - Slopes along a way are multiplied, slopes of several ways are added.
# - The slope for one factor of a product is the other factor: `dw` is made of pixels, `dx` of weights.
# - A weight works in all windows: its slope is a sum over 36. A pixel is read by up to nine windows: its slope is a sum
#   of up to nine, hence `+=`.
# - Forward reads a window, backward stamps the kernel.
#
# Lesson 03 goes forward again, and leaves out one sum.
#
# See where a gradient flows: open [the explorer](../docs/explorer/index.html#direction=backward) in your browser, and
# click on a number of dy.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which number is wrong.
#
# 1. `slope`: the slope of the *green* pixel at row 2, column 0, by hand. How many windows read it? (The tables of `dy`
#    and of the green kernel are all you need: `dy[0, ..., 0]` and `w[:, :, 1, 0]`.)
# 2. `reads`: a picture of 4x4, a kernel of 2x2, "valid". How many windows read each pixel? Give an array of shape (4, 4).
# 3. `change`: every number of `w` moves a little against its slope: the new kernel is `w - 0.001 * dw`. By how much does
#    $L$ change? Compute it from `dw` alone. (Here $L$ is a straight line in each number of `w`, so slopes are enough.)

# %% tags=["exercise"]
slope = ...
reads = ...
change = ...

_, small = ops.conv2d.forward(
    np.zeros((1, 4, 4, 1)), np.ones((2, 2, 1, 1)), padding="valid"
)
right_reads, _, _ = ops.conv2d.backward(np.ones((1, 3, 3, 1)), small)
check("slope", slope, dx[0, 2, 0, 1])
check("reads", reads, right_reads[0, ..., 0])
check("change", change, loss(x, w - 0.001 * dw) - loss(x, w))

# %% tags=["solution"]
# Solutions. Run this cell to check them.
# 1. Windows (0, 0), (1, 0) and (2, 0) see the pixel at w[2, 0], w[1, 0] and w[0, 0].
slope = 1 * (-1) + 0 * 0 + (-1) * 1
# 2. Windows over its row, times windows over its column.
reads = np.outer([1, 2, 2, 1], [1, 2, 2, 1])
# 3. Each number moves by -0.001 * dw, and has the slope dw.
change = -0.001 * (dw**2).sum()

check("slope", slope, dx[0, 2, 0, 1])
check("reads", reads, right_reads[0, ..., 0])
check("change", change, loss(x, w - 0.001 * dw) - loss(x, w))
