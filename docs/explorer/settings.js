/* The settings: the form at the top of the page, and the page's address, which keeps them.

   index.html#operation=depthwise&direction=backward opens with these settings; all others are as in lesson 01. */
"use strict";

const settings = (() => {
  const form = document.getElementById("settings");
  const groups = [...new Set([...form.querySelectorAll("input")].map((input) => input.name))];

  const number = (text) => (Number.isNaN(Number(text)) ? text : Number(text));

  /** { operation: "standard", direction: "forward", kernel: 3, stride: 1, padding: "valid", outputs: 1 } */
  const read = () => Object.fromEntries(groups.map((name) => [name, number(form.elements[name].value)]));

  /** Set the form as the address says. What it does not say, or says wrongly, is as at the start. */
  function fromAddress() {
    form.reset();
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      for (const input of form.querySelectorAll("input")) {
        if (input.name === name && input.value === value) input.checked = true;
      }
    }
    explain();
  }

  /** Keep in the address what differs from the start. */
  function toAddress() {
    const changed = [...form.querySelectorAll("input:checked")].filter((input) => !input.defaultChecked);
    const query = new URLSearchParams(changed.map((input) => [input.name, input.value]));
    history.replaceState(null, "", `#${query}`);
  }

  /** Switch off what the operation leaves no choice of, and say why. */
  function explain() {
    const { operation } = read();
    const fixed = {
      kernel: operation === "pointwise" && "pointwise: 1x1",
      padding: operation === "pointwise" && "pointwise: none",
      outputs: operation === "depthwise" && "depthwise: as many as come in",
    };
    for (const [name, reason] of Object.entries(fixed)) {
      const group = form.elements[name][0].closest("fieldset");
      group.querySelector("small").textContent = reason || "";
      for (const input of form.elements[name]) input.disabled = Boolean(reason);
    }
  }

  /** Call back at every change, be it by the form or by the address. */
  function onChange(callback) {
    form.addEventListener("change", () => {
      explain();
      toAddress();
      callback();
    });
    addEventListener("hashchange", () => {
      fromAddress();
      callback();
    });
  }

  return { read, fromAddress, onChange };
})();
