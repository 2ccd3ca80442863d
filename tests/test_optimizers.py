"""Optimizers: by hand, against torch, and the rules that all of them keep."""

import math
import re

import numpy as np
import pytest

from xnp.optimizers import SGD, AdamW, Optimizer, RMSprop, check_number, is_kernel

SHAPES = {"conv/kernel": (3, 3, 2, 4), "norm/gamma": (4,), "norm/beta": (4,), "head/kernel": (4, 5), "head/bias": (5,)}

MAKERS = {
    "sgd": lambda: SGD(momentum=0.9, weight_decay=0.1),
    "nesterov": lambda: SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
    "rmsprop": lambda: RMSprop(alpha=0.9, momentum=0.9, weight_decay=0.1),
    "adamw": lambda: AdamW(weight_decay=0.1),
}
every_optimizer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def random_arrays(rng, dtype=np.float64):
    return {path: rng.normal(size=shape).astype(dtype) for path, shape in SHAPES.items()}


def locked(arrays):
    """Write-protect arrays: an optimizer that writes to a gradient raises an error."""
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def walk(optimizer, parameters, gradients, rate=0.01):
    for g in gradients:
        optimizer.step(parameters, g, rate)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for path, array in one.items():
        np.testing.assert_array_equal(array, other[path], strict=True, err_msg=path)


# By hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "gradients", "after"),
    [
        # g = 1 + 0.5 * 2 = 2        v = 2                    p = 2 - 0.1 * 2 = 1.8
        # g = 3 + 0.5 * 1.8 = 3.9    v = 0.5 * 2 + 3.9 = 4.9  p = 1.8 - 0.1 * 4.9 = 1.31
        (lambda: SGD(momentum=0.5, weight_decay=0.5), (1, 3), (1.8, 1.31)),
        # g = 2                      v = 2                      p = 2 - 0.1 * (2 + 0.5 * 2) = 1.7
        # g = 3 + 0.5 * 1.7 = 3.85   v = 0.5 * 2 + 3.85 = 4.85  p = 1.7 - 0.1 * (3.85 + 0.5 * 4.85) = 1.0725
        (lambda: SGD(momentum=0.5, nesterov=True, weight_decay=0.5), (1, 3), (1.7, 1.0725)),
        # s = 0.25 * 2^2 = 1             v = 2 / (1 + 1) = 1          p = 2 - 0.1 * 1 = 1.9
        # s = 0.75 * 1 + 0.25 * 1^2 = 1  v = 0.5 * 1 + 1 / 2 = 1      p = 1.9 - 0.1 * 1 = 1.8
        (lambda: RMSprop(alpha=0.75, eps=1, momentum=0.5), (2, 1), (1.9, 1.8)),
        # g = 1 + 0.5 * 2 = 2  s = 1     v = 1                        p = 1.9
        # g = 0.05 + 0.5 * 1.9 = 1, s = 1, v = 0.5 * 1 + 1 / 2 = 1    p = 1.8
        (lambda: RMSprop(alpha=0.75, eps=1, momentum=0.5, weight_decay=0.5), (1, 0.05), (1.9, 1.8)),
        # m = 0.5 * 2 = 1, s = 0.25 * 4 = 1;                 m' = 1 / 0.5 = 2,       s' = 1 / 0.25 = 4
        # p = 2 * (1 - 0.1 * 0.5) - 0.1 * 2 / (2 + 2) = 1.85
        # m = 0.5 * 1 - 0.5 * 2 = -0.5, s = 0.75 + 1 = 1.75; m' = -0.5 / 0.75 = -2/3, s' = 1.75 / 0.4375 = 4
        # p = 1.85 * 0.95 + 0.1 * (2/3) / 4 = 1.7575 + 1/60
        (lambda: AdamW(beta1=0.5, beta2=0.75, eps=2, weight_decay=0.5), (2, -2), (1.85, 1.7575 + 1 / 60)),
    ],
    ids=["sgd", "nesterov", "rmsprop", "rmsprop-decay", "adamw"],
)
def test_two_steps_by_hand(make, gradients, after):
    optimizer, parameters = make(), {"kernel": np.array([[2.0]])}
    for g, expected in zip(gradients, after, strict=True):
        optimizer.step(parameters, {"kernel": np.array([[float(g)]])}, 0.1)
        assert parameters["kernel"].item() == pytest.approx(expected, rel=1e-14)


def test_a_new_rate_acts_on_the_whole_velocity():
    parameters, zero = {"kernel": np.array([[0.0]])}, {"kernel": np.array([[0.0]])}
    optimizer = SGD(momentum=0.5)
    optimizer.step(parameters, {"kernel": np.array([[1.0]])}, 0.0)  # v = 1, no move
    optimizer.step(parameters, zero, 2.0)  # v = 0.5, p = -2 * 0.5
    assert parameters["kernel"].item() == -1.0


def test_the_defaults_are_torchs():
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(1, requires_grad=True)
    theirs = torch.optim.RMSprop([tensor]).defaults
    ours = RMSprop()
    assert (ours.alpha, ours.eps, ours.momentum, ours.weight_decay) == tuple(
        theirs[name] for name in ("alpha", "eps", "momentum", "weight_decay")
    )
    theirs = torch.optim.AdamW([tensor]).defaults
    ours = AdamW()
    assert (ours.beta1, ours.beta2) == theirs["betas"]
    assert (ours.eps, ours.weight_decay) == (theirs["eps"], theirs["weight_decay"])
    assert (SGD().momentum, SGD().nesterov, SGD().weight_decay) == (0.9, False, 0.0)  # the paper's momentum


# Against torch ---------------------------------------------------------------------------------------------------

ORACLES = [
    (lambda: SGD(momentum=0.0), "SGD", {}),
    (lambda: SGD(momentum=0.9), "SGD", {"momentum": 0.9}),
    (lambda: SGD(momentum=0.9, weight_decay=0.1), "SGD", {"momentum": 0.9, "weight_decay": 0.1}),
    (
        lambda: SGD(momentum=0.8, nesterov=True, weight_decay=0.1),
        "SGD",
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    (lambda: RMSprop(), "RMSprop", {}),
    (
        lambda: RMSprop(alpha=0.8, eps=1e-3, momentum=0.9, weight_decay=0.1),
        "RMSprop",
        {"alpha": 0.8, "eps": 1e-3, "momentum": 0.9, "weight_decay": 0.1},
    ),
    (lambda: AdamW(), "AdamW", {"weight_decay": 0.01}),
    (
        lambda: AdamW(beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.3),
        "AdamW",
        {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3},
    ),
]


@pytest.mark.parametrize(("make", "name", "arguments"), ORACLES)
def test_twenty_steps_as_torch(make, name, arguments):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    parameters, optimizer = random_arrays(rng), make()
    tensors = {path: torch.tensor(p, requires_grad=True) for path, p in parameters.items()}
    kernels = [t for path, t in tensors.items() if path.endswith("kernel")]
    others = [t for path, t in tensors.items() if not path.endswith("kernel")]
    groups = [{"params": kernels}, {"params": others, "weight_decay": 0.0}]
    theirs = getattr(torch.optim, name)(groups, **{"lr": 0.1, **arguments})
    for step in range(20):
        gradients, rate = random_arrays(rng), 0.1 * 0.9**step  # a rate that changes: it must not be inside v
        optimizer.step(parameters, gradients, rate)
        for group in theirs.param_groups:
            group["lr"] = rate
        for path, g in gradients.items():
            tensors[path].grad = torch.tensor(g)
        theirs.step()
    for path, p in parameters.items():
        np.testing.assert_allclose(p, tensors[path].detach().numpy(), rtol=1e-12, atol=1e-12, err_msg=path)


# What every optimizer keeps --------------------------------------------------------------------------------------


def test_kernels_have_two_or_more_axes():
    assert [is_kernel(np.zeros(shape)) for shape in [(3, 3, 8, 1), (8, 16), (16,), ()]] == [True, True, False, False]


@pytest.mark.parametrize(
    "make",
    [
        lambda decay: SGD(weight_decay=decay),
        lambda decay: RMSprop(weight_decay=decay),
        lambda decay: AdamW(weight_decay=decay),
    ],
    ids=["sgd", "rmsprop", "adamw"],
)
def test_decay_pulls_kernels_and_leaves_the_others_alone(make):
    rng = np.random.default_rng(1)
    start = {path: rng.uniform(1, 2, shape) for path, shape in SHAPES.items()}
    zeros = {path: np.zeros(shape) for path, shape in SHAPES.items()}
    parameters = {path: p.copy() for path, p in start.items()}
    walk(make(0.1), parameters, [zeros], rate=1e-3)
    for path, p in parameters.items():
        if path.endswith("kernel"):
            assert np.all(p < start[path]), path
        else:
            np.testing.assert_array_equal(p, start[path], err_msg=path)


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_change_in_place_and_gradients_never(make, dtype):
    rng = np.random.default_rng(2)
    parameters, gradients = random_arrays(rng, dtype), locked(random_arrays(rng, dtype))
    arrays, views = dict(parameters), {path: p[:] for path, p in parameters.items()}
    before = {path: p.copy() for path, p in parameters.items()}
    unchanged = {path: g.copy() for path, g in gradients.items()}
    walk(make(), parameters, [gradients] * 3)
    assert_same(gradients, unchanged)
    for path, p in parameters.items():
        assert p is arrays[path]
        np.testing.assert_array_equal(p, views[path])  # whoever shares the memory sees the change
        assert np.all(p != before[path])


@every_optimizer
def test_float32_stays_float32(make):
    rng = np.random.default_rng(3)
    parameters, gradients = random_arrays(rng, np.float32), [random_arrays(rng, np.float32) for _ in range(5)]
    twin, optimizer, twins = {path: p.copy() for path, p in parameters.items()}, make(), make()
    walk(optimizer, parameters, gradients, rate=0.01)
    walk(twins, twin, gradients, rate=np.float64(0.01))  # would make every temporary float64
    assert_same(parameters, twin)
    assert all(p.dtype == np.float32 for p in parameters.values())
    assert all(a.dtype == np.float32 for key, a in optimizer.state().items() if key != "step")


def test_arguments_from_numpy_make_no_float64():
    assert type(check_number("SGD", "momentum", np.float64(0.9))) is float


@every_optimizer
def test_a_round_trip_goes_on_with_the_same_bits(make):
    rng = np.random.default_rng(4)
    parameters, gradients = random_arrays(rng, np.float32), [random_arrays(rng, np.float32) for _ in range(7)]
    first = make()
    walk(first, parameters, gradients[:4])
    saved, resumed = first.state(), {path: p.copy() for path, p in parameters.items()}
    kept = {key: array.copy() for key, array in saved.items()}
    walk(first, parameters, gradients[4:])
    assert_same(saved, kept)  # a saved state does not follow the optimizer
    second = make()
    second.load_state(saved)
    walk(second, resumed, gradients[4:])
    assert_same(resumed, parameters)
    assert_same(second.state(), first.state())


def test_the_state_has_these_names():
    parameters, gradients = {"a/kernel": np.ones((1, 2))}, {"a/kernel": np.ones((1, 2))}
    for optimizer, names in [
        (SGD(), {"velocity/a/kernel"}),
        (RMSprop(), {"square/a/kernel", "velocity/a/kernel"}),
        (AdamW(), {"mean/a/kernel", "square/a/kernel"}),
    ]:
        assert optimizer.state() == {"step": 0}
        walk(optimizer, parameters, [gradients] * 2)
        state = optimizer.state()
        assert state.keys() == {"step"} | names
        assert state["step"] == 2
        assert state["step"].dtype == np.int64


def refused(optimizer, parameters, gradients, rate, message):
    """Check that a step is refused with this message and changes nothing."""
    before, state = {path: p.copy() for path, p in parameters.items()}, optimizer.state()
    with pytest.raises(ValueError, match=re.escape(message)):
        optimizer.step(parameters, gradients, rate)
    assert_same(parameters, before)
    assert_same(optimizer.state(), state)


@every_optimizer
def test_a_bad_step_is_refused_and_changes_nothing(make):
    rng = np.random.default_rng(5)
    parameters, g = random_arrays(rng), random_arrays(rng)
    name = type(make()).__name__
    without = {path: a for path, a in g.items() if path != "head/bias"}
    for optimizer in (make(), make()):
        refused(
            optimizer,
            parameters,
            without,
            0.1,
            f"{name}: gradients has wrong keys: 1 missing ['head/b",
        )
        refused(optimizer, parameters, g | {"x": g["head/bias"]}, 0.1, "1 unknown ['x']")
        refused(optimizer, parameters, {}, 0.1, "5 missing ['conv/kernel', 'head/bias', 'head/kernel']")
        refused(
            optimizer,
            parameters,
            g | {"norm/beta": np.ones(1)},
            0.1,
            "norm/beta as float64 (1,); expected float64 (4,)",
        )
        refused(optimizer, parameters, g | {"norm/beta": np.ones(4, np.float32)}, 0.1, "norm/beta as float32 (4,)")
        for rate in (-0.1, math.nan, math.inf):
            refused(optimizer, parameters, g, rate, f"{name}: learning_rate is {rate}; it must be at least 0")
        optimizer.step(parameters, g, 0.1)  # then again, with something kept
        refused(optimizer, parameters, without, 0.1, "gradients has wrong keys")


@every_optimizer
def test_a_state_of_other_parameters_is_refused_at_the_next_step(make):
    rng = np.random.default_rng(6)
    parameters, gradients, optimizer = random_arrays(rng), random_arrays(rng), make()
    walk(optimizer, parameters, [gradients])
    slot = optimizer.slots[-1]

    def fewer(arrays):
        return {path: a for path, a in arrays.items() if path != "norm/beta"}

    refused(optimizer, fewer(parameters), fewer(gradients), 0.1, "has wrong keys: 1 unknown ['norm/beta']")
    halves = {path: a.astype(np.float32) for path, a in parameters.items()}
    refused(optimizer, halves, {path: a.astype(np.float32) for path, a in gradients.items()}, 0.1, "as float64")
    state = optimizer.state()
    del state[f"{slot}/head/bias"]
    with pytest.raises(ValueError, match=rf"1 missing \['{slot}/head/bias'\]"):
        optimizer.load_state(state)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(momentum=1.0), "SGD: momentum is 1.0; it must be at least 0 and below 1"),
        (lambda: SGD(momentum=-0.1), "SGD: momentum is -0.1"),
        (lambda: SGD(momentum=math.nan), "SGD: momentum is nan"),
        (lambda: SGD(weight_decay=-1e-5), "SGD: weight_decay is -1e-05; it must be at least 0 and below inf"),
        (lambda: RMSprop(alpha=1.0), "RMSprop: alpha is 1.0"),
        (lambda: RMSprop(eps=0.0), "RMSprop: eps is 0.0; it must be above 0"),
        (lambda: RMSprop(eps=-1e-8), "RMSprop: eps is -1e-08; it must be above 0"),
        (lambda: RMSprop(momentum=1.5), "RMSprop: momentum is 1.5"),
        (lambda: RMSprop(weight_decay=-1.0), "RMSprop: weight_decay is -1.0"),
        (lambda: AdamW(beta1=1.0), "AdamW: beta1 is 1.0"),
        (lambda: AdamW(beta2=1.0), "AdamW: beta2 is 1.0"),
        (lambda: AdamW(eps=0), "AdamW: eps is 0"),
        (lambda: AdamW(weight_decay=-0.1), "AdamW: weight_decay is -0.1"),
    ],
)
def test_bad_arguments_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make()


def test_an_optimizer_without_a_formula_is_none():
    with pytest.raises(TypeError, match="_update"):
        Optimizer()  # type: ignore[abstract]
