/* What is shown, in words: for the line above the tables, which is also read out by screen readers. */
"use strict";

const words = (() => {
  const { CHANNELS } = example;

  /** A number as xnp's figures write it: with a real minus sign. */
  const plain = (value) => String(value + 0).replace("-", "−");

  /** A number inside an equation: in brackets where it is below zero. */
  const written = (value) => (value < 0 ? `(${plain(value)})` : plain(value));

  const list = (numbers) => numbers.map(plain).join(", ");

  const many = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

  /** The index of an output number: [1, 2, 0]. */
  const index = (at) => `[${at.join(", ")}]`;

  /** How the chosen output number is made. */
  const forward = {
    equation(model, [p, q, o], { rows }) {
      const { operation, window, h, weights, x, y } = model;
      const mix = (numbers, w) => numbers.map((number, c) => `${written(number)}·${written(w[c][o])}`);
      const terms = {
        standard: () => rows.at(-1).tables.map(([[sum]]) => written(sum)),
        depthwise: () => [],
        pointwise: () => mix(x[p * window.stride][q * window.stride], weights[0]),
        separable: () => mix(h[p][q], weights[1]),
      }[operation]();
      const parts = [`y${index([p, q, o])}`, terms.join(" + "), plain(y[p][q][o])];
      return parts.filter(Boolean).join(" =\u00a0"); // the sign keeps what follows on its line
    },

    sentence(model, [p, q, o]) {
      const places = model.window.kernel ** 2;
      const others = CHANNELS.filter((_, c) => c !== o);
      return {
        standard: () => `${places * 3} products, added up over the window and over the channels.`,
        depthwise: () =>
          `${many(places, "product")} of ${CHANNELS[o]} alone, added up over the window. ` +
          `${others.join(" and ")} have no part in it.`,
        pointwise: () => "3 products of one pixel, added up over the channels. No neighbour has a part in it.",
        separable: () =>
          `First space: ${list(model.h[p][q])}, one number a channel. Then channels: each times its weight, added up.`,
      }[model.operation]();
    },
  };

  /** Where the chosen gradient flows. */
  const backward = {
    equation: ({ dy }, [p, q, o]) => `dy${index([p, q, o])} =\u00a0${plain(dy[p][q][o])}`,

    sentence({ operation, dy }, [p, q, o]) {
      const slope = dy[p][q][o];
      if (slope === 0) return "The loss L does not care about this number: nothing flows back. Choose another one.";
      const moves = `${slope > 0 ? "rises" : "falls"} by ${Math.abs(slope)}`;
      const change = `When y${index([p, q, o])} rises by 1, the loss L ${moves}.`;
      const ways = {
        standard: "It flows to every pixel of the window, times the weight, and to every weight, times the pixel.",
        depthwise: `It flows to ${CHANNELS[o]} alone: what goes forward alone goes back alone.`,
        pointwise: "It flows to one pixel, times the weights, and to the weights, times the pixel.",
        separable: "Last step first: through the pointwise half to dh, then each dh through its channel's window.",
      };
      return `${change} ${ways[operation]}`;
    },
  };

  /** Why the rows of the two halves do not always add up: alone, pointwise has more windows. */
  function halves(separable, pointwise) {
    const [alone, second] = [pointwise.windows, separable.windows];
    if (alone.join() === second.join()) return "";
    const macs = (pointwise.parameters * second[0] * second[1]).toLocaleString("en");
    return ` Pointwise alone visits ${alone.join("·")} pixels; as its second half only ${second.join("·")}: ${macs} MACs.`;
  }

  /** "separable takes 5.76 times fewer MACs than standard", or the other way round. */
  function comparison(separable, standard) {
    const [few, most] = [separable.macs, standard.macs].sort((a, b) => a - b);
    const ratio = (most / few).toFixed(2);
    return separable.macs < standard.macs
      ? `Here separable takes ${ratio} times fewer MACs than standard.`
      : `Here separable takes ${ratio} times as many MACs as standard: more, not fewer.`;
  }

  /** "separable: 3·3·3 + 3·16 = 75 parameters, each used in 8·8 windows: 4,800 MACs." */
  function counted(operation, { terms, parameters, macs, windows }) {
    const factors = terms.map((term) => term.join("·")).join(" + ");
    const [used, made] = [windows.join("·"), macs.toLocaleString("en")];
    return `${operation}: ${factors} = ${parameters} parameters, each used in ${used} windows: ${made} MACs.`;
  }

  return { plain, written, forward, backward, comparison, halves, counted };
})();
