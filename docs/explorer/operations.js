/* The four convolutions, forward and backward, as nested loops: what they are, one number at a time.

   They compute what xnp/ops computes, and are tested against it. As there, forward gives y and a cache, and backward
   takes dy and the cache. One image, so the axis N is left out; one kernel a channel, so the axis m is left out, too:

     x (H, W, C)   standard w (k, k, C, O)   depthwise w (k, k, C)   pointwise w (C, O)   y, dy (H', W', O)

   Nothing here knows of the page. */
"use strict";

const operations = (() => {
  /** An array of any shape: nested arrays, filled by a function of the indices. */
  function array(shape, fill) {
    const [size, ...inner] = shape;
    return Array.from({ length: size }, (_, i) =>
      inner.length ? array(inner, (...indices) => fill(i, ...indices)) : fill(i),
    );
  }

  /** The shape of nested arrays: [[1, 2, 3]] has (1, 3). */
  const shapeOf = (value) => (Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : []);

  const zerosLike = (value) => array(shapeOf(value), () => 0);

  /** Each index of an array of this shape, the last one fastest. */
  function* indices([size, ...inner]) {
    for (let i = 0; i < size; i++) {
      if (inner.length) for (const rest of indices(inner)) yield [i, ...rest];
      else yield [i];
    }
  }

  /**
   * Lay the windows of a square kernel over an image of (H, W): xnp.shapes.slide.
   * padding is "same" (TensorFlow's: the odd pixel at the bottom and right), "valid", or a number for all four sides.
   */
  function slide([H, W], kernel, { stride = 1, padding = "same" } = {}) {
    const along = (n) => {
      const total = Math.max((Math.ceil(n / stride) - 1) * stride + kernel - n, 0); // what "same" needs
      const each = padding === "valid" ? 0 : padding;
      const [before, after] = padding === "same" ? [Math.floor(total / 2), Math.ceil(total / 2)] : [each, each];
      return { before, after, count: Math.floor((n + before + after - kernel) / stride) + 1 };
    };
    const [down, across] = [along(H), along(W)];
    return {
      size: [H, W],
      kernel,
      stride,
      sides: { top: down.before, bottom: down.after, left: across.before, right: across.after },
      output: [down.count, across.count], // windows down, windows across
    };
  }

  /** The pixel (row, column) of the image that window (p, q) has at its place (i, j); it may lie in the padding. */
  const position = ({ stride, sides }, p, q, i, j) => [p * stride + i - sides.top, q * stride + j - sides.left];

  const inside = ({ size }, row, column) => row >= 0 && row < size[0] && column >= 0 && column < size[1];

  /** What window (p, q) reads of the image: [i, j, row, column]. Outside the image there is nothing to add. */
  function* reads(window, p, q) {
    for (const [i, j] of indices([window.kernel, window.kernel])) {
      const [row, column] = position(window, p, q, i, j);
      if (inside(window, row, column)) yield [i, j, row, column];
    }
  }

  const standard = {
    forward(x, w, options) {
      const [k, , C, O] = shapeOf(w);
      const window = slide(shapeOf(x), k, options);
      const y = array([...window.output, O], () => 0);
      for (const [p, q, o] of indices(shapeOf(y))) {
        for (const [i, j, row, column] of reads(window, p, q)) {
          for (let c = 0; c < C; c++) y[p][q][o] += x[row][column][c] * w[i][j][c][o];
        }
      }
      return { y, cache: { x, w, window } };
    },

    /** Each product of forward is sent back to both of its factors. */
    backward(dy, { x, w, window }) {
      const [dx, dw] = [zerosLike(x), zerosLike(w)];
      for (const [p, q, o] of indices(shapeOf(dy))) {
        for (const [i, j, row, column] of reads(window, p, q)) {
          for (let c = 0; c < w[i][j].length; c++) {
            dx[row][column][c] += dy[p][q][o] * w[i][j][c][o]; // += : windows overlap, a pixel hears from each
            dw[i][j][c][o] += dy[p][q][o] * x[row][column][c]; // += : w was used in every window
          }
        }
      }
      return { dx, dw };
    },
  };

  const depthwise = {
    /** Standard without the sum over the channels: output channel c sees input channel c alone. */
    forward(x, w, options) {
      const [k, , C] = shapeOf(w);
      const window = slide(shapeOf(x), k, options);
      const y = array([...window.output, C], () => 0);
      for (const [p, q, c] of indices(shapeOf(y))) {
        for (const [i, j, row, column] of reads(window, p, q)) y[p][q][c] += x[row][column][c] * w[i][j][c];
      }
      return { y, cache: { x, w, window } };
    },

    backward(dy, { x, w, window }) {
      const [dx, dw] = [zerosLike(x), zerosLike(w)];
      for (const [p, q, c] of indices(shapeOf(dy))) {
        for (const [i, j, row, column] of reads(window, p, q)) {
          dx[row][column][c] += dy[p][q][c] * w[i][j][c];
          dw[i][j][c] += dy[p][q][c] * x[row][column][c];
        }
      }
      return { dx, dw };
    },
  };

  const pointwise = {
    /** A window of one pixel: channels meet, pixels do not. */
    forward(x, w, { stride = 1 } = {}) {
      const [C, O] = shapeOf(w);
      const window = slide(shapeOf(x), 1, { stride, padding: "valid" });
      const y = array([...window.output, O], () => 0);
      for (const [p, q, o] of indices(shapeOf(y))) {
        for (let c = 0; c < C; c++) y[p][q][o] += x[p * stride][q * stride][c] * w[c][o];
      }
      return { y, cache: { x, w, window } };
    },

    backward(dy, { x, w, window }) {
      const [dx, dw] = [zerosLike(x), zerosLike(w)];
      for (const [p, q, o] of indices(shapeOf(dy))) {
        const [row, column] = position(window, p, q, 0, 0);
        for (let c = 0; c < w.length; c++) {
          dx[row][column][c] += dy[p][q][o] * w[c][o]; // += : each output channel sends something
          dw[c][o] += dy[p][q][o] * x[row][column][c];
        }
      }
      return { dx, dw };
    },
  };

  const separable = {
    /** First space, then channels. The stride and the padding belong to the depthwise half. */
    forward(x, wDepthwise, wPointwise, options) {
      const first = depthwise.forward(x, wDepthwise, options);
      const second = pointwise.forward(first.y, wPointwise);
      return { y: second.y, cache: { first: first.cache, second: second.cache, window: first.cache.window } };
    },

    /** The same two steps, from the last to the first. */
    backward(dy, { first, second }) {
      const { dx: dh, dw: dwPointwise } = pointwise.backward(dy, second);
      const { dx, dw: dwDepthwise } = depthwise.backward(dh, first);
      return { dx, dwDepthwise, dwPointwise };
    },
  };

  return { array, shapeOf, indices, slide, position, inside, standard, depthwise, pointwise, separable };
})();
