# %% [markdown]
# # 08 · Is the backward right? Gradient checking
#
# **Aim.** You measure a gradient without any calculus, and find the mistake in six broken
# operations. Four of these six mistakes were made in public projects: you will see where.
#
# **Time.** 45 minutes.
#
# **Reads.** [xnp/differences.py](../xnp/differences.py), [xnp/gradcheck.py](../xnp/gradcheck.py),
# [xnp/mutants/](../xnp/mutants), [xnp/battery.py](../xnp/battery.py)
#
# **Predict first.** To measure the slope of a curve, you move $x$ by a small step and look how
# far $y$ moves. A computer calculates with 16 digits. Which step gives the best slope: 0.1,
# 1e-5 (that is 0.00001), 1e-10 or 1e-15? Which gives the worst? Write down your order.

# %%
from collections import Counter

import numpy as np

from xnp import differences, gradcheck, models, mutants, ops, viz
from xnp.cases import cases_of
from xnp.lessons import check, source

# %% [markdown]
# ## Why check at all?
#
# A wrong forward is often seen: the picture is wrong. A wrong backward is quiet. It gives
# numbers of the right shape, the network trains, the loss falls. It falls more slowly, or not
# as far, and nobody knows how far it should have fallen.
#
# But a gradient can be **measured**. Forward alone is enough: move one number of the input a
# little, and see how far the output moves. This is a **gradient check**.
#
# ## One slope by hand
#
# Take $f(x) = x^3$ at $x = 2$. Its true slope is $3x^2 = 12$. Now measure it with a step of 0.1:
#
# | method | formula | with numbers | result |
# |---|---|---|---|
# | **forward difference** | (f(x + step) − f(x)) / step | (9.261 − 8) / 0.1 | 12.61 |
# | **central difference** | (f(x + step) − f(x − step)) / (2 · step) | (9.261 − 6.859) / 0.2 | 12.01 |
#
# The central difference goes one step to the right and one to the left. The curve bends away
# on both sides, and most of the bend cancels.


# %%
def f(x):
    """Cube x."""
    return x * x * x


def forward_difference(x, step):
    """Measure the slope at x, with one step to the right."""
    return (f(x + step) - f(x)) / step


def central_difference(x, step):
    """Measure the slope at x, with one step to each side."""
    return (f(x + step) - f(x - step)) / (2 * step)


for step in (0.1, 0.01):
    print(f"step {step}:  forward {forward_difference(2.0, step):.4f}", end="")
    print(f"   central {central_difference(2.0, step):.4f}")

assert np.isclose(forward_difference(2.0, 0.1), 12.61)
assert np.isclose(central_difference(2.0, 0.1), 12.01)

# %% [markdown]
# A step ten times smaller: the error of the forward difference goes from 0.61 to 0.0601, about
# ten times smaller. The error of the central difference goes from 0.01 to 0.0001, a hundred
# times smaller. So it goes with the *square* of the step.
#
# Then take the smallest step there is? Look what happens. An error is now written as a part of
# the true slope, 12: this is the **relative error**.

# %%
for step in (1e-1, 1e-5, 1e-10, 1e-15):
    error = abs(central_difference(2.0, step) - 12) / 12
    print(f"step {step:.0e}   relative error {error:.0e}")

assert abs(central_difference(2.0, 1e-5) - 12) / 12 < 1e-10
assert abs(central_difference(2.0, 1e-15) - 12) / 12 > 1e-4

# %% [markdown]
# The step 1e-5 wins by far. And a step of 1e-15 is no better than a step of 0.1!
#
# Why? `f(2 + 1e-15)` and `f(2 − 1e-15)` are both 8, but for 0.000000000000012. A computer keeps
# 16 digits of them. The subtraction removes all that they share. What is left is one digit or
# two, and these were rounded. Divided by the tiny step, the rounding becomes large.
#
# | error | comes from | grows when |
# |---|---|---|
# | **truncation** | the curve bends within the step | the step is large |
# | **rounding** | two nearly equal numbers are subtracted | the step is small |
#
# Here are all steps from 1 to 1e-16. Both axes are **logarithmic**: from one mark to the next, the
# step grows 100 times, and the error 1,000 times. Look for the letter V.

# %%
steps = 10.0 ** -np.arange(0, 16.25, 0.25)
single = np.float32  # about 7 digits; float64, Python's own, has 16


def errors(slope, number=np.float64):
    """Relative error of a measured slope, for every step."""
    return [abs(float(slope(number(2), number(step))) - 12) / 12 for step in steps]


lines = {
    "forward difference, float64": errors(forward_difference),
    "central difference, float64": errors(central_difference),
    "central difference, float32": errors(central_difference, single),
}
viz.step_errors(steps, lines)

# %% [markdown]
# Read it from right to left, as the step gets smaller:
#
# - First the truncation falls: straight lines, the central one twice as steep.
# - Then the rounding rises, with a zigzag: it depends on luck which digits are lost.
# - With the smallest steps the error is 1, that is 100 %: 2 + 1e-16 *is* 2 for a computer. It
#   did not move at all.
#
# The best step stands at the bottom of the V. Where is that? Truncation is about step²,
# rounding about 1e-16 / step. They are equal when step³ = 1e-16. That is a step of about 5e-6.
# So everyone takes **1e-5 or 1e-6**.
#
# In float32 (the dashed line) the rounding is about 1e-7 / step, the best step is about 5e-3, and
# even the best slope has five right digits only. A real mistake of 1e-6 would hide there. So
# gradients are checked in **float64**, even if the network will train in float32.

# %%
best = {name: steps[int(np.argmin(line))] for name, line in lines.items()}
assert 1e-6 <= best["central difference, float64"] <= 1e-5
assert 1e-3 <= best["central difference, float32"] <= 1e-1
assert min(lines["central difference, float64"]) < 1e-10
assert 1e-6 < min(lines["central difference, float32"]) < 1e-5

# %% [markdown]
# ## A step to the side: the complex step
#
# The rounding came from the subtraction. Is there a slope without a subtraction? Yes, and it
# looks like a trick.
#
# A **complex number** has two parts, $a + b\,i$, where $i$ is a number with $i \cdot i = -1$.
# Python writes it `1j`. Move $x$ by a step $h$ in the direction of $i$:
#
# $$(x + ih)^3 = x^3 + 3x^2 \, ih - 3x h^2 - i h^3$$
#
# The parts with $i$ are $3x^2 h - h^3$. Divide by $h$: it is $3x^2 - h^2$. That is the slope,
# and an error of $h^2$. Nothing was subtracted from its own neighbour: the value $x^3$ stands
# in the other part, and cannot cover the slope. So $h$ may be as small as we like. With
# $h$ = 1e-30 the error $h^2$ is 1e-60: nothing. (Python's `.imag` is the part with $i$.)


# %%
def complex_step(x, step):
    """Measure the slope at x, with one step in the direction of i."""
    return f(x + 1j * step).imag / step


lines["complex step, float64"] = errors(complex_step)
assert max(lines["complex step, float64"][-30:]) < 1e-15
assert complex_step(2.0, 1e-30) == 12
viz.step_errors(steps, lines)

# %% [markdown]
# The magenta line falls, and stays down: 16 right digits. (An error of exactly 0 has no place
# on such an axis. It is drawn on the lower edge.)
#
# Then why not always? Forward must take complex numbers, and must be smooth. `x > 0` has no
# meaning for a complex `x`: relu and max pooling cannot be checked in this way. The library
# uses both: the central difference for all, the complex step where it can.
#
# ## From one slope to a whole gradient
#
# Backward is given `dy` (how much each output number matters), and returns `dx` (how much each
# input number matters). It is the slope of one number, `sum(f(x) * dy)`, for each number of
# `x`. So: move each number of `x` by itself, up and down.

# %%
source(differences.central_difference)

# %%
rng = np.random.default_rng(8)
x, w = rng.normal(size=(1, 5, 5, 1)), rng.normal(size=(3, 3, 1, 1))
y, cache = ops.conv2d.forward(x, w)
dy = rng.normal(size=y.shape)

measured = differences.central_difference(lambda x: ops.conv2d.forward(x, w)[0], x, dy)
dx, dw, _ = ops.conv2d.backward(dy, cache)
assert differences.relative_error(dx, measured) < 1e-7
viz.gradient_error(dx[0, :, :, 0], measured[0, :, :, 0])

# %% [markdown]
# Left: what the library's backward returns in one go. Middle: 25 slopes, measured with 50 runs
# of forward. They are equal. (What is smaller than 0.001 % of the largest number is drawn as 0.)
#
# Such arrays rarely agree to the last digit. So the library compares lengths: the length of the
# difference, divided by the length of the longer gradient. An error below 1e-7 passes. (`FLOOR` is
# 0.001. It keeps the division away from 0.)

# %%
source(differences.relative_error)

# %% [markdown]
# ## Why dy is random
#
# Here is a batch normalisation with a mistake, from the library's collection
# [xnp/mutants/](../xnp/mutants): its `dx` lacks the term that comes from the variance. (Lesson
# 07 shows the right one.) Check it with a `dy` of ones, then with a random one:

# %%
broken = mutants.without_windows.variance_taken_for_constant.op
rows, gamma, beta = rng.normal(size=(6, 3)), rng.normal(size=3), rng.normal(size=3)
y, cache = broken.forward(rows, gamma, beta, eps=1e-3)


def normalise(rows):
    """Give y as a function of x alone; forward is right, the mistake is in backward."""
    return ops.batch_norm.forward(rows, gamma, beta, eps=1e-3)[0]


found = {}
for name, dy in {"ones": np.ones_like(y), "random": rng.normal(size=y.shape)}.items():
    measured = differences.central_difference(normalise, rows, dy)
    found[name] = np.abs(broken.backward(dy, cache)[0] - measured).max()
    print(f"dy {name}:  largest error {found[name]:.6f}")

assert found["ones"] < 1e-6 < 1e-2 < found["random"]

# %% [markdown]
# With ones, the broken backward passes. The sum of a normalised batch is always the same, so
# no slope of it can be anything but 0, and the missing term is 0 as well. **A check that cannot
# fail proves nothing.** Take a random `dy`.
#
# ## Corners
#
# Relu has a corner at 0: slope 0 on its left, slope 1 on its right. What is measured there?


# %%
def relu_slope(x):
    """Measure the slope of relu at x."""
    return differences.central_difference(
        lambda x: ops.relu.forward(x)[0], np.array([x]), np.ones(1)
    )[0]


for place in (-1.0, 0.0, 5e-7, 1.0):
    print(f"x = {place:<8} measured slope {relu_slope(place):.2f}")

assert np.isclose(relu_slope(0.0), 0.5)
assert np.isclose(relu_slope(5e-7), 0.75)

# %% [markdown]
# At 0 the measure says 0.5, half from each side. A corner has no slope; the custom is 0, and xnp
# says 0. So measure and backward differ, and neither is wrong. At `5e-7` the slope is clearly 1,
# but the step of 1e-6 reaches over the corner: the measure is (1.5e-6 − 0) / 2e-6 = 0.75.
#
# So a failed check *at a corner* proves nothing either. How can one tell a corner from a curve?
# Compare the slope on the right with the slope on the left. Call the difference `bend`:


# %%
def bend(g, s):
    """Slope on the right of 0 minus slope on the left, with steps of s."""
    return (g(s) - g(0)) / s - (g(0) - g(-s)) / s


def parabola(t):
    """Square t."""
    return t**2


def corner(t):
    """Do what relu does."""
    return max(t, 0)


for s in (1, 0.5, 0.25):
    print(f"s = {s:<5} parabola: {bend(parabola, s)}   relu: {bend(corner, s)}")

assert [bend(parabola, s) for s in (1, 0.5, 0.25)] == [2, 1, 0.5]
assert [bend(corner, s) for s in (1, 0.5, 0.25)] == [1, 1, 1]

# %% [markdown]
# Halve the step. On a smooth curve the bend is halved too. At a corner it stays. So
# `bend(s) - 2 * bend(s / 2)` is nearly 0 on a curve, and far from 0 at a corner. That is how the
# library finds corners; it calls them **kinks**. (`bend` is the same there, written as one
# fraction.)

# %%
source(differences.kink)

# %% [markdown]
# Max pooling has corners too: a **tie**, two largest pixels in one window.

# %%
tie = np.array([5.0, 5.0]).reshape(1, 1, 2, 1)
pool = {"size": (1, 2), "stride": 1, "padding": "valid"}
y, cache = ops.max_pool2d.forward(tie, **pool)
one = np.ones_like(y)

measured = differences.central_difference(
    lambda x: ops.max_pool2d.forward(x, **pool)[0], tie, one
)
corners = differences.count_kinks(lambda x: ops.max_pool2d.forward(x, **pool)[0], tie, one)
print("measured", measured.ravel().round(6), " corners", corners)
print("backward", ops.max_pool2d.backward(one, cache).ravel())

# %% [markdown]
# Both are fair: 0.5 and 0.5, or all to the first. Both add up to 1, and 1 came. What would *not*
# be fair is 1 and 1: more would go back than came.
#
# Ties are not rare: after a relu, many windows hold zeros only. But random numbers never tie. So
# a plain gradient check never sees what a backward does with ties. Keep that in mind.
#
# In the library the test numbers keep away from corners, at least 0.1 for relu. If a check
# fails, it says at how many numbers it met a corner.
#
# ## All operations
#
# The command `xnp gradcheck` does all this, for every operation: on small images, odd and even,
# with several strides and paddings. Here is the convolution's part of it. Each line shows the
# *worst* error.

# %%
results = [result for case in cases_of("conv2d") for result in gradcheck.check(case)]
assert all(result.passed for result in results)
print(gradcheck.table(results))

# %% [markdown]
# ## A whole network
#
# Small operations can be checked number by number. A network cannot:

# %%
model = models.tiny_xception(input_shape=(16, 16, 3), dtype=np.float64)
numbers = sum(array.size for array in model.parameters().values())
print(f"{numbers:,} parameters: {2 * numbers:,} runs of forward")

# %% [markdown]
# The way out: move *all* numbers of an array together, in a random direction $d$. Then compare
# two single numbers: the measured slope along $d$, and `sum(gradient * d)`. This is a
# **directional check**.
#
# With two numbers, by hand: $f(a, b) = a^2 b$ at (3, 2). Its gradient is
# $(2ab, \; a^2) = (12, 9)$. Along $d = (0.6, 0.8)$ the slope is
# $12 \cdot 0.6 + 9 \cdot 0.8 = 14.4$.


# %%
def along(t):
    """Give f, t further along d."""
    a, b = 3 + 0.6 * t, 2 + 0.8 * t
    return a**2 * b


slope = (along(1e-5) - along(-1e-5)) / 2e-5
assert np.isclose(slope, 12 * 0.6 + 9 * 0.8)
round(slope, 6)

# %% [markdown]
# If one of the numbers in the gradient is wrong, the sum is wrong too, unless $d$ hides it by
# luck. And $d$ is random. Now the whole network: one direction for each array. (In the table,
# each array is a case.)

# %%
images, labels = rng.normal(size=(2, 16, 16, 3)), np.array([3, 7])
results = gradcheck.check_model(model, images, labels, name="tiny_xception")
assert all(result.passed for result in results)
print(gradcheck.table(results))

# %% [markdown]
# ## The zoo
#
# Now you are the doctor. Six patients come in. Each is an operation with one mistake. `examine`
# puts the patient in the place of its operation, and checks each gradient on all cases. Then a
# picture shows the error on a small example.
#
# One piece of advice for the pictures. *A random dy finds a mistake. A dy with a single 1
# explains it*: you see what one output number sends back.
#
# Look first, guess, and only then go on.


# %%
def examine(patient):
    """Check each gradient on all cases; print where it is wrong, and which cases are right."""
    cases = [case._replace(op=patient.op) for case in cases_of(patient.op_name)]
    results = [result for case in cases for result in gradcheck.check(case)]
    for gradient in dict.fromkeys(result.gradient for result in results):
        tried = {r.case: True for r in results if r.gradient == gradient}
        wrong = {r.case for r in results if r.gradient == gradient and not r.passed}
        print(f"{gradient}: wrong in {len(wrong)} of {len(tried)} cases")
        for name in tried if wrong else ():
            if name not in wrong:
                print("    right:", name.removeprefix(f"{patient.op_name} "))


def error_picture(patient, arrays, dy, **options):
    """Draw dx, as the patient gives it and as it is measured."""
    x, *others = arrays

    def forward(x):
        return patient.op.forward(x, *others, **options)

    dx = patient.op.backward(dy.copy(), forward(x)[1])
    dx = dx[0] if isinstance(dx, tuple) else dx
    measured = differences.central_difference(lambda x: forward(x)[0], x, dy)
    plane = x.shape[1:3] if x.ndim == 4 else x.shape
    return viz.gradient_error(dx.reshape(plane), measured.reshape(plane))


# %% [markdown]
# ### Patient 1: a convolution

# %%
patient_1 = mutants.MUTANTS[0]
examine(patient_1)

# %% [markdown]
# `dw` and `db` are healthy, `dx` is not. (Only 9 of the 17 cases have a bias.) In two cases `dx` is
# right. What do these two have in common?
#
# In the picture, the kernel holds the numbers 1 to 9, and `dy` is a single 1 in the middle.

# %%
x = rng.normal(size=(1, 5, 5, 1))
kernel = np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
spot = np.zeros((1, 5, 5, 1))
spot[0, 2, 2] = 1

error_picture(patient_1, (x, kernel), spot)

# %% [markdown]
# **Your diagnosis?** Write it down, then run the next cell.

# %%
assert patient_1 is mutants.windows.kernel_turned
source(patient_1.op.backward, docstring=True)

# %% [markdown]
# The right `dx` *is* the kernel: the output number was made of nine pixels with the weights 1 to
# 9, and each pixel hears its own weight. The patient has turned the kernel. A kernel of 1x1
# looks the same when it is turned: so these two cases pass.
#
# The mistake is natural. In books, the backward of a convolution is "a convolution with the
# turned kernel". That is true for a formula that *collects* for each pixel. Ours *sends out*
# from each window, and turns by itself.
#
# ### Patient 2: another convolution

# %%
patient_2 = mutants.MUTANTS[1]
examine(patient_2)

# %%
error_picture(patient_2, (x, kernel), spot)

# %% [markdown]
# The kernel had 1 to 9 again, and one weight alone came back: the last. And the right cases: for
# example a 2x2 kernel with stride 2, or a single window of 3x4 on an image of 3x4. What do
# windows of 2x2 with a stride of 2 *not* do?
#
# **Your diagnosis?**

# %%
assert patient_2 is mutants.windows.last_window_wins
source(patient_2.op.backward, docstring=True)

# %% [markdown]
# `=` in place of `+=`. Where windows overlap, a pixel must hear from each of them; here the last
# one speaks over all others. Windows that do not overlap hide the mistake. **A test with
# stride = kernel size would have passed.**
#
# ### Patient 3: a softmax
#
# **Softmax** turns a row of numbers into shares: it takes $e^x$ of each, and divides by their sum.
# The outputs share a cake, so they always add up to 1. (Lesson 10a uses it.)

# %%
patient_3 = mutants.MUTANTS[32]
examine(patient_3)

# %%
logits = np.log([[1.0, 2.0, 3.0, 4.0]])  # softmax makes 0.1, 0.2, 0.3, 0.4 of them
assert np.allclose(ops.softmax.forward(logits)[0], [[0.1, 0.2, 0.3, 0.4]])
error_picture(patient_3, (logits,), np.array([[0.0, 0.0, 1.0, 0.0]]))

# %% [markdown]
# The outputs are 0.1, 0.2, 0.3, 0.4. `dy` asks: what makes output 2, the 0.3, larger? Both answers
# agree in column 2. Look at the other columns, and remember what softmax does: the outputs
# share a cake, their sum is 1.
#
# **Your diagnosis?**

# %%
assert patient_3 is mutants.without_windows.each_by_itself
source(patient_3.op.backward, docstring=True)

# %% [markdown]
# Each output is treated alone: its slope is $y (1 - y)$, here 0.3 · 0.7 = 0.21. But a larger
# input 3 makes output 2 *smaller*: it takes a larger piece of the cake, −0.3 · 0.4 = −0.12. The
# right numbers add up to 0: −0.03 − 0.06 + 0.21 − 0.12 = 0. The patient's do not. The case that
# is right, 2x1, has one class: its output is always 1, and there is no other class to forget.
#
# ### Patient 4: a max pooling

# %%
patient_4 = mutants.MUTANTS[16]
examine(patient_4)

# %%
picture = rng.permutation(25).reshape(1, 5, 5, 1) + 1.0
pool = {"size": 3, "stride": 2, "padding": "same"}
dy = np.arange(1.0, 10.0).reshape(1, 3, 3, 1)
y, _ = ops.max_pool2d.forward(picture, **pool)
row = [
    viz.Panel(picture[0, :, :, 0], "input", "x", padding=((1, 1), (1, 1)), border="−∞"),
    "pool 3x3\nstride 2",
    viz.Panel(y[0, :, :, 0], "output", "y"),
    "and",
    viz.Panel(dy[0, :, :, 0], "gradient", "dy"),
]
words = "A 5x5 image with a frame of minus infinity, its nine maxima y, and dy with 1 to 9."
viz.sheet([row], alt=words)

# %%
error_picture(patient_4, (picture,), dy, **pool)

# %% [markdown]
# Each window sends its own number back, so you can follow them. The first window has its maximum
# at row 1, column 1, where 21 stands: there the 1 belongs. The patient sends it to row 0, column
# 0. Where several windows have one maximum, their numbers add up: 22 gets 2 + 3 + 5 + 6 = 16.
#
# And look at the right cases: "valid" has no padding; "same" with a kernel of 1x1 or 2x2 has none
# at the top and at the left.
#
# **Your diagnosis?**

# %%
assert patient_4 is mutants.windows.winners_of_the_bare_image
source(patient_4.op.forward, docstring=True)

# %% [markdown]
# The output `y` comes from windows of the image *with* its padding. The winners, which forward
# notes for backward, are looked for at the same positions, but in the image *without* it. So
# every window stands one pixel too far down and to the right. Without padding there is no
# difference.
#
# ### Patient 5: another max pooling

# %%
patient_5 = mutants.MUTANTS[12]
examine(patient_5)

# %% [markdown]
# Not one gradient is wrong! Is the patient healthy? Give it an image of negative numbers, and
# compare its output with the definition:

# %%
negative = picture - 26.0  # from -25 to -1
y, _ = patient_5.op.forward(negative, **pool)
right = ops.max_pool2d.definition(negative, **pool)
different = [tuple(map(int, place)) for place in np.argwhere(y != right)[:, 1:3]]
row = [
    viz.Panel(negative[0, :, :, 0], "input", "x"),
    "→",
    viz.Panel(y[0, :, :, 0], "output", "y, the patient's", marked=different),
    "but",
    viz.Panel(right[0, :, :, 0], "output", "y, the definition's"),
]
words = "The patient's y is 0 at all eight places of its border, the right one negative."
viz.sheet([row], alt=words)

# %% [markdown]
# **Your diagnosis?** And why did the gradient check not find it?

# %%
assert patient_5 is mutants.windows.padded_with_zeros
assert len(different) == 8
source(patient_5.op.forward, docstring=True)

# %% [markdown]
# It pads with 0, not with −∞. At the border the largest number is then 0: a pixel that does not
# exist. Forward is wrong, *and backward is the right gradient of this wrong forward*. A gradient
# check compares the two with each other. They agree.
#
# **A gradient check says that backward fits forward. It does not say that forward is right.** For
# that, xnp has `definition`: the operation as plain loops, and forward is compared with it.
#
# ### Patient 6: a relu

# %%
patient_6 = mutants.MUTANTS[29]
examine(patient_6)

# %% [markdown]
# Healthy again, and its forward is right, too. Now send it to work, in a residual block of the
# smallest kind: $y = \mathrm{relu}(x) + x$. Backward sends `dy` both ways, and adds up what
# comes back. For $x = (-1, 2)$ and $dy = (10, 10)$ the right answer is: $-1$ gets 10 (from the
# skip alone), $2$ gets 20.


# %%
def block_backward(relu, x, dy):
    """Go back through y = relu(x) + x."""
    branch = relu.backward(dy, relu.forward(x)[1])  # the branch first
    return branch + dy  # then the skip connection


x, ten = np.array([-1.0, 2.0]), np.array([10.0, 10.0])
healthy, ill = (block_backward(relu, x, ten.copy()) for relu in (ops.relu, patient_6.op))
print("healthy relu:", healthy, "  patient:", ill)

# %% [markdown]
# **Your diagnosis?** The sum of two right numbers is wrong.

# %%
assert patient_6 is mutants.without_windows.written_into_dy
assert healthy.tolist() == [10, 20]
assert ill.tolist() == [0, 20]
source(patient_6.op.backward, docstring=True)

# %% [markdown]
# It writes its zeros into `dy` itself. Alone, nobody notices: `dx` is right. But `dy` also belongs
# to the skip connection, which reads it a moment later.
#
# No gradient check of a single operation can see this. xnp's
# [contract](../xnp/contract.py) does: it hands over
# arrays that must not be written to. **An operation never writes to an array that it was given.**
#
# ## How many would a gradient check find?
#
# The library has a whole collection of such mistakes, the **mutants**. Each must be rejected by
# the library's checks, or the checks are worth little. Which check says no first?

# %%
Counter(mutant.rejected_by() for mutant in mutants.MUTANTS)


# %%
def fits(mutant):
    """Whether each gradient fits the mutant's own forward."""
    cases = [case._replace(op=mutant.op) for case in cases_of(mutant.op_name)]
    return all(result.passed for case in cases for result in gradcheck.check(case))


others = [m for m in mutants.MUTANTS if m.caught_by != "gradient"]
unseen = [mutant for mutant in others if fits(mutant)]
assert (len(mutants.MUTANTS), len(others), len(unseen)) == (42, 15, 10)
for mutant in unseen:
    print(f"{mutant.op_name:22} {mutant.name:26} {mutant.caught_by}")

# %% [markdown]
# 27 are rejected by the gradient check first. Of the other 15, ten would pass every gradient
# check: patients 5 and 6 are among them. `mutants.table()` prints
# all 42, with the mistake of each.
#
# ## It happens to good people
#
# These mistakes were made in public projects, by people who know their field. Several of the
# projects teach, as this one does, and teach well. Each file was read at the commit that is
# given. That is not always the newest version; some mistakes may be mended since. Every line
# below is *right* in a common case: that is why such a mistake is easy to miss. (Three words are
# new. A **dense** layer is a pointwise convolution of one pixel. **Dropout** sets random numbers
# to 0 in training; the **mask** says which. **Cross entropy** is the loss of lesson 10a.)
#
# | project, file, commit | what it does | right | wrong | in xnp |
# |---|---|---|---|---|
# | jfzhang95/pytorch-deeplab-xception, [xception.py, line 45](https://github.com/jfzhang95/pytorch-deeplab-xception/blob/b7cbf5a5ae8b3197ce9117f8fc64e0324bce4b3b/modeling/backbone/xception.py#L45), at commit b7cbf5a | an Xception. The branch of a block starts with a relu that writes into its input (line 81); the skip reads that input afterwards (lines 84, 87). It carries relu(x), not x | where the input is never negative; blocks without a first relu. Training and gradients fit each other: it is another network, not a broken one | if the input has negative numbers: it is not the paper's block | patient 6, in forward: relu / written_into_dy |
# | oreilly-japan/deep-learning-from-scratch, [layers.py, line 19](https://github.com/oreilly-japan/deep-learning-from-scratch/blob/751d55dcb272efe25a890b4f70ba78db2f01b91e/common/layers.py#L19), at commit 751d55d | relu's backward writes its zeros into `dout`, and returns it | in a plain chain of layers | if two branches are given one `dout` | patient 6: relu / written_into_dy |
# | the same file, [line 139](https://github.com/oreilly-japan/deep-learning-from-scratch/blob/751d55dcb272efe25a890b4f70ba78db2f01b91e/common/layers.py#L139) | batch norm of images makes a row of each image: every pixel has its own mean | for rows (N, D), after dense layers | after a convolution, as the batch norm paper describes it: one mean a channel. Its gradient check passes | batch_norm / each_image_alone (also wrong axes) |
# | ddbourgin/numpy-ml, [layers.py, `Pool2D.backward`](https://github.com/ddbourgin/numpy-ml/blob/be8ae238d4d5340e7fc7dd27f008275ee03267d5/numpy_ml/neural_nets/layers/layers.py), at commit be8ae23 | looks for the maximum in the image without its padding | without padding, which is the default; average pooling | max pooling with padding: an error, or another pixel | patient 4: max_pool2d / winners_of_the_bare_image |
# | the same file, `Pool2D.forward`, with [`pad2D`](https://github.com/ddbourgin/numpy-ml/blob/b5c4e40fb04031759384a2bb31070b0b0af83e47/numpy_ml/neural_nets/utils/utils.py) at commit b5c4e40 | pads with 0, as its documentation says | without padding; after a relu | max pooling of negative numbers, with padding | patient 5: max_pool2d / padded_with_zeros |
# | ddbourgin/numpy-ml, [wrappers.py, line 231](https://github.com/ddbourgin/numpy-ml/blob/801dc40193862133b1ed7918aa87c6f109f7c3cf/numpy_ml/neural_nets/wrappers/wrappers.py#L231), at commit 801dc40 | dropout's backward multiplies by the scale, not by the mask, and writes into `dLdy` | the gradients of the layer that it wraps; the first layer of a network | `dx`: numbers that were dropped get a gradient | dropout / another_mask |
# | SebLague/Neural-Network-Experiments, [Activation.cs, struct `Softmax`](https://github.com/SebLague/Neural-Network-Experiments/blob/c35b06611ac1812348890e7883d0875c8a00d0c3/Assets/Scripts/Neural%20Network/Activation/Activation.cs), at commit c35b066 | the slope of a softmax is that of its own input alone | together with its own cross entropy: the product is y − target, the gradient that softmax and the usual cross entropy have together | with another cost, such as squared error | patient 3: softmax / each_by_itself |
# | oreilly-japan/deep-learning-from-scratch-3, [functions.py, class `Max`](https://github.com/oreilly-japan/deep-learning-from-scratch-3/blob/552d678fb729dbe88a6e85e55a2fcaddff73ea1d/dezero/functions.py), at commit 552d678 | every element that equals the maximum gets the whole gradient | without ties: all random numbers | with ties: more goes back than came | max_pool2d / each_maximum_wins |
# | minitorch/minitorch, [tensor_functions.py, `grad_check`](https://github.com/minitorch/minitorch/blob/477b0b173c9f837d79474da97f5ded098a8ed1c4/minitorch/tensor_functions.py), at commit 477b0b1, used on softmax in [test_nn.py](https://github.com/minitorch/minitorch/blob/246f23105542d6c7b723a47f20c828e9412b7fb6/tests/test_nn.py) at commit 246f231 | a check: sums the output, so that `dy` is all ones | for most functions | for softmax alone: its sum is 1, its slope is 0, and a backward of zeros would pass | why `dy` is random |
#
# Notice the pattern. Not one of them is wrong everywhere. Each waits for a padding, a negative
# number, a tie, a second branch, another loss. Test there.
#
# ## What you know now
#
# - A gradient check measures slopes with forward alone. Central difference, step 1e-5 to 1e-6,
#   float64, relative error.
# - Too large a step: truncation. Too small: rounding. The complex step loses no digits.
# - `dy` is random to find a mistake, and a single 1 to explain it.
# - At corners a measured slope proves nothing.
# - Backward can fit a wrong forward. So forward is compared with its definition, ties are tested,
#   and arrays that were given are protected.
#
# ## Patient 7, for the exercises
#
# One more convolution. Here the kernel is 1 to 9 again, the stride is 2, and `dy` has a single 1
# in its middle.

# %%
patient_7 = mutants.MUTANTS[2]
examine(patient_7)

# %%
x, spot = rng.normal(size=(1, 7, 7, 1)), np.zeros((1, 3, 3, 1))
spot[0, 1, 1] = 1
error_picture(patient_7, (x, kernel), spot, stride=2, padding="valid")

# %% [markdown]
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell.
#
# 1. `slopes`: a list of two numbers, the forward and the central difference of $x^2$ at
#    $x = 3$ with a step of 0.5. By hand. One of them is exact: which, and why?
# 2. `directional`: the slope of $f(a, b) = a b^2$ at (2, 3) along $d = (0.6, 0.8)$.
# 3. `diagnosis`: what did patient 7 forget: `"bias"`, `"stride"`, `"padding"` or `"dilation"`?

# %% tags=["exercise"]
slopes = ...
directional = ...
diagnosis = ...


def line_slope(left, right):
    """Measure the slope of the straight line between two points of the parabola."""
    middle, half = np.array((left + right) / 2), (right - left) / 2
    return differences.central_difference(np.square, middle, np.ones(()), eps=half)


along_d = differences.central_difference(
    lambda t: (2 + 0.6 * t) * (3 + 0.8 * t) ** 2, np.zeros(()), np.ones(())
).round(6)
check("slopes", slopes, [line_slope(3.0, 3.5), line_slope(2.5, 3.5)])
check("directional", directional, along_d)
check("diagnosis", diagnosis, patient_7.name.removesuffix("_forgotten"))

# %% tags=["solution"]
# Solutions. Run this cell to check them.
# The second is exact: a parabola bends alike on both sides, and all of the bend cancels.
slopes = [(3.5**2 - 3**2) / 0.5, (3.5**2 - 2.5**2) / 1.0]

# The gradient is (b^2, 2ab) = (9, 12).
directional = 9 * 0.6 + 12 * 0.8

# All cases with stride 1 are right. And the window stands at (1, 1); stride 2 puts it at (2, 2).
diagnosis = "stride"

check("slopes", slopes, [line_slope(3.0, 3.5), line_slope(2.5, 3.5)])
check("directional", directional, along_d)
check("diagnosis", diagnosis, patient_7.name.removesuffix("_forgotten"))
