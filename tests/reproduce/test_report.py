"""The report: table, page, picture, and the JSON that all of it is made from again."""

import json
import math
import re

import numpy as np
import pytest

from xnp.reproduce import report
from xnp.statistics import mean_interval, sign_flip

ACCURACIES = {"with": (0.712, 0.709, 0.718, 0.711, 0.715), "without": (0.701, 0.703, 0.706, 0.708, 0.709)}


def invocation(command, **machine):
    about = {"system": "Linux", "processor": "Some CPU", "cores": 2, "memory_bytes": 1}
    versions = {"python": "3.11.7", "xnp": "0.1.0", "numpy": "2.4.6", "blas": "openblas 0.3"}
    return {"command": command, "machine": about | machine, "versions": versions}


def make_record(seeds=5, *, speeds=None, accuracies=ACCURACIES):
    return {
        "experiment": "residual",
        "question": "Do they help?",
        "preset": "quick",
        "settings": {"data": "patterns", "subset": 500, "batch_size": 32, "average": 0.0, "augment": ("flip", "crop")},
        "invocations": [invocation("xnp reproduce residual --quick --seeds 2"), invocation("xnp reproduce residual")],
        "seeds": list(range(seeds)),
        "diverged": [],
        "variants": [
            {
                "name": name,
                "width": 64.0 + place / 3,
                "parameters": 86_106 - place,
                "macs": 6_493_760,
                "test_accuracy": list(values[:seeds]),
                "test_loss": [1.0] * seeds,
                "validation_accuracy": [[0.5, value] for value in values[:seeds]],
            }
            for place, (name, values) in enumerate(accuracies.items())
        ],
        "images_per_second": speeds,
    }


SPEEDS = [[400.0, 410.0, 390.0], [600.0, 615.0, 1200.0]]


def test_the_table_says_mean_interval_difference_and_p():
    found = report.results_table(make_record())
    assert found.header == ("", "width", "parameters", "MACs", "test accuracy (%)", "difference", "p")
    mean, low, high = mean_interval([71.2, 70.9, 71.8, 71.1, 71.5])
    assert found.rows[0] == ("with", "64", "86,106", "6,493,760", f"{mean:.2f} ({low:.2f} to {high:.2f})", "", "")
    differences = [b - a for a, b in zip(*ACCURACIES.values(), strict=True)]
    mean, low, high = (100 * end for end in mean_interval(differences))
    assert found.rows[1][5:] == (f"{mean:+.2f} ({low:+.2f} to {high:+.2f})", f"{sign_flip(differences):.3f}")
    assert found.rows[1][1:3] == ("64.3333", "86,105")
    assert found.rows[1][5].startswith("-0.76 (-1.23 to -0.29")
    assert found.rows[1][6] == "0.062"


def test_the_pairs_are_those_of_the_same_seed():
    """The means are the same whatever the order; the interval of the differences is not."""
    shuffled = ACCURACIES | {"without": ACCURACIES["without"][::-1]}
    rows = [report.results_table(make_record(accuracies=one)).rows[1] for one in (ACCURACIES, shuffled)]
    assert rows[0][4] == rows[1][4]
    assert rows[0][5] != rows[1][5]


def test_speed_is_the_ratio_of_the_same_round():
    found = report.results_table(make_record(speeds=SPEEDS))
    assert found.header[-2:] == ("images/s", "speed")
    assert found.rows[0][-2:] == ("400", "")
    assert found.rows[1][-2] == "615"
    assert re.fullmatch(r"1\.50 \(1\.50 to 3\.08\)", found.rows[1][-1])  # faster is above 1
    assert len(report.results_table(make_record()).header) == len(found.header) - 2


def test_one_seed_alone_claims_nothing():
    record = make_record(1)
    found = report.results_table(record)
    assert [row[4] for row in found.rows] == ["71.20", "70.10"]
    assert found.rows[1][5:] == ("-1.10", "1.000")
    assert report.reading(record).startswith("1 trial of each: no interval, and p tells nothing.")
    assert "nan" not in report.page(record)
    assert "1 trials" not in report.page(record)


@pytest.mark.parametrize(("seeds", "least"), [(2, "0.5"), (5, "0.062")])
def test_the_reading_says_what_the_test_can_reach(seeds, least):
    text = report.reading(make_record(seeds))
    assert text.startswith(f"{seeds} trials of each.")
    assert f"with {seeds} pairs it cannot be below {least}." in text
    assert "*with*" in text
    assert "Images/s" not in text
    assert "Images/s" in report.reading(make_record(seeds, speeds=SPEEDS))


def test_p_has_digits_enough():
    assert report.p_value([0.01] * 10) == "0.0020"
    assert report.p_value([0.01] * 20) == "<0.0001"  # and not 0
    assert report.p_value([0.01, -0.01]) == "1.000"


def test_the_page_holds_question_table_reading_and_origin():
    text = report.page(make_record(speeds=SPEEDS))
    title, table, reading, origin = text.strip().split("\n\n")
    assert title == "# Do they help?"
    assert [line.count("|") for line in table.splitlines()] == [10] * 4
    assert reading == report.reading(make_record(speeds=SPEEDS))
    assert origin == (
        "Made by `xnp reproduce residual --quick --seeds 2`, `xnp reproduce residual` on Some CPU, 2 cores, Linux, "
        "with xnp 0.1.0, numpy 2.4.6, python 3.11.7, blas openblas 0.3. Each trial: data patterns, subset 500, "
        "batch size 32, augment flip crop."
    )
    assert text.endswith("\n")


def test_trials_of_two_machines_are_said_to_be_so():
    record = make_record()
    record["invocations"].append(invocation("xnp reproduce residual --quick", processor="Another CPU", cores=8))
    made = report.origin(record).partition(". Each trial")[0]
    assert made.startswith("Made by `xnp reproduce residual --quick --seeds 2`, `xnp reproduce residual` on Some CPU, ")
    assert "; by `xnp reproduce residual --quick` on Another CPU, 8 cores, " in made


def test_what_diverged_is_named_and_whom_it_favours():
    record = make_record()
    assert "iverged" not in report.reading(record)
    record["diverged"] = [{"variant": "with", "seed": 3}, {"variant": "without", "seed": 3}]
    text = report.reading(record)
    assert "Diverged (a loss or a weight is no finite number), and left out with all trials of that seed: " in text
    assert "with, seed 3; without, seed 3. So the table makes them look better than they are." in text


def test_the_reading_says_what_the_seeds_change():
    record = make_record()
    assert "seeds draw the images, " in report.reading(record)
    record["settings"]["data"] = "cifar10"
    assert "all trials have the same images" in report.reading(record)


@pytest.mark.parametrize(("seeds", "speeds"), [(1, None), (5, SPEEDS)])
def test_all_of_it_can_be_made_again_from_the_json(seeds, speeds, tmp_path):
    record = make_record(seeds, speeds=speeds)
    report.write(record, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "table.md", "curves.png"}
    again = json.loads((tmp_path / "results.json").read_text())
    assert report.page(again) == report.page(record) == (tmp_path / "table.md").read_text()
    picture = (tmp_path / "curves.png").read_bytes()
    report.write(again, tmp_path)
    assert (tmp_path / "curves.png").read_bytes() == picture


def test_the_picture_shows_the_medians_of_the_speeds():
    figure = report.picture(make_record(speeds=SPEEDS))
    points = [container.lines[0].get_xdata()[0] for container in figure.axes[2].containers]
    assert points == [np.median(one) for one in SPEEDS]
    assert len(report.picture(make_record()).axes) == 2


def test_an_interval_in_percent():
    assert report.with_interval([0.5, 0.5]) == "50.00 (50.00 to 50.00)"
    assert report.with_interval([0.25], sign="+") == "+25.00"
    assert not math.isnan(float(report.with_interval([0.25])))
