# %% [markdown]
# # 10a · Training: from knowing nothing to 100 %
#
# **Aim.** You train a small Xception and check each stage: the loss before training, 32 images learned by heart, a real
# training, the mistakes, and what is inside the network afterwards.
#
# **Time.** 45 minutes. The computer needs about one of them.
#
# **Reads.** [xnp/ops/softmax_cross_entropy.py](../xnp/ops/softmax_cross_entropy.py),
# [xnp/training.py](../xnp/training.py), [xnp/trainer.py](../xnp/trainer.py),
# [xnp/data/patterns.py](../xnp/data/patterns.py), [xnp/models/xception.py](../xnp/models/xception.py)
#
# **Predict first.** Take 32 images and shuffle their labels, so that nearly all are *wrong*. Train the network on
# them. How many of the 32 labels can it learn? Write your number down.

# %%
import numpy as np

from xnp import models, ops, training, viz
from xnp.data import patterns
from xnp.lessons import check, source
from xnp.optimizers import SGD
from xnp.schedules import Constant, OneCycle

# %% [markdown]
# ## The images
#
# They are made on the spot, 32x32 pixels. A class is a pair: one of five patterns, and a relation between the colours.
# With *agree*, red and green are bright at the same places. With *oppose*, red is bright where green is dark.
# So there are 5 · 2 = 10 classes. Where the blocks lie, how much blue there is, and the noise are chance. Here is the
# first image of each class:

# %%
train, validation = patterns.load_training(training=2000, validation=500)
first = [np.flatnonzero(train.labels == k)[0] for k in range(10)]
viz.pictures(train.images[first], train.names)

# %% [markdown]
# There are three sets of images, and they do not overlap:
#
# - **training**, 2,000 images: the network learns from these;
# - **validation**, 500 images: you look at these while you decide what to do;
# - **test**, 2,000 images: you look at these once, at the very end.
#
# A network takes numbers around 0, so each pixel is **standardised**: subtract the mean of the training images, divide
# by their standard deviation, for each channel.

# %%
scale = training.measure(train)
x = scale.apply(train.images[:32], np.float32)
assert x.shape == (32, 32, 32, 3)

# %% [markdown]
# ## What is a loss?
#
# The network gives ten numbers for an image, one a class. They are called **logits**: the larger, the more the network
# believes in this class. They may be negative. **Softmax** turns them into probabilities:
#
# $$p_k = \frac{e^{z_k}}{\sum_l e^{z_l}}$$
#
# In words: make each logit positive with $e^z$, then divide by the sum. Do it by hand for three classes, with the
# logits 0, 1 and 3:

# %%
logits = np.array([[0.0, 1.0, 3.0]])
exponentials = np.exp(logits)
exponentials.round(2), exponentials.sum().round(2)

# %% [markdown]
# 1 / 23.8 = 0.04, then 2.72 / 23.8 = 0.11, and 20.09 / 23.8 = 0.84:

# %%
p, _ = ops.softmax.forward(logits)
assert np.allclose(p, exponentials / exponentials.sum())
p.round(2)

# %% [markdown]
# Now say that class 1 is right. The network gave it only 0.11. The **loss** says how bad that is:
#
# $$loss = -\log p_{right}$$
#
# In words: the loss is the *surprise* at the right answer. ($\log$ is the natural logarithm.) It is called
# **cross entropy**. Here it is $-\log 0.114 = 2.17$.

# %%
label = np.array([1])
loss, cache = ops.softmax_cross_entropy.forward(logits, label)
assert np.isclose(loss, -np.log(p[0, 1]))
loss.round(2)

# %%
viz.surprise([0.9, 0.5, 0.1, 0.01])

# %% [markdown]
# Certain and right costs almost nothing. Certain and wrong costs a lot: the curve goes up without end at the left.
#
# Why this loss and not the number of mistakes? A loss must have a slope. If a logit moves a little, the number of
# mistakes usually does not move at all. This loss does move, and its gradient is very simple:
#
# $$dz_k = p_k - [\,k = right\,]$$
#
# Read: the probabilities, minus 1 at the right class. (For a batch of N images, divided by N.)

# %%
gradient = ops.softmax_cross_entropy.backward(1.0, cache)
assert np.allclose(gradient, p - [[0, 1, 0]])
gradient.round(2)

# %% [markdown]
# The gradient at class 1 is 0.11 − 1 = −0.89. An update goes *against* the gradient, so logit 1 rises, and the two
# others fall. The three numbers add up to 0. That is all that the network is told. Everything else is the chain rule
# (lesson 02): from the logits back through all layers, to every kernel.
#
# ## First check: the loss before training
#
# A network that knows nothing should give each class 1/10. Then the loss is $-\log 0.1 = \log 10 = 2.303$.

# %%
new = models.tiny_xception()
before = training.evaluate(new, validation, scale)
print(
    f"log 10 {np.log(10):.3f}   measured {before.loss:.3f}   accuracy {before.accuracy:.1%}"
)
assert abs(before.loss - np.log(10)) < 0.1

# %% [markdown]
# Very near, but not equal: it is 0.01 above. Why? The first weights are random, so the logits are small numbers, but
# not 0. The network prefers some classes for no reason, and on average that can only lose. You can see it exactly. For
# each image, take the losses for all ten possible labels. Their mean is never below $\log 10$:

# %%
for_all_labels = -np.log(before.probabilities).mean(axis=1)  # (500,)
assert (for_all_labels >= np.log(10) - 1e-6).all()
print(f"smallest {for_all_labels.min():.3f}   mean {for_all_labels.mean():.3f}")

# %% [markdown]
# In training mode the first loss is further away. There, batch normalisation (lesson 07) divides by the deviation of
# the *batch*, so the numbers have a deviation of 1 after it, layer by layer. Outside of training it divides by its
# moving average, and that still knows nothing: it starts at 1. So the logits of training mode are larger.

# %%
logits = models.tiny_xception().forward(x, training=True)
first_loss, _ = ops.softmax_cross_entropy.forward(logits, train.labels[:32])
print(f"first batch: {first_loss:.2f}   logits deviate by {logits.std():.2f}")

# %% [markdown]
# Here, 2.3 to 2.5 is healthy. The check finds real mistakes. For example, forget to standardise, and feed pixels from
# 0 to 255:

# %%
raw = models.tiny_xception().forward(train.images[:32].astype(np.float32))
wrong_loss, _ = ops.softmax_cross_entropy.forward(raw, train.labels[:32])
print(f"pixels from 0 to 255: {wrong_loss:.1f}")

# %% [markdown]
# ## Second check: learn 32 images by heart
#
# Before a long training, do a short one: only 32 images, 20 times the same batch. A network of 86,106 parameters must
# get 32 images right, all of them. If it cannot, there is a mistake: in a gradient, or in the update of the weights.
# (A small mistake in a gradient can pass. Lesson 08 finds those.)
#
# One call of `fit` does it. An **epoch** is one pass over all training images. Here an epoch is one batch, so 20 epochs
# are 20 **steps**, updates of the weights. The **learning rate** (0.1) says how far a step goes against the gradient.
# The setting `engine="plain"` runs the operations of the lessons before. Without it, `fit` takes a faster way to the
# same numbers, up to rounding (`xnp.engine`). `SGD` and `momentum` are explained below, at the long training.

# %%
few = train.take(np.arange(32))


def learn_by_heart(data):
    """Do 20 steps, each with all 32 images."""
    model = models.tiny_xception()
    settings = {
        "epochs": 20,
        "batch_size": 32,
        "schedule": Constant(0.1),
        "progress": False,
        "engine": "plain",
    }
    history = training.fit(model, data, optimizer=SGD(momentum=0.9), **settings)
    return model, history.rows


by_heart, rows = learn_by_heart(few)
viz.curves(rows)

# %%
assert rows[-1]["accuracy"] == 1.0
few_scale = training.measure(few)  # `fit` standardises by the images that it learns from
result = training.evaluate(by_heart, validation, few_scale)
print(f"the 32 images: {rows[-1]['accuracy']:.0%}   500 others: {result.accuracy:.1%}")

# %% [markdown]
# All 32 are right: the machine works. But of 500 images that it never saw, only 36.4 % are right.
#
# Now your prediction: the same 32 images with shuffled labels.

# %%
rng = np.random.default_rng(0)
shuffled = few._replace(labels=rng.permutation(few.labels))
confused, wrong_rows = learn_by_heart(shuffled)
on_others = training.evaluate(confused, validation, few_scale)
print(f"labels that are still right: {np.sum(shuffled.labels == few.labels)} of 32")
print(f"learned: {wrong_rows[-1]['accuracy']:.0%}   500 others: {on_others.accuracy:.1%}")
assert wrong_rows[-1]["accuracy"] == 1.0

# %% [markdown]
# **All 32.** The network learns nonsense as willingly as truth. On other images it is then no better than guessing,
# which gives 10 %.
#
# Keep this in mind: a low training loss says that the parts work together. It does not say that anything was
# *understood*. Only images that were not trained on can say that. When a network knows its training images by heart and
# fails on others, this is called **overfitting**.
#
# ## Which classes are mixed up?
#
# A **confusion matrix** has a row for each true class and a column for each predicted class. Here is the one of the
# network that learned 32 images with right labels:


# %%
def confusion(data, probabilities):
    """Count the images by true class (row) and predicted class (column)."""
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (data.labels, probabilities.argmax(axis=1)), 1)
    return matrix


viz.confusion_matrix(confusion(validation, result.probabilities), validation.names)

# %% [markdown]
# Read it row by row. Two things are worth a look.
#
# - *Horizontal stripes, oppose* is never right. Among the 32 images there is only one of this class (the next cell
#   counts them). From one example the network has learned that image, not the class.
# - The empty cells make a chessboard. What does that mean? Which half of the task did 32 images teach? Exercise 3 asks.

# %%
counts = np.bincount(few.labels, minlength=10)
assert counts[1] == 1
counts

# %% [markdown]
# ## The training
#
# Now with all 2,000 images. The recipe, in plain words:
#
# - **Batches** of 32 images, in a new random order each epoch: 2,000 / 32 = 62.5, so 63 steps an epoch, 252 in 4 epochs.
# - **SGD**, stochastic gradient descent: each step goes against the gradient of one random batch.
# - **Momentum** 0.9: the update is a running sum of the last gradients. What points the same way again and again adds
#   up; what changes its sign cancels. (**Nesterov** looks one step ahead on that way.)
# - **One-cycle**: the learning rate begins small (the first gradients come from random weights), rises to 0.1, and
#   falls to 0 (at the end, small steps find the bottom).
# - **Weight decay** 0.0005: each step also makes all kernels a little smaller, so that no weight grows without a reason.

# %%
steps = -(-len(train.labels) // 32)  # rounded up
model = models.tiny_xception()
history = training.fit(
    model,
    train,
    validation,
    epochs=4,
    batch_size=32,
    optimizer=SGD(momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=OneCycle(0.1, 4 * steps),
    progress=False,
    engine="plain",
)
assert steps == 63
viz.curves(history.rows)

# %%
for row in history.rows:
    print(
        f"epoch {row['epoch']}   training: loss {row['loss']:.2f}, {row['accuracy']:4.0%} right"
        f"   validation: loss {row['validation_loss']:.2f}, {row['validation_accuracy']:4.0%} right"
    )

# %% [markdown]
# (The lower picture has one point an epoch, so it misses the top of 0.1 in the second epoch.)
#
# Look at epoch 1. The validation has more right answers than the training, and yet a larger loss. How can that be?
#
# - The *accuracy* of the training is the mean over the whole epoch, its bad beginning included. The validation is
#   done after it.
# - The *loss* counts how sure the network was. A third of the answers are wrong. If the others cost almost
#   nothing, each of these costs about 2.25 / 0.34 = 6.6, and $e^{-6.6}$ = 0.001: the network was sure, and wrong. After
#   few steps that is common. The averages that batch normalisation uses outside of training are still behind the
#   weights.
#
# By epoch 4 both losses are small, and both accuracies are 100 %.
#
# What is inside `fit`? A loop over these lines. Look for the five that matter: `forward`, the loss, its `backward`, the
# model's `backward`, and the optimizer's `step`. (`self.runner` runs the model.)

# %%
from xnp.trainer import Trainer

source(Trainer.step)

# %% [markdown]
# ## The result
#
# Now, once, the test images:

# %%
test = patterns.load_test()
after = training.evaluate(model, test, scale)
print(f"{after.accuracy:.1%} of {len(test.labels):,} test images, loss {after.loss:.4f}")
assert after.accuracy > 0.99

# %%
viz.predictions(test.images, test.labels, after.probabilities, test.names, count=5)

# %% [markdown]
# ## What did the depthwise kernels learn?
#
# The first separable convolution of the network has 32 depthwise kernels of 3x3, one a channel. Predict: what do they
# look like after training? Edges? Stripes? First, the random numbers before training. Brown is above zero, violet with
# a stroke is below:

# %%
path = "entry/1/separable1/depthwise"
start, learned = models.tiny_xception().parameters(), model.parameters()
viz.kernels(start[path], name="Before")

# %%
viz.kernels(learned[path], name="After")

# %% [markdown]
# Compare them one by one, for example number 5 or number 16. They are nearly the same! The network did not draw edges
# or stripes. It kept the random kernels that it got, and changed them a little. (The second picture is paler because the
# colours follow the largest number, and this one has grown.)

# %%
before_training, after_training = start[path][..., 0], learned[path][..., 0]  # (3, 3, 32)
same = np.sum(np.sign(before_training) == np.sign(after_training))
print(f"{same} of {before_training.size} numbers keep their sign")
for name, w in (("before", before_training), ("after", after_training)):
    sums = np.abs(w.sum(axis=(0, 1))).mean()
    sizes = np.abs(w).sum(axis=(0, 1)).mean()
    print(
        f"{name:8} mean size of the nine numbers' sum {sums:.2f}   sum of their sizes {sizes:.2f}"
    )

# %% [markdown]
# One change can be measured. The nine numbers of a kernel add up to something nearer to 0 than before (0.30 against
# 0.64), while they are as large as before. A kernel whose numbers add up to 0 gives 0 where the image is uniform: it
# sees *change*, not brightness. To say more about single kernels would be guessing.
#
# Is it the same in other layers? The **correlation** of an array before and after says how alike they are: 1 is the
# same picture, 0 is a new one.


# %%
def likeness(path):
    """Correlate an array before training with the same one after."""
    return np.corrcoef(start[path].ravel(), learned[path].ravel())[0, 1]


for name in (
    "stem/conv1/kernel",
    "entry/1/separable1/depthwise",
    "entry/1/separable1/pointwise",
    "middle/1/separable1/depthwise",
    "middle/1/separable1/pointwise",
    "exit/2/separable1/depthwise",
    "exit/2/separable1/pointwise",
    "classifier/kernel",
):
    print(f"{name:32} {likeness(name):.2f}")

# %% [markdown]
# The stem (ordinary convolutions) and the classifier changed most. In each of these three separable layers the pointwise
# part changed more than the depthwise part. So behind the stem, the network learned mainly *which channels to mix*, and
# took the views in space mostly as chance gave them.
#
# Be careful with this result. It is one small network, 252 steps, easy images. A long training on photographs may move
# depthwise kernels further. But it is a good habit to compare with the start: without the first picture, you could
# have found "edge detectors" in the second one.
#
# ## What do the feature maps show?
#
# Kernels are hard to read. It is easier to see what they *do*. Take one image, vertical stripes whose colours oppose
# each other, and let it pass through the network part by part:

# %%
stripes = np.flatnonzero(validation.labels == 3)[:1]
viz.pictures(validation.images[stripes], [validation.names[3]])

# %%
maps, y = {}, scale.apply(validation.images[stripes], model.dtype)
for name, part in model.children.items():
    maps[name] = y = part.forward(y)
for name in maps:
    print(f"{name:12} {maps[name].shape}")

# %%
viz.feature_maps(maps["stem"], name="Stem")

# %% [markdown]
# Three kinds of maps are easy to see. Hold them against the image:
#
# - maps 2, 13 and 25 are dark where the image is magenta, and nearly white where it is green: these look at the colour;
# - maps 7, 8, 9 and 30 are the other way round;
# - maps 17, 26 and 28 have stripes from top to bottom, in both colours: these look at the pattern.
#
# Colour and pattern: these are the two halves of a class. Other maps are nearly white. They have nothing to say about
# this image.

# %%
entry, _ = ops.relu.forward(maps["entry"][..., :32])
viz.feature_maps(entry, name="Entry, the first 32 of 64 channels, after the next ReLU")

# %%
viz.feature_maps(maps["exit"][..., :32], name="Exit, the first 32 of 160 channels")

# %% [markdown]
# The further the image goes, the coarser the maps become: 16x16, then 8x8, then 4x4. Do not try to give each map a name.
# Look at what changes. At the stem you can still recognise the image. At the exit a few maps are dark and most are
# nearly white: only a few channels answer to this image.
#
# ## A fingerprint for each class
#
# One image proves little. So take all 500 validation images. After the global mean (`pool`), an image is 160 numbers,
# one a channel. Here is their mean for each class:


# %%
def fingerprint(network):
    """Give the mean of each pooled channel for each class: (10, 160)."""
    y = scale.apply(validation.images, network.dtype)
    for name in ("stem", "entry", "middle", "exit", "pool"):
        y = network.children[name].forward(y)
    return np.stack([y[validation.labels == k].mean(axis=0) for k in range(10)])


viz.fingerprints(fingerprint(model), validation.names)

# %% [markdown]
# Each class has a group of channels that answer to it more than to any other class. (The channels were sorted, so that
# these groups make a staircase. Sorting makes a staircase out of chance as well. What counts is how light the rest of
# each column is.) The classifier has an easy task: it looks for the dark group.
#
# To check that this was learned, draw the same picture for the untrained network:

# %%
viz.fingerprints(fingerprint(new), validation.names)

# %% [markdown]
# Before training, a channel says nearly the same for all ten classes: no staircase, but stripes from top to bottom.
#
# ## What you know now
#
# - The loss is $-\log p$ of the right class. Its gradient is $p$ minus 1 at the right class.
# - Three checks, from cheap to expensive: the first loss is near $\log K$; a few images can be learned by heart; the
#   validation gets better.
# - A network can learn wrong labels. Only images that it did not see say what it understood.
# - Before you read meaning into kernels, look at where they started.
#
# Lesson 10b does the same with photographs, where 100 % is far away.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which number is wrong. Three
# digits are enough.
#
# 1. `gradient`: the logits of one image are 2, 0, 0, and class 2 is right. Give the gradient of the loss with respect to
#    the logits, three numbers.
# 2. `stuck`: a network sees the relation (agree or oppose) with certainty, and knows nothing of the pattern. So it gives
#    1/5 to each of the five classes that are left. At which loss does it stay?
# 3. `relation`: the network that learned 32 images by heart: for which share of the 500 validation images is the
#    *relation* right, whatever the pattern? The label is 2 · pattern + relation, so label % 2 is the relation. The
#    predictions are `result.probabilities.argmax(axis=1)`.

# %% tags=["exercise"]
gradient = ...
stuck = ...
relation = ...

_, cache = ops.softmax_cross_entropy.forward(np.array([[2.0, 0.0, 0.0]]), np.array([2]))
right_stuck, _ = ops.softmax_cross_entropy.forward(np.zeros((1, 5)), np.array([0]))
matrix = confusion(validation, result.probabilities)
same_relation = matrix.reshape(5, 2, 5, 2)[:, [0, 1], :, [0, 1]].sum()
check("gradient", gradient, ops.softmax_cross_entropy.backward(1.0, cache)[0], rtol=0.005)
check("stuck", stuck, right_stuck, rtol=0.005)
check("relation", relation, same_relation / 500)

# %% tags=["solution"]
# Solutions. Run this cell to check them.
gradient = np.exp([2, 0, 0]) / np.exp([2, 0, 0]).sum() - [0, 0, 1]
stuck = np.log(5)
relation = np.mean(result.probabilities.argmax(axis=1) % 2 == validation.labels % 2)

check("gradient", gradient, ops.softmax_cross_entropy.backward(1.0, cache)[0], rtol=0.005)
check("stuck", stuck, right_stuck, rtol=0.005)
check("relation", relation, same_relation / 500)
