// On the page of a measure: saves a chart as SVG or PNG, and copies the query. Nothing leaves the browser.
"use strict";

(function () {
  // Twice the size on the page, sharp in a document.
  const scale = 2;
  const name = document.querySelector("main").dataset.name;

  function button(text, label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  }

  function save(blob, file) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = file;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function svgText(svg) {
    return new XMLSerializer().serializeToString(svg);
  }

  function savePng(svg, file) {
    const box = svg.viewBox.baseVal;
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      canvas.width = box.width * scale;
      canvas.height = box.height * scale;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, file), "image/png");
    });
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svgText(svg));
  }

  document.querySelectorAll("figure[data-chart]").forEach((figure) => {
    const svg = figure.querySelector("svg");
    const file = name + "." + figure.dataset.chart;
    const line = document.createElement("p");
    line.className = "small tools";
    line.append(
      "Save the chart as ",
      button("SVG", "Save the chart by " + figure.dataset.chart + " as SVG", () =>
        save(new Blob([svgText(svg)], { type: "image/svg+xml" }), file + ".svg")
      ),
      " ",
      button("PNG", "Save the chart by " + figure.dataset.chart + " as PNG", () => savePng(svg, file + ".png"))
    );
    figure.append(line);
  });

  const query = document.getElementById("query");
  const status = document.createElement("span");
  status.setAttribute("role", "status");

  function copy() {
    // Pages that are opened from a disk may not use the clipboard of the browser, but may copy what is selected.
    const selection = getSelection();
    selection.selectAllChildren(query);
    status.textContent = document.execCommand("copy") ? " Copied" : " Select the text and copy it";
  }

  const line = document.createElement("p");
  line.className = "small tools";
  line.append(button("Copy SQL", "Copy SQL", copy), status);
  query.after(line);
})();
