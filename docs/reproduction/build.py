"""Put the results of studies into docs/reproduction.md: numbers as JSON, pictures, and the tables of the page.

    python docs/reproduction/build.py STUDY...      copy results.json and curves.png of these folders, then write tables
    python docs/reproduction/build.py               write the tables anew, from the JSON that is here

On the page a table stands between `<!-- table: NAME -->` and `<!-- end -->`, both alone on their lines.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from xnp.files import replacing
from xnp.reproduce import report

HERE = Path(__file__).parent
PAGE = HERE.with_suffix(".md")
PLACE = re.compile(r"(?<=<!-- table: )(?P<name>\S+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def take(study: Path) -> None:
    """Copy what a study found."""
    name = json.loads((study / report.RESULTS).read_text())["experiment"]
    shutil.copyfile(study / report.RESULTS, HERE / f"{name}.json")
    shutil.copyfile(study / report.PICTURE, HERE / f"{name}.png")


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
    return "\n\n".join([report.results_table(record)._repr_markdown_(), picture, report.origin(record)])


def main() -> None:
    """Take the studies, then write the page."""
    for study in sys.argv[1:]:
        take(Path(study))
    page = with_tables(PAGE.read_text())
    with replacing(PAGE) as file:
        file.write(page.encode())


if __name__ == "__main__":
    main()
