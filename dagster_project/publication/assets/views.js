// Tables that a reader chooses from. Their data is JSON as gzip in Base64: view and choice to the HTML of the table, which
// the page's own template made. The page shows the first without this script.
"use strict";

(function () {
  const NOTHING = '<p class="finding">There are no figures for this choice.</p>';

  async function start(part) {
    const tables = await fcir.unpacked(part.querySelector(".data").textContent);
    const form = part.querySelector(".chooser");
    const selects = [...form.querySelectorAll("select")];

    function show() {
      for (const place of part.querySelectorAll("[data-view]")) {
        const codes = place.dataset.by.split(" ").map((name) => form.elements[name].value);
        place.innerHTML = tables[[place.dataset.view, ...codes].join("\n")] ?? NOTHING;
      }
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

  [...document.querySelectorAll(".views")].filter((part) => part.querySelector(".data")).forEach(start);
})();
