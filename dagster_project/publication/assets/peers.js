// The table of forces: another month, another order. The page has the table of the newest month without this script.
"use strict";

(function () {
  const months = JSON.parse(document.getElementById("peers-data").textContent);
  const choice = document.getElementById("month");
  const table = document.getElementById("peers");
  const heads = [...table.tHead.rows[0].cells];
  const bar = heads.length - 1;
  const shades = ["fast", "later", "late"];
  let sorted = 0;
  let direction = 1;

  function cell(kind, className, text) {
    const made = document.createElement(kind);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  }

  function drawing(shares) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "shares");
    svg.setAttribute("viewBox", "0 0 100 10");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    let start = 0;
    shares.forEach((share, index) => {
      const part = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      part.setAttribute("class", shades[index]);
      part.setAttribute("x", start);
      part.setAttribute("width", share);
      part.setAttribute("height", 10);
      svg.append(part);
      start += share;
    });
    return svg;
  }

  function row([name, rank, remark, isOwn, figures, shares]) {
    const made = document.createElement("tr");
    if (isOwn) made.className = "own";
    const head = cell("th", "", name);
    head.scope = "row";
    if (remark) head.append(" ", cell("span", "small", remark));
    const last = document.createElement("td");
    if (shares.length) last.append(drawing(shares));
    made.append(cell("td", "number", rank), head, ...figures.map((text) => cell("td", "number", text)), last);
    return made;
  }

  // A figure by its number, and a force without one last in both directions.
  function compare([one, other], column) {
    if (column === 1) return direction * one[0].localeCompare(other[0], "en-GB");
    const [first, second] = [one, other].map((item) =>
      Number.parseFloat((column ? item[4][column - 2] : item[1]).replace(/,/g, ""))
    );
    if (Number.isNaN(first) || Number.isNaN(second)) return Number(Number.isNaN(first)) - Number(Number.isNaN(second));
    return direction * (first - second);
  }

  function show() {
    const month = months[choice.value];
    const rows = [...month.rows].sort((one, other) => compare([one, other], sorted));
    table.tBodies[0].replaceChildren(...rows.map(row));
    table.tFoot.replaceChildren(...month.totals.map(row));
    document.getElementById("title").textContent = month.title;
    document.getElementById("findings").replaceChildren(...month.findings.map((text) => cell("li", "", text)));
    heads.forEach((head, index) => {
      if (index === sorted) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }

  heads.slice(0, bar).forEach((head, index) => {
    const button = cell("button", "", head.textContent);
    button.type = "button";
    button.addEventListener("click", () => {
      direction = index === sorted ? -direction : 1;
      sorted = index;
      show();
    });
    head.replaceChildren(button);
  });
  choice.addEventListener("change", show);
  document.getElementById("choice").hidden = false;
})();
