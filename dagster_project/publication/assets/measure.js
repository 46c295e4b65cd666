// On the page of a measure: saves a chart as SVG or PNG, and copies the query.
"use strict";

(function () {
  const { button, create } = fcir;

  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const svg = figure.querySelector("svg");
    const { chart } = figure.dataset;
    const file = `${document.querySelector("main").dataset.name}.${chart}`;
    const labelled = (form, act) => button(form, act, { "aria-label": `Save the chart by ${chart} as ${form}` });
    figure.append(create("p", { class: "small tools" }, "Save the chart as ",
      labelled("SVG", () => fcir.save(new Blob([fcir.svgText(svg)], { type: "image/svg+xml" }), `${file}.svg`)), " ",
      labelled("PNG", () => fcir.savePng(svg, `${file}.png`))));
  }

  const query = document.getElementById("query");
  const status = create("span", { role: "status" });
  query.after(create("p", { class: "small tools" }, button("Copy SQL", () => {
    // Pages that are opened from a disk may not use the clipboard of the browser, but may copy what is selected.
    getSelection().selectAllChildren(query);
    status.textContent = document.execCommand("copy") ? " Copied" : " Select the text and copy it";
  }), status));
})();
