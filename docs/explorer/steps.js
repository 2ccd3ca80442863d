/* From the settings to all that is shown: whole arrays, and what one window does. Numbers alone, nothing of the page.

   The workings are rows. A row has a small table for each channel: red, green, blue side by side. `outside` marks the
   places that lie in the padding; what would flow there is `dropped`. The colours reach over `range`, or the row. */
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

  const row = (key, role, words, tables, more = {}) => ({ key, role, words, tables, ...more });

  /** The rows that make output number y[p, q, o]. */
  function forward(model, [p, q, o]) {
    const { operation, weights, window, h } = model;
    const { outside, pixel } = look(model, p, q);
    const [k, w] = [window.kernel, weight(model, o)];
    const products = byChannel(k, (i, j, c) => pixel(i, j, c) * w(i, j, c));
    const sums = single(products.map(total));
    const added = { sign: "+" }; // over the channels
    const rows = [
      row("seen", "input", "x, what the window sees", byChannel(k, pixel), { outside }),
      row("w", "kernel", "× w, the kernel", byChannel(k, w)),
      row("products", "output", "= products", products, { outside, ...(operation === "pointwise" && added) }),
    ];
    if (operation === "standard") rows.push(row("sum", "output", "added up: a sum for each channel", sums, added));
    if (operation === "depthwise") rows.push(row("sum", "output", "added up: three sums, three outputs", sums));
    if (operation === "separable") {
      const mix = CHANNELS.map((c) => weights[1][c][o]);
      const mixed = mix.map((m, c) => h[p][q][c] * m);
      rows.push(
        row("h", "output", "added up: h, what is between, one number a channel", sums),
        row("mix", "kernel", "× the pointwise kernel", single(mix)),
        row("mixed", "output", "= products", single(mixed), added),
      );
    }
    return { rows, lit: partners(model, o) };
  }

  /**
   * The rows in which dy[p, q, o] is sent back to the input and to the kernel.
   * `soFar` are the gradients of all output numbers that were visited, this one among them.
   */
  function backward(model, [p, q, o], soFar) {
    const { operation, window, dy, whole } = model;
    const { outside, pixel } = look(model, p, q);
    const [k, w, lit, slope] = [window.kernel, weight(model, o), partners(model, o), dy[p][q][o]];
    const halves = operation === "separable";
    const mixing = halves ? backThroughPointwise(model, [p, q, o], soFar) : { rows: [] };
    const slopes = mixing.dh ?? lit.map((has) => (has ? slope : 0)); // what reaches each channel's window
    const [arrives, name] = halves ? ["dh", "dw_depthwise"] : [written(slope), "dw"];
    const toInput = byChannel(k, (i, j, c) => slopes[c] * w(i, j, c));
    const toKernel = byChannel(k, (i, j, c) => slopes[c] * pixel(i, j, c));
    const ofKernel = ({ dw, dwDepthwise }) => byChannel(k, weight({ operation, weights: [dwDepthwise ?? dw] }, o));
    const rows = [
      ...mixing.rows,
      row("w", "kernel", "w, the kernel", byChannel(k, w)),
      row("toInput", "gradient", `× ${arrives} is added to dx`, toInput, { outside, dropped: true }),
      row("seen", "input", "x, what the window sees", byChannel(k, pixel), { outside }),
      row("toKernel", "gradient", `× ${arrives} is added to ${name}`, toKernel),
      row("soFar", "gradient", `${name} so far`, ofKernel(soFar), { range: ofKernel(whole).flat(2) }),
    ];
    return { rows, lit };
  }

  /** The first half of the way back through a separable convolution: dy meets h and the mixing matrix. */
  function backThroughPointwise({ weights, dy, h, whole }, [p, q, o], soFar) {
    const slope = dy[p][q][o];
    const mix = CHANNELS.map((c) => weights[1][c][o]);
    const dh = mix.map((m) => m * slope);
    const toMix = h[p][q].map((number) => number * slope);
    const ofMix = ({ dwPointwise }) => single(CHANNELS.map((c) => dwPointwise[c][o]));
    const rows = [
      row("h", "output", "h, between the halves", single(h[p][q])),
      row("toMix", "gradient", `× ${written(slope)} is added to dw_pointwise`, single(toMix)),
      row("mixSoFar", "gradient", "dw_pointwise so far", ofMix(soFar), { range: ofMix(whole).flat(2) }),
      row("mix", "kernel", "the pointwise kernel", single(mix)),
      row("dh", "gradient", `× ${written(slope)} = dh`, single(dh)),
    ];
    return { rows, dh };
  }

  return { compute, masked, forward, backward };
})();
