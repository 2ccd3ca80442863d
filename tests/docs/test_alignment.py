"""Each line of backward stands beside the line of forward that it undoes."""

import pytest
from annotated.alignment import align, arguments

from xnp import ops


def aligned(library, module, within=""):
    parts = library.source(module).parts
    if within:
        parts = next(part for part in parts if part.name == within).parts
    named = {part.name.rpartition(".")[2]: part for part in parts}
    forward, backward = named["forward"], named["backward"]
    return forward, backward, align(forward.statements, backward.statements, arguments(forward.node))


def code(library, module, statement):
    return " ".join(library.source(module).code(line).strip() for line in statement.lines)


def beside(library, module, within=""):
    """Map what begins a line of backward to the line of forward."""
    pairs = aligned(library, module, within)[2]
    return {
        code(library, module, undone): code(library, module, pair.forward) for pair in pairs for undone in pair.backward
    }


@pytest.mark.parametrize("op", ops.__all__)
def test_every_operation_is_aligned_and_nothing_of_it_is_missing(library, op):
    forward, backward, pairs = aligned(library, f"xnp.ops.{op}")
    assert [pair.forward for pair in pairs] == forward.statements
    undone = [statement for pair in pairs for statement in pair.backward]
    assert sorted(s.lines for s in undone) == [s.lines for s in backward.statements]


def test_conv2d(library):
    assert beside(library, "xnp.ops.conv2d") == {
        "padded, w, biased, window = cache": "return y, Cache(padded, w, b is not None, window)",
        'checks.upstream("conv2d", dy, (len(padded), *window.output, w.shape[3]), padded.dtype)': (
            "window = check(x, w, b, stride, padding, dilation)"
        ),
        "db = dy.sum(axis=(0, 1, 2)) if biased else None": "y += b",
        "dpadded, dw = np.zeros_like(padded), np.empty_like(w)": (
            "y = np.zeros((len(x), *window.output, w.shape[3]), x.dtype)"
        ),
        "for i, j in window.offsets():": "for i, j in window.offsets():",
        "reads = window.reads(i, j)": "y += padded[window.reads(i, j)] @ w[i, j]",
        "dpadded[reads] += dy @ w[i, j].T": "y += padded[window.reads(i, j)] @ w[i, j]",
        "dw[i, j] = np.tensordot(padded[reads], dy, axes=((0, 1, 2), (0, 1, 2)))": (
            "y += padded[window.reads(i, j)] @ w[i, j]"
        ),
        "return crop(dpadded, window.padding), dw, db": "padded = pad(x, window.padding)",
    }


@pytest.mark.parametrize(
    ("op", "backward", "forward"),
    [
        ("dense", "return dy @ w.T, x.T @ dy, db", "y = x @ w"),
        ("relu", "return dy * cache.passed", "return np.maximum(x, 0)"),
        ("max_pool2d", "dpadded[window.reads(i, j)] +=", "challenger = padded[window.reads(i, j)]"),
        ("average_pool2d", "share = dy / count", "return y / count"),
        ("depthwise_conv2d", "dw = np.einsum", "y = np.einsum"),
        ("depthwise_conv2d", "by_channel = dy.reshape", "y = y.reshape"),
        ("grouped_conv2d", "dy_segments = split(dy, groups)", "y = join(y)"),
        ("grouped_conv2d", "return crop(join(dsegments)", "segments = split(pad(x"),
        ("separable_conv2d", "da, dw_pointwise, db = pointwise_conv2d.backward", "y, pointwise_cache ="),
        ("separable_conv2d", "dh = da if", "a, activated ="),
        ("separable_conv2d", "dx, dw_depthwise, _ =", "h, depthwise_cache ="),
        ("batch_norm", "dbeta = dy.sum", "return gamma * xhat + beta"),
        ("batch_norm", "dx = dy - xhat", "var = np.square(xhat)"),
        ("batch_norm", "dx -= dbeta / R", "xhat = x - mean"),
        ("batch_norm", "dx *= gamma * inv", "xhat *= inv"),
        ("zero_padding2d", "return crop(dy", "y = pad(x"),
    ],
)
def test_lines_that_undo_each_other(library, op, backward, forward):
    found = [there for line, there in beside(library, f"xnp.ops.{op}").items() if line.startswith(backward)]
    assert len(found) == 1
    assert found[0].startswith(forward)


def test_a_container_is_aligned_by_whose_backward_is_called(library):
    lines = beside(library, "xnp.layers.containers", "Sequential")
    assert lines["dy = child.backward(dy)"] == "x = child.forward(x, training)"
    assert lines["for child in reversed(self.children.values()):"] == "for child in self.children.values():"


def test_functions_that_do_not_mirror_each_other_are_not_aligned(library):
    assert aligned(library, "xnp.engine.nodes.depthwise", "Depthwise")[2] == []


def test_a_comment_that_names_no_line_is_an_error(library):
    forward, backward, _ = aligned(library, "xnp.ops.dense")
    from dataclasses import replace

    wrong = [replace(s, note="undoes `y = w @ x`") for s in backward.statements]
    with pytest.raises(LookupError, match=r"line 102: forward has no line `y = w @ x`"):
        align(forward.statements, wrong, ["x", "w", "b"])
