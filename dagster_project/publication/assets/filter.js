// Hides the measures of the list that do not have every word of the filter, and sections without any.
"use strict";

(function () {
  const field = document.getElementById("filter");
  const rows = [...document.querySelectorAll("main tbody tr")];
  field.addEventListener("input", () => {
    for (const row of rows) row.hidden = !fcir.finds(row.textContent, field.value);
    for (const section of document.querySelectorAll("main section")) {
      section.hidden = !section.querySelector("tbody tr:not([hidden])");
    }
    for (const force of document.querySelectorAll("main details")) force.open = field.value.trim() !== "";
    field.closest("p").querySelector("[role=status]").textContent =
      rows.filter((row) => !row.hidden).length + " of " + rows.length + " measures";
  });
  field.closest("p").hidden = false;
})();
