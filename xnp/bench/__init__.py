"""How fast is it, how much memory does it take, and why: `xnp bench`.

work           what is measured: a training step, an inference, one layer
contestants    who does it: the engine, the plain operations, torch, Keras, ONNX Runtime, MyGrad, and naive NumPy
  by_xnp by_torch by_keras by_onnxruntime by_mygrad naive      how each does it
turns          the contestants take turns, each a process of its own (`process`)
memory ratios  what they hold; how sure a ratio is
measure        all of it, for some contestants
compare        `xnp bench`: all contestants, one piece of work
growth         `xnp bench --growth`: wider, deeper, larger networks (`scaled`)
ladder         `xnp bench --ladder`: from naive NumPy to the engine, one change a rung (`rungs`)
parts          `xnp bench --parts`: what the time of the engine's training step goes to
report machine what is left behind, and where it was made
"""
