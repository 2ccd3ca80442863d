"""Put the results of studies into docs/reproduction.md: numbers as JSON, pictures, and the tables of the page.

    python docs/reproduction/build.py STUDY...      copy results.json of these folders, then draw and write
    python docs/reproduction/build.py               draw and write anew, from the JSON that is here
    python docs/reproduction/build.py --check       write nothing; name what has become stale

On the page a table stands between `<!-- table: NAME -->` and `<!-- end -->`, both alone on their lines. The same
numbers give the same bytes, under the versions that `notebooks/constraints.txt` pins.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from xnp import files, viz
from xnp.reproduce import EXPERIMENTS, report
from xnp.reproduce.presets import DEFAULT

HERE = Path(__file__).parent
PAGE = HERE.with_suffix(".md")
PLACE = re.compile(r"(?<=<!-- table: )(?P<name>\S+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main(arguments: list[str]) -> int:
    """Take the studies, then draw the pictures and write the page; or check them. Give the exit code."""
    if arguments == ["--check"]:
        names = stale()
        for name in names:
            print(f"docs/{name} is stale: run python docs/reproduction/build.py")
        return 1 if names else 0
    try:
        for study in arguments:
            take(Path(study))
    except (OSError, ValueError, KeyError) as error:
        print(f"docs/reproduction/build.py: {error!r}", file=sys.stderr)
        return 1
    for name, figure in pictures().items():
        viz.save(figure, HERE / name)
    with files.replacing(PAGE) as file:
        file.write(with_tables(PAGE.read_text()).encode())
    return 0


def take(study: Path) -> None:
    """Copy what a study found, if it is what the page shows: the default preset, with all seeds."""
    path = study / report.RESULTS
    record = json.loads(path.read_text())
    experiment = EXPERIMENTS[record["experiment"]]
    if record["preset"] != DEFAULT:
        raise ValueError(f"{path} is of the preset {record['preset']}; the page shows {DEFAULT}")
    seeds = sorted({*record["seeds"], *(one["seed"] for one in record["diverged"])})
    if seeds != list(range(experiment.seeds)):
        raise ValueError(f"{path} has the seeds {seeds}; the page shows the first {experiment.seeds}")
    if experiment.speed and record["images_per_second"] is None:
        raise ValueError(f"{path} has no speeds yet; `xnp reproduce {experiment.name}` measures them")
    files.write_json(HERE / f"{experiment.name}.json", record)


def stale() -> list[str]:
    """Name what is not what would be written now."""
    found = [] if with_tables(PAGE.read_text()) == PAGE.read_text() else [PAGE.name]
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in pictures().items():
            viz.save(figure, Path(folder) / name)
            if not (HERE / name).exists() or (Path(folder) / name).read_bytes() != (HERE / name).read_bytes():
                found.append(f"{HERE.name}/{name}")
    return found


def pictures() -> dict[str, viz.Figure]:
    """Draw each picture, by the name of its file."""
    records = [json.loads(path.read_text()) for path in sorted(HERE.glob("*.json"))]
    return {f"{record['experiment']}.png": report.picture(record) for record in records}


def with_tables(page: str) -> str:
    """Write each table of the page from its numbers."""
    return PLACE.sub(lambda place: f"{place['name']} -->\n\n{table(place['name'])}\n\n", page)


def table(name: str) -> str:
    """Write one table, and what made it; or that it is still to be made."""
    numbers = HERE / f"{name}.json"
    if not numbers.exists():
        return f"*No results here yet. `xnp reproduce {name}` makes them.*"
    record = json.loads(numbers.read_text())
    picture = f"![{record['question']} {report.picture(record).alt}](reproduction/{name}.png)"
    parts = [report.results_table(record)._repr_markdown_(), picture, report.origin(record)]
    return "\n\n".join([*parts, report.left_out(record)] if record["diverged"] else parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
