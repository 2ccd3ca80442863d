/* From the settings to all that is shown: whole arrays, and what one window does. Numbers alone, nothing of the page.

   The workings are rows. A row has a small table for each channel: red, green, blue side by side. */
"use strict";

const steps = (() => {
  const { array, shapeOf, position, inside } = operations;
  const { written } = words;
  const CHANNELS = example.CHANNELS.map((_, c) => c);

  /** x, the weights, y, dy and all gradients, for these settings. */
  function compute({ operation, kernel, stride, padding, outputs }) {
    const x = example.image();
    const options = { stride, padding };
    const weights = {
      standard: () => [example.standardKernel(kernel, outputs)],
      depthwise: () => [example.depthwiseKernel(kernel)],
      pointwise: () => [example.pointwiseKernel(outputs)],
      separable: () => [example.depthwiseKernel(kernel), example.pointwiseKernel(outputs)],
    }[operation]();
    const { y, cache } = operations[operation].forward(x, ...weights, options);
    const dy = example.upstream(...shapeOf(y));
    const backward = (upstream) => operations[operation].backward(upstream, cache);
    return { operation, x, weights, y, dy, window: cache.window, h: cache.second?.x, backward, whole: backward(dy) };
  }

  /** dy with 0 wherever `keep(p, q, o)` says no: the gradients of some output numbers alone. */
  const masked = (dy, keep) => array(shapeOf(dy), (p, q, o) => (keep(p, q, o) ? dy[p][q][o] : 0));

  /** Which input channels have a part in output channel o: of a depthwise convolution only channel o. */
  const partners = ({ operation }, o) => CHANNELS.map((c) => operation !== "depthwise" || c === o);

  /** A (k, k) table for each channel, of a function of (i, j, c). */
  const byChannel = (k, value) => CHANNELS.map((c) => array([k, k], (i, j) => value(i, j, c)));

  /** One number for each channel, as a table of one. */
  const single = (values) => values.map((value) => [[value]]);

  /** The spatial weights that channel c meets on its way to output o: w[i, j, c]. */
  function weight({ operation, weights: [w] }, o) {
    if (operation === "standard") return (i, j, c) => w[i][j][c][o];
    if (operation === "pointwise") return (i, j, c) => w[c][o];
    return (i, j, c) => w[i][j][c];
  }

  /** What window (p, q) finds: its pixels (0 in the padding), and which of its places lie in the padding. */
  function look({ x, window }, p, q) {
    const at = (i, j) => position(window, p, q, i, j);
    const outside = array([window.kernel, window.kernel], (i, j) => !inside(window, ...at(i, j)));
    const pixel = (i, j, c) => (outside[i][j] ? 0 : x[at(i, j)[0]][at(i, j)[1]][c]);
    return { outside, pixel };
  }

  const total = (table) => table.flat().reduce((a, b) => a + b, 0);

  /** The rows that make output number y[p, q, o]. */
  function forward(model, [p, q, o]) {
    const { operation, weights, window, y, h } = model;
    const { outside, pixel } = look(model, p, q);
    const w = weight(model, o);
    const products = byChannel(window.kernel, (i, j, c) => pixel(i, j, c) * w(i, j, c));
    const sums = products.map(total);
    const rows = [
      { key: "seen", role: "input", words: "x, what the window sees", tables: byChannel(window.kernel, pixel), outside },
      { key: "w", role: "kernel", words: "× w, the kernel", tables: byChannel(window.kernel, w) },
      { key: "products", role: "output", words: "= products", tables: products, outside },
    ];
    if (operation === "standard") {
      rows.push({ key: "sum", role: "output", words: "added up: a sum for each channel", tables: single(sums), sign: "+" });
    }
    if (operation === "depthwise") {
      rows.push({ key: "sum", role: "output", words: "added up: three sums, three outputs", tables: single(sums) });
    }
    if (operation === "separable") {
      const mix = CHANNELS.map((c) => weights[1][c][o]);
      const mixed = CHANNELS.map((c) => h[p][q][c] * mix[c]);
      rows.push(
        { key: "h", role: "output", words: "added up: h, one number a channel", tables: single(h[p][q]) },
        { key: "mix", role: "kernel", words: "× the pointwise kernel", tables: single(mix) },
        { key: "mixed", role: "output", words: "= products", tables: single(mixed), sign: "+" },
      );
    }
    if (operation === "pointwise") rows[2].sign = "+";
    return { rows, value: y[p][q][o], lit: partners(model, o) };
  }

  /**
   * The rows in which dy[p, q, o] is sent back to the input and to the kernel.
   * `soFar` are the gradients of all output numbers that were visited, this one among them.
   */
  function backward(model, [p, q, o], soFar) {
    const { operation, weights, window, dy, h } = model;
    const { outside, pixel } = look(model, p, q);
    const [k, w, lit, slope] = [window.kernel, weight(model, o), partners(model, o), dy[p][q][o]];
    const rows = [];
    let slopes = lit.map((has) => (has ? slope : 0)); // what reaches each channel's window
    let arrives = written(slope);
    if (operation === "separable") {
      const mix = CHANNELS.map((c) => weights[1][c][o]);
      slopes = mix.map((m) => m * slope);
      arrives = "dh";
      rows.push(
        { key: "h", role: "output", words: "h, between the halves", tables: single(h[p][q]) },
        { key: "dmix", role: "gradient", words: `× ${written(slope)} is added to dw_pointwise`, tables: single(h[p][q].map((v) => v * slope)) },
        { key: "dmixSoFar", role: "gradient", words: "dw_pointwise so far", tables: single(CHANNELS.map((c) => soFar.dwPointwise[c][o])) },
        { key: "mix", role: "kernel", words: "the pointwise kernel", tables: single(mix) },
        { key: "dh", role: "gradient", words: `× ${written(slope)} = dh`, tables: single(slopes) },
      );
    }
    const dw = weight({ operation, weights: [soFar.dwDepthwise ?? soFar.dw] }, o);
    const name = operation === "separable" ? "dw_depthwise" : "dw";
    rows.push(
      { key: "w", role: "kernel", words: "w, the kernel", tables: byChannel(k, w) },
      { key: "toInput", role: "gradient", words: `× ${arrives} is added to dx`, tables: byChannel(k, (i, j, c) => slopes[c] * w(i, j, c)), outside, dropped: true },
      { key: "seen", role: "input", words: "x, what the window sees", tables: byChannel(k, pixel), outside },
      { key: "toKernel", role: "gradient", words: `× ${arrives} is added to ${name}`, tables: byChannel(k, (i, j, c) => slopes[c] * pixel(i, j, c)) },
      { key: "dwSoFar", role: "gradient", words: `${name} so far`, tables: byChannel(k, dw) },
    );
    return { rows, value: slope, lit };
  }

  return { compute, masked, forward, backward };
})();
