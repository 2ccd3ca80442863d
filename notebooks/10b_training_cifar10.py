# %% [markdown] tags=["needs-cifar10"]
# # 10b · Training on photographs
#
# **Aim.** You train the same small Xception on 5,000 photographs. It will not reach 100 %. You learn to read what it got
# wrong, and how to say honestly how good it is.
#
# **Time.** 45 minutes. The computer needs about five of them.
#
# **Reads.** [xnp/data/cifar10.py](../xnp/data/cifar10.py), [xnp/data/augment.py](../xnp/data/augment.py),
# [xnp/schedules.py](../xnp/schedules.py), [xnp/runs.py](../xnp/runs.py), [docs/results.md](../docs/results.md)
#
# **Predict first.** There are ten classes: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. Which
# class will be the hardest? With which other class will it be mixed up most? Write both down.

# %%
import numpy as np

from xnp import models, ops, runs, training, viz
from xnp.data import augment, cifar10
from xnp.lessons import check
from xnp.optimizers import SGD
from xnp.schedules import OneCycle

# %% [markdown]
# ## The images
#
# CIFAR-10 has 60,000 photographs of 32x32 pixels. This lesson needs them on your disk. There are two ways:
#
# - `xnp download` in a terminal fetches them once (170 MB), into the cache folder where the next cell looks;
# - if you have them already (the binary version), set the environment variable `XNP_DATA` to the folder that holds
#   `cifar-10-batches-bin`, before you start Jupyter.
#
# Without the images the next cell stops, and its last line says what is missing.
#
# We take 5,000 images to learn from, 500 of each class, and 5,000 others for validation. The 10,000 test images stay
# closed until the end.

# %%
train, validation = cifar10.load_training(subset=5000, validation=5000)
first = [np.flatnonzero(train.labels == k)[0] for k in range(10)]
viz.pictures(train.images[first], train.names)

# %% [markdown]
# You know most of them at once, although they have so few pixels. For the network they are much harder than the
# patterns of lesson 10a. There, one rule made all images of a class. Here, a bird can fly, sit or swim, be near or far,
# and stand before anything.
#
# ## Before training
#
# The first check of lesson 10a: ten classes, so the loss should be near $\log 10 = 2.303$.

# %%
scale = training.measure(train)
new = models.tiny_xception()
before = training.evaluate(new, validation, scale)
assert abs(before.loss - np.log(10)) < 0.1
print(f"loss {before.loss:.3f}   accuracy {before.accuracy:.1%}")

# %% [markdown]
# ## More images out of the same ones
#
# 5,000 photographs are few. But a truck stays a truck if you mirror the image, or move it by a few pixels.
# **Augmentation** does this: each time an image is used, it is mirrored with probability 1/2, and moved by up to 3
# pixels. What was outside is filled with zeros. The network never sees quite the same image twice, so it is harder to learn by heart.

# %%
flip, crop = runs.AUGMENTS["flip"], runs.AUGMENTS["crop"]
change = augment.compose(flip, crop)

truck = train.images[[first[9]] * 3]
changed = change(truck, np.random.default_rng(3))
viz.pictures(
    np.concatenate([truck[:1], changed]), ["as it is", "changed", "changed", "changed"]
)

# %% [markdown]
# Here zeros are black. In the training, the images are standardised first, so zero is the mean colour.
#
# ## The recipe
#
# These settings were found by trying several of them on validation images. The test images had no part in the choice.
# The library keeps them:

# %%
recipe = runs.RECIPES["cifar10"]
{
    name: recipe[name]
    for name in ("batch_size", "learning_rate", "weight_decay", "label_smoothing")
}

# %% [markdown]
# In plain words:
#
# - **Batches** of 64: 5,000 / 64 = 78.1, so 79 steps an epoch.
# - **SGD with Nesterov momentum** 0.9 and **weight decay** 0.0005, as in lesson 10a.
# - **One-cycle**: the learning rate rises to 0.3, which is large, and falls to 0. The large steps explore. The small
#   steps at the end settle.
# - **Label smoothing** 0.1: the target is not 1 for the right class and 0 for the others. A tenth of it is shared out
#   among all ten classes: 0.91 for the right one, 0.01 for each other. So the network is not asked to be certain.
# - **Epochs**: the recipe has 60. Here 10 are enough to see everything, in a sixth of the time.
#
# With smoothing the loss cannot reach 0. The best answer is exactly the target: 0.91 and nine times 0.01. What is the
# loss of this answer? Each $-\log p$ counts with the weight of its target:

# %%
target = np.array([0.91] + [0.01] * 9)
least, _ = ops.softmax_cross_entropy.forward(
    np.log(target)[None], np.array([0]), label_smoothing=0.1
)
assert np.isclose(least, -(0.91 * np.log(0.91) + 9 * 0.01 * np.log(0.01)))
print(f"{least:.2f}")

# %% [markdown]
# So a training loss of 0.50 would be perfect. The validation loss is computed without smoothing. **The two losses
# cannot be compared**: at the end, the validation loss will even be the smaller one. Compare the accuracies.
#
# ## The training
#
# It takes some minutes. (With `progress=True` it would print a line an epoch.)

# %%
epochs, steps = 10, -(-len(train.labels) // recipe["batch_size"])
model = models.tiny_xception()
history = training.fit(
    model,
    train,
    validation,
    epochs=epochs,
    batch_size=recipe["batch_size"],
    optimizer=SGD(momentum=0.9, nesterov=True, weight_decay=recipe["weight_decay"]),
    schedule=OneCycle(recipe["learning_rate"], epochs * steps),
    augment=change,
    label_smoothing=recipe["label_smoothing"],
    progress=False,
    engine="plain",
)
assert steps == 79
viz.curves(history.rows)

# %% tags=["measured"]
print(f"{sum(row['seconds'] for row in history.rows) / 60:.1f} minutes on this computer")

# %%
for row in history.rows:
    shares = f"training {row['accuracy']:.0%}   validation {row['validation_accuracy']:.0%}"
    print(
        f"epoch {row['epoch']:2}   learning rate {row['learning_rate']:.2f}   right: {shares}"
    )

# %% [markdown]
# Three things to see:
#
# - Epochs 2 and 3: the training gets better, the validation gets *worse*, down to 19 %. The learning rate is near its
#   top there, and each step moves the weights far. The moving averages of batch normalisation, which the validation
#   uses, are partly those of weights that are gone.
# - Epochs 7 to 9: the learning rate falls from 0.12 to 0.01, and the validation rises from 56 % to 64 %. The small steps
#   harvest what the large ones found. If you had stopped at epoch 3, you would have called this recipe bad.
# - At the end there is a gap: 69.3 % of the training images, 64.4 % of the others. In fact it is larger. The 69.3 % are
#   a mean over the epoch, on images that augmentation has changed. Ask for the unchanged images, after the training:

# %%
unchanged = training.evaluate(model, train, scale)
assert unchanged.accuracy > history.rows[-1]["accuracy"]
print(f"training images, unchanged: {unchanged.accuracy:.1%}")

# %% [markdown]
# ## Which classes are mixed up?

# %%
result = training.evaluate(model, validation, scale)
predicted = result.probabilities.argmax(axis=1)
matrix = np.zeros((10, 10), int)
np.add.at(matrix, (validation.labels, predicted), 1)
viz.confusion_matrix(matrix, validation.names)

# %% [markdown]
# Was your prediction right? The **cat** is the hardest class: only 39 % are found. 20 % of the cats are called dogs, and
# 19 % of the dogs are called cats.
#
# Look for other pairs that go both ways: airplane and ship (10 % and 8 %), automobile and truck (8 % and 11 %). An animal
# is seldom taken for a vehicle (exercise 3).
#
# A confusion matrix says *what* is mixed up. It does not say *why*. Good guesses are: the same shape (four legs, a
# tail), the same background (much blue round airplanes and ships), and the few pixels: the ears of a cat are two or
# three of them. To know, you would have to test each guess.
#
# ## Some answers
#
# The first right ones and the first wrong ones. They are not selected: selected examples can show anything.

# %%
viz.predictions(
    validation.images, validation.labels, result.probabilities, validation.names, count=4
)

# %% [markdown]
# Some of the wrong ones have a small probability: the network was not sure. But the truck is called an airplane with
# 87 %. How often is it right when it is sure? Sort all 5,000 images by the probability of the predicted class:

# %%
sure = result.probabilities.max(axis=1)
right = predicted == validation.labels
for low, high in ((0.0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
    group = (low <= sure) & (sure < high)
    print(
        f"said {low:.0%} to {high:.0%}: {group.sum():5} images, {right[group].mean():.0%} right"
    )

# %% [markdown]
# What it says is near to what happens: of those images where it said 60 to 80 %, 76 % are right. Where it said more
# than 80 %, 94 % are right. The truck is one of the rest. A network whose probabilities can be taken at their word is
# called **calibrated**. This matters in practice: it can say "I do not know" where it is not sure.
#
# ## The depthwise kernels
#
# In lesson 10a the depthwise kernels stayed near their random start. Is it so with photographs? First before, then
# after:

# %%
path = "entry/1/separable1/depthwise"
start, learned = new.parameters(), model.parameters()
viz.kernels(start[path], name="Before")

# %%
viz.kernels(learned[path], name="After")

# %% [markdown]
# The colours are pale because one number has grown to 1.1 (find it in kernel 16), and the scale follows the largest.
# How much is new? In numbers, where 1 is the same picture and 0 is a new one:


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
# All of these arrays moved further than in lesson 10a: the task is harder, and there are 790 steps, not 252. But the
# order is the same. In each of the three separable layers, the pointwise part changed more than the depthwise part.
#
# ## One image inside the network

# %%
ship = np.flatnonzero((validation.labels == 8) & right)[:1]
viz.pictures(validation.images[ship], ["ship"])

# %%
maps, y = {}, scale.apply(validation.images[ship], model.dtype)
for name, part in model.children.items():
    maps[name] = y = part.forward(y)
viz.feature_maps(maps["stem"], name="Stem")

# %%
viz.feature_maps(maps["exit"][..., :32], name="Exit, the first 32 of 160 channels")

# %% [markdown]
# At the stem you see the ship. Maps 13, 19 and 20 are dark on its bright hull. Maps 21, 22, 23, 27, 28 and 29 are white
# there, and dark around it. These six are nearly the same picture: not every channel has found something of its own.
# Maps 3 and 9 have horizontal lines.
#
# At the exit, with 4x4 places, there is no picture left. A place there does not say "bright" or "edge". It says
# something that we have no word for. That is normal.
#
# ## A fingerprint for each class
#
# The mean of each of the 160 channels after the global mean, for each class:


# %%
def pooled(images):
    """Give the 160 numbers of each image, before the classifier."""
    y = scale.apply(images, model.dtype)
    for name in ("stem", "entry", "middle", "exit", "pool"):
        y = model.children[name].forward(y)
    return y


classes = [validation.images[validation.labels == k] for k in range(10)]
means = np.stack([pooled(images).mean(axis=0) for images in classes])  # (10, 160)
viz.fingerprints(means, validation.names)

# %% [markdown]
# Compare with the staircase of lesson 10a. Here the steps stand out much less: classes share channels. You can even see
# two groups, the animals in the middle and the vehicles around them. Which two classes are most alike? Correlate the
# rows, and put the most common mistake beside it:

# %%
alike = np.corrcoef(means) - 2 * np.eye(10)  # a class is not compared with itself
mistakes = matrix * (1 - np.eye(10, dtype=int))
for k, name in enumerate(validation.names):
    nearest, taken_for = alike[k].argmax(), mistakes[k].argmax()
    print(
        f"{name:11} most alike: {validation.names[nearest]:11}"
        f"   most often taken for: {validation.names[taken_for]}"
    )

# %% [markdown]
# In 7 of the 10 classes the two answers are the same. Classes with similar fingerprints are mixed up. That is where a
# better network has to improve: with channels that tell a cat from a dog.
#
# ## The test, once
#
# Every choice is made. Only now are the 10,000 test images read:

# %%
test = cifar10.load_test()
final = training.evaluate(model, test, scale)
print(f"test {final.accuracy:.1%}   validation {result.accuracy:.1%}")

# %% [markdown]
# How exact is that? A share $a$ that is counted on $n$ images has a **standard error** of $\sqrt{a (1 - a) / n}$. Other
# test images would mostly give a result within two of them:

# %%
error = np.sqrt(final.accuracy * (1 - final.accuracy) / len(test.labels))
print(f"two standard errors: {2 * error:.1%}")

# %% [markdown]
# So say "65 %, give or take 1 %", and do not celebrate a network that is half a percent better. Validation and test agree
# within chance.
#
# How far is this from what is possible?
#
# | network | training images | epochs | right |
# |---|---|---|---|
# | guessing | 0 | 0 | 10 % |
# | this lesson | 5,000 | 10 | 65 % of the test images |
# | the same network, the full recipe | 5,000 | 60 | 76.7 % of the test images |
# | the same network, all images | 50,000 | 30 | 86.8 % of the test images |
# | `small_xception`, 15 times as large | 45,000 | 1 | 66.8 % of the validation images |
#
# The commands for the last three are in [docs/results.md](../docs/results.md). Large networks of today, with all 50,000
# training images and many epochs, reach more than 95 %. More images, more epochs and more channels all help. On one
# core in NumPy you pay for them with hours.
#
# ## What you know now
#
# - Validation images serve to choose. The test images are read once, after all choices.
# - Augmentation and label smoothing change the training loss. Compare accuracies, and on unchanged images.
# - The middle of a one-cycle training looks bad. Judge it at its end.
# - A confusion matrix says what is mixed up. The fingerprints show that the network sees these classes as alike.
# - A result has an error. Say it.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell. It says which shape or which number is wrong.
#
# 1. `smallest`: the least loss that any network can reach with label smoothing 0.2 and ten classes.
# 2. `precision`: of all validation images that the network *called* a cat (class 3), which share are cats? Use `matrix`.
# 3. `kind`: airplane, automobile, ship and truck (0, 1, 8, 9) are vehicles, the others are animals. For which share of
#    the validation images is the kind right, vehicle or animal? Use `predicted` and `validation.labels`.

# %% tags=["exercise"]
smallest = ...
precision = ...
kind = ...

target = np.array([0.82] + [0.02] * 9)
right_smallest, _ = ops.softmax_cross_entropy.forward(
    np.log(target)[None], np.array([0]), label_smoothing=0.2
)
vehicles = np.isin(np.arange(10), [0, 1, 8, 9])
right_kind = matrix[vehicles][:, vehicles].sum() + matrix[~vehicles][:, ~vehicles].sum()
check("smallest", smallest, right_smallest)
check("precision", precision, np.mean(validation.labels[predicted == 3] == 3))
check("kind", kind, right_kind / 5000)

# %% tags=["solution"]
# Solutions. Run this cell to check them.
smallest = -(0.82 * np.log(0.82) + 9 * 0.02 * np.log(0.02))
precision = matrix[3, 3] / matrix[:, 3].sum()
kind = np.mean(np.isin(predicted, [0, 1, 8, 9]) == np.isin(validation.labels, [0, 1, 8, 9]))

check("smallest", smallest, right_smallest)
check("precision", precision, np.mean(validation.labels[predicted == 3] == 3))
check("kind", kind, right_kind / 5000)
