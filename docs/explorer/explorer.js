/* The page: which number is chosen, what has been visited, and drawing it all again after each step. */
"use strict";

const explorer = (() => {
  const { CHANNELS } = example;
  const { plain } = words;
  const $ = (id) => document.getElementById(id);

  let chosen; // the settings
  let model; // all their numbers: see steps.compute
  let at; // [p, q, o]: the output number that is looked at
  let visited; // "p,q" of the windows that were visited; on the way back "p,q,o", a gradient flows by itself
  let view = "picture"; // of the input: "picture", or the number of a channel
  let playing;

  const forward = () => chosen.direction === "forward";
  const place = ([p, q, o]) => (forward() ? `${p},${q}` : `${p},${q},${o}`);
  const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1);

  /** Take new settings: the window stays where it is, or as near as it can; nothing else is visited. */
  function start() {
    stop();
    chosen = settings.read();
    model = steps.compute(chosen);
    document.querySelector("main").dataset.direction = chosen.direction;
    const counts = operations.shapeOf(model.y);
    at = (at ?? [1, 2, 0]).map((value, axis) => clamp(value, counts[axis]));
    visited = new Set([place(at)]);
    if (!forward() && view === "picture") view = 0;
    if (forward()) view = "picture";
    follow();
    draw();
  }

  /** Of a depthwise convolution, one channel alone hears the gradient: show that one. */
  function follow() {
    if (!forward() && chosen.operation === "depthwise") view = at[2];
  }

  function choose(p, q, o = at[2]) {
    const counts = operations.shapeOf(model.y);
    at = [p, q, o].map((value, axis) => clamp(value, counts[axis]));
    visited.add(place(at));
    follow();
    draw();
  }

  function draw() {
    const sent = (p, q, o) => visited.has(`${p},${q},${o}`);
    const soFar = forward() ? undefined : model.backward(steps.masked(model.dy, sent));
    const step = forward() ? steps.forward(model, at) : steps.backward(model, at, soFar);
    drawInput(soFar?.dx);
    drawWorkings(step);
    drawOutput();
    drawCosts();
    const { equation, sentence } = words[chosen.direction];
    $("equation").textContent = equation(model, at, step);
    $("sentence").textContent = sentence(model, at);
  }

  /** A matrix for drawing.table, framed by padding. */
  function framed([H, W], { top, bottom, left, right }, border, cell) {
    const line = (row) =>
      Array.from({ length: left + W + right }, (_, column) =>
        row < 0 || row >= H || column < left || column >= left + W
          ? { text: border, padding: true, name: "padding" }
          : cell(row, column - left),
      );
    return Array.from({ length: top + H + bottom }, (_, row) => line(row - top));
  }

  function drawInput(dx) {
    const { x, window, whole } = model;
    const { sides, size, kernel, stride } = window;
    const picture = (row, column) => ({ text: "", colour: x[row][column].map((v) => (v * 255) / 9) });
    const [array, all, role] = forward() ? [x, x, "input"] : [dx, whole.dx, "gradient"];
    const colour = drawing.scale(role, all.flat(2));
    const cell = (value) => ({ text: plain(value), colour: colour(value) });
    const numbers = (c) => (row, column) => cell(array[row][column][c]);
    const show = view === "picture" ? picture : numbers(view);
    const border = forward() && view !== "picture" ? "0" : ""; // no gradient stays in the padding
    const title = view === "picture" ? "x, the picture" : `${forward() ? "x" : "dx so far"}, ${CHANNELS[view]}`;
    $("input-name").textContent = title;
    $("input-name").dataset.role = role;
    drawing.table($("input"), {
      cells: framed(size, sides, border, show),
      axes: { rows: [-sides.top, size[0]], columns: [-sides.left, size[1]] },
      role: view === "picture" ? "img" : "table",
      name: view === "picture" ? "A house with a red roof, blue sky, a yellow sun at the right, green grass." : title,
    });
    drawing.frame($("input"), [at[0] * stride, at[1] * stride, kernel, kernel], {
      tabindex: 0,
      role: "application",
      "aria-label": `Window at row ${at[0]}, column ${at[1]}. The arrow keys move it.`,
    });
    const views = [...(forward() ? [{ label: "picture", key: "picture", cell: picture }] : [])];
    CHANNELS.forEach((label, c) => views.push({ label, key: c, cell: numbers(c) }));
    thumbnails($("views"), views, size, view, (key) => {
      view = key;
      draw();
    });
  }

  function drawWorkings({ rows, lit }) {
    const host = $("workings");
    const keys = rows.map(({ key }) => key).join();
    if (host.dataset.keys !== keys) host.replaceChildren(heading(), ...rows.map(emptyRow));
    host.dataset.keys = keys;
    host.querySelectorAll(".channel").forEach((made, c) => made.classList.toggle("dim", !lit[c]));
    for (const { key, role, words: caption, tables, outside, dropped, range } of rows) {
      const row = host.querySelector(`[data-key=${key}]`);
      const colour = drawing.scale(role, range ?? tables.flat(2));
      row.querySelector(".caption").textContent = caption;
      const cell = (value, i, j) =>
        outside?.[i][j]
          ? { text: dropped ? "" : plain(value), padding: true }
          : { text: plain(value), colour: colour(value) };
      const cells = tables.map((table) => table.map((line, i) => line.map((value, j) => cell(value, i, j))));
      row.querySelectorAll(".table").forEach((made, c) => {
        made.classList.toggle("dim", !lit[c]);
        const letters = drawing.longest(cells.flat(2));
        drawing.table(made, { cells: cells[c], name: `${caption}, ${CHANNELS[c]}`, letters });
      });
    }
  }

  function heading() {
    const made = drawing.element("div", "working", { "aria-hidden": "true" });
    for (const name of CHANNELS) made.appendChild(drawing.element("div", "channel")).textContent = name;
    return made;
  }

  function emptyRow({ key, role, sign = "" }) {
    const made = drawing.element("div", "working", { "data-key": key, "data-sign": sign });
    made.append(drawing.element("p", "caption", { "data-role": role }));
    for (const _ of CHANNELS) made.append(drawing.element("div", "table"));
    return made;
  }

  function drawOutput() {
    const { y, dy } = model;
    const [rows, columns, outputs] = operations.shapeOf(y);
    const [array, role, letter] = forward() ? [y, "output", "y"] : [dy, "gradient", "dy"];
    const colour = drawing.scale(role, array.flat(2));
    const cell = (o) => (p, q) => {
      const known = !forward() || visited.has(place([p, q, o]));
      const value = array[p][q][o];
      return known ? { text: plain(value), colour: colour(value) } : { text: "", name: "not computed yet" };
    };
    const title = `${letter}[:, :, ${at[2]}]${chosen.operation === "depthwise" ? `  ${CHANNELS[at[2]]}` : ""}`;
    $("output-name").textContent = title;
    $("output-name").dataset.role = role;
    drawing.table($("output"), {
      cells: framed([rows, columns], { top: 0, bottom: 0, left: 0, right: 0 }, "", cell(at[2])),
      axes: { rows: [0, rows], columns: [0, columns] },
      role: "grid",
      name: `${title}. The arrow keys choose a number.`,
      chosen: at,
    });
    drawing.frame($("output"), [at[0], at[1], 1, 1], { "aria-hidden": "true" });
    const count = forward() ? rows * columns : rows * columns * outputs;
    $("progress").textContent = forward()
      ? `${visited.size} of ${count} windows visited`
      : `${visited.size} of ${count} gradients sent back. Click or tap one.`;
    const channels = Array.from({ length: outputs }, (_, o) => ({ label: String(o), key: o, cell: cell(o) }));
    $("channels").hidden = outputs === 1;
    thumbnails($("channels"), channels, [rows, columns], at[2], (o) => choose(at[0], at[1], o));
  }

  /** A row of small pictures, each a button that shows its array above in full size. */
  function thumbnails(host, pictures, [H, W], pressed, press) {
    while (host.children.length > pictures.length) host.lastChild.remove();
    pictures.forEach(({ label, key, cell }, i) => {
      const button = host.children[i] ?? host.appendChild(drawing.element("button", "", { type: "button" }));
      if (!button.firstChild) button.append(drawing.element("canvas", ""), drawing.element("span", ""));
      button.setAttribute("aria-pressed", key === pressed);
      button.lastChild.textContent = label;
      button.onclick = () => press(key);
      const colours = operations.array([H, W], (row, column) => cell(row, column).colour ?? drawing.colours.paper);
      drawing.paint(button.firstChild, colours);
    });
  }

  function drawCosts() {
    const shape = operations.shapeOf(model.x);
    const rows = [...document.querySelectorAll("[data-operation]")];
    const count = (operation) => [operation, costs.cost(operation, shape, chosen)];
    const all = Object.fromEntries(rows.map((row) => count(row.dataset.operation)));
    const most = Math.max(...Object.values(all).map(({ macs }) => macs));
    for (const row of rows) {
      const { parameters, macs } = all[row.dataset.operation];
      const here = row.dataset.operation === chosen.operation;
      row.children[1].textContent = parameters.toLocaleString("en");
      row.children[2].textContent = macs.toLocaleString("en");
      row.style.setProperty("--share", macs / most);
      if (here) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
    $("counted").textContent = words.counted(chosen.operation, all[chosen.operation]);
    $("comparison").textContent = words.comparison(all.separable, all.standard) + words.halves(all.separable, all.pointwise);
  }

  function stop() {
    clearInterval(playing);
    playing = undefined;
    $("play").textContent = "Play";
    $("status").setAttribute("aria-live", "polite");
  }

  /** Visit the windows one after the other, in reading order, to the last one. */
  function play() {
    const [rows, columns] = model.window.output;
    const next = (at[0] * columns + at[1] + 1) % (rows * columns);
    choose(Math.floor(next / columns), next % columns);
    if (next === rows * columns - 1) stop();
  }

  $("play").addEventListener("click", () => {
    if (playing) return stop();
    $("play").textContent = "Stop";
    $("status").setAttribute("aria-live", "off"); // else a screen reader would read without end
    playing = setInterval(play, 700);
  });
  $("all").addEventListener("click", () => {
    stop();
    for (const index of operations.indices(operations.shapeOf(model.y))) visited.add(place(index));
    draw();
  });
  $("clear").addEventListener("click", () => {
    stop();
    at = [0, 0, at[2]];
    visited = new Set([place(at)]);
    draw();
  });

  hands.moveWindow($("input"), {
    window: () => ({ ...model.window, at }),
    move: (p, q) => choose(p, q),
    stop,
  });
  hands.chooseCell($("output"), { size: () => model.window.output, at: () => at, move: (p, q) => choose(p, q), stop });

  settings.onChange(start);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawing.takeColours();
    draw();
  });
  drawing.takeColours();
  settings.fromAddress();
  start();
})();
