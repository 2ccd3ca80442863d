/* Mouse, touch and keyboard: how a hand moves the window over the input, and chooses a number of the output. */
"use strict";

const hands = (() => {
  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  /** Where a key leads from [p, q]: an arrow one step on, Home and End to the ends of the row, with Ctrl of all. */
  function target({ key, ctrlKey }, [p, q], [rows, columns]) {
    if (key in ARROWS) return [p + ARROWS[key][0], q + ARROWS[key][1]];
    if (key === "Home") return [ctrlKey ? 0 : p, 0];
    if (key === "End") return [ctrlKey ? rows - 1 : p, columns - 1];
    return undefined;
  }

  /** The same keys for both tables. `after` runs when the page has been drawn again. */
  function keys(host, { at, size, move, stop }, after = () => {}) {
    host.addEventListener("keydown", (event) => {
      const to = target(event, at(), size());
      if (!to) return;
      event.preventDefault(); // the arrows would scroll the page
      stop();
      move(...to);
      after();
    });
  }

  /** Where the pointer is, in cells of the table, from its upper left corner: (row, column), with fractions. */
  function pointed(host, { clientX, clientY }) {
    const box = host.querySelector(".cells").getBoundingClientRect();
    const style = getComputedStyle(host);
    const [rows, columns] = ["--rows", "--columns"].map((name) => Number(style.getPropertyValue(name)));
    return [((clientY - box.top) / box.height) * rows, ((clientX - box.left) / box.width) * columns];
  }

  /**
   * Let the window follow the hand. A mouse may press anywhere and drag. A finger drags the window itself, or taps
   * where it shall go: a finger that moves over the rest of the picture scrolls the page.
   */
  function moveWindow(host, { window, move, stop }) {
    let grip; // how far from the window's corner it is held, in cells; undefined while it is not held
    let held = false; // the click that ends a drag is not a tap

    const put = (event, [down, across]) => {
      const { stride } = window();
      const [row, column] = pointed(host, event);
      const to = [row - down, column - across].map((corner) => Math.round(corner / stride));
      if (to.some((value, axis) => value !== window().at[axis])) move(...to);
    };
    const middle = () => [window().kernel / 2, window().kernel / 2];

    host.addEventListener("pointerdown", (event) => {
      const frame = event.target.closest(".frame");
      held = event.button === 0 && Boolean(frame || (event.pointerType === "mouse" && event.target.closest(".cells")));
      if (!held) return;
      stop();
      const { at, stride } = window();
      const [row, column] = pointed(host, event);
      grip = frame ? [row - at[0] * stride, column - at[1] * stride] : middle();
      host.setPointerCapture(event.pointerId);
      put(event, grip);
    });
    host.addEventListener("pointermove", (event) => grip && put(event, grip));
    // A quick drag would be a flick to the browser, and the first tap after a flick is only there to stop it.
    host.addEventListener("touchmove", (event) => grip && event.preventDefault(), { passive: false });
    for (const end of ["pointerup", "pointercancel"]) host.addEventListener(end, () => (grip = undefined));
    host.addEventListener("click", (event) => {
      if (held || !event.target.closest(".cells")) return;
      stop();
      put(event, middle());
    });
    keys(host, { at: () => window().at, size: () => window().output, move, stop });
  }

  /** Choose a number by a click, a tap or the arrow keys. */
  function chooseCell(host, { size, at, move, stop }) {
    const focus = () => host.querySelector(".cell[tabindex='0']").focus();
    host.addEventListener("click", (event) => {
      if (!event.target.closest(".field")) return;
      stop();
      move(...pointed(host, event).map(Math.floor));
      focus();
    });
    keys(host, { at, size, move, stop }, focus);
  }

  return { moveWindow, chooseCell };
})();
