"""The history of a training: one JSON line an epoch, appended as it comes, so that a stop loses nothing.

>>> line({"epoch": 3, "loss": 1.25, "accuracy": 0.5, "validation_loss": 1.5, "validation_accuracy": 0.25,
...       "images_per_second": 420.0}, epochs=20, seconds_left=200)
'epoch  3/20  loss 1.250  accuracy 50.0 %  validation 1.500  25.0 %  420 images/s  3 min 20 s left'
"""

import json
import os
from pathlib import Path
from typing import Any

from xnp.files import replacing

Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    """Read the rows. A last line that a kill cut short is left out."""
    rows = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(text))
        except ValueError:
            break
    return rows


def append(path: Path, row: Row) -> None:
    """Add one row at the end."""
    with open(path, "a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())  # on the disk before the checkpoint that counts on it


def cut(path: Path, epochs: int) -> list[Row]:
    """Keep the first `epochs` rows alone: what came after the checkpoint will be done again.

    Returns
    -------
    The rows that stay.
    """
    rows = read(path)[:epochs]
    with replacing(path) as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    return rows


def line(row: Row, *, epochs: int, seconds_left: float) -> str:
    """Say an epoch in one line."""
    parts = [
        f"epoch {row['epoch']:{len(str(epochs))}d}/{epochs}",
        f"loss {row['loss']:.3f}",
        f"accuracy {100 * row['accuracy']:.1f} %",
    ]
    if row.get("validation_loss") is not None:
        parts += [f"validation {row['validation_loss']:.3f}", f"{100 * row['validation_accuracy']:.1f} %"]
    return "  ".join([*parts, f"{row['images_per_second']:.0f} images/s", f"{duration(seconds_left)} left"])


def duration(seconds: float) -> str:
    """Say a time span as one would.

    >>> duration(7), duration(200), duration(7500)
    ('7 s', '3 min 20 s', '2 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
