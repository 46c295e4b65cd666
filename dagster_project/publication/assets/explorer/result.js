// What the explorer shows of a choice: summary, tables, notes and definitions.

// Maximum number of rows in the table: a browser stalls on thousands. The CSV file has all of them.
const ROWS = 200;

// Maximum number of series that are columns of the table, which fit on a printed page; more of them are rows.
const COLUMNS_SHOWN = 6;

// Maximum number of periods that are columns: three years of months.
const PERIODS_SHOWN = 36;

let shown = [];
let showing = 0;

/** Show the choice, after its files are read; the first words of the summary are given. */
function show(first = "") {
  showing += 1;
  fillControls();
  // A page opened as a file may change only the part of its address after "#".
  history.replaceState(null, "", `#${toHash(choice)}`);
  element("done").textContent = "";
  element("link-field").hidden = true;
  const detail = detailOf(choice);
  const files = detail ? [...choice.forces].filter((force) => unread(detail, force)) : [];
  if (files.length) {
    const mine = showing;
    element("summary").textContent = `Reading the figures by ${detail.title.toLowerCase()}.`;
    Promise.all(files.map((force) => readFile(detail, force))).then(() => {
      if (mine === showing) show(first);
    });
    return;
  }
  fillMembers();
  shown = chosenSeries();
  fillCompare(shown);
  const isEmpty = !shown.length;
  element("shown").hidden = isEmpty;
  element("definitions-section").hidden = !choice.measures.size;
  define();
  element("summary").textContent = first + (isEmpty ? whyNothing(detail) : summary());
  if (isEmpty) {
    element("charts").replaceChildren();
    return;
  }
  redraw();
  element("caption").textContent = caption();
  element("table").replaceChildren(tableOf());
  note();
}

function whyNothing(detail) {
  const missing = [
    ...(choice.measures.size ? [] : ["measure"]),
    ...(choice.forces.size ? [] : ["force"]),
    ...(choice.members && !choice.members.size ? [detail.title.toLowerCase()] : []),
  ];
  if (missing.length) return `Tick at least one ${missing.join(" and one ")}.`;
  return `${unreadable(detail)}${detail.absent} for ${lackedBy(detail, inOrder(choice.measures))}. Tick another measure `
    + `or choose another ${detail.kind === "grain" ? "period" : "split"}.`;
}

/** A sentence on files that could not be read; empty if all could. */
function unreadable(detail) {
  const contentOf = (force) => detail && read.get(`${data.forces[force].code} ${detail.code}`);
  if (inOrder(choice.forces).some((force) => contentOf(force) === REPLACED)) {
    return "A newer publication has replaced this page; reload it. ";
  }
  const lost = inOrder(choice.forces).filter((force) => contentOf(force) === null);
  return lost.length ? `The folder explorer next to this page is needed for the figures of `
    + `${listed(lost.map((force) => data.forces[force].name))} by ${detail.title.toLowerCase()}, and was not found. ` : "";
}

function summary() {
  const detail = detailOf(choice);
  const cells = shown.flatMap((one) => one.cells);
  const given = cells.filter((cell) => cell?.text);
  const provisional = given.filter((cell) => cell.provisional).length;
  const missing = cells.length - given.length;
  const about = [figureTitle(), chosenSpan(), ...common(), ...(choice.isCompared ? ["with the year before"] : [])];
  const absent = detail ? inOrder(choice.measures).filter((measure) => !detail.measures.has(measure)) : [];
  return `${counted(choice.measures.size - absent.length, "measure", "measures")}, `
    + `${counted(choice.forces.size, "force", "forces")}: ${about.join(", ")}. ${counted(given.length, "figure", "figures")}`
    + `${provisional ? `, ${provisional.toLocaleString("en-GB")} provisional` : ""}`
    + `${missing ? `; none for ${counted(missing, "cell", "cells")}` : ""}.`
    + `${absent.length ? ` ${detail.absent} for ${lackedBy(detail, absent)}.` : ""} ${unreadable(detail)}`.trimEnd();
}

// ---- Tables

function figureCell(cell) {
  if (!cell?.text) return create("td", {}, NOTHING);
  if (!cell.provisional) return create("td", {}, cell.text);
  return create("td", {}, create("em", {}, cell.text), " ", create("abbr", { title: "provisional" }, "[p]"));
}

// The only column of words.
const VERDICT = "Verdict";

function head(...titles) {
  const cells = titles.map((title) => create("th", { scope: "col", class: title === VERDICT ? "words" : "" }, title));
  return create("thead", {}, create("tr", {}, ...cells));
}

function caption() {
  return [figureTitle(), ...common(), chosenSpan()].join(", ");
}

function rowOf(title, ...cells) {
  return create("tr", {}, create("th", { scope: "row" }, title), ...cells);
}

// The caption is outside the table: inside, it would scroll sideways with it on a narrow screen.
function table(titles, ...rows) {
  return create("table", { "aria-labelledby": "caption" }, titles, create("tbody", {}, ...rows));
}

/** Whether the series are the columns of the table. */
function areColumns() {
  return shown.length <= COLUMNS_SHOWN && shown.length < chosenPeriods().length;
}

function tableOf() {
  if (shown.length === 1) return tableOfOne(shown[0]);
  return areColumns() ? tableOfPeriods() : tableOfSeries();
}

/** The newest periods, with their positions, up to a number of them. */
function newest(number) {
  return [...chosenPeriods().entries()].slice(-number);
}

/** A table with a column for each series and a row for each period. */
function tableOfPeriods() {
  const { title, long } = GRAINS[choice.grain];
  const rows = newest(ROWS).map(([index, period]) => rowOf(long(period), ...shown.map((one) => figureCell(one.cells[index]))));
  return table(head(title, ...shown.map((one) => one.name)), ...rows);
}

/** A table with a row for each series and a column for each period, as in a paper. */
function tableOfSeries() {
  const several = [
    ...(choice.forces.size > 1 ? ["force"] : []), ...(choice.measures.size > 1 ? ["measure"] : []),
    ...(choice.split ? [details.get(choice.split).title.toLowerCase()] : []),
  ];
  const periods = newest(PERIODS_SHOWN);
  const rows = shown.slice(0, ROWS).map((one) => rowOf(one.name, ...periods.map(([index]) => figureCell(one.cells[index]))));
  const title = capital(listed(several.length ? several : ["measure"]));
  return table(head(title, ...periods.map(([, period]) => GRAINS[choice.grain].short(period))), ...rows);
}

/** A table of one series with a row for each period, and the usual value, verdict and target. */
function tableOfOne(one) {
  const { title, long } = GRAINS[choice.grain];
  const judged = chosenPeriods().map((period, index) => (one.cells[index] ? judgedPeriod(one, period) : null));
  const hasUsual = judged.some((month) => month?.texts.upper);
  const hasTarget = judged.some((month) => month?.texts.target);
  const word = (text) => create("td", {}, text || NOTHING);
  const rows = newest(ROWS).map(([index, period]) => {
    const month = judged[index];
    const cell = one.cells[index];
    return rowOf(long(period), figureCell(cell),
      ...(hasTarget ? [word(month?.texts.target)] : []),
      ...(hasUsual ? [word(month?.texts.usual), word(month?.texts.lower), word(month?.texts.upper),
        create("td", { class: "words" }, data.verdicts[month?.verdict] ?? "")] : []),
      word(cell?.days ? `${cell.loaded} of ${cell.days}` : ""));
  });
  return table(
    head(title, one.member || figureTitle(), ...(hasTarget ? [capital(targetKind(one))] : []),
      ...(hasUsual ? ["Usual", "Expected from", "Expected to", VERDICT] : []), "Days delivered"), ...rows);
}

// ---- Notes

/** `August 2022`, or `13 August 2022` for a day other than the first. */
function sinceWords(day) {
  return day.endsWith("-01") ? longMonth(day) : longDay(day);
}

/** Explain the marks of the table, and list the days that were not delivered. */
function note() {
  const cells = shown.flatMap((one) => one.cells);
  const periods = chosenPeriods().length;
  const unit = GRAINS[choice.grain].title.toLowerCase();
  const notes = [];
  const rows = areColumns() ? periods : shown.length;
  if (rows > ROWS) {
    notes.push(`The table shows the ${areColumns() ? "newest" : "first"} ${ROWS} of ${rows.toLocaleString("en-GB")} `
      + `${areColumns() ? `${unit}s` : "series"}; the CSV file has all of them.`);
  }
  if (!areColumns() && periods > PERIODS_SHOWN) {
    notes.push(`The table shows the newest ${PERIODS_SHOWN} of ${periods.toLocaleString("en-GB")} ${unit}s; the CSV file `
      + "has all of them.");
  }
  if (choice.grain !== "month" && data.months.length - choice.from > data.detail_months) {
    notes.push(`This page has ${unit}s of the newest ${data.detail_months} months only.`);
  }
  if (cells.some((cell) => cell?.text && cell.provisional)) {
    notes.push("[p] Provisional: not every day that the figure covers has an accepted delivery. It will change.");
  }
  if (cells.some((cell) => !cell?.text)) {
    notes.push(`${NOTHING} No figure: not all of the ${unit === "month" ? "months" : "days"} that it covers were delivered, `
      + "or there was nothing to divide by. It is not zero.");
  }
  const begun = [...new Set(cells.filter((cell) => cell?.text && cell.since).map((cell) => cell.since))].sort();
  if (begun.length) {
    notes.push(`Years to date begin with the first delivery: ${begun.map((day) => `since ${sinceWords(day)}`).join("; ")}.`);
  }
  const parts = notes.map((text) => create("p", {}, text));
  const lacking = notDelivered();
  if (lacking.length) {
    parts.push(create("details", {}, create("summary", {}, "What was not delivered"),
      create("ul", {}, ...lacking.map((text) => create("li", {}, text)))));
  }
  element("notes").replaceChildren(...parts);
}

function notDelivered() {
  const found = new Map();
  const periods = chosenPeriods();
  for (const one of shown) {
    one.cells.forEach((cell, index) => {
      if (!cell?.provisional) return;
      const days = span(...covered(one, periods[index]));
      const force = choice.forces.size > 1 ? `${data.forces[one.force].name}, ` : "";
      const text = cell.days
        ? `${force}${days}: ${cell.loaded} of ${counted(Number(cell.days), "day", "days")} delivered`
        : `${force}${days}: no day to compare`;
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
