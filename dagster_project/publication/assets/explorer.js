// The behaviour of the explorer: a choice becomes a chart, a table, a CSV file and a link. Data: see explorer.py.
//
// No figure is computed here. Texts are shown unchanged; values become numbers only for the height of chart points.
// Everything is inserted as text, never as markup, so a name in the data cannot run.

// The data: JSON as gzip in Base64.
const packed = Uint8Array.from(atob(document.getElementById("data").textContent), (character) => character.charCodeAt(0));
const data = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();

const NOTHING = "\u2013";

// Colours of the government statistics guidance. Lines of the same colour have different dashes and points, so a chart
// can be read without colours.
const COLOURS = ["#12436D", "#F46A25", "#28A197", "#801650", "#3D3D3D", "#A285D1"];
const DASHES = [[1, 0], [6, 3]];
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];
const PAPER_GREY = "#6f777b";

// Maximum number of lines in a chart: each colour once with each dash.
const DRAWN = COLOURS.length * DASHES.length;

// Maximum number of rows in the table: a browser stalls on thousands. The CSV file has all of them.
const ROWS = 200;

// Maximum number of series that are columns of the table, which fit on a printed page; more of them are rows.
const COLUMNS_SHOWN = 6;

// A list of more entries gets a search field.
const SEARCHED = 10;

// The papers show two years in their charts.
const OPENING_MONTHS = 24;

const element = (id) => document.getElementById(id);
const forms = {
  measures: element("measures"), forces: element("forces"), search: element("search"),
  forceSearch: element("force-search"), breakdown: element("breakdown"), from: element("from"), to: element("to"),
  figure: element("figure"),
};
const figureCodes = data.figures.map((figure) => figure.code);
const sectionTitle = new Map(data.sections.map((section) => [section.code, section.title]));

// ---- Words

function longMonth(code) {
  return new Date(`${code}-01`).toLocaleDateString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
}

function shortMonth(code) {
  return longMonth(code).replace(/^(...)[a-z]*/, "$1");
}

function span(first, last) {
  return first === last ? longMonth(first) : `${longMonth(first)} to ${longMonth(last)}`;
}

function counted(number, one, many) {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? one : many}`;
}

// ---- Figures

/** The months of a series: null where the marts have no row, else text and value (both "" without a figure). */
function series(force, measure, figure) {
  const found = data.cells[figure][data.forces[force].code]?.[data.measures[measure].code];
  return data.months.map((month) => {
    const at = found ? found.month.indexOf(month) : -1;
    if (at < 0) return null;
    return {
      text: found.text[at] ?? "",
      value: found.value[at] ?? "",
      // A figure that lacks only the days before the first delivery shows that day instead of a mark.
      provisional: found.provisional[at] && !found.since[at],
      since: found.since[at] ?? "",
      loaded: String(found.loaded[at]),
      days: String(found.days[at] ?? ""),
    };
  });
}

// ---- The choice

let choice = opening();

function opening() {
  const headline = data.measures.findIndex((measure) => measure.is_headline);
  return {
    measures: new Set(data.measures.length ? [Math.max(0, headline)] : []),
    forces: new Set(data.forces.length ? [data.first_force] : []),
    from: Math.max(0, data.opening_month + 1 - OPENING_MONTHS),
    to: data.opening_month,
    figure: figureCodes[0],
  };
}

/** The choice as the part of an address after "#". It has codes and months, not positions, to work on later pages. */
function toHash({ measures, forces, from, to, figure }) {
  const codes = (chosen, list) => inOrder(chosen).map((index) => encodeURIComponent(list[index].code)).join(",");
  return `measures=${codes(measures, data.measures)}&forces=${codes(forces, data.forces)}`
    + `&from=${data.months[from]}&to=${data.months[to]}&figure=${figure}`;
}

/** The choice in an address, and the codes that this page does not have. Omitted parts have their defaults. */
function fromHash(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const one = opening();
  const unknown = [];
  const position = (code, codes) => {
    const index = codes.indexOf(code);
    if (index < 0) unknown.push(code);
    return index;
  };
  for (const [name, list] of [["measures", data.measures], ["forces", data.forces]]) {
    if (!parameters.has(name)) continue;
    const codes = list.map((entry) => entry.code);
    const chosen = parameters.get(name).split(",").filter(Boolean);
    one[name] = new Set(chosen.map((code) => position(code, codes)).filter((index) => index >= 0));
  }
  for (const name of ["from", "to"]) {
    const index = parameters.has(name) ? position(parameters.get(name), data.months) : -1;
    if (index >= 0) one[name] = index;
  }
  const figure = parameters.get("figure");
  if (figure !== null && position(figure, figureCodes) >= 0) one.figure = figure;
  if (one.from > one.to) [one.from, one.to] = [one.to, one.from];
  return { one, unknown };
}

function inOrder(chosen) {
  return [...chosen].sort((a, b) => a - b);
}

/** The breakdown that the ticked measures form. The ticks are the only state, so a link does not contain it. */
function breakdownOf(ticked) {
  const same = (members) => members.length === ticked.size && members.every((member) => ticked.has(member));
  const family = data.breakdowns.find((one) => same(one.members));
  if (family) return family.code;
  const whole = data.lines.filter((line) => line.every((member) => ticked.has(member))).flat();
  return whole.length && whole.length === ticked.size ? "line" : "";
}

// ---- Controls

function create(tag, attributes = {}, ...children) {
  return complete(document.createElement(tag), attributes, children);
}

function complete(node, attributes, children = []) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function tick(name, index, text) {
  return create("label", { class: "tick" },
    create("input", { type: "checkbox", name, value: String(index) }), create("span", {}, text));
}

function options(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => create("option", { value }, text)));
}

function build() {
  for (const section of data.sections) {
    const group = create("div", { role: "group", "aria-label": section.title });
    data.measures.forEach((measure, index) => {
      if (measure.section === section.code) group.append(tick("measure", index, measure.label));
    });
    forms.measures.append(create("details", { "data-section": section.code }, create("summary", {}, section.title), group));
  }
  data.forces.forEach((force, index) => forms.forces.append(tick("force", index, force.name)));
  element("force-search-field").hidden = data.forces.length <= SEARCHED;
  element("force-buttons").hidden = data.forces.length <= SEARCHED;
  options(forms.breakdown, [
    ["", "None"],
    ...(data.lines.length ? [["line", "Calls by line"]] : []),
    ...data.breakdowns.map((family) => [family.code, family.title]),
  ]);
  const months = data.months.map((month, index) => [String(index), shortMonth(month)]);
  options(forms.from, months);
  options(forms.to, months);
  options(forms.figure, data.figures.map((figure) => [figure.code, figure.title]));

  element("choice").addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["measures", "forces"]) {
    forms[name].addEventListener("change", (event) => {
      choice[name][event.target.checked ? "add" : "delete"](Number(event.target.value));
      show();
    });
  }
  forms.search.addEventListener("input", () => search(true));
  forms.forceSearch.addEventListener("input", searchForces);
  element("clear").addEventListener("click", () => {
    choice.measures.clear();
    show();
  });
  for (const [id, forces] of [["all-forces", data.forces], ["no-forces", []]]) {
    element(id).addEventListener("click", () => {
      choice.forces = new Set(forces.keys());
      show();
    });
  }
  forms.breakdown.addEventListener("change", breakDown);
  for (const [name, other] of [["from", "to"], ["to", "from"]]) {
    forms[name].addEventListener("change", () => {
      choice[name] = Number(forms[name].value);
      // If the first month is after the last one, the other one follows.
      if (choice.from > choice.to) choice[other] = choice[name];
      show();
    });
  }
  forms.figure.addEventListener("change", () => {
    choice.figure = forms.figure.value;
    show();
  });
  element("download").addEventListener("click", download);
  element("copy").addEventListener("click", copyLink);
  element("skip").addEventListener("click", () => {
    // A link to "#result" would replace the choice in the address.
    element("result").focus();
    element("result").scrollIntoView();
  });
  window.addEventListener("hashchange", () => {
    // An anchor within the page is not a choice.
    if (location.hash.includes("=")) follow();
  });
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => drawAll(chosenSeries()), 150);
  });
}

/** Show only measures with all words of the search in their names or definitions; without a search, all. */
function search(hasStatus) {
  const words = forms.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let matches = 0;
  for (const details of forms.measures.children) {
    let here = 0;
    for (const label of details.querySelectorAll("label")) {
      const measure = data.measures[label.firstChild.value];
      const text = `${sectionTitle.get(measure.section)} ${measure.label} ${measure.code} ${measure.definition}`;
      label.hidden = !words.every((word) => text.toLowerCase().includes(word));
      if (!label.hidden) here += 1;
    }
    details.hidden = !here;
    if (words.length) details.open = here > 0;
    matches += here;
  }
  if (!words.length) openTicked();
  if (hasStatus) {
    element("found").textContent = words.length
      ? `${counted(matches, "measure has", "measures have")} these words.` : "";
  }
}

function searchForces() {
  const text = forms.forceSearch.value.trim().toLowerCase();
  for (const label of forms.forces.children) label.hidden = !label.textContent.toLowerCase().includes(text);
}

function openTicked() {
  for (const details of forms.measures.children) details.open = Boolean(details.querySelector(":checked"));
}

let beforeBreakdown = null;

/** Tick the members of a breakdown; "None" restores the earlier ticks. */
function breakDown() {
  const breakdown = forms.breakdown.value;
  if (!breakdownOf(choice.measures)) beforeBreakdown = new Set(choice.measures);
  if (breakdown === "line") {
    const ticked = data.lines.filter((line) => line.some((member) => choice.measures.has(member)));
    choice.measures = new Set((ticked.length ? ticked : data.lines.slice(0, 1)).flat());
  } else if (breakdown) {
    choice.measures = new Set(data.breakdowns.find((family) => family.code === breakdown).members);
  } else {
    choice.measures = new Set(beforeBreakdown ?? opening().measures);
  }
  show();
  if (!forms.search.value) openTicked();
}

/** Take the choice from the address, and list the codes that this page does not have. */
function follow() {
  const { one, unknown } = fromHash(location.hash);
  choice = one;
  show(unknown.length ? `Not in this publication: ${unknown.join(", ")}. ` : "");
  if (!forms.search.value) openTicked();
}

function fillControls() {
  for (const [name, chosen] of [["measure", choice.measures], ["force", choice.forces]]) {
    for (const box of document.querySelectorAll(`input[name=${name}]`)) box.checked = chosen.has(Number(box.value));
  }
  for (const details of forms.measures.children) {
    const ticked = details.querySelectorAll(":checked").length;
    const title = sectionTitle.get(details.dataset.section);
    details.firstChild.textContent = ticked ? `${title} (${ticked} ticked)` : title;
  }
  forms.breakdown.value = breakdownOf(choice.measures);
  forms.from.value = String(choice.from);
  forms.to.value = String(choice.to);
  forms.figure.value = choice.figure;
  element("figure-hint").textContent = chosenFigure().meaning;
}

// ---- What is shown

function chosenFigure() {
  return data.figures[figureCodes.indexOf(choice.figure)];
}

function chosenMonths() {
  return data.months.map((_, index) => index).slice(choice.from, choice.to + 1);
}

/** The chosen series in the order of the catalogue, each with a distinct name. */
function chosenSeries() {
  const forces = inOrder(choice.forces);
  const measures = inOrder(choice.measures);
  const sections = new Set(measures.map((measure) => data.measures[measure].section));
  const months = chosenMonths();
  return measures.flatMap((measure) => forces.map((force) => {
    const { section, label, unit } = data.measures[measure];
    const all = series(force, measure, choice.figure);
    return {
      force,
      measure,
      unit,
      name: [
        ...(forces.length > 1 ? [data.forces[force].name] : []),
        ...(sections.size > 1 ? [sectionTitle.get(section)] : []),
        ...(measures.length > 1 || forces.length === 1 ? [label] : []),
      ].join(", "),
      cells: months.map((month) => all[month]),
    };
  }));
}

/** The names that all chosen series share, which their own names leave out. */
function common() {
  const measures = inOrder(choice.measures).map((measure) => data.measures[measure]);
  const sections = new Set(measures.map((measure) => measure.section));
  return [
    ...(sections.size === 1 ? [sectionTitle.get(measures[0].section)] : []),
    ...(measures.length === 1 ? [measures[0].label] : []),
    ...(choice.forces.size === 1 ? [data.forces[[...choice.forces][0]].name] : []),
  ];
}

function show(first = "") {
  fillControls();
  // A page opened as a file may change only the part of its address after "#".
  history.replaceState(null, "", `#${toHash(choice)}`);
  element("done").textContent = "";
  element("link-field").hidden = true;
  const shown = chosenSeries();
  const nothing = !shown.length;
  element("shown").hidden = nothing;
  element("definitions-section").hidden = !choice.measures.size;
  define();
  if (nothing) {
    const missing = [...(choice.measures.size ? [] : ["measure"]), ...(choice.forces.size ? [] : ["force"])];
    element("summary").textContent = `${first}Tick at least one ${missing.join(" and one ")}.`;
    element("charts").replaceChildren();
    return;
  }
  element("summary").textContent = first + summary(shown);
  drawAll(shown);
  element("caption").textContent = caption();
  element("table").replaceChildren(tableOf(shown));
  note(shown);
}

function summary(shown) {
  const cells = shown.flatMap((one) => one.cells);
  const given = cells.filter((cell) => cell?.text);
  const provisional = given.filter((cell) => cell.provisional).length;
  const missing = cells.length - given.length;
  const about = [chosenFigure().title, span(data.months[choice.from], data.months[choice.to]), ...common()];
  return `${counted(choice.measures.size, "measure", "measures")}, ${counted(choice.forces.size, "force", "forces")}: `
    + `${about.join(", ")}. ${counted(given.length, "figure", "figures")}`
    + `${provisional ? `, ${provisional.toLocaleString("en-GB")} provisional` : ""}`
    + `${missing ? `; none for ${counted(missing, "cell", "cells")}` : ""}.`;
}

// ---- Tables

function figureCell(cell) {
  if (!cell?.text) return create("td", {}, NOTHING);
  if (!cell.provisional) return create("td", {}, cell.text);
  return create("td", {}, create("em", {}, cell.text), " ", create("abbr", { title: "provisional" }, "[p]"));
}

// The only column of words.
const CONTROL = "Control chart";

function head(...titles) {
  const cells = titles.map((title) => create("th", { scope: "col", class: title === CONTROL ? "words" : "" }, title));
  return create("thead", {}, create("tr", {}, ...cells));
}

function caption() {
  return [chosenFigure().title, ...common(), span(data.months[choice.from], data.months[choice.to])].join(", ");
}

function rowOf(title, ...cells) {
  return create("tr", {}, create("th", { scope: "row" }, title), ...cells);
}

// The caption is outside the table: inside, it would scroll sideways with it on a narrow screen.
function table(titles, ...rows) {
  return create("table", { "aria-labelledby": "caption" }, titles, create("tbody", {}, ...rows));
}

function tableOf(shown) {
  if (shown.length === 1) return tableOfOne(shown[0]);
  const few = shown.length <= COLUMNS_SHOWN && shown.length < chosenMonths().length;
  return few ? tableOfMonths(shown) : tableOfSeries(shown);
}

/** A table with a column for each series and a row for each month. */
function tableOfMonths(shown) {
  const rows = chosenMonths().map((month, index) => rowOf(longMonth(data.months[month]),
    ...shown.map((one) => figureCell(one.cells[index]))));
  return table(head("Month", ...shown.map((one) => one.name)), ...rows);
}

/** A table with a row for each series and a column for each month, as in a paper. */
function tableOfSeries(shown) {
  const title = choice.forces.size === 1 ? "Measure" : choice.measures.size === 1 ? "Force" : "Force and measure";
  const rows = shown.slice(0, ROWS).map((one) => rowOf(one.name, ...one.cells.map(figureCell)));
  return table(head(title, ...chosenMonths().map((month) => shortMonth(data.months[month]))), ...rows);
}

/** A table of one series with a row for each month, and the limits and target that its chart shows. */
function tableOfOne(one) {
  const judged = chosenMonths().map((month, index) => (one.cells[index] ? judgedMonth(one, month) : null));
  const hasLimits = judged.some((month) => month?.texts.upper);
  const hasTarget = judged.some((month) => month?.texts.target);
  const word = (text) => create("td", {}, text || NOTHING);
  const rows = chosenMonths().map((month, index) => {
    const limit = judged[index];
    const cell = one.cells[index];
    return rowOf(longMonth(data.months[month]), figureCell(cell),
      ...(hasTarget ? [word(limit?.texts.target)] : []),
      ...(hasLimits ? [word(limit?.texts.mean), word(limit?.texts.lower), word(limit?.texts.upper),
        create("td", { class: "words" }, limit?.texts.upper && cell?.text ? signalText(limit) : NOTHING)] : []),
      word(cell?.days ? `${cell.loaded} of ${cell.days}` : ""));
  });
  return table(
    head("Month", chosenFigure().title, ...(hasTarget ? [capital(targetKind(one))] : []),
      ...(hasLimits ? ["Mean", "Lower limit", "Upper limit", CONTROL] : []), "Days delivered"), ...rows);
}

/** Limits and target of a month, or null. They apply until the next month with others; a signal does not. */
function judgedMonth({ force, measure }, month) {
  const code = data.months[month];
  const known = data.limits[data.forces[force].code]?.[data.measures[measure].code] ?? [];
  // Only the figure of the month itself has any.
  const found = choice.figure === "month" ? known.findLast((one) => one.month <= code) : null;
  return found ? { ...found, signal: found.month === code ? found.signal : "" } : null;
}

function signalText({ signal, trial }) {
  if (trial) return "Too few months for a verdict";
  return signal ? `Unusual: ${data.signals[signal] ?? signal}` : "No signal";
}

function targetKind(one) {
  const decided = data.measures[one.measure].decisions.find((row) => ["target", "benchmark"].includes(row.what));
  return decided?.what ?? "target";
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `August 2022`, or `13 August 2022` for a day other than the first. */
function sinceWords(day) {
  return `${day.endsWith("-01") ? "" : `${Number(day.slice(8))} `}${longMonth(day.slice(0, 7))}`;
}

/** Explain the marks of the table, and list the days that were not delivered. */
function note(shown) {
  const cells = shown.flatMap((one) => one.cells);
  const notes = [];
  if (shown.length > ROWS) {
    notes.push(`The table shows the first ${ROWS} of ${shown.length.toLocaleString("en-GB")} series; `
      + "the CSV file has all of them.");
  }
  if (cells.some((cell) => cell?.text && cell.provisional)) {
    notes.push("[p] Provisional: not every day that the figure covers has an accepted delivery. It will change.");
  }
  if (cells.some((cell) => !cell?.text)) {
    notes.push(`${NOTHING} No figure: not all of the months that it covers were delivered, or there was nothing to `
      + "divide by. It is not zero.");
  }
  const begun = [...new Set(cells.filter((cell) => cell?.text && cell.since).map((cell) => cell.since))].sort();
  if (begun.length) {
    notes.push(`Years to date begin with the first delivery: ${begun.map((day) => `since ${sinceWords(day)}`).join("; ")}.`);
  }
  const parts = notes.map((text) => create("p", {}, text));
  const lacking = notDelivered(shown);
  if (lacking.length) {
    parts.push(create("details", {}, create("summary", {}, "What was not delivered"),
      create("ul", {}, ...lacking.map((text) => create("li", {}, text)))));
  }
  element("notes").replaceChildren(...parts);
}

function notDelivered(shown) {
  const found = new Map();
  for (const one of shown) {
    one.cells.forEach((cell, index) => {
      if (!cell?.provisional) return;
      const [first, last] = data.spans[choice.figure][data.months[choice.from + index]];
      const force = choice.forces.size > 1 ? `${data.forces[one.force].name}, ` : "";
      const text = cell.days
        ? `${force}${span(first, last)}: ${cell.loaded} of ${counted(Number(cell.days), "day", "days")} delivered`
        : `${force}${span(first, last)}: no day to compare`;
      if (!found.has(text)) found.set(text, new Set());
      found.get(text).add(sectionTitle.get(data.measures[one.measure].section));
    });
  }
  return [...found].map(([text, sections]) => `${text} (${[...sections].join(", ")}).`);
}

// ---- Definitions

function define() {
  element("definitions").replaceChildren(...inOrder(choice.measures).flatMap((index) => {
    const measure = data.measures[index];
    const parts = [
      ...(measure.numerator ? [`${measure.denominator ? "Numerator" : "Counted"}: ${measure.numerator}.`] : []),
      ...(measure.denominator ? [`Denominator: ${measure.denominator}.`] : []),
      ...(measure.owner ? [`Owner: ${measure.owner}.`] : []),
    ];
    const forces = new Set(["*", ...[...choice.forces].map((force) => data.forces[force].code)]);
    const decided = measure.decisions.filter((row) => forces.has(row.force)).map((row) => {
      const until = row.last ? ` to ${row.last}` : "";
      const force = data.forces.find((one) => one.code === row.force)?.name ?? "";
      return `${capital(row.what)} ${row.value}, from ${row.first}${until}${force ? `, ${force}` : ""}: ${row.source}`;
    });
    const rest = [measure.definition, parts.join(" "), ...decided].filter(Boolean);
    return [
      create("dt", {}, `${sectionTitle.get(measure.section)}, ${measure.label}`),
      ...rest.map((text, place) => create("dd", place === rest.length - 1 ? { class: "last" } : {}, text)),
    ];
  }));
}

// ---- Charts

let drawings = [];
let drawing = 0;

/** Draw one chart for each unit. */
function drawAll(shown) {
  drawings.forEach((view) => view.finalize());
  drawings = [];
  drawing += 1;
  const charts = element("charts");
  charts.replaceChildren();
  if (!shown.length) return;
  if (!window.vegaEmbed) {
    charts.append(create("p", { class: "notice" }, "The chart needs the folder assets beside this page. The table and "
      + "the CSV file have the same figures."));
    return;
  }
  for (const unit of Object.keys(data.units)) {
    const own = shown.filter((one) => one.unit === unit);
    const drawn = own.filter((one) => one.cells.some((cell) => cell?.text)).slice(0, DRAWN);
    if (drawn.length) charts.append(chart(own, drawn, unit, shown.length === 1));
  }
  if (!charts.childElementCount) charts.append(create("p", { class: "small" }, "There is no figure to draw."));
}

function chart(own, drawn, unit, single) {
  const months = chosenMonths();
  const rows = drawn.flatMap((one, line) => one.cells.map((cell, month) => ({
    month,
    line,
    stretch: `${line} ${stretches(one)[month]}`,
    value: cell?.text ? Number(cell.value) : null,
    provisional: Boolean(cell?.provisional),
    signal: single && Boolean(judgedMonth(one, months[month])?.signal),
    tip: cell?.text
      ? `${one.name}, ${shortMonth(data.months[months[month]])}: ${cell.text}`
        + `${cell.provisional ? " (provisional)" : ""}` : "",
  })));
  const rules = single ? ruleRows(drawn[0]) : [];
  const place = create("div", { class: "drawing", role: "img", "aria-label": spoken(drawn, single) });
  const left = own.length - drawn.length;
  const remarks = [
    ...(single ? limitRemarks(drawn[0]) : []),
    ...(left ? [`${counted(drawn.length, "series is", "series are")} drawn, ${left.toLocaleString("en-GB")} not: `
      + "they have no figure or are too many for one chart. The table has them."] : []),
  ];
  const title = choice.measures.size === 1
    ? data.measures[drawn[0].measure].label
    : `${data.units[unit]}${choice.figure === "month_per_day" ? " per day" : ""}`;
  const figure = create("figure", {}, create("figcaption", {}, create("h3", {}, title),
    ...remarks.map((text) => create("p", { class: "small" }, text)), legend(drawn, rows, rules, single)), place);
  const mine = drawing;
  // The width is known only when the figure is in the page.
  requestAnimationFrame(async () => {
    if (mine !== drawing) return;
    const spec = specification(rows, rules, unit, place.clientWidth);
    // `ast` interprets expressions; the page's policy forbids compiling them.
    const view = await window.vegaEmbed(place, spec,
      { actions: false, renderer: "svg", ast: true, tooltip: false, defaultStyle: false });
    if (mine === drawing) drawings.push(view);
    else view.finalize();
  });
  return figure;
}

/** The part of the line that each month is in: it breaks at a month that is provisional or has no figure. */
function stretches(one) {
  let stretch = 0;
  return one.cells.map((cell) => (cell?.text && !cell.provisional ? stretch : (stretch += 1)));
}

/** Mean, limits and target month by month. When a chart has a new baseline, they change, and another line begins. */
function ruleRows(one) {
  return ["mean", "lower", "upper", "target"].flatMap((kind) => {
    let stretch = 0;
    let before = null;
    return chosenMonths().flatMap((month, index) => {
      const judged = one.cells[index] ? judgedMonth(one, month) : null;
      const value = judged?.values[kind];
      if (!value) return [];
      if (before !== null && before !== value) stretch += 1;
      before = value;
      // Limits that allow no verdict are drawn faintly.
      const opacity = judged.trial && ["lower", "upper"].includes(kind) ? 0.45 : 1;
      return [{ month: index, kind, value: Number(value), opacity, stretch: `${kind} ${stretch}` }];
    });
  });
}

function limitRemarks(one) {
  const last = chosenMonths().findLast((month, index) => one.cells[index] && judgedMonth(one, month));
  if (last === undefined) return [];
  const { texts, trial } = judgedMonth(one, last);
  return [
    ...(texts.upper ? [`Mean ${texts.mean}, limits of the usual range ${texts.lower} to ${texts.upper}`
      + `${trial ? " (from fewer than twelve months, so there is no verdict)" : ""}.`] : []),
    ...(texts.target ? [`${capital(targetKind(one))} ${texts.target}.`] : []),
  ];
}

/** The alternative text of the chart, which refers to the table for its figures. */
function spoken(drawn, single) {
  const about = `${chosenFigure().title}, ${span(data.months[choice.from], data.months[choice.to])}`;
  if (!single) {
    const names = drawn.map((one) => one.name).join("; ");
    return `Line chart of ${[...common(), names].join(", ")}. ${about}. The table has the figures.`;
  }
  const months = chosenMonths();
  const given = drawn[0].cells.map((cell, index) => ({ cell, month: longMonth(data.months[months[index]]) }))
    .filter(({ cell }) => cell?.text && (!cell.provisional || drawn[0].cells.every((one) => !one?.text || one.provisional)))
    .sort((a, b) => Number(a.cell.value) - Number(b.cell.value));
  const [low, high] = [given[0], given[given.length - 1]];
  return `Line chart of ${drawn[0].name}. ${about}: lowest ${low.cell.text} in ${low.month}, highest ${high.cell.text} `
    + `in ${high.month}. The table has the figures.`;
}

const style = (line) => ({
  colour: COLOURS[line % COLOURS.length],
  dash: DASHES[Math.floor(line / COLOURS.length)],
  shape: SHAPES[line % SHAPES.length],
});

const RULES = {
  mean: { colour: PAPER_GREY, dash: [1, 0], text: "Mean" },
  limit: { colour: PAPER_GREY, dash: [4, 2], text: "Limits of the usual range" },
  target: { colour: "#F46A25", dash: [7, 3], text: "Target" },
};

// Paths of the chart's points, in a box of 10 by 10 around (22, 6).
const OUTLINES = {
  circle: "M22 2a4 4 0 1 0 .01 0z",
  square: "M18.5 2.5h7v7h-7z",
  "triangle-up": "M22 1.5l4.5 8h-9z",
  diamond: "M22 1l4.5 5-4.5 5-4.5-5z",
  cross: "M20.5 1.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
  "triangle-down": "M22 10.5l-4.5-8h9z",
};

function sample({ colour, dash, shape, fill = colour, line = true }) {
  const createSvg = (tag, attributes, ...children) =>
    complete(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  const path = (attributes) => createSvg("path", { stroke: colour, ...attributes });
  const dashes = dash?.[1] ? dash.join(" ") : "none";
  return createSvg("svg", { width: "44", height: "12", "aria-hidden": "true" },
    ...(line ? [path({ d: "M2 6H40", "stroke-width": "2", "stroke-dasharray": dashes })] : []),
    ...(shape ? [path({ d: OUTLINES[shape], fill, "stroke-width": "1.5" })] : []));
}

function legend(drawn, rows, rules, single) {
  const entry = (look, text) => create("li", {}, sample(look), create("span", {}, text));
  const entries = single && drawn.length === 1
    ? [entry(style(0), chosenFigure().title)]
    : drawn.map((one, line) => entry(style(line), one.name));
  const kinds = new Set(rules.map((rule) => rule.kind));
  if (kinds.has("mean")) entries.push(entry(RULES.mean, RULES.mean.text));
  if (kinds.has("upper")) entries.push(entry(RULES.limit, RULES.limit.text));
  if (kinds.has("target")) entries.push(entry(RULES.target, capital(targetKind(drawn[0]))));
  if (rows.some((row) => row.signal)) {
    entries.push(entry({ ...style(0), shape: "square", line: false }, "Unusual by the limits"));
  }
  if (rows.some((row) => row.provisional && row.value !== null)) {
    entries.push(entry({ colour: "#0b0c0c", shape: "circle", fill: "#fff", line: false }, "Hollow: days are missing, so no line leads to it"));
  }
  return create("ul", { class: "legend" }, ...entries);
}

/** The chart as Vega-Lite, like those of the papers: values start at 0, so a small change does not look large. */
function specification(rows, rules, unit, width) {
  const months = chosenMonths();
  const heights = [...rows, ...rules].map((row) => row.value).filter(Number.isFinite);
  const greatest = Math.max(0, ...heights);
  const least = Math.min(0, ...heights);
  const lines = [...new Set(rows.map((row) => row.line))];
  const scale = (pick) => ({ domain: lines, range: lines.map((line) => style(line)[pick]) });
  // Months by position, so no time zone can shift them.
  const step = Math.ceil(months.length / Math.min(TICKS, Math.max(2, Math.floor(width / 85))));
  const x = {
    field: "month",
    type: "quantitative",
    scale: { domain: [0, Math.max(1, months.length - 1)], nice: false, padding: 12 },
    axis: {
      title: null,
      grid: false,
      values: months.map((_, index) => index).filter((index) => (months.length - 1 - index) % step === 0),
      labelExpr: `${JSON.stringify(months.map((month) => shortMonth(data.months[month])))}[datum.value]`,
    },
  };
  const y = {
    field: "value",
    type: "quantitative",
    scale: { domain: [least, greatest * 1.06 || 1], nice: false, zero: true },
    axis: { title: null, domain: false, ticks: false, gridColor: "#e6e6e6", tickCount: 5, ...axisOf(unit, least, greatest) },
  };
  const line = { field: "line", type: "nominal" };
  const rule = (kinds, look) => ({
    data: { values: rules.filter((row) => kinds.includes(row.kind)) },
    mark: { type: "line", aria: false, stroke: look.colour, strokeDash: look.dash, strokeWidth: 1.5 },
    encoding: {
      x, y, detail: { field: "stretch", type: "nominal" },
      opacity: { field: "opacity", type: "quantitative", scale: null, legend: null },
    },
  });
  return {
    width: Math.max(120, width),
    height: 280,
    autosize: { type: "fit", contains: "padding" },
    background: "white",
    layer: [
      ...(rules.length
        ? [rule(["mean"], RULES.mean), rule(["lower", "upper"], RULES.limit), rule(["target"], RULES.target)] : []),
      {
        data: { values: rows.filter((row) => row.value !== null && !row.provisional) },
        mark: { type: "line", aria: false, strokeWidth: 2 },
        encoding: {
          x, y,
          detail: { field: "stretch", type: "nominal" },
          color: { ...line, legend: null, scale: scale("colour") },
          strokeDash: { ...line, legend: null, scale: scale("dash") },
        },
      },
      {
        data: { values: rows.filter((row) => row.value !== null) },
        mark: { type: "point", aria: false, opacity: 1, strokeWidth: 1.5 },
        encoding: {
          x, y,
          stroke: { ...line, legend: null, scale: scale("colour") },
          fill: {
            condition: { test: "datum.provisional", value: "white" }, ...line, legend: null, scale: scale("colour"),
          },
          shape: {
            condition: { test: "datum.signal", value: "square" }, ...line, legend: null, scale: scale("shape"),
          },
          size: { condition: { test: "datum.signal", value: 110 }, value: 50 },
          // Shown by the browser as the title of the point.
          tooltip: { field: "tip", type: "nominal" },
        },
      },
    ],
    config: {
      aria: false,
      font: getComputedStyle(document.body).fontFamily,
      view: { stroke: null },
      axis: { labelColor: "#0b0c0c", labelFontSize: 13, domainColor: PAPER_GREY, tickColor: PAPER_GREY },
    },
  };
}

// Maximum number of labels on the axis of months.
const TICKS = 12;

// Possible seconds between two ticks.
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/** Ticks and labels of the value axis, like those in the papers: few and short for any values. */
function axisOf(unit, least, greatest) {
  const reach = Math.max(greatest, -least);
  if (unit === "percent") return { labelExpr: `${numberText(reach, "datum.value")} + '%'` };
  if (unit !== "duration") return { labelExpr: numberText(reach, "datum.value") };
  const step = STEPS.find((one) => reach / one <= 5) ?? daysStep(reach);
  const first = Math.ceil(least / step);
  return {
    values: Array.from({ length: Math.floor(greatest / step) - first + 1 }, (_, index) => (first + index) * step),
    labelExpr: durationText(step),
  };
}

/** Return 1, 2 or 5 days times a power of ten. */
function daysStep(reach) {
  const power = 10 ** Math.floor(Math.log10(reach / 5 / 86400));
  return 86400 * [1, 2, 5, 10].map((factor) => factor * power).find((days) => reach / days / 86400 <= 5);
}

function durationText(step) {
  if (step > 86400) return `${numberText(step / 17280, "datum.value / 86400")} + ' days'`;
  if (step >= 3600) return "datum.value / 3600 + 'h'";
  return "datum.value < 60 ? datum.value + 's' : floor(datum.value / 60) + 'm'"
    + " + (datum.value % 60 ? ' ' + datum.value % 60 + 's' : '')";
}

/** A Vega expression for numbers: in full up to ten million, for which a chart has room. */
function numberText(reach, number) {
  if (reach < 1e7) return `format(${number}, ',')`;
  for (const [power, word] of [[6, "m"], [9, "bn"], [12, "tn"]]) {
    if (reach < 10 ** (power + 3)) return `format(${number} / 1e${power}, ',') + '${word}'`;
  }
  return `format(${number}, '.1~e')`;
}

// ---- CSV

const COLUMNS = ["force_code", "force_name", "measure", "section", "label", "unit", "figure", "month_start",
  "first_month", "last_month", "value", "display_value", "is_provisional", "days_loaded", "days", "target", "mean",
  "lower_limit", "upper_limit", "signal"];

/** A field of RFC 4180. */
function field(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The rule of every published CSV file, from spreadsheet.py: what may be a formula, and what is a figure although it begins like one.
const FORMULA = new RegExp(`^${data.spreadsheet.formula}`);
const FIGURE = new RegExp(`^${data.spreadsheet.figure}$`);

/** A field with an apostrophe before a text that a spreadsheet would evaluate. */
function name(text) {
  return field(FORMULA.test(text) && !FIGURE.test(text) ? `'${text}` : text);
}

/** The shown figures, one row each; a month that the marts do not have is left out. */
function csv(shown) {
  const months = chosenMonths();
  const lines = [COLUMNS.join(",")];
  for (const one of shown) {
    const measure = data.measures[one.measure];
    const force = data.forces[one.force];
    one.cells.forEach((cell, index) => {
      if (!cell) return;
      const [first, last] = data.spans[choice.figure][data.months[months[index]]];
      const judged = judgedMonth(one, months[index]);
      const value = (kind) => judged?.values[kind] ?? "";
      lines.push([
        name(force.code), name(force.name), name(measure.code), name(sectionTitle.get(measure.section)),
        name(measure.label), name(measure.unit), choice.figure, `${data.months[months[index]]}-01`, `${first}-01`,
        `${last}-01`, cell.value, name(cell.text), String(cell.provisional), cell.loaded, cell.days,
        value("target"), value("mean"), value("lower"), value("upper"), judged?.signal ?? "",
      ].join(","));
    });
  }
  return `${lines.join("\r\n")}\r\n`;
}

function download() {
  const file = `fcir_${choice.figure}_${data.months[choice.from]}_${data.months[choice.to]}.csv`;
  const address = URL.createObjectURL(new Blob([csv(chosenSeries())], { type: "text/csv;charset=utf-8" }));
  create("a", { href: address, download: file }).click();
  // Only after the browser has started to read it.
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  element("done").textContent = `${file} is downloaded.`;
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    element("done").textContent = "The link is copied.";
  } catch {
    // Not every browser lets a page opened as a file write to the clipboard.
    element("link-field").hidden = false;
    element("link").value = location.href;
    element("link").focus();
    element("link").select();
    element("done").textContent = "The link is selected; copy it with your keyboard.";
  }
}

build();
search(false);
follow();
