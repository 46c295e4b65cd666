// Tables that a reader chooses from. Their data is JSON as gzip in Base64: view to `{by, words, tables}`, with the table
// of a choice as [finding, caption, columns, rows, shades, places of marked rows]. The page shows the first without this script.
"use strict";

(function () {
  const parts = [...document.querySelectorAll(".views")];

  async function unpack(text) {
    const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  function cell(tag, text, name, scope) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    if (scope) made.scope = scope;
    return made;
  }

  function fill(section, view, chosen) {
    const table = view.tables[view.by.map((name) => chosen[name]).join("\n")];
    const [finding, caption, columns, rows, shades, marked] = table || ["There are no figures for this choice.", "", [], [], [], []];
    const kind = (place) => (view.words.includes(place) ? "words" : "number");
    section.querySelector(".finding").textContent = finding;
    section.querySelector(".scroll").hidden = !table;
    section.querySelector("caption").textContent = caption;
    const head = document.createElement("tr");
    head.append(...columns.map((text, place) => cell("th", text, place ? kind(place) : "", "col")));
    section.querySelector("thead").replaceChildren(head);
    section.querySelector("tbody").replaceChildren(
      ...rows.map(([name, ...texts], number) => {
        const row = document.createElement("tr");
        if (marked.includes(number)) row.className = "marked";
        const shade = (place) => (shades.length && shades[number][place] !== "-" ? " shade" + shades[number][place] : "");
        row.append(cell("th", name, "", "row"), ...texts.map((text, place) => cell("td", text, kind(place + 1) + shade(place))));
        return row;
      }),
    );
  }

  async function start(part) {
    const data = await unpack(part.querySelector(".data").textContent);
    const form = part.querySelector(".chooser");
    const selects = [...form.querySelectorAll("select")];

    function show() {
      const chosen = Object.fromEntries(selects.map((select) => [select.name, select.value]));
      for (const section of part.querySelectorAll(".view[data-view]")) fill(section, data[section.dataset.view], chosen);
    }

    /** Take the choice from the address; an anchor within the page is none. */
    function follow() {
      if (!location.hash.includes("=")) return;
      const wanted = new URLSearchParams(location.hash.slice(1));
      for (const select of selects) {
        const value = wanted.get(select.name);
        if ([...select.options].some((option) => option.value === value)) select.value = value;
      }
      show();
    }

    form.addEventListener("change", () => {
      show();
      const wanted = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
      for (const select of selects) wanted.set(select.name, select.value);
      // A page opened as a file may change only the part of its address after "#".
      history.replaceState(null, "", "#" + wanted);
      form.querySelector(".said").textContent =
        "Shown: " + selects.map((select) => select.selectedOptions[0].textContent).join(", ");
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", follow);
    form.hidden = false;
    // A browser that goes back to the page restores the choice, but not the tables.
    show();
    follow();
  }

  parts.filter((part) => part.querySelector(".data")).forEach(start);
})();
