"""What a study has found: table, exact paired tests, curves; and the JSON that all of it can be made from again."""

import json
import statistics
from pathlib import Path
from typing import Any

from xnp import files, runs
from xnp.bench.ratios import ratio
from xnp.reproduce import speed
from xnp.reproduce.study import Study
from xnp.statistics import mean_interval, sign_flip
from xnp.tables import Table, table

RESULTS, TABLE, PICTURE, SPEED = "results.json", "table.md", "curves.png", "speed.json"

Record = dict[str, Any]


def gather(study: Study) -> Record | None:
    """Put together what the trials gave; None while no seed is complete."""
    done = study.results()
    pairs = {seed: results for seed, results in done.items() if not any("diverged" in one for one in results)}
    if not pairs:
        return None
    return {
        "experiment": study.experiment.name,
        "question": study.experiment.question,
        "preset": study.preset,
        "settings": study.common_settings(),
        "invocations": study.invocations(),
        "seeds": list(pairs),
        "diverged": [
            {"variant": one["variant"], "seed": seed}
            for seed, results in done.items()
            for one in results
            if "diverged" in one
        ],
        "variants": [
            {
                "name": variant.name,
                "width": found[0]["width"],
                "parameters": found[0]["parameters"],
                "macs": found[0]["macs"],
                "test_accuracy": [result["test_accuracy"] for result in found],
                "test_loss": [result["test_loss"] for result in found],
                "validation_accuracy": [
                    [round(row["validation_accuracy"], 4) for row in result["epochs"]] for result in found
                ],
            }
            for variant, found in zip(study.experiment.variants, zip(*pairs.values(), strict=True), strict=True)
        ],
        **speeds_of(study),
    }


def speeds_of(study: Study) -> Record:
    """Give the speeds, if they are measured."""
    path = study.folder / SPEED
    return {"images_per_second": json.loads(path.read_text()) if path.exists() else None}


def lacks_speed(study: Study) -> bool:
    """Say whether speed is a part of the question, and not measured yet."""
    return study.experiment.speed and not (study.folder / SPEED).exists()


def measure_speed(study: Study, widths: list[float]) -> None:
    """Time the variants' training steps; nothing else may run."""
    batch_size = runs.make_settings(study.settings).batch_size
    networks = [
        variant.network(width, seed=0) for variant, width in zip(study.experiment.variants, widths, strict=True)
    ]
    speeds = speed.measure(networks, batch_size)
    files.write_json(study.folder / SPEED, [[round(value, 1) for value in values] for values in speeds])


def write(record: Record, folder: Path) -> None:
    """Write numbers, table and picture."""
    from xnp import viz

    files.write_json(folder / RESULTS, record)
    with files.replacing(folder / TABLE) as file:
        file.write(page(record).encode())
    viz.save(picture(record), folder / PICTURE)


def page(record: Record) -> str:
    """Say everything on one page of Markdown."""
    return "\n\n".join(
        [f"# {record['question']}", results_table(record)._repr_markdown_(), reading(record), origin(record) + "\n"]
    )


def origin(record: Record) -> str:
    """Say what made the numbers."""
    commands: dict[str, list[str]] = {}  # by what they ran on
    for one in record["invocations"]:
        machine, versions = one["machine"], one["versions"]
        with_what = ", ".join(f"{name} {versions[name]}" for name in ("xnp", "numpy", "python", "blas"))
        where = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, with {with_what}"
        commands.setdefault(where, []).append(f"`{one['command']}`")
    made = "; by ".join(f"{', '.join(typed)} on {where}" for where, typed in commands.items())
    settings = ", ".join(
        f"{name.replace('_', ' ')} {' '.join(value) if isinstance(value, list | tuple) else value}"
        for name, value in record["settings"].items()
        if value not in (None, [], (), 0.0)
    )
    return f"Made by {made}. Each trial: {settings}."


def results_table(record: Record) -> Table:
    """Lay out a row for each variant."""
    first, speeds = record["variants"][0], record["images_per_second"]
    header = ["", "width", "parameters", "MACs", "test accuracy (%)", "difference", "p"]
    rows: list[list[str | float]] = []
    for variant in record["variants"]:
        row: list[str | float] = [variant["name"], f"{variant['width']:g}", variant["parameters"], variant["macs"]]
        row.append(with_interval(variant["test_accuracy"]))
        differences = [a - b for a, b in zip(variant["test_accuracy"], first["test_accuracy"], strict=True)]
        row += ["", ""] if variant is first else [with_interval(differences, sign="+"), p_value(differences)]
        rows.append(row)
    if speeds is not None:
        header += ["images/s", "speed"]
        for row, found in zip(rows, speeds, strict=True):
            faster = ratio(found, speeds[0])
            row.append(f"{statistics.median(found):,.0f}")
            row.append("" if found is speeds[0] else f"{faster.median:.2f} ({faster.low:.2f} to {faster.high:.2f})")
    return table(header, rows)


def reading(record: Record) -> str:
    """Say how the table is to be read."""
    seeds, first = len(record["variants"][0]["test_accuracy"]), record["variants"][0]["name"]
    if seeds == 1:
        text = (
            f"1 trial of each: no interval, and p tells nothing. Difference: from *{first}*, in percentage points. "
            "More --seeds tell more; this one counts."
        )
    else:
        text = (
            f"{trials(seeds)} of each. In parentheses: where the true mean lies, with a confidence of 95 % (Student); "
            f"{varied(record)} Difference: from *{first}*, seed by seed, in percentage points. p: exact paired "
            f"sign-flip test of that difference alone, two-sided; with {seeds} pairs it cannot be below "
            f"{2 ** (1 - seeds):.2g}. It holds for a number of seeds that was chosen before the results were seen."
        )
    if record["diverged"]:
        text += f" {left_out(record)}"
    if record["images_per_second"] is not None:
        text += (
            " Images/s: whole training steps, one variant at a time on all cores, median of the rounds; speed: how "
            f"many times that of *{first}*, in parentheses the 95 % interval of the bootstrap."
        )
    return text


def left_out(record: Record) -> str:
    """Say what diverged."""
    trials = "; ".join(f"{one['variant']}, seed {one['seed']}" for one in record["diverged"])
    return (
        f"Diverged (a loss or a weight is no finite number), and left out with all trials of that seed: {trials}. So "
        "the table makes them look better than they are."
    )


def varied(record: Record) -> str:
    """Say what a seed changes, and so what the interval tells of."""
    if record["settings"]["data"] == "patterns":
        return "seeds draw the images, the first weights and the order."
    return "seeds draw the first weights, the order and the augmentation; all trials have the same images."


def trials(seeds: int) -> str:
    """Say how many there are.

    >>> trials(1), trials(10)
    ('1 trial', '10 trials')
    """
    return f"{seeds} trial" + "s" * (seeds > 1)


def with_interval(shares: list[float], sign: str = "") -> str:
    """Write a mean and its interval in percent.

    >>> with_interval([0.711, 0.715]), with_interval([0.25], sign="+")
    ('71.30 (68.76 to 73.84)', '+25.00')
    """
    mean, low, high = (f"{100 * value:{sign}.2f}" for value in mean_interval(shares))
    return mean if len(shares) == 1 else f"{mean} ({low} to {high})"


def p_value(differences: list[float]) -> str:
    """Write the p of the exact test.

    >>> p_value([0.01] * 5), p_value([0.01] * 10), p_value([0.01] * 20)
    ('0.062', '0.0020', '<0.0001')
    """
    p = sign_flip(differences)
    return "<0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}"


def picture(record: Record) -> Any:
    """Draw curves with bands, and every trial."""
    from xnp import viz

    speeds = record["images_per_second"]
    return viz.trials(
        [
            viz.Trials(
                variant["name"],
                variant["validation_accuracy"],
                variant["test_accuracy"],
                None if speeds is None else statistics.median(speeds[place]),
            )
            for place, variant in enumerate(record["variants"])
        ],
    )
