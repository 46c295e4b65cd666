// Search over all pages without a server: search-index.js sets window.FCIR_PAGES to [address, title, kind, words].
"use strict";

(function () {
  const box = document.getElementById("search");
  const list = document.getElementById("search-results");
  const status = document.getElementById("search-status");
  const root = document.documentElement.dataset.root;
  const shown = 12;

  function find(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return (window.FCIR_PAGES || [])
      .map((page) => {
        const title = page[1].toLowerCase();
        const all = (page[1] + " " + page[3]).toLowerCase();
        if (!words.every((word) => all.includes(word))) return null;
        // A word in the title scores more than one in the text, and most at its start.
        const score = words.reduce((sum, word) => sum + (title.startsWith(word) ? 3 : title.includes(word) ? 2 : 0), 0);
        return { page, score };
      })
      .filter(Boolean)
      // Equal scores keep the order of the site, which has the default force first.
      .sort((one, other) => other.score - one.score);
  }

  function show() {
    const text = box.value.trim();
    const found = find(text);
    list.replaceChildren();
    status.textContent = text ? found.length + " found" : "";
    found.slice(0, shown).forEach(({ page }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = root + page[0];
      link.textContent = page[1];
      const kind = document.createElement("small");
      kind.textContent = page[2];
      link.append(kind);
      item.append(link);
      list.append(item);
    });
  }

  function close() {
    list.replaceChildren();
    status.textContent = "";
  }

  box.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.firstChild) {
      event.preventDefault();
      list.querySelector("a").focus();
    }
  });
  list.addEventListener("keydown", (event) => {
    const item = document.activeElement.closest("li");
    const next = event.key === "ArrowDown" ? item.nextSibling : event.key === "ArrowUp" ? item.previousSibling : null;
    if (!next && event.key !== "ArrowUp") return;
    event.preventDefault();
    (next ? next.querySelector("a") : box).focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
})();
