# %% [markdown]
# # 12 · The map: from the paper to the line
#
# **Aim.** You find every figure, every table and every hyper-parameter of the paper in the source, by file and line. You
# also find what is *not* there, and why. At the end you see a program that finds gradients by itself.
#
# **Time.** 35 minutes.
#
# **Reads.** All of [xnp](../xnp), and beside it the paper: Chollet,
# [Xception: Deep Learning with Depthwise Separable Convolutions](https://arxiv.org/abs/1610.02357)
#
# **Predict first.** Write down three numbers.
#
# 1. The paper trains on 1.28 million images of ImageNet. You do that with this library, on one processor core. How long
#    does it take to see each image *once*?
# 2. A program that finds the gradients of a whole network by itself: how many lines has it? 30, 300 or 3,000?
# 3. This program takes work from us. How much of the backward code of this library could we delete?

# %%
import inspect
from pathlib import Path

import numpy as np

import xnp
from xnp import (
    data,
    evaluation,
    layers,
    models,
    ops,
    optimizers,
    runs,
    schedules,
    training,
    viz,
)
from xnp.count import count
from xnp.lessons import check, source
from xnp.models import inception, inception_arrays
from xnp.models.xception import downsample, middle_block, separables, skip, stem
from xnp.tables import table

# %% [markdown]
# ## How the map is made
#
# A map that is written by hand is soon wrong: somebody adds a line, and all numbers below it move. So this one is
# computed. Each entry names the thing itself, a function or a class. Python knows in which file and line it was defined.
# If a thing is gone, the cell stops with an error.

# %%
ROOT = Path(xnp.__file__).parent.parent


def place(thing):
    """Link to the file and line where a function, a class or a module of xnp begins."""
    thing = inspect.unwrap(thing)  # what a decorator covers
    line = 1 if inspect.ismodule(thing) else inspect.getsourcelines(thing)[1]
    file = Path(inspect.getsourcefile(thing)).relative_to(ROOT).as_posix()
    words, target = f"{file}:{line}", f"../{file}#L{line}"
    return f"[{words}]" + f"({target})"  # a link in Markdown


def draw_map(entries):
    """Lay out entries (in the paper, what it is, things, lesson)."""
    for _, _, things, _ in entries:
        assert all(inspect.getmodule(t).__name__.startswith("xnp") for t in things)
    rows = [[a, b, "<br>".join(map(place, t)) or "not here", c] for a, b, t, c in entries]
    return table(["in the paper", "what", "where in xnp", "lesson"], rows)


place(models.xception)

# %% [markdown]
# ## The figures
#
# Figures 1 to 4 are the way of thinking: from an Inception module to a depthwise separable convolution. Figure 5 is the
# network. Figures 6 to 10 are curves of trainings. (**ImageNet** and **JFT** are the paper's two sets of photographs.)

# %%
draw_map(
    [
        ("figure 1", "the Inception module", [inception.canonical], "11"),
        ("figure 2", "the same, simplified", [inception.simplified], "11"),
        ("figure 3", "one large 1x1 for all towers", [inception.segmented], "11"),
        ("figure 2 to 3", "the weights move", [inception_arrays.towers_to_segments], "11"),
        ("figure 4", "extreme: a 3x3 for each channel", [inception.extreme], "11"),
        ("figure 5", "Xception", [models.xception], "07, 09"),
        ("figure 6", "curves on ImageNet", [], ""),
        ("figures 7, 8", "curves on JFT", [], ""),
        ("figure 9", "residual connections, or none", [layers.Residual], "07, 11"),
        (
            "figure 10",
            "activation between the halves",
            [ops.separable_conv2d.forward],
            "11",
        ),
    ]
)

# %% [markdown]
# "Not here" means: the curves of figures 6 to 8 are not made again. The reason comes below. For figures 9 and 10 the *parts*
# are here: you can leave out a residual connection, and you can put an activation between the two halves. Lesson 11 does
# so on small images. That is a small experiment of our own, not the paper's curve.
#
# ## Figure 5, drawn from the source
#
# This figure is not copied from the paper. The function gets the model, walks through its layers, and draws what it
# finds. So it shows what the library really runs. Lay the paper beside it and compare.

# %%
viz.architecture(models.xception())

# %% [markdown]
# Each part of the drawing is a function of a few lines. This one is the block that the middle flow repeats eight times:

# %%
source(middle_block)

# %%
draw_map(
    [
        ("figure 5, entry flow", "two standard convolutions", [stem], "01"),
        ("figure 5, entry and exit", "a block that halves the image", [downsample], "06"),
        ("figure 5, beside a block", "1x1 convolution, stride 2", [skip], "07"),
        ("figure 5, middle flow", "three separable convolutions", [middle_block], "07"),
        ("figure 5, end", "two separable convolutions", [separables], "05"),
    ]
)

# %% [markdown]
# ## The operations
#
# Each is one file with four functions: what it is, how it runs, its gradient, its cost. The links lead to `backward`, the
# part that no paper writes down.

# %%
draw_map(
    [
        ("section 1.1", "standard convolution", [ops.conv2d.backward], "01, 02"),
        ("section 1.1", "pointwise convolution", [ops.pointwise_conv2d.backward], "04"),
        ("section 1.2", "depthwise convolution", [ops.depthwise_conv2d.backward], "03"),
        ("section 1.2", "separable convolution", [ops.separable_conv2d.backward], "05"),
        ("figure 3", "3x3 on segments", [ops.grouped_conv2d.backward], "11"),
        ("figure 5", "max pooling 3x3, stride 2", [ops.max_pool2d.backward], "06"),
        ("figure 1", "average pooling", [ops.average_pool2d.backward], "06, 11"),
        ("figure 5", "residual addition", [ops.add.backward], "07"),
        ("figure 5", "batch norm, in training", [ops.batch_norm.backward], "07"),
        ("figure 5", "batch norm, in use", [ops.batch_norm_inference.backward], "07"),
        ("figure 5", "ReLU", [ops.relu.backward], "07"),
        ("figure 10", "ELU", [ops.elu.backward], "11"),
        ("figure 5", "global average pooling", [ops.global_average_pool2d.backward], "09"),
        ("figure 5", "last layer", [ops.dense.backward], "09"),
        ("section 3", "loss", [ops.softmax_cross_entropy.backward], "10a"),
    ]
)

# %% [markdown]
# ## The hyper-parameters
#
# A **hyper-parameter** is a number that a human chooses before the training. The paper lists its own in sections 4.2 and
# 4.3. The library has all of them. But the recipe for our `tiny_xception` on CIFAR-10 chooses other ones, and this table
# says which. The right column is read from the recipe, while this cell runs.

# %%
recipe = runs.make_settings({"data": "cifar10"})
make_optimizer = runs.OPTIMIZERS[recipe.optimizer]
tiny = make_optimizer(recipe.weight_decay)

optimizer = (
    f"{type(tiny).__name__}, momentum {tiny.momentum}" + ", Nesterov" * tiny.nesterov
)
rate = f"{recipe.learning_rate} at the peak, {recipe.schedule}"
average = recipe.average or "none"
smoothing = f"label smoothing {recipe.label_smoothing}"
images = f"32x32; {', '.join(recipe.augment)}"

StepDecay, loss = schedules.StepDecay, ops.softmax_cross_entropy.forward
hyper_parameters = [
    ("ImageNet: SGD, momentum 0.9", optimizers.SGD, optimizer),
    ("ImageNet: rate 0.045, × 0.94 every 2 epochs", StepDecay, rate),
    ("JFT: RMSprop, momentum 0.9", optimizers.RMSprop, "not used"),
    ("JFT: rate 0.001, × 0.9 every 3,000,000 samples", StepDecay, "not used"),
    ("weight decay 0.00001", optimizers.add_decay, f"{recipe.weight_decay}"),
    ("ImageNet: dropout 0.5 before the last layer", ops.dropout.forward, "none"),
    ("Polyak averaging of the weights", optimizers.PolyakAverage, average),
    ("no auxiliary loss tower", None, "none"),
    ("(not in the paper's list)", loss, smoothing),
    ("images of 299x299", data.augment.compose, images),
]
rows = [[a, place(b) if b else "nothing to build", c] for a, b, c in hyper_parameters]
table(["in the paper", "where in xnp", "tiny on CIFAR-10 instead"], rows)

# %% [markdown]
# Four of these words are new:
#
# - **RMSprop** is an optimizer. It divides each gradient by the typical size of the last ones.
# - **Dropout** 0.5: in training, each number is set to zero with probability 1/2.
# - **Polyak averaging**: the network is used with a running mean of its weights.
# - An **auxiliary tower** is a second classifier, in the middle of the network. It has a loss of its own.
#
# Why does our recipe choose other values? A hyper-parameter belongs to a data set and a time. The paper's schedule falls slowly, over a training of
# days. Ours has minutes. With 0.045 and a factor of 0.94 every two epochs, 20 epochs end at more than half of the first
# rate:

# %%
imagenet = schedules.StepDecay(0.045, 0.94, every=2 * 1000)  # an epoch of 1,000 steps
last = imagenet(20 * 1000 - 1)
assert round(last / 0.045, 3) == round(0.94**9, 3) == 0.573

one_cycle = schedules.OneCycle(0.3, 20 * 1000)
assert one_cycle(20 * 1000 - 1) == 0.0
round(last, 4), one_cycle(20 * 1000 - 1)

# %% [markdown]
# The rates of the paper are still one line away: `optimizers.SGD(momentum=0.9, weight_decay=1e-5)` and
# `schedules.StepDecay(0.045, 0.94, every=...)`, given to `training.fit`. And `models.xception(dropout=0.5)` is the
# network of the ImageNet training.

# %%
optimizer = optimizers.SGD(momentum=0.9, weight_decay=1e-5)
with_dropout = models.xception(dropout=0.5)
assert count(with_dropout).trainable == 22_855_952
table(
    ["what a training needs", "where in xnp"],
    [
        ["the training itself", place(training.fit)],
        ["the average of the weights, for use", place(evaluation.averaged)],
        ["all choices of a training", place(runs.Settings)],
        ["the recipes", place(runs.make_settings)],
    ],
)

# %% [markdown]
# ## The tables, and what is not reproduced
#
# | in the paper | what | here |
# |---|---|---|
# | table 1 | accuracy on ImageNet: Xception .790, .945 (right at the first answer, among the first five) | not reproduced |
# | table 2 | quality of the first 100 answers (MAP@100) on JFT: Xception 6.70, with fully connected layers 6.78 | not reproduced |
# | table 3, parameters | 22,855,952 | reproduced, to the last digit (lesson 09) |
# | table 3, speed | 28 training steps in a second, on 60 GPUs | not reproduced |
#
# What is not reproduced is quoted: these accuracies and speeds are the paper's, not ours. There are two reasons.
#
# **Data.** JFT is Google's own: 350 million images that are not public. So nobody outside can check table 2. ImageNet can
# be had, but it is large, and its terms do not let us pass it on.
#
# **Work.** Here is your first prediction. One image needs 8.36 G MACs forward. The backward needs about twice as many: for
# each product of the forward it has two, one for dx and one for dw. We assume a core that does 10 G MACs in a second.

# %%
images_in_imagenet = 1_281_167
macs = 3 * count(models.xception()).macs * images_in_imagenet  # forward 1, backward 2
seconds = macs / 10e9
days = seconds / (24 * 60 * 60)
assert round(days) == 37
f"{macs:.1e} MACs, {days:.0f} days for one epoch"

# %% [markdown]
# 37 days to see each image once, and a training sees each of them many times. The paper had 60 GPUs, for about three days
# (section 4.4).
#
# So what *can* be checked here? That the network is the same: its layers, its shapes, its counts. That every gradient is
# right (lesson 08). That the outputs and the gradients agree with other libraries: see
# [tests/oracles](../tests/oracles). And that the small network learns (lessons 10a and 10b). Not that Xception gets .790
# on ImageNet.

# %% [markdown]
# ## What an automatic program would have written for us
#
# Every backward in this library is written by hand. In PyTorch, TensorFlow or JAX you write the forward only. How do they
# find the backward? This is called **automatic differentiation**, and its heart is small.
#
# Lesson 02 used the chain rule: start with the gradient of the loss at the end, and go back, one operation after the
# other. Each operation needs only its own cache and its own dy. So it is enough to *remember which operations ran*,
# in their order. Such a list is called a **tape**. Here it is.


# %%
class Variable:
    """An array whose gradient we want to know."""

    def __init__(self, value):
        self.value = value
        self.gradient = None


class Tape:
    """Remembers the calls of operations, to go back through them."""

    def __init__(self):
        self.calls = []

    def run(self, op, *inputs, **options):
        """Run op.forward. Inputs that are not variables are constants, such as labels."""
        values = [i.value if isinstance(i, Variable) else i for i in inputs]
        y, cache = op.forward(*values, **options)
        output = Variable(y)
        variables = [i for i in inputs if isinstance(i, Variable)]
        self.calls.append((op, variables, cache, output))
        return output

    def backward(self, output, dy):
        """Play the tape from its end: each variable gets the gradient of the loss."""
        output.gradient = dy
        for op, variables, cache, y in reversed(self.calls):
            if y.gradient is None:
                continue  # the loss does not depend on it
            gradients = op.backward(y.gradient, cache)
            if not isinstance(gradients, tuple):
                gradients = (gradients,)
            # strict=False: a bias that is not there has a gradient too, None, at the end
            for variable, gradient in zip(variables, gradients, strict=False):
                if variable.gradient is None:
                    variable.gradient = gradient
                else:  # it was used more than once: the ways add up
                    variable.gradient = variable.gradient + gradient


# %% [markdown]
# That is all. Without the empty lines and the comments, it has about 30 lines: this is your second prediction. Read
# `backward` once more. Three things happen there:
#
# 1. `reversed`: the last operation comes first. When we reach a call, everything that used its output has been played
#    already. So its gradient is complete.
# 2. `op.backward`: the operation does the mathematics. The tape knows none.
# 3. `+`: a variable that was used twice gets two gradients, and they add up. That is the chain rule
#    where there are several ways.
#
# ## A first try by hand
#
# $y = x + \text{relu}(x)$. For $x = 2$ the slope is $1 + 1 = 2$, and for $x = -1$ it is $1 + 0 = 1$.

# %%
tape, x = Tape(), Variable(np.array([2.0, -1.0]))
y = tape.run(ops.add, x, tape.run(ops.relu, x))
tape.backward(y, np.ones(2))
assert x.gradient.tolist() == [2.0, 1.0]
x.gradient

# %% [markdown]
# ## The tape against the hand: a residual block
#
# Now a block as in the middle flow: two times ReLU, separable convolution, batch norm; and the residual addition. The
# hand-written layers are one side of the test. The other side is a tape. It does not even know separable convolutions: it
# runs a depthwise one and a pointwise one.

# %%
rng = np.random.default_rng(0)
block = middle_block(4, repeats=2).build((8, 8, 4), dtype=np.float64)
images, dy = rng.standard_normal((2, 2, 8, 8, 4))

by_hand = block.forward(images, training=True)
dx_by_hand = block.backward(dy)
list(block.gradients())

# %%
variables = {path: Variable(array) for path, array in block.parameters().items()}
tape, x = Tape(), Variable(images)

h = x
for k in (1, 2):
    h = tape.run(ops.relu, h)
    h = tape.run(ops.depthwise_conv2d, h, variables[f"separable{k}/depthwise"])
    h = tape.run(ops.pointwise_conv2d, h, variables[f"separable{k}/pointwise"])
    h = tape.run(ops.batch_norm, h, variables[f"norm{k}/gamma"], variables[f"norm{k}/beta"])
y = tape.run(ops.add, h, x)

tape.backward(y, dy)

# %% [markdown]
# Here is the tape. `backward` reads it from the last line to the first.

# %%
names = {id(v): path for path, v in variables.items()} | {id(x): "x"}
rows = []
for k, (op, inputs, _cache, output) in enumerate(tape.calls, 1):
    used = ", ".join(names.get(id(v), "?") for v in inputs)
    names[id(output)] = f"h{k}"
    rows.append([k, op.__name__.rpartition(".")[2], used, f"h{k}"])
table(["call", "operation", "inputs", "output"], rows)

# %% [markdown]
# Find x in the column of the inputs. It is there twice, in the first line and in the last: this is the residual
# connection. So x gets two gradients.
#
# Are the gradients of both sides the same? Not nearly the same: the same, to the last bit?

# %%
assert np.array_equal(y.value, by_hand)
assert np.array_equal(x.gradient, dx_by_hand)
for path, gradient in block.gradients().items():
    assert np.array_equal(variables[path].gradient, gradient), path
f"dx and {len(variables)} gradients of parameters are equal, bit for bit"

# %% [markdown]
# ## The whole network
#
# Does it also work for a whole `tiny_xception`, with its loss? This function walks through the layers, and uses their
# forward operations only.


# %%
def record(tape, layer, x, variables):
    """Run a layer of the library on the tape."""
    if isinstance(layer, layers.Residual):
        main = record(tape, layer.main, x, variables)
        skipped = x if layer.skip is None else record(tape, layer.skip, x, variables)
        return tape.run(ops.add, main, skipped)
    if isinstance(layer, layers.Sequential):
        for child in layer.children.values():
            x = record(tape, child, x, variables)
        return x
    in_training = ops.batch_norm if isinstance(layer, layers.BatchNorm) else layer.op
    own = [variables[f"{layer.path}/{name}"] for name in layer.trainable()]
    return tape.run(in_training, x, *own, **layer.options())


model = models.tiny_xception(dtype=np.float64)
images, labels = rng.standard_normal((4, 32, 32, 3)), np.array([3, 1, 4, 1])

tape, x = Tape(), Variable(images)
variables = {path: Variable(array) for path, array in model.parameters().items()}
loss = tape.run(ops.softmax_cross_entropy, record(tape, model, x, variables), labels)
tape.backward(loss, 1.0)

# %%
logits = model.forward(images, training=True)
_, cache = ops.softmax_cross_entropy.forward(logits, labels)
dx = model.backward(ops.softmax_cross_entropy.backward(1.0, cache))

assert np.array_equal(x.gradient, dx)
assert all(np.array_equal(variables[p].gradient, g) for p, g in model.gradients().items())
numbers = sum(g.size for g in model.gradients().values())
assert numbers == 86_106
f"{len(tape.calls)} calls on the tape; {numbers:,} gradients of parameters, all equal"

# %% [markdown]
# ## What it would have written, and what not
#
# Now your third prediction. If we had the tape, which code could we delete? The `backward` of the containers and of the
# layers: they only say in which order to go back, and where gradients add up. That is what the tape knows. And the
# `backward` of operations that are made of other ones: the separable convolution.
#
# What could we not delete? The `backward` of every other operation. The tape calls it. Count the lines, without
# docstrings:


# %%
def lines(function):
    """Count the lines of a function without its docstring."""
    return len(source(function).text.splitlines())


containers = [layers.Sequential, layers.Residual, layers.Parallel, layers.Leaf]
operations = {name: getattr(ops, name) for name in ops.__all__}
composed = operations.pop("separable_conv2d")

saved = sum(lines(c.backward) for c in containers) + lines(composed.backward)
kept = sum(lines(op.backward) for op in operations.values())
assert 0.15 < saved / (saved + kept) < 0.25  # about a fifth
table(
    ["the backward of", "lines"],
    [
        ["containers, layers, separable convolution: the tape can do it", saved],
        [f"the other {len(operations)} operations: somebody must derive it", kept],
    ],
)

# %% [markdown]
# About a fifth. The tape would have written the *bookkeeping*: who comes before whom, and which gradients add up.
# The mathematics stays: where does the gradient of a max pooling go? What does batch norm subtract? In PyTorch too,
# somebody sat down and derived it, operation by operation, and tested it (lesson 08).
#
# It also pays to choose *which* operations the tape sees. We could build batch norm out of a mean, a difference, a square,
# a root and a quotient, and the tape would find its gradient. But it would keep several arrays of the size of x.
# [batch_norm](../xnp/ops/batch_norm.py) keeps one, because somebody simplified the formula with a pencil.
#
# You have come from one window on a picture of 8x8 to the place where frameworks begin. You know what is inside.
#
# ## What you know now
#
# - Each figure, table and hyper-parameter of the paper has a place in the source, or a reason why not.
# - Reproduced: the architecture and its counts. Not reproduced: accuracies and speeds on ImageNet and JFT.
# - A tape remembers the calls and plays them backward. Gradients of a variable that is used twice add up.
# - The tape does the bookkeeping. The derivative of each operation is still somebody's work.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. Three digits are enough.
#
# 1. `rate`: the paper's learning rate on ImageNet in its 11th epoch (0.045, times 0.94 every 2 epochs). Find the class in
#    the map, or use a pencil.
# 2. `arriving`: how many gradients arrive at the input x of (a) a residual block with a 1x1 convolution as skip, (b) the
#    canonical Inception module of figure 1, (c) a middle block? A list of three numbers.
# 3. `dx`: the gradient of x for $y = \text{relu}(x) + \text{relu}(x + \text{relu}(x))$, at $x = (2, -1)$, with
#    $dy = (1, 10)$. A list of two numbers. Do it by hand first.

# %% tags=["exercise"]
rate = ...
arriving = ...
dx = ...

tape, x = Tape(), Variable(np.array([2.0, -1.0]))
r = tape.run(ops.relu, x)
inner = tape.run(ops.relu, tape.run(ops.add, x, r))
tape.backward(tape.run(ops.add, r, inner), np.array([1.0, 10.0]))


def arrivals(layer):
    """Count on a tape how often a layer uses its input."""
    start, tape = Variable(np.ones((1, 8, 8, 4), np.float32)), Tape()
    weights = {path: Variable(array) for path, array in layer.parameters().items()}
    record(tape, layer, start, weights)
    return sum(used is start for _, inputs, _, _ in tape.calls for used in inputs)


halving = layers.Residual(layers.Sequential(**downsample(6, 6)), skip(6)).build((8, 8, 4))
middle = middle_block(4, repeats=1).build((8, 8, 4))
towers = inception.canonical(1).children
right_arriving = [arrivals(halving), len(towers), arrivals(middle)]

check("rate", rate, schedules.StepDecay(0.045, 0.94, every=2)(10), rtol=0.005)
check("arriving", arriving, right_arriving)
check("dx", dx, x.gradient)

# %% tags=["solution"]
# Solutions. Run this cell to check them.
rate = 0.045 * 0.94**5  # the 11th epoch follows 10 epochs: five stairs
arriving = [2, 4, 2]  # main and skip; four towers; main and x itself
# At 2: one way through the outer relu, two through the inner ones. At -1 all are closed.
dx = [(1 + 2) * 1, 0 * 10]

check("rate", rate, schedules.StepDecay(0.045, 0.94, every=2)(10), rtol=0.005)
check("arriving", arriving, right_arriving)
check("dx", dx, x.gradient)
