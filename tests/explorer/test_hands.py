"""Mouse, touch and keyboard move the window, choose a number, and change the settings."""

import pytest

pytestmark = pytest.mark.slow


def at(explorer):
    """Read which output number is looked at."""
    return explorer.equation().split("]")[0].split("[")[1]


def comes_to(explorer, place):
    """Wait until this output number is looked at: a browser makes a click of a tap in its own time."""
    shown = "place => document.querySelector('#equation').textContent.includes(`[${place}]`)"
    explorer.page.wait_for_function(shown, arg=place)
    return at(explorer) == place


def pixel(explorer, row, column):
    """Give the middle of a pixel of the input, on the screen."""
    box = explorer.page.locator("#input .cell").nth(row * 8 + column).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_mouse_drags_the_window(explorer):
    mouse = explorer.page.mouse
    mouse.move(*pixel(explorer, 1, 2))  # the window's first pixel
    mouse.down()
    assert at(explorer) == "1, 2, 0"  # it does not jump when it is taken by its corner
    mouse.move(*pixel(explorer, 3, 4), steps=4)
    assert at(explorer) == "3, 4, 0"
    mouse.move(*pixel(explorer, 7, 7), steps=4)
    assert at(explorer) == "5, 5, 0"  # it never leaves the picture
    mouse.up()
    mouse.move(*pixel(explorer, 0, 0))
    assert at(explorer) == "5, 5, 0"


def test_a_press_beside_the_window_brings_its_middle_there(explorer):
    explorer.page.mouse.click(*pixel(explorer, 5, 6))
    assert at(explorer) == "4, 5, 0"
    explorer.choose(stride=2, padding="same")  # padding at the bottom and right: 9x9 cells
    explorer.click(4, 4, "#input")
    assert at(explorer) == "2, 2, 0"


def test_a_finger_taps_and_drags_and_a_number_is_tapped(opened):
    explorer = opened(width=390, height=844, has_touch=True, is_mobile=True)
    page = explorer.page
    page.locator("#input .cell").nth(0).scroll_into_view_if_needed()
    page.touchscreen.tap(*pixel(explorer, 6, 6))
    assert comes_to(explorer, "5, 5, 0")
    x, y, width, height = explorer.frame()
    to = pixel(explorer, 1, 1)
    finger = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [(x + width / 2, y + height / 2)]),
        ("touchMove", [pixel(explorer, 4, 4)]),
        ("touchMove", [to]),
        ("touchEnd", []),
    ):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})
    assert comes_to(explorer, "0, 0, 0")
    page.locator("#output .cell").nth(6 * 3 + 4).tap()
    assert comes_to(explorer, "3, 4, 0")


def test_a_finger_beside_the_window_scrolls_the_page(opened):
    page = opened(width=390, height=844, has_touch=True, is_mobile=True).page
    assert page.locator("#input .frame").evaluate("frame => getComputedStyle(frame).touchAction") == "none"
    assert page.locator("#input .cell").first.evaluate("cell => getComputedStyle(cell).touchAction") == "auto"


@pytest.mark.parametrize("table", ["#input .frame", "#output .cell[tabindex='0']"])
def test_the_arrow_keys_move_the_window_and_choose_a_number(explorer, table):
    page = explorer.page
    page.focus(table)
    for key, place in (
        ("ArrowRight", "1, 3, 0"),
        ("ArrowDown", "2, 3, 0"),
        ("ArrowLeft", "2, 2, 0"),
        ("ArrowUp", "1, 2, 0"),
        ("Home", "1, 0, 0"),
        ("ArrowLeft", "1, 0, 0"),
        ("End", "1, 5, 0"),
        ("Control+End", "5, 5, 0"),
        ("ArrowDown", "5, 5, 0"),
        ("Control+Home", "0, 0, 0"),
    ):
        page.keyboard.press(key)
        assert at(explorer) == place, key
        assert page.evaluate("selector => document.activeElement === document.querySelector(selector)", table), key


def test_the_settings_obey_the_arrow_keys(explorer):
    page = explorer.page
    page.focus("input[name=operation][value=standard]")
    page.keyboard.press("ArrowRight")
    assert page.locator("input[name=operation][value=depthwise]").is_checked()
    assert explorer.workings()["sum"].ravel().tolist() == [12, 12, 21]


def test_play_visits_every_window_and_stops(opened):
    explorer = opened("stride=3")
    explorer.page.click("#play")
    explorer.page.locator("#play", has_text="Stop").wait_for()
    explorer.page.locator("#play", has_text="Play").wait_for()
    assert at(explorer) == "1, 1, 0"
    explorer.page.click("#play")  # once more, from the first window
    explorer.page.locator("#play", has_text="Play").wait_for()
    assert explorer.page.locator("#progress").inner_text() == "4 of 4 windows visited"


def test_start_again_forgets_what_was_visited(explorer):
    explorer.page.click("#all")
    assert explorer.page.locator("#progress").inner_text() == "36 of 36 windows visited"
    explorer.page.click("#clear")
    assert explorer.page.locator("#progress").inner_text() == "1 of 36 windows visited"
    assert at(explorer) == "0, 0, 0"


def test_an_address_opens_with_its_settings_and_keeps_them(opened):
    explorer = opened("operation=separable&direction=backward&outputs=4&kernel=nine&unknown=1")
    page = explorer.page
    assert explorer.equation() == "dy[1, 2, 0] = 2"
    checked = page.locator("#settings input:checked").evaluate_all("all => all.map(input => input.value)")
    assert checked == ["separable", "backward", "3", "1", "valid", "4"]
    explorer.choose(operation="depthwise", direction="backward", padding="same")
    assert page.url.split("#")[1] == "operation=depthwise&direction=backward&padding=same&outputs=4"
    page.reload()
    assert page.locator("input[name=padding][value=same]").is_checked()
    page.get_by_role("link", name="separable with 16 outputs").click()
    assert page.locator("#comparison").inner_text() == "Here separable takes 5.76 times fewer MACs than standard."
