// What is chosen in the explorer, its address, and the series that it selects.

// The papers show two years in their charts.
const OPENING_MONTHS = 24;

let choice = opening();

function opening() {
  const headline = data.measures.findIndex((measure) => measure.is_headline);
  return {
    measures: new Set(data.measures.length ? [Math.max(0, headline)] : []),
    forces: new Set(data.forces.length ? [data.first_force] : []),
    grain: "month",
    from: Math.max(0, data.opening_month + 1 - OPENING_MONTHS),
    to: data.opening_month,
    figure: figureCodes[0],
    isCompared: false,
    split: "",
    // Names of the members of the split; null for all.
    members: null,
  };
}

/** The choice as the part of an address after "#". It has codes and months, not positions, to work on later pages. */
function toHash({ measures, forces, grain, from, to, figure, isCompared, split, members }) {
  const codes = (chosen, list) => inOrder(chosen).map((index) => encodeURIComponent(list[index].code)).join(",");
  return [
    `measures=${codes(measures, data.measures)}`,
    `forces=${codes(forces, data.forces)}`,
    `from=${data.months[from].slice(0, 7)}`,
    `to=${data.months[to].slice(0, 7)}`,
    `figure=${figure}`,
    ...(grain === "month" ? [] : [`grain=${grain}`]),
    ...(isCompared ? ["compare=year_before"] : []),
    ...(split ? [`split=${split}`] : []),
    ...(members ? [...members].map((name) => `member=${encodeURIComponent(name)}`) : []),
  ].join("&");
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
  const known = (name, codes) => (parameters.has(name) && position(parameters.get(name), codes) >= 0
    ? parameters.get(name) : null);
  for (const [name, list] of [["measures", data.measures], ["forces", data.forces]]) {
    if (!parameters.has(name)) continue;
    const codes = list.map((entry) => entry.code);
    const chosen = parameters.get(name).split(",").filter(Boolean);
    one[name] = new Set(chosen.map((code) => position(code, codes)).filter((index) => index >= 0));
  }
  const months = data.months.map((month) => month.slice(0, 7));
  for (const name of ["from", "to"]) {
    const month = known(name, months);
    if (month) one[name] = months.indexOf(month);
  }
  if (one.from > one.to) [one.from, one.to] = [one.to, one.from];
  const ofKind = (kind) => [...details.values()].filter((detail) => detail.kind === kind).map((detail) => detail.code);
  one.figure = known("figure", figureCodes) ?? one.figure;
  one.grain = known("grain", ["month", ...ofKind("grain")]) ?? one.grain;
  one.isCompared = known("compare", ["year_before"]) !== null;
  // Splits are by month only.
  if (one.grain === "month") one.split = known("split", ofKind("split")) ?? "";
  if (one.split && parameters.has("member")) one.members = new Set(parameters.getAll("member"));
  if (detailOf(one)) one.figure = figureCodes[0];
  return { one, unknown };
}

function inOrder(chosen) {
  return [...chosen].sort((a, b) => a - b);
}

/** The detail that the figures of a choice are from; undefined for the months of a force. */
function detailOf({ grain, split }) {
  return details.get(split || grain);
}

/** The breakdown that the ticked measures form. The ticks are the only state, so a link does not contain it. */
function breakdownOf(ticked) {
  const same = (members) => members.length === ticked.size && members.every((member) => ticked.has(member));
  const family = data.breakdowns.find((one) => same(one.members));
  if (family) return family.code;
  const whole = data.lines.filter((line) => line.every((member) => ticked.has(member))).flat();
  return whole.length && whole.length === ticked.size ? "line" : "";
}

// ---- What is there to choose

/** Whether there is a figure of a measure and force, by the detail, or by month. */
function exists(measure, force, detail) {
  const { code } = data.forces[force];
  if (detail) return detail.measures.has(measure) && code in detail.files;
  return Boolean(data.cells[choice.figure][code]?.[data.measures[measure].code]);
}

/** Names of measures that a detail lacks: their section, or their label if the detail has others of the section. */
function lackedBy(detail, measures) {
  const partly = new Set([...detail.measures].map((measure) => data.measures[measure].section));
  return listed([...new Set(measures.map((measure) => {
    const { section, label } = data.measures[measure];
    return partly.has(section) ? label : sectionTitle.get(section);
  }))]);
}

/** Why a detail cannot be chosen for the ticked measures and forces; empty if it can. */
function whyNot(detail) {
  if (detail.kind === "split" && choice.grain !== "month") return "only by month";
  if (detail.kind === "grain" && choice.split) return `not by ${details.get(choice.split).title.toLowerCase()}`;
  if (!detail.measures.size) return `${detail.absent} for any measure`;
  const measures = inOrder(choice.measures);
  if (measures.length && !measures.some((measure) => detail.measures.has(measure))) {
    return `${detail.absent} for ${lackedBy(detail, measures)}`;
  }
  const forces = inOrder(choice.forces);
  if (forces.length && !forces.some((force) => data.forces[force].code in detail.files)) {
    return `${detail.absent} for ${listed(forces.map((force) => data.forces[force].name))}`;
  }
  return "";
}

/** Names of the members of the chosen split that the ticked measures and forces have, in order. */
function membersOf(detail) {
  const names = inOrder(choice.forces).flatMap((force) => inOrder(choice.measures).flatMap(
    (measure) => Object.keys(columnsOf(force, measure, choice.figure, detail))));
  return [...new Set(names)].sort((a, b) => a.localeCompare(b, "en-GB"));
}

// ---- What is shown

function chosenFigure() {
  return data.figures[figureCodes.indexOf(choice.figure)];
}

/** The title of the figure that is the period itself: `Month value`. */
function ownFigure() {
  return `${GRAINS[choice.grain].title} value`;
}

/** The title of the figures: `Year to date`, `Week value`, `Month value by district`. */
function figureTitle() {
  const detail = detailOf(choice);
  if (!detail) return chosenFigure().title;
  return detail.kind === "grain" ? ownFigure() : `${ownFigure()} by ${detail.title.toLowerCase()}`;
}

/** The first days of the chosen periods. */
function chosenPeriods() {
  return GRAINS[choice.grain].days(choice);
}

/** The chosen series in the order of the catalogue, each with a distinct name. */
function chosenSeries() {
  const detail = detailOf(choice);
  const forces = inOrder(choice.forces);
  const measures = inOrder(choice.measures).filter((measure) => !detail || detail.measures.has(measure));
  const sections = new Set(measures.map((measure) => data.measures[measure].section));
  const periods = chosenPeriods();
  const members = detail?.kind === "split"
    ? membersOf(detail).filter((name) => !choice.members || choice.members.has(name)) : [""];
  let base = -1;
  return measures.flatMap((measure) => forces.flatMap((force) => members.flatMap((member) => {
    const { section, label, unit } = data.measures[measure];
    const found = columnsOf(force, measure, choice.figure, detail);
    if (detail?.kind === "split" && !found[member]) return [];
    base += 1;
    const name = [
      ...(forces.length > 1 ? [data.forces[force].name] : []),
      ...(sections.size > 1 ? [sectionTitle.get(section)] : []),
      ...(measures.length > 1 || (forces.length === 1 && !member) ? [label] : []),
      ...(member ? [member] : []),
    ].join(", ");
    const cells = cellsOf(found[member]);
    const one = { force, measure, member, unit, base, name, isBefore: false, all: cells, cells: periods.map((day) => cells.get(day) ?? null) };
    return choice.isCompared ? [one, before(one, cells, periods)] : [one];
  })));
}

/** The series of a year before, at the periods that it is compared with. */
function before(one, cells, periods) {
  // The marts have the month and the year to date of the year before.
  const figure = detailOf(choice) ? undefined : data.year_before[choice.figure];
  const found = figure ? cellsOf(columnsOf(one.force, one.measure, figure)[""]) : cells;
  const day = figure ? (first) => first : GRAINS[choice.grain].before;
  return {
    ...one, isBefore: true, name: `${one.name}, a year before`, cells: periods.map((first) => found.get(day(first)) ?? null),
  };
}

/** First and last day that the figure of a period covers. */
function covered({ isBefore }, period) {
  if (choice.grain !== "month") {
    const first = isBefore ? GRAINS[choice.grain].before(period) : period;
    return [first, GRAINS[choice.grain].last(first)];
  }
  const figure = isBefore && data.year_before[choice.figure];
  const month = isBefore && !figure ? yearBefore(period) : period;
  const [first, last] = data.spans[figure || choice.figure][month] ?? [month, month];
  return [first, lastDay(last)];
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

/** The months that are chosen, in words. */
function chosenSpan() {
  return span(data.months[choice.from], lastDay(data.months[choice.to]));
}

/** Usual value, target and verdict of a month, or null. A week has the target alone, that of the month of its Monday. */
function judgedPeriod({ force, measure }, period) {
  const detail = detailOf(choice);
  const known = data.judged[data.forces[force].code]?.[data.measures[measure].code] ?? [];
  if (detail?.code === "week") {
    const { values, texts } = known.findLast((one) => one.first <= period) ?? {};
    return values?.target ? { values: { target: values.target }, texts: { target: texts.target }, verdict: "" } : null;
  }
  // Only the figure of the month itself is judged.
  return choice.figure === "month" && !detail ? known.find((one) => one.first === period) ?? null : null;
}

function targetKind(one) {
  const decided = data.measures[one.measure].decisions.find((row) => ["target", "benchmark"].includes(row.what));
  return decided?.what ?? "target";
}
