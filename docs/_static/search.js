/* What the search shows of a page: each formula once, as it is seen. KaTeX writes it a second time for screen readers. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return; // not the page of the search
  const textOf = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    page.querySelectorAll(".katex-mathml").forEach((element) => element.remove());
    return textOf(page.documentElement.outerHTML, anchor);
  };
});
