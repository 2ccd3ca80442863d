# %% [markdown]
# # 13 · Seeing inside
#
# **Aim.** You open a trained network and look: what a photo becomes on its way, how far one number sees, which places
# speak for an answer, and where time and memory go. You also learn when such a picture proves nothing.
#
# **Time.** 50 minutes.
#
# **Reads.** [xnp/inside/](../xnp/inside), above all [grad_cam.py](../xnp/inside/grad_cam.py) and
# [receptive_field.py](../xnp/inside/receptive_field.py)
#
# **Predict first.** Write down three answers.
#
# 1. The network knows ten words: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. It gets the photo
#    of a person. What will it say? And what will it say about a black image?
# 2. The last maps have 4x4 places. How many of the 32x32 pixels can one of these places see?
# 3. The outputs of all operations lie in memory. Which share of this memory belongs to operations without
#    multiply-accumulates (batch norm, ReLU, pooling, addition)?

# %%
from pathlib import Path

import numpy as np
from matplotlib import cbook

from xnp import inside, models, ops, runs, viz
from xnp.data.pictures import read_picture
from xnp.lessons import check, source
from xnp.tables import table

# %% [markdown]
# ## A network that has learned
#
# A trained network comes with the library: `tiny_xception`, 86,106 weights, trained on the 50,000 photos of CIFAR-10. It
# is right on 86.8 % of 10,000 other photos ([docs/results.md](../docs/results.md)). `open_shipped` gives the network, the
# names of the classes, and the scale: mean and spread of the training images, by which each image is standardised.

# %%
run = runs.open_shipped()
model, names = run.model, run.names


def prepare(images):
    """Standardise images as the network knows them: uint8 to float32, (N, H, W, 3)."""
    return run.scale.apply(np.asarray(images), model.dtype)


def ask(images):
    """Give the probability of each class for each image: (N, 10)."""
    return ops.softmax.forward(model.forward(prepare(images)))[0]


def answers(images, count=2):
    """Write the best answers for each image."""
    return [
        ", ".join(f"{names[k]} {p[k]:.0%}" for k in p.argsort()[::-1][:count])
        for p in ask(images)
    ]


# %% [markdown]
# The photo is in every installation of matplotlib. It shows Grace Hopper. She wrote one of the first compilers, and she
# was an admiral of the US Navy. Our network takes 32x32 pixels, so most of the photo is lost on the way:

# %%
file = Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
photo = read_picture(file, (32, 32))
large = read_picture(file, (140, 120))
viz.pictures(large[None], ["Grace Hopper, 120 of 512 pixels wide"])

# %%
said = ask([photo])[0]
assert names[said.argmax()] == "automobile"
viz.pictures(photo[None], [answers([photo], 4)[0]])

# %% [markdown]
# **An automobile.** Do not laugh at the network, look at the question. Among its ten words there is no *person*, and no
# *something else*. Softmax shares 100 % among the ten words, whatever comes in. It must answer.
#
# What does it say where there is nothing to see?

# %%
noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
grey, black, white = (np.full((32, 32, 3), v, np.uint8) for v in (128, 0, 255))
nothing = np.stack([black, grey, white, noise])
viz.pictures(nothing, answers(nothing))

# %%
assert names[ask([black])[0].argmax()] == "deer"
assert ask([black])[0].max() > said.max()
f"black image: {ask([black]).max():.0%} sure. Photo: {said.max():.0%} sure."

# %% [markdown]
# A black image is a deer, with 64 %. So the network is *more* sure about nothing than about the photo. A probability of
# 64 % does not mean "I know this". It means: *of my ten words, this one fits best*. Nothing in the training said what
# to do with an image that is none of the ten.
#
# One sign of trouble is easy to get: ask again, with the photo mirrored, or moved by two pixels. (What leaves on one side
# comes in on the other.) In training, images were mirrored and moved too, so to what it knows this makes no difference.


# %%
def variants(image):
    """Give an image as it is, mirrored, moved to the right, moved up."""
    moved = np.roll(image, 2, axis=1), np.roll(image, -2, axis=0)
    return np.stack([image, image[:, ::-1], *moved])


hows = ["as it is", "mirrored", "2 to the right", "2 up"]
views = variants(photo)
captions = [f"{how}: {answer}" for how, answer in zip(hows, answers(views, 1), strict=True)]
viz.pictures(views, captions)

# %%
assert [names[k] for k in ask(views).argmax(axis=1)] == [
    "automobile",
    "truck",
    "dog",
    "dog",
]

# %% [markdown]
# Three answers for one photo. **This network does not see a person badly. It does not see a person at all.** When you
# read that a network is "right in 87 of 100 cases", ask: 87 of 100 of *which* images?
#
# ## Images of which we know the answer
#
# To look inside, we want something that the network knows. CIFAR-10 does not come with the library, so we draw: a truck
# and a frog, out of rectangles and circles.


# %%
def disc(image, row, column, radius, colour):
    """Paint a disc."""
    rows, columns = np.mgrid[:32, :32]
    image[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = colour


def draw_truck():
    """Paint a red truck on a road."""
    image = np.full((32, 32, 3), (150, 150, 150), np.uint8)
    image[:12], image[26:] = (200, 215, 230), (80, 80, 80)  # sky, road
    image[9:24, 4:21] = (210, 60, 50)
    image[14:24, 21:28], image[15:19, 23:27] = (240, 240, 240), (60, 90, 120)  # cab, window
    for column in (8, 24):
        disc(image, 24, column, 2.8, (20, 20, 20))
    return image


def draw_frog():
    """Paint a green frog on sand."""
    image = np.full((32, 32, 3), (190, 180, 150), np.uint8)
    rows, columns = np.mgrid[:32, :32]
    image[((rows - 20) / 8) ** 2 + ((columns - 16) / 11) ** 2 < 1] = (70, 140, 50)
    for column in (10, 22):
        disc(image, 11, column, 3.5, (70, 140, 50))
        disc(image, 11, column, 1.75, (10, 10, 10))
    return image


drawings = np.stack([draw_truck(), draw_frog()])
viz.pictures(drawings, answers(drawings))

# %%
for drawing, word in zip(drawings, ("truck", "frog"), strict=True):
    assert all(names[k] == word for k in ask(variants(drawing)).argmax(axis=1))
[
    f"{how}: {answer}"
    for how, answer in zip(hows, answers(variants(drawings[0])), strict=True)
]

# %% [markdown]
# It has seen photos only, never a drawing. But a truck is a truck, mirrored and moved too. So these are good images to
# look inside with.
#
# ## The photo on its way
#
# `inside.feature_maps` runs the network block by block, and keeps what stands between the blocks. It is a loop of one
# line:

# %%
source(inside.feature_maps)

# %%
maps = inside.feature_maps(model, prepare([photo]))
table(["end of", "shape"], [[path, str(y.shape)] for path, y in maps.items()])

# %%
viz.maps_by_block(maps)

# %% [markdown]
# Each row is a block, with its nine strongest maps of this photo; the number below is the channel. Green: nothing is
# below zero, for the last step was a ReLU. Brown and violet: above and below zero, for the last step was a residual
# addition. Each row has a scale of its own.
#
# - **stem**: the photo can be recognised. In maps 26, 0 and 11 the head is white, map 9 is dark where the blue wall is.
# - **entry/1, middle/1, middle/2**: 8x8 places. Some maps still follow the outline of the head. Maps 17, 38 and 50 stand in
#   all three rows, hardly changed. In a middle block, x goes round the block and is added at the end (lesson 07). So a
#   channel keeps its meaning there, and a block only adds to it.
# - **exit/2**: 4x4 places, and most numbers are zero.
#
# Do not give each map a name. What can be measured: how alike are the maps before and after a block? If a block made
# everything new, the correlation would be near 0.

# %%
strongest = [
    np.abs(maps[path]).mean(axis=(0, 1, 2)).argsort()[-9:]
    for path in ("entry/1", "middle/1", "middle/2")
]
assert set.intersection(*map(set, strongest)) == {17, 38, 50}

first, second = maps["middle/1"].ravel(), maps["middle/2"].ravel()
before = maps["entry/1"].ravel()
alike = [np.corrcoef(a, b)[0, 1] for a, b in ((before, first), (first, second))]
zeros = np.mean(maps["exit/2"] == 0)
print(f"maps before and after middle/1: {alike[0]:.2f}, middle/2: {alike[1]:.2f}")
print(f"zeros at the end of exit/2: {zeros:.0%}")

# %% [markdown]
# ## The depthwise kernels of each block
#
# There are nine separable convolutions. Here are the first twelve depthwise kernels of each. They are not selected. Brown is
# above zero; violet, with a stroke, is below.

# %%
depthwise = {
    leaf.path: leaf.array("depthwise")
    for leaf in model.leaves()
    if "depthwise" in leaf.specs
}
viz.kernels_by_layer(depthwise)

# %% [markdown]
# Two kinds can be told apart by eye: kernels of one colour (they *add up* what is around a pixel: a soft blur), and
# kernels of two colours (they see a *difference*: an edge). One number says it: the size of the sum of a kernel,
# divided by the sum of the sizes. It is 1 for one colour, and 0 where the two colours cancel.
#
# Lesson 10a warned: before you read meaning into kernels, look at where they started. So beside each layer stands the
# same network before training.


# %%
def one_colour(w):
    """Give |sum| / sum of |w| of each kernel, and the mean over all kernels."""
    return np.mean(np.abs(w.sum(axis=(0, 1))) / np.abs(w).sum(axis=(0, 1)))


untrained = models.tiny_xception()
start = untrained.parameters()
rows = [
    [path, f"{one_colour(start[f'{path}/depthwise']):.2f}", f"{one_colour(w):.2f}"]
    for path, w in depthwise.items()
]
table(["layer", "before training", "after"], rows)

# %%
after = {path: one_colour(w) for path, w in depthwise.items()}
for block in ("entry/1", "middle/1", "middle/2", "exit/1"):
    assert after[f"{block}/separable2"] > after[f"{block}/separable1"]
    assert after[f"{block}/separable2"] > 0.5

# %% [markdown]
# Before training, all layers are alike, about 0.3: chance. After it, there is an order that nobody asked for. In each
# block the *second* depthwise convolution mostly adds up, 0.56 to 0.66. The *first* one does so less, and in two
# blocks it sees differences even more than chance does.
#
# That is a fact about one network. *Why* is another question, and a picture cannot answer it.
#
# ## How far does one number see?
#
# A number after one 3x3 convolution was made of 3x3 pixels: this is its **receptive field**. After two, of 5x5. A layer with a
# window of $k$ adds $k - 1$, but in steps of *its own* input. If the image was halved before, one step there is 2 pixels
# here. So
#
# $$\text{size} = 1 + \sum_{\text{layers}} (k - 1) \cdot \text{jump}$$
#
# where the **jump** is the product of all strides before. By hand, up to the end of `entry/1`:
#
# | layer | window | jump before it | adds | size |
# |---|---|---|---|---|
# | stem/conv1 | 3 | 1 | 2 | 3 |
# | stem/conv2, stride 2 | 3 | 1 | 2 | 5 |
# | entry/1/separable1 | 3 | 2 | 4 | 9 |
# | entry/1/separable2 | 3 | 2 | 4 | 13 |
# | entry/1/pool, stride 2 | 3 | 2 | 4 | 17 |
#
# Now without any formula, by **gradient**. Put a 1 at one place of the maps, run backward to the image, and look which
# pixels have a gradient that is not zero. Only they can move that place. For that, we must start the backward in the
# middle of the network. `inside.cut` splits it in two halves, which share the layers:

# %%
front, back = inside.cut(model, "entry/1")
y = front.forward(np.random.default_rng(1).normal(size=(1, 32, 32, 3)).astype(np.float32))
dy = np.zeros_like(y)
dy[0, 4, 4] = 1  # all channels of one place
dx = front.backward(dy)
reached = np.abs(dx[0]).sum(axis=-1) > 0  # (32, 32)
height, width = (np.ptp(np.flatnonzero(reached.any(axis=axis))) + 1 for axis in (1, 0))
assert (height, width) == (17, 17)
print(f"{y.shape[1]}x{y.shape[2]} places; one of them sees {height}x{width} pixels")

# %% [markdown]
# The same number. (We took random pixels. A ReLU that is closed passes no gradient, and in a max pool only the winner
# gets one. So one image may hide some pixels. `inside.receptive_field` asks eight and adds up.)
#
# For the later blocks the image must be larger, or the field does not fit in. The weights of a convolution do not know
# how large the image is. So we build the same network for 97x97 pixels:

# %%
wide_model = models.tiny_xception((97, 97, 3), weights="cifar10")
blocks = [b.path for b in inside.blocks(wide_model) if len(b.output_shape) == 3]
fields = [inside.receptive_field(wide_model, at) for at in blocks]
assert [field.seen.size[0] for field in fields] == [5, 17, 33, 49, 73, 89]
assert all(field.seen == field.possible for field in fields)
viz.receptive_fields(fields)

# %% [markdown]
# The frame grows to 89x89 pixels, far more than 32x32. So here is your second prediction: **each place of the last maps
# can see the whole image.**
#
# But look at the brown. It says *how much* a pixel moves the place. Half of all the strength lies within 25x25 pixels,
# on 8 % of the area. Many ways lead from the middle to the place, few from the rim. This inner part is called the
# **effective** receptive field ([Luo et al., 2016](https://arxiv.org/abs/1701.04128)). So a place of the last maps sees
# everything, and mostly what lies under it. We need both facts for what follows.

# %%
assert fields[-1].half_within == 25
assert round(100 * (25 / 89) ** 2) == 8
field = inside.receptive_field(model, "exit")  # a whole flow: it ends where exit/2 ends
assert field.seen.size == (32, 32)

# %% [markdown]
# ## Which places speak for an answer?
#
# **Grad-CAM** ([Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)) answers with one backward. Take the maps $A$ at
# some point of the network, and the score of a class: its logit. Then
#
# 1. the gradient of the score with respect to $A$ says what more of each number would do to the score;
# 2. its mean over all places gives one **weight** for each channel: does this channel help the class?
# 3. the weighted sum of the channels is one number for each place; ReLU keeps what speaks *for* the class.
#
# As an image we take both drawings side by side, 32x64 pixels. The network does not mind: its last maps become 4x8, and
# the global average takes their mean.

# %%
both = np.concatenate(drawings, axis=1)
x = prepare([both])
viz.pictures(both[None], answers([both], 3))

# %%
front, back = inside.cut(model, "exit")  # back: global average, classifier
A = front.forward(x)  # (1, 4, 8, 160)
logits = back.forward(A)
dlogits = np.zeros_like(logits)
dlogits[0, names.index("truck")] = 1
dA = back.backward(dlogits)
weights = dA.mean(axis=(1, 2))  # (1, 160)
by_hand = np.maximum((A * weights[:, None, None]).sum(axis=-1), 0)  # (1, 4, 8)

found = inside.grad_cam(model, x, names.index("truck"), at="exit")
assert np.allclose(found.map, by_hand, atol=1e-6)
by_hand[0].round(2)

# %% [markdown]
# The large numbers are in the left half. Here are three classes, in one scale:


# %%
def cams(network, image, classes, at="exit"):
    """Give Grad-CAM's map of an image for each class."""
    x = prepare([image])
    return {c: inside.grad_cam(network, x, names.index(c), at=at).map[0] for c in classes}


viz.grad_cam(both, cams(model, both, ("truck", "frog", "airplane")))

# %% [markdown]
# For *truck* the box of the truck. For *frog* the frog, and the sand above it. For *airplane*, the third answer, the sand
# above the frog too: a light, even ground. Each class looks at another part of the same maps.
#
# A place is 8x8 pixels here. Earlier maps are finer. But do they know more?

# %%
viz.grad_cam(both, cams(model, both, ("truck", "frog"), at="stem"))

# %% [markdown]
# No. For *truck* the map follows edges, those of the frog too, and it fills the sky and the box. For *frog* there are a
# few upright strokes, most of them on the truck, and the right rim of the image. A place of the stem sees 5x5 pixels: how
# could it know what a truck is? That is why one looks at the last maps: they are coarse, and they know the most.
#
# ## Is it true?
#
# The picture is beautiful. That is dangerous: we believe it because it shows what we expect. Two tests.
#
# **Test 1: another network.** The same picture for the *untrained* network. If it looks as convincing, the picture says
# nothing about learning. (In a study, some other methods failed this test:
# [Adebayo et al., 2018](https://arxiv.org/abs/1810.03292).)

# %%
viz.grad_cam(both, cams(untrained, both, ("truck", "frog", "airplane")))

# %% [markdown]
# It looks different: almost nothing for truck and frog, and the whole image for airplane. And the largest number is
# 0.017; with the trained network it was 0.37. Passed.
#
# **Test 2: take it away.** If the left half speaks for truck, then the score of truck must fall when the left half is
# covered. And the score of frog must not. We cover with the mean colour.


# %%
def cover(image, rows, columns):
    """Paint a part of an image in the mean colour."""
    covered = image.copy()
    covered[rows, columns] = image.mean(axis=(0, 1))
    return covered


def scores(image, *classes):
    """Give the logits of some classes."""
    return model.forward(prepare([image]))[0, [names.index(c) for c in classes]]


everything = slice(None)
cases = {
    "the whole image": both,
    "left half covered": cover(both, everything, slice(0, 32)),
    "right half covered": cover(both, everything, slice(32, 64)),
}
rows = [
    [case, *(f"{s:.2f}" for s in scores(i, "truck", "frog"))] for case, i in cases.items()
]
table(["", "score of truck", "score of frog"], rows)

# %%
whole, left, right = (scores(image, "truck", "frog") for image in cases.values())
assert left[0] < whole[0] - 2
assert right[0] > whole[0] - 0.2
assert right[1] < whole[1] - 1.5

# %% [markdown]
# Without the left half, truck falls from 2.52 to −0.27. Without the right half, it stays. For frog it is the other way
# round (and a little more frog, when the truck is gone). Passed.
#
# ## And the photo?
#
# Why an automobile, of all things? And where does it see the dog?

# %%
chosen = ("automobile", "dog", "horse")
photo_cams = cams(model, photo, chosen)
viz.grad_cam(photo, photo_cams)

# %% [markdown]
# For *automobile* it is the dark shoulder and the collar, in row 2 (we count from 0). One could tell a story now: "dark metal, a
# shining bumper". Do not tell it. Test it. We cover one square of 8x8 after the other, and note by how much the score
# *falls*. Then we compare with the map.


# %%
def falls(image, class_):
    """Cover each square of 8x8 in turn, and give how far the score falls."""
    whole = scores(image, class_)
    rows, columns = (n // 8 for n in image.shape[:2])
    found = np.zeros((rows, columns))
    for row, column in np.ndindex(found.shape):
        square = slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8)
        found[row, column] = (whole - scores(cover(image, *square), class_))[0]
    return found


agreement = {
    c: np.corrcoef(falls(photo, c).ravel(), cam.ravel())[0, 1]
    for c, cam in photo_cams.items()
}
table(
    ["class", "correlation of map and test"],
    [[c, f"{r:.2f}"] for c, r in agreement.items()],
)

# %%
assert agreement["automobile"] < -0.4
assert agreement["dog"] > 0.3
assert agreement["horse"] > 0.5
falls(photo, "automobile").round(2)

# %% [markdown]
# For dog and horse the map and the test agree a little. For automobile they **disagree**: the correlation is below
# zero. The two squares that are darkest in the map (row 2, columns 1 and 2) are among those whose removal makes the
# score of automobile *higher*: the array says −0.43 and −0.99, and a fall below zero is a rise.
#
# How can that be? Three reasons, and we have met all of them:
#
# - A place of the last maps can see the *whole* image. Under the dark square does not have to lie what made it dark.
# - Grad-CAM follows the gradient: what a *small* change would do. A covered square is a large change, and the curve may
#   bend on the way.
# - Each covered image is again an image that the network has never seen. So the test is not the truth either.
#
# On the drawings the two methods agreed on the halves; there the network knew what it saw. Here it has no idea, and then
# an explanation explains nothing. **A heat map is a claim. It is worth as much as the test it has passed.**
#
# ## Where do time and memory go?
#
# `inside.time_and_memory` runs the network operation by operation, with a stopwatch, and notes how many bytes each output
# has. The times are those of the machine that ran this notebook. Yours will differ.

# %% tags=["measured"]
spent = inside.time_and_memory(model, prepare([photo]))
viz.time_and_memory(spent)

# %% [markdown]
# Compare the three columns. The left one is what lesson 09 counted: most operations have no bar there. In the middle
# one, all have. Look at the pools: no multiply-accumulate, and they take time. Look at the separable convolutions of
# the middle blocks: a short bar at the left, and how long is it in the middle?
#
# The right column depends on shapes alone, so we can say it exactly:

# %%
spent = inside.time_and_memory(model, prepare([photo]), rounds=1)
in_all = sum(one.bytes for one in spent)
multiply = sum(one.bytes for one in spent if one.macs)
assert in_all == 4 * sum(row.activations for row in model.rows((32, 32, 3))[0])  # float32
assert round(100 * (in_all - multiply) / in_all) == 66
print(f"all outputs of one image: {in_all:,} bytes")
print(f"of operations without multiply-accumulates: {1 - multiply / in_all:.0%}")
print(f"the weights: {sum(array.nbytes for array in model.parameters().values()):,} bytes")

# %% [markdown]
# Your third prediction: it is about two thirds. And the outputs of *one* image take more memory than all weights. A training
# needs these outputs again on the way back, for all images of a batch at once. So it is the batch that fills the memory,
# not the network. (The library's [engine](../docs/performance.md) therefore does not keep them all: it computes some of
# them again.)
#
# ## Any network, any weights
#
# Nothing here was made for the tiny network. Each function takes a model, and paths in it. The whole Xception, with the
# weights of ImageNet from a file of Keras, needs two lines:
#
# ```python
# model = models.xception()
# weights.load_keras(model, "xception_weights_tf_dim_ordering_tf_kernels.h5")  # from xnp import weights
# ```
#
# Then `inside.grad_cam(model, x, class_, at="exit")` works as above, on maps of 10x10. (Keras scales images for this network
# to −1 ... 1: `x = image / 127.5 - 1`.) And our photo would meet a network that knows a thousand words, *military uniform* among them.
#
# ## What you know now
#
# - A classifier must answer with one of its words. How sure it is does not say that it knows.
# - Maps become coarser and emptier; a residual block adds to its channels, it does not replace them.
# - Receptive field: 1 + sum of (k − 1) · jump. What really counts is smaller, and lies in the middle.
# - Grad-CAM: mean gradients as weights of the channels, then ReLU. It takes one backward, from a score to the maps.
# - Test a heat map: another network, and taking the evidence away. It can fail.
# - Most of the memory holds outputs, and most outputs belong to operations without multiply-accumulates.
#
# ## Exercises
#
# Write your answers in place of the three dots, and run the cell.
#
# 1. `size`: the receptive field of one place at the end of `entry/2` in the *whole* Xception: how many pixels high? Do it with
#    a pencil. Its stem: 3x3 with stride 2, then 3x3 with stride 1. Each entry block: two separable 3x3, then a max pool of 3x3
#    with stride 2.
# 2. `frog_weights`: Grad-CAM's 160 weights for *frog* at the end of `exit`, for the image `both`, **without any
#    backward**. Behind `exit` there are only the global average over 4x8 places and the classifier, whose
#    `model.parameters()["classifier/kernel"]` has the shape (160, 10).
# 3. `against`: which places speak *against* truck? For the image `both`, at the end of `exit`: the negative part of the
#    weighted sum, without its sign; 0 where a place speaks for truck. An array of 4x8. (`A` and `weights` are still there.)

# %% tags=["exercise"]
size = ...
frog_weights = ...
against = ...

xception = models.xception()
by_backward = inside.grad_cam(model, x, names.index("frog"), at="exit").weights[0]
balance = np.tensordot(found.weights[0], front.forward(x)[0], axes=(0, 2))

check("size", size, inside.possible_field(xception, "entry/2").size[0])
check("frog_weights", frog_weights, by_backward, rtol=1e-3, atol=1e-6)
check("against", against, found.map[0] - balance, rtol=1e-3, atol=1e-5)

# %% tags=["solution"]
# Solutions. Run this cell to check them.
stem = 1 + 2 * 1 + 2 * 2  # the jump is 2 behind the first convolution
first_block = stem + 2 * 2 + 2 * 2 + 2 * 2
size = first_block + 2 * 4 + 2 * 4 + 2 * 4  # the pool has doubled the jump

# score = sum of mean(A) * kernel + bias, and each number is a 32nd of its channel's mean
frog_weights = model.parameters()["classifier/kernel"][:, names.index("frog")] / (4 * 8)

against = np.maximum(-(A[0] * weights[0]).sum(axis=-1), 0)

check("size", size, inside.possible_field(xception, "entry/2").size[0])
check("frog_weights", frog_weights, by_backward, rtol=1e-3, atol=1e-6)
check("against", against, found.map[0] - balance, rtol=1e-3, atol=1e-5)
