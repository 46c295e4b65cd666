// Search over all pages without a server: search-index.js sets window.FCIR_PAGES to [address, title, kind, text, synonyms].
"use strict";

(function () {
  const box = document.getElementById("search");
  const list = document.getElementById("search-results");
  const status = document.getElementById("search-status");
  const root = document.documentElement.dataset.root;
  const shown = 12;
  const { create, plain } = fcir;
  // Words of a question that say nothing of what it is about.
  const small = new Set("a an and are by can did do does for how i in is it of on or our the to was we were what when where which who why with".split(" "));

  // A word is found by its beginning, so without its last s it also finds the singular.
  function singular(word) {
    return word.length > 4 ? word.replace(/s$/, "") : word;
  }

  const pages = (window.FCIR_PAGES || []).map((page) => {
    const [address, title, kind, text, synonyms] = page;
    return { address, title, kind, inTitle: plain(title), inSynonyms: plain(synonyms), inText: plain(text) };
  });

  // A word counts most in the title or as another word for it, then in the text of the page.
  function score(page, word) {
    if (page.inTitle.startsWith(word)) return 4;
    if (page.inTitle.includes(word) || page.inSynonyms.includes(word)) return 3;
    return page.inText.includes(word) ? 1 : 0;
  }

  function find(text) {
    const phrase = plain(text);
    const typed = phrase.split(" ").filter(Boolean);
    const telling = typed.filter((word) => !small.has(word));
    const words = (telling.length ? telling : typed).map((word) => " " + singular(word));
    const found = pages.map((page) => {
      const scores = words.map((word) => score(page, word)).filter(Boolean);
      // Words that stand beside each other as they were typed count again.
      return { page, words: scores.length, score: scores.reduce((sum, one) => sum + one, 0) + words.length * score(page, phrase) };
    });
    // Pages with all words; of a question that no page has as a whole, those with the most of its words.
    const most = Math.max(1, ...found.map((one) => one.words));
    return found
      .filter((one) => one.words === most)
      // Equal scores keep the order of the site: the default force first, and of a force the headline measures.
      .sort((one, other) => other.score - one.score);
  }

  function show() {
    const text = box.value.trim();
    const found = find(text);
    list.replaceChildren();
    status.textContent = !text ? "" : found.length ? found.length + " found" : "Nothing found. Try one word, or another word for it.";
    list.append(...found.slice(0, shown).map(({ page }) => (
      create("li", {}, create("a", { href: root + page.address }, page.title, create("small", {}, page.kind))))));
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
