"""What the explorer's tests share: its page, and a hand on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explorer" / "index.html"
START = {"operation": "standard", "direction": "forward", "kernel": 3, "stride": 1, "padding": "valid", "outputs": 1}

READ = """host => [...host.querySelectorAll('.line')].map(
    line => [...line.children].map(cell => [cell.textContent, cell.classList.contains('padding')]))"""


class Explorer:
    """The page as a reader has it: what can be pressed, and what can be read."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def choose(self, **settings: object) -> None:
        """Press the settings that are not as wanted. What is left out goes back to the start, if it can be pressed."""
        for name, value in (START | settings).items():  # the operation first: it says which others can be pressed
            button = f"input[name={name}][value='{value}']"
            if self.page.evaluate(f"document.querySelector(\"{button}\").matches(':enabled:not(:checked)')"):
                self.page.locator(f"label:has({button})").click()

    def click(self, row: int, column: int, table: str = "#output") -> None:
        """Click one cell of a table."""
        _, columns = self.numbers(table).shape
        self.page.locator(f"{table} .cell").nth(row * columns + column).click(force=True)  # a frame may lie on it

    def numbers(self, table: str, *, padding: float = np.nan) -> np.ndarray:
        """Read a table. An empty cell is NaN; in the padding every cell is `padding`."""
        return read(self.page.locator(table).evaluate(READ), padding)

    def workings(self) -> dict[str, np.ndarray]:
        """Read all workings: (k, k, 3) for each row, the padding as NaN."""
        rows = self.page.locator(".working[data-key]").evaluate_all(
            f"rows => rows.map(row => [row.dataset.key, [...row.querySelectorAll('.table')].map({READ})])"
        )
        return {key: np.stack([read(table, np.nan) for table in tables], axis=-1) for key, tables in rows}

    def channels(self, table: str, buttons: str) -> np.ndarray:
        """Press each button of a row of small pictures, and read the table that it shows: (H, W, channels)."""
        made = []
        for button in self.page.locator(f"{buttons} button:visible").all() or [None]:
            if button is not None:
                button.click()
            made.append(self.numbers(table))
        return np.stack(made, axis=-1)

    def equation(self) -> str:
        """Read the line above the workings."""
        return " ".join(self.page.locator("#equation").inner_text().split()).replace("−", "-")

    def frame(self) -> tuple[float, float, float, float]:
        """Measure where the window lies on the input, in pixels: x, y, width, height."""
        box = self.page.locator("#input .frame").bounding_box()
        return box["x"], box["y"], box["width"], box["height"]


def read(lines: list[list[list[Any]]], padding: float) -> np.ndarray:
    """Turn the texts of cells into numbers."""
    return np.array([[padding if outside else number(text) for text, outside in line] for line in lines])


def number(text: str) -> float:
    """Read a number as the page writes it."""
    return float(text.replace("−", "-")) if text else np.nan


@pytest.fixture
def folder() -> Path:
    """Give the folder that holds the whole explorer."""
    return PAGE.parent


@pytest.fixture
def opened(browser) -> Iterator[Any]:
    """Open the page, at an address and in a window of any size; it may ask for nothing outside, nor complain."""
    contexts, complaints = [], []

    def open_page(address: str = "", width: int = 1280, height: int = 900, **options: Any) -> Explorer:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: check_request(request.url))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.goto(f"{PAGE.as_uri()}#{address}")
        return Explorer(page)

    def check_request(url: str) -> None:
        if not url.startswith((PAGE.parent.as_uri(), "data:", "about:", "http://127.0.0.1:")):
            complaints.append(f"outside request: {url}")

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def explorer(opened) -> Explorer:
    """Open the page as it starts, in a wide window."""
    return opened()
