/* The 8x8x3 example: the picture, the kernels and the upstream gradient of the lessons, in small whole numbers.

   The picture and the first kernels are those of xnp/data/example.py; dy is that of lesson 02. What the lessons do not
   need, other kernel sizes and more output channels, follows from a rule that gives the lessons' numbers first.

   One image, so the axis N is left out: x is x[row][column][channel]. */
"use strict";

const example = (() => {
  const CHANNELS = ["red", "green", "blue"];

  const SCENE = [
    "......**", //  .  sky     *  sun
    "......**",
    "..AA....", //  A  roof
    ".AAAA...",
    ".####...", //  #  wall
    ".#D##...", //  D  door
    "__D_____", //  _  grass
    "________",
  ];
  const COLOURS = { ".": [2, 5, 9], "*": [9, 8, 1], A: [8, 2, 1], "#": [9, 7, 5], D: [4, 2, 1], _: [2, 7, 2] };

  // A column for each output channel. The first is lesson 04's kernel, the next three are its mixes:
  // brightness, red − green, yellow − 2 blue.
  const MIXES = [
    [1, 2, -1], [1, 1, 1], [1, -1, 0], [1, 1, -2], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, -1],
    [1, 0, -1], [2, -1, -1], [-1, 2, -1], [-1, -1, 2], [1, -2, 1], [2, 1, -1], [-1, 2, 1], [1, 2, 3],
  ];

  const UPSTREAM = [
    [1, 0, 1, 0, 0, 1],
    [0, 1, 2, 0, -1, 0],
    [-1, 0, 1, 1, 0, 0],
    [0, 2, 0, -1, 0, 1],
    [1, 0, 0, 1, 0, 0],
    [0, -1, 0, 0, 2, 0],
  ];

  /** The picture, (8, 8, 3), numbers from 0 (dark) to 9 (bright). */
  const image = () => SCENE.map((row) => [...row].map((place) => COLOURS[place]));

  /** Three tables of (size, size): left minus right, top minus bottom, the pixel and its surroundings added up. */
  function tables(size) {
    const middle = (size - 1) / 2;
    const places = [...Array(size).keys()];
    const away = places.map((i) => Math.abs(i - middle));
    const weight = away.map((distance) => Math.floor(middle - distance) + 1); // 1 2 1: more in the middle
    const side = places.map((i) => Math.sign(middle - i) * Math.ceil(away[i])); // 1 0 −1: one side minus the other
    const difference = size === 1 ? [1] : side; // a single pixel has no sides
    return [
      places.map((i) => places.map((j) => weight[i] * difference[j])),
      places.map((i) => places.map((j) => difference[i] * weight[j])),
      places.map((i) => places.map((j) => (away[i] + away[j] <= Math.floor(size / 2) ? 1 : 0))),
    ];
  }

  /** One table a channel: (size, size, 3). For size 3 it is the lessons' kernel. */
  function depthwiseKernel(size) {
    const [first, second, third] = tables(size);
    return first.map((row, i) => row.map((_, j) => [first[i][j], second[i][j], third[i][j]]));
  }

  /** (size, size, 3, outputs). Output 0 has the depthwise tables; the others deal the three tables out differently. */
  function standardKernel(size, outputs) {
    const all = tables(size);
    const dealt = (o, c) => all[(c + (Math.floor(o / 3 ** c) % 3)) % 3]; // digit c of o, in base 3, moves channel c on
    return all[0].map((row, i) =>
      row.map((_, j) => CHANNELS.map((_, c) => Array.from({ length: outputs }, (_, o) => dealt(o, c)[i][j]))),
    );
  }

  /** The mixing matrix, (3, outputs): at most 16 outputs. */
  const pointwiseKernel = (outputs) => CHANNELS.map((_, c) => MIXES.slice(0, outputs).map((mix) => mix[c]));

  /** dy for an output of (rows, columns, outputs): lesson 02's, repeated; each channel starts one column later. */
  function upstream(rows, columns, outputs) {
    const channels = [...Array(outputs).keys()];
    return Array.from({ length: rows }, (_, p) =>
      Array.from({ length: columns }, (_, q) => channels.map((o) => UPSTREAM[p % 6][(q + o) % 6])),
    );
  }

  return { CHANNELS, image, depthwiseKernel, standardKernel, pointwiseKernel, upstream };
})();
