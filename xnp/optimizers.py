"""Optimizers: how gradients change parameters. And the Polyak average of the parameters over the steps.

Parameters and gradients are dicts path -> array. A step writes into the parameters' arrays and never replaces them,
so that a model, and everything that shares its arrays, sees the change. Gradients are only read.

    p parameter   g gradient   lr learning rate   mu momentum   wd weight decay   t number of the step, from 1

    SGD           v = mu v + g                       p = p - lr v             Nesterov: p = p - lr (g + mu v)
    RMSprop       s = alpha s + (1 - alpha) g^2      v = mu v + g / (sqrt(s) + eps)       p = p - lr v
    AdamW         m = beta1 m + (1 - beta1) g        s = beta2 s + (1 - beta2) g^2
                  p = p - lr wd p - lr m' / (sqrt(s') + eps)     m' = m / (1 - beta1^t), s' = s / (1 - beta2^t)

The arrays v, s and m start as zeros, at the first step. In SGD and RMSprop weight decay is L2: g becomes g + wd p.
The learning rate is an argument of each step: a schedule (`xnp.schedules`) gives it.

Paper   section 4.2. ImageNet: SGD, momentum 0.9. JFT: RMSprop, momentum 0.9. Both: Polyak averaging for inference.
        section 4.3. Weight decay 1e-5.

>>> parameters, gradients = {"kernel": np.array([[1.0]])}, {"kernel": np.array([[1.0]])}
>>> optimizer = SGD(momentum=0.9)
>>> optimizer.step(parameters, gradients, 0.1)       # v = 1, p = 1 - 0.1 * 1
>>> optimizer.step(parameters, gradients, 0.1)       # v = 0.9 + 1, p = 0.9 - 0.1 * 1.9
>>> round(parameters["kernel"].item(), 12)
0.71
"""

import math
from abc import ABC, abstractmethod

import numpy as np

from xnp.stateful import Arrays, Stateful, check_same


class Optimizer(Stateful, ABC):
    """What all optimizers share: the checks and the walk over the parameters. `_update` is the formula."""

    def step(self, parameters: Arrays, gradients: Arrays, learning_rate: float) -> None:
        """Change the parameters once, in place.

        Parameters
        ----------
        parameters : dict of str to array
            Path -> array, float32 or float64. Written to.
        gradients : dict of str to array
            The same paths, shapes and dtypes. Only read.
        learning_rate : float
            At least 0.

        Raises
        ------
        ValueError
            Paths, shapes or dtypes that differ from the parameters', in the gradients or in what was kept of earlier
            steps; a negative or infinite learning rate. Nothing is changed then.
        """
        name = type(self).__name__
        check_number(name, "learning_rate", learning_rate)
        check_same(name, "gradients", gradients, parameters)
        if self.steps == 0:
            self._kept = {slot: {path: np.zeros_like(p) for path, p in parameters.items()} for slot in self.slots}
        for slot in self.slots:
            check_same(name, f"the kept {slot}", self._kept[slot], parameters)
        self.steps += 1
        lr = float(learning_rate)  # a Python float leaves float32 arrays float32; a NumPy float64 would not
        for path, p in parameters.items():
            self._update(p, gradients[path], lr, *(self._kept[slot][path] for slot in self.slots))

    @abstractmethod
    def _update(self, p: np.ndarray, g: np.ndarray, lr: float, *kept: np.ndarray) -> None:
        """Change one parameter, and what is kept for it, in place."""


class SGD(Optimizer):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013, in the form of torch.optim.SGD).

    The velocity v sums gradients, not steps: a new learning rate acts on all of it at once.

    Parameters
    ----------
    momentum : float
        mu, the share of the velocity that is kept, in [0, 1). 0 is plain gradient descent.
    nesterov : bool
        Step along g + mu v, the velocity that one more such gradient would give, instead of along v.
    weight_decay : float
        L2 on the kernels alone (see `is_kernel`), at least 0.

    Raises
    ------
    ValueError
        An argument out of its range.
    """

    slots = ("velocity",)

    def __init__(self, *, momentum: float = 0.9, nesterov: bool = False, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.momentum = check_number("SGD", "momentum", momentum, below=1)
        self.nesterov = nesterov
        self.weight_decay = check_number("SGD", "weight_decay", weight_decay)

    def _update(self, p: np.ndarray, g: np.ndarray, lr: float, *kept: np.ndarray) -> None:
        (v,) = kept
        g = add_decay(g, p, self.weight_decay)
        v *= self.momentum
        v += g  # v = mu v + g
        p -= lr * (g + self.momentum * v if self.nesterov else v)


class RMSprop(Optimizer):
    """Gradient divided by the root of its mean square (Tieleman and Hinton 2012), as torch.optim.RMSprop.

    Each number of a parameter gets steps of about one size, whether its gradients are large or small. eps stands
    outside the root, as in torch; TensorFlow puts it inside.

    Parameters
    ----------
    alpha : float
        Share of the mean square that is kept, in [0, 1).
    eps : float
        Keeps the division finite, above 0.
    momentum : float
        mu, the share of the velocity that is kept, in [0, 1).
    weight_decay : float
        L2 on the kernels alone (see `is_kernel`), at least 0.

    Raises
    ------
    ValueError
        An argument out of its range.
    """

    slots = ("square", "velocity")

    def __init__(
        self, *, alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        super().__init__()
        self.alpha = check_number("RMSprop", "alpha", alpha, below=1)
        self.eps = check_number("RMSprop", "eps", eps, positive=True)
        self.momentum = check_number("RMSprop", "momentum", momentum, below=1)
        self.weight_decay = check_number("RMSprop", "weight_decay", weight_decay)

    def _update(self, p: np.ndarray, g: np.ndarray, lr: float, *kept: np.ndarray) -> None:
        s, v = kept
        g = add_decay(g, p, self.weight_decay)
        s *= self.alpha
        s += (1 - self.alpha) * g**2  # s = alpha s + (1 - alpha) g^2
        v *= self.momentum
        v += g / (np.sqrt(s) + self.eps)  # v = mu v + g / (sqrt(s) + eps)
        p -= lr * v


class AdamW(Optimizer):
    """Mean gradient over root mean square, weight decay apart (Loshchilov and Hutter 2019), as torch.optim.AdamW.

    The decay is decoupled: it acts on the kernel itself. As a part of g it would be divided by sqrt(s), and a kernel
    with large gradients would hardly decay.

    m and s start at 0, so at step t they hold only the shares 1 - beta1^t and 1 - beta2^t; the divisions correct that.

    Parameters
    ----------
    beta1, beta2 : float
        Shares of the mean m and of the mean square s that are kept, in [0, 1).
    eps : float
        Keeps the division finite, above 0.
    weight_decay : float
        On the kernels alone (see `is_kernel`), at least 0.

    Raises
    ------
    ValueError
        An argument out of its range.
    """

    slots = ("mean", "square")

    def __init__(
        self, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.01
    ) -> None:
        super().__init__()
        self.beta1 = check_number("AdamW", "beta1", beta1, below=1)
        self.beta2 = check_number("AdamW", "beta2", beta2, below=1)
        self.eps = check_number("AdamW", "eps", eps, positive=True)
        self.weight_decay = check_number("AdamW", "weight_decay", weight_decay)

    def _update(self, p: np.ndarray, g: np.ndarray, lr: float, *kept: np.ndarray) -> None:
        m, s = kept
        if is_kernel(p):
            p *= 1 - lr * self.weight_decay  # p = p - lr wd p
        m *= self.beta1
        m += (1 - self.beta1) * g  # m = beta1 m + (1 - beta1) g
        s *= self.beta2
        s += (1 - self.beta2) * g**2  # s = beta2 s + (1 - beta2) g^2
        m_corrected = m / (1 - self.beta1**self.steps)
        s_corrected = s / (1 - self.beta2**self.steps)
        p -= lr * m_corrected / (np.sqrt(s_corrected) + self.eps)


class PolyakAverage(Stateful):
    """Average of the last states of a model, for inference: it is less noisy than any one of them.

    Polyak and Juditsky (1992) take the plain mean over all steps. Here old states fade exponentially, as in
    TensorFlow's ExponentialMovingAverage. With t = 0, 1, 2, ... updates before this one:

        d       = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * value

    The first update copies. Then d is small and grows (2/11, 3/12, ...), so the random weights of the start are soon
    forgotten; at decay 0.999 it is full from t = 8990 on. All of a model's state is averaged: averaged kernels need
    the averaged moving statistics that belong to them.

    Parameters
    ----------
    decay : float
        Share of the average that an update keeps, in [0, 1). 0.999 looks back over about 1 / (1 - 0.999) = 1000 steps.

    Raises
    ------
    ValueError
        A decay out of its range.
    """

    slots = ("average",)

    def __init__(self, decay: float = 0.999) -> None:
        super().__init__()
        self.decay = check_number("PolyakAverage", "decay", decay, below=1)

    @property
    def average(self) -> dict[str, np.ndarray]:
        """Path -> average, the live arrays. Empty before the first update."""
        return self._kept["average"]

    def update(self, state: Arrays) -> None:
        """Take a model's state, path -> array, into the average. ValueError if it is not like the first one."""
        if self.steps == 0:
            self._kept["average"] = {path: value.copy() for path, value in state.items()}
        check_same("PolyakAverage", "state", state, self.average)
        d = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for path, average in self.average.items():
            average += (1 - d) * (state[path] - average)  # d * average + (1 - d) * value
        self.steps += 1

    def copy_to(self, state: Arrays) -> None:
        """Write the averages into a model's live arrays. ValueError if there are none, or others."""
        if self.steps == 0:
            raise ValueError("PolyakAverage: there is no average before the first update")
        check_same("PolyakAverage", "state", state, self.average)
        for path, average in self.average.items():
            state[path][...] = average


def is_kernel(array: np.ndarray) -> bool:
    """Say whether weight decay applies: to arrays with two or more axes, the kernels of convolutions and dense layers.

    Biases, gamma and beta have one axis. They are few, and a gamma pulled to 0 would switch its channel off.
    The paper gives the number 1e-5 alone; to spare these arrays is common practice
    (He et al. 2018, "Bag of Tricks for Image Classification", section 3.1).
    """
    return array.ndim >= 2


def add_decay(g: np.ndarray, p: np.ndarray, weight_decay: float) -> np.ndarray:
    """Return the gradient of loss + weight_decay / 2 * sum(p^2): g + weight_decay p for a kernel, else g."""
    return g + weight_decay * p if weight_decay and is_kernel(p) else g


def check_number(who: str, name: str, value: float, *, below: float = math.inf, positive: bool = False) -> float:
    """Refuse, by name, a number outside of [0, below), or of (0, below); return it as a float."""
    if not 0 <= value < below or (positive and value == 0):
        raise ValueError(
            f"{who}: {name} is {value}; it must be {'above' if positive else 'at least'} 0 and below {below}"
        )
    return float(value)
