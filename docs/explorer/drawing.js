/* Arrays as tables of numbers, in the colours of xnp's figures (xnp/viz/style.py): blue input, orange kernel, green
   output, violet to brown a gradient. No meaning hangs on colour alone: each table has a name, each cell its number. */
"use strict";

const drawing = (() => {
  const rgb = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));

  const colours = {}; // paper, input, kernel, output, below and above zero

  /** Take the colours that explorer.css has now, light or dark. */
  function takeColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["paper", "input", "kernel", "output", "below", "above"]) {
      colours[name] = rgb(style.getPropertyValue(`--${name}`).trim());
    }
  }

  const mix = (from, to, share) => from.map((value, i) => Math.round(value + (to[i] - value) * share));

  /** From which number to which the colour goes: from the smallest, or 0, to the largest; a gradient about its 0. */
  function limits(role, values) {
    const [low, high] = [Math.min(...values, 0), Math.max(...values)];
    const reach = Math.max(-low, high) || 1;
    return role === "gradient" ? [-reach, reach] : [low, high > low ? high : low + 1];
  }

  /** A function from numbers to colours. */
  function scale(role, values) {
    const [low, high] = limits(role, values);
    const within = (share) => Math.min(Math.max(share, 0), 1);
    if (role !== "gradient") return (value) => mix(colours.paper, colours[role], within((value - low) / (high - low)));
    return (value) => mix(colours.paper, value < 0 ? colours.below : colours.above, within(Math.abs(value) / high));
  }

  /** Black or white, whichever is easier to read on a colour (the contrast of WCAG 2; never below 4.5). */
  function textOn(colour) {
    const linear = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "black" : "white";
  }

  const css = (colour) => `rgb(${colour.join(" ")})`;

  function element(tag, className, attributes = {}) {
    const made = document.createElement(tag);
    made.className = className;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  const longest = (cells) => Math.max(2, ...cells.map(({ text }) => text.length));

  /**
   * Draw a table into `host`. The elements stay as long as the table keeps its size, and so does the keyboard's focus.
   *
   * cells   rows of { text, colour, padding, name }: what stands in the cell, [r, g, b] or nothing, hatched or not,
   *         and what a screen reader says if that is not the text
   * axes    { rows: [first, size], columns: [first, size] }: the number of the first row, -1 where a row of padding
   *         comes before, and how many the array has; without it no numbers stand along the sides
   * role    "table", "grid" (its cells can be chosen) or "img" (one thing, with the table's name)
   * letters how long the longest number is, where several tables shall have one size of letters
   * chosen  [row, column] of the cell that the keyboard stands on, in a grid
   */
  function table(host, { cells, axes, name, role = "table", chosen, letters }) {
    const [rows, columns] = [cells.length, cells[0].length];
    const shape = JSON.stringify([rows, columns, axes, role]);
    if (host.dataset.shape !== shape) build(host, rows, columns, axes, role);
    host.dataset.shape = shape;
    host.style.setProperty("--columns", columns);
    host.style.setProperty("--rows", rows);
    host.style.setProperty("--letters", letters ?? longest(cells.flat()));
    const field = host.querySelector(".cells");
    field.setAttribute("aria-label", name);
    const elements = field.querySelectorAll(".cell");
    cells.flat().forEach((cell, i) => fill(elements[i], cell));
    if (role !== "grid") return;
    elements.forEach((cell, i) => {
      const here = i === chosen[0] * columns + chosen[1];
      cell.tabIndex = here ? 0 : -1;
      cell.setAttribute("aria-selected", here);
    });
  }

  function build(host, rows, columns, axes, role) {
    const cells = element("div", "cells", { role });
    const [row, cell] = { table: ["row", "cell"], grid: ["row", "gridcell"], img: ["none", "none"] }[role];
    for (let r = 0; r < rows; r++) {
      const line = cells.appendChild(element("div", "line", { role: row }));
      for (let c = 0; c < columns; c++) line.append(element("div", "cell", { role: cell }));
    }
    const field = element("div", "field");
    field.append(cells);
    host.classList.add("numbers");
    host.replaceChildren(field);
    if (!axes) return;
    host.prepend(axis("across", columns, axes.columns), axis("down", rows, axes.rows));
  }

  /** The numbers along one side. The padding has none. */
  function axis(name, count, [first, size]) {
    const made = element("div", name, { "aria-hidden": "true" });
    for (let i = first; i < first + count; i++) {
      made.appendChild(element("span", "")).textContent = i >= 0 && i < size ? i : "";
    }
    return made;
  }

  function fill(cell, { text, colour, padding = false, name }) {
    cell.textContent = text;
    cell.classList.toggle("padding", padding);
    cell.style.backgroundColor = colour ? css(colour) : "";
    cell.style.color = colour ? textOn(colour) : "";
    if (name && cell.role !== "none") cell.setAttribute("aria-label", name);
    else cell.removeAttribute("aria-label");
  }

  /** Put a frame round part of a table: (row, column, height, width) in cells, counted from the table's first cell. */
  function frame(host, [row, column, height, width], attributes = {}) {
    const field = host.querySelector(".field");
    const made = field.querySelector(".frame") ?? field.appendChild(element("div", "frame"));
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    Object.entries({ row, column, height, width }).forEach(([key, value]) => made.style.setProperty(`--${key}`, value));
    return made;
  }

  /** Paint an array of (rows, columns) colours into a canvas, a pixel each. */
  function paint(canvas, colours) {
    [canvas.height, canvas.width] = [colours.length, colours[0].length];
    const context = canvas.getContext("2d");
    colours.forEach((line, row) =>
      line.forEach((colour, column) => {
        context.fillStyle = css(colour);
        context.fillRect(column, row, 1, 1);
      }),
    );
  }

  return { colours, takeColours, scale, longest, table, frame, paint, element };
})();
