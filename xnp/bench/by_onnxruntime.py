"""ONNX Runtime as a contestant, in inference alone: the network, with its weights, as `xnp export` writes it."""

from pathlib import Path
from typing import Any

from xnp import weights
from xnp.bench.work import Step, Work, batch_of, network

FILE = "model.onnx"


def bring(work: Work, folder: Path) -> None:
    """Write the network into a folder. Not by the contestant: to write it takes more memory than to run it."""
    weights.export_onnx(network(work), folder / FILE, batch=work.batch)


def prepare(work: Work, workers: int, *, folder: str) -> Step:
    """Prepare the work for ONNX Runtime on the processor, with the optimisations that it makes by default."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = workers
    session = onnxruntime.InferenceSession(Path(folder) / FILE, options, providers=["CPUExecutionProvider"])
    images, _ = batch_of(work)
    return lambda: session.run(None, {"images": images})[0]
