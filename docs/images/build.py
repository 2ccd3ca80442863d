"""Draw the pictures of the README, into this folder.

python docs/images/build.py            write them
python docs/images/build.py --check    write nothing; name what has become stale

The same source gives the same bytes, under the versions that `notebooks/constraints.txt` pins.
"""

import sys
import tempfile
from pathlib import Path

from xnp import viz
from xnp.data import example

HERE = Path(__file__).parent


def pictures() -> dict[str, viz.Figure]:
    """Give each picture by the name of its file."""
    arrays = example.image(), example.depthwise_kernel(), example.pointwise_kernel()
    return {"both_ways.png": viz.both_ways(*arrays, at=(1, 2))}


def main(arguments: list[str]) -> int:
    """Write or check; give the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as elsewhere:
        folder = Path(elsewhere) if arguments else HERE
        for name, figure in pictures().items():
            viz.save(figure, folder / name)
        stale = [name for name in pictures() if (folder / name).read_bytes() != (HERE / name).read_bytes()]
    for name in stale:
        print(f"docs/images/{name} is stale: run python docs/images/build.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
