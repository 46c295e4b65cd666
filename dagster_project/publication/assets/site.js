// What several scripts of the site use. Nothing leaves the browser.
"use strict";

const fcir = {
  /** The content of JSON as gzip in Base64. */
  unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  },

  /** An element with texts or other elements in it. */
  create(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  },

  button(text, act, attributes = {}) {
    const made = fcir.create("button", { type: "button", ...attributes }, text);
    made.addEventListener("click", act);
    return made;
  },

  /** Words in lower case, each with a space before it: " lost" finds "Lost calls", not "closest". "Non-emergency" is one
   *  word, so that "emergency" does not find it. */
  plain(text) {
    return " " + text.toLowerCase().replace(/\bnon[- ]+(?=\p{L})/gu, "non").replace(/[^\p{L}\p{N}%]+/gu, " ").trim();
  },

  /** Whether a text has words that begin with each of the words searched for. */
  finds(text, words) {
    const known = fcir.plain(text);
    return fcir.plain(words).split(" ").filter(Boolean).every((word) => known.includes(` ${word}`));
  },

  save(content, name) {
    const href = URL.createObjectURL(content);
    fcir.create("a", { href, download: name }).click();
    // Only after the browser has started to read it.
    setTimeout(() => URL.revokeObjectURL(href), 10000);
  },

  svgText(svg) {
    return new XMLSerializer().serializeToString(svg);
  },

  /** Save a drawing at twice its size, sharp in a document. */
  async savePng(svg, name) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(fcir.svgText(svg))}`;
    await image.decode();
    const { width, height } = svg.viewBox.baseVal;
    const canvas = fcir.create("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((content) => fcir.save(content, name), "image/png");
  },
};
