// What several scripts of the site use.
"use strict";

const fcir = {
  /** The content of JSON as gzip in Base64. */
  unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  },
};
