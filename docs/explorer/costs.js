/* What each of the four convolutions costs, from shapes alone: numbers to learn, and multiply-accumulates (MACs).

   There is no bias. So each parameter is used once in every window: MACs = windows · parameters. */
"use strict";

const costs = (() => {
  const FACTORS = {
    standard: (k, C, O) => [[k, k, C, O]],
    depthwise: (k, C) => [[k, k, C]],
    pointwise: (k, C, O) => [[C, O]],
    separable: (k, C, O) => [[k, k, C], [C, O]], // depthwise + pointwise
  };

  const product = (factors) => factors.reduce((a, b) => a * b, 1);

  /**
   * Count one call on an image of (H, W, C).
   * `terms` are the parameters as written by hand, one list of factors for each kernel: [[3, 3, 3], [3, 16]].
   */
  function cost(operation, [H, W, C], { kernel, stride, padding, outputs }) {
    const alone = operation === "pointwise"; // one pixel: no kernel size, no padding
    const window = operations.slide([H, W], alone ? 1 : kernel, { stride, padding: alone ? "valid" : padding });
    const terms = FACTORS[operation](kernel, C, outputs);
    const parameters = terms.map(product).reduce((a, b) => a + b);
    return { parameters, macs: product(window.output) * parameters, terms, windows: window.output };
  }

  return { cost };
})();
