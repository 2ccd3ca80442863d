"""Files of the library, read once."""

from pathlib import Path

import pytest
from annotated.library import Library


@pytest.fixture(scope="session")
def library() -> Library:
    return Library(Path(__file__).parents[2] / "xnp")
