// The charts of the explorer: one for each unit, like those of the papers.

// Colours of the government statistics guidance. Lines of the same colour have different dashes and points, so a chart
// can be read without colours.
const COLOURS = ["#12436D", "#F46A25", "#28A197", "#801650", "#3D3D3D", "#A285D1"];
const DASHES = [[1, 0], [6, 3]];
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];
const PAPER_GREY = "#6f777b";

const HEIGHT = 280;

// Maximum number of lines in a chart: each colour once with each dash.
const DRAWN = COLOURS.length * DASHES.length;

let drawings = [];
let drawing = 0;

/** Draw one chart for each unit. */
function redraw() {
  drawings.forEach((view) => view.finalize());
  drawings = [];
  drawing += 1;
  const charts = element("charts");
  charts.replaceChildren();
  if (!shown.length) return;
  if (!window.vegaEmbed) {
    charts.append(create("p", { class: "notice" }, "The chart needs the folder assets next to this page. The table and "
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
  const periods = chosenPeriods();
  const { short } = GRAINS[choice.grain];
  const styles = stylesOf(drawn);
  const rows = drawn.flatMap((one, line) => {
    const stretch = stretches(one);
    return one.cells.map((cell, period) => ({
      period,
      line,
      stretch: `${line} ${stretch[period]}`,
      value: cell?.text ? Number(cell.value) : null,
      provisional: Boolean(cell?.provisional),
      marked: single && Boolean(judgedPeriod(one, periods[period])?.verdict),
      tip: cell?.text
        ? `${one.name}, ${short(periods[period])}: ${cell.text}${cell.provisional ? " (provisional)" : ""}` : "",
    }));
  });
  const rules = single ? ruleRows(drawn[0]) : [];
  const events = chosenEvents();
  const place = create("div", { class: "drawing", role: "img", "aria-label": [spoken(drawn, single), ...eventNotes(events)].join(" ") });
  const left = own.length - drawn.length;
  const remarks = [
    ...(single ? judgedRemarks(drawn[0]) : []),
    ...formulaRemarks(drawn),
    ...(left ? [`${counted(drawn.length, "series is", "series are")} drawn, ${left.toLocaleString("en-GB")} not: `
      + "they have no figure or are too many for one chart. The table has them."] : []),
  ];
  const title = choice.measures.size === 1
    ? data.measures[drawn[0].measure].label
    : `${data.units[unit]}${choice.figure === "month_per_day" ? " per day" : ""}`;
  const figure = create("figure", {}, create("figcaption", {}, create("h3", {}, title),
    ...remarks.map((text) => create("p", { class: "small" }, text)), legend(drawn, styles, rows, rules, events, single)), place, ...eventNotes(events).map((text) => create("p", { class: "small" }, text)));
  const mine = drawing;
  // The width is known only when the figure is in the page.
  requestAnimationFrame(async () => {
    if (mine !== drawing) return;
    const spec = specification(rows, rules, styles, events, unit, place.clientWidth);
    // `ast` interprets expressions; the page's policy forbids compiling them.
    // The library gives its element a label and a role of its own, in place of the words of the chart.
    const inner = create("div", { "aria-hidden": "true" });
    place.replaceChildren(inner);
    const view = await window.vegaEmbed(inner, spec,
      { actions: false, renderer: "svg", ast: true, tooltip: false, defaultStyle: false });
    if (mine === drawing) drawings.push(view);
    else view.finalize();
  });
  return figure;
}

/**
 * The part of the line that each period is in: it breaks at one that is provisional or has no figure, and where the
 * formula changes.
 */
function stretches(one) {
  const changes = formulaChanges(one);
  const periods = chosenPeriods();
  let stretch = 0;
  let before = 0;
  return one.cells.map((cell, index) => {
    const begun = changes.filter((first) => first <= formulaDay(one, periods[index])).length;
    if (!cell?.text || cell.provisional || begun !== before) stretch += 1;
    before = begun;
    return stretch;
  });
}

/** First days of the formulas of a series that replaced others. */
function formulaChanges({ force, measure }) {
  return data.formula_changes[data.forces[force].code]?.[data.measures[measure].code] ?? [];
}

/** The day that decides by which formula the figure of a period is: the first of its last month, or of the week. */
function formulaDay(one, period) {
  const [first, last] = covered(one, period);
  return choice.grain === "month" ? `${last.slice(0, 8)}01` : first;
}

/** Where lines break because the formula changes; with the names of the series if it is not that of all lines. */
function formulaRemarks(drawn) {
  const periods = chosenPeriods();
  const names = new Map();
  for (const one of drawn) {
    const [begin, end] = [periods[0], periods[periods.length - 1]].map((period) => formulaDay(one, period));
    for (const first of formulaChanges(one)) {
      if (begin < first && first <= end) names.set(first, [...(names.get(first) ?? []), one.name]);
    }
  }
  const changes = [...names].sort(([first], [second]) => (first < second ? -1 : 1)).map(([first, changed]) =>
    `${sinceWords(first)}${changed.length < drawn.length ? ` (${changed.join("; ")})` : ""}`);
  return changes.length ? [`Different formula since ${listed(changes)}: figures before and after are not joined.`] : [];
}

/** The newest period with a band of what the year before would lead one to expect: its position, values and texts. */
function expected(one) {
  const periods = chosenPeriods();
  const index = periods.findLastIndex((month, position) => one.cells[position] && judgedPeriod(one, month)?.values.upper);
  return index < 0 ? null : { index, ...judgedPeriod(one, periods[index]) };
}

/** Usual value of the newest month over the year that it is from, and the targets of all periods. */
function ruleRows(one) {
  const band = expected(one);
  const first = band ? Math.max(0, band.index - 12) : 0;
  const usual = band ? [first, band.index].map((period) => ({
    period, kind: "usual", value: Number(band.values.usual), stretch: "usual",
    lower: Number(band.values.lower), upper: Number(band.values.upper),
  })) : [];
  let stretch = 0;
  let before = null;
  return [...usual, ...chosenPeriods().flatMap((month, index) => {
    const value = one.cells[index] ? judgedPeriod(one, month)?.values.target : null;
    if (!value) return [];
    if (before !== null && before !== value) stretch += 1;
    before = value;
    return [{ period: index, kind: "target", value: Number(value), stretch: `target ${stretch}` }];
  })];
}

function judgedRemarks(one) {
  const band = expected(one);
  const last = chosenPeriods().findLast((month, index) => one.cells[index] && judgedPeriod(one, month));
  const target = last === undefined ? "" : judgedPeriod(one, last).texts.target;
  return [
    ...(band ? [`Usual ${band.texts.usual}; the year before would lead one to expect ${band.texts.lower} to ${band.texts.upper}.`] : []),
    ...(target ? [`${capital(targetKind(one))} ${target}.`] : []),
  ];
}

/** The alternative text of the chart, which refers to the table for its figures. */
function spoken(drawn, single) {
  const about = `${figureTitle()}, ${chosenSpan()}`;
  if (!single) {
    const names = drawn.map((one) => one.name).join("; ");
    return `Line chart of ${[...common(), names].join(", ")}. ${about}. The table has the figures.`;
  }
  const periods = chosenPeriods();
  const given = drawn[0].cells.map((cell, index) => ({ cell, period: GRAINS[choice.grain].long(periods[index]) }))
    .filter(({ cell }) => cell?.text && (!cell.provisional || drawn[0].cells.every((one) => !one?.text || one.provisional)))
    .sort((a, b) => Number(a.cell.value) - Number(b.cell.value));
  const [low, high] = [given[0], given[given.length - 1]];
  return `Line chart of ${drawn[0].name}. ${about}: lowest ${low.cell.text} (${low.period}), highest ${high.cell.text} `
    + `(${high.period}). The table has the figures.`;
}

/** Colour, dash and point of each line. In a comparison, a dashed line has the colour of its year after. */
function stylesOf(drawn) {
  const bases = [...new Set(drawn.map((one) => one.base))];
  return drawn.map((one, line) => {
    const place = choice.isCompared ? bases.indexOf(one.base) : line;
    return {
      colour: COLOURS[place % COLOURS.length],
      dash: DASHES[choice.isCompared ? Number(one.isBefore) : Math.floor(place / COLOURS.length)],
      shape: SHAPES[place % SHAPES.length],
    };
  });
}

const RULES = {
  usual: { colour: PAPER_GREY, dash: [1, 0], text: "Usual, in the band that the year before would lead one to expect" },
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

function legend(drawn, styles, rows, rules, events, single) {
  const entry = (look, text) => create("li", {}, sample(look), create("span", {}, text));
  const entries = single && drawn.length === 1
    ? [entry(styles[0], drawn[0].member || figureTitle())]
    : drawn.map((one, line) => entry(styles[line], one.name));
  const kinds = new Set(rules.map((rule) => rule.kind));
  if (kinds.has("usual")) entries.push(entry(RULES.usual, RULES.usual.text));
  if (kinds.has("target")) entries.push(entry(RULES.target, capital(targetKind(drawn[0]))));
  if (rows.some((row) => row.marked)) {
    entries.push(entry({ ...styles[0], shape: "square", line: false }, "Worse or better than usual"));
  }
  if (rows.some((row) => row.provisional && row.value !== null)) {
    entries.push(entry({ colour: "#0b0c0c", shape: "circle", fill: "#fff", line: false }, "Hollow: days are missing, so it is not joined to the line"));
  }
  if (events.some((event) => !event.isHoliday)) entries.push(entry({ colour: PAPER_GREY, dash: [1, 2] }, "Event, named below"));
  if (events.some((event) => event.isHoliday)) {
    entries.push(entry({ colour: HOLIDAY, shape: "triangle-up", line: false }, "Bank holiday"));
  }
  return create("ul", { class: "legend" }, ...entries);
}

/** The chart as Vega-Lite, like those of the papers: values start at 0, so a small change does not look large. */
function specification(rows, rules, styles, events, unit, width) {
  const periods = chosenPeriods();
  const heights = [...rows, ...rules].flatMap((row) => [row.value, row.lower, row.upper]).filter(Number.isFinite);
  const greatest = Math.max(0, ...heights);
  const least = Math.min(0, ...heights);
  const lines = [...new Set(rows.map((row) => row.line))];
  const scale = (pick) => ({ domain: lines, range: lines.map((line) => styles[line][pick]) });
  // Two years of days are drawn as small points.
  const size = periods.length > 200 ? 6 : periods.length > 60 ? 20 : 50;
  // Periods by position, so no time zone can shift them.
  const step = Math.ceil(periods.length / Math.min(TICKS, Math.max(2, Math.floor(width / 85))));
  const x = {
    field: "period",
    type: "quantitative",
    scale: { domain: [0, Math.max(1, periods.length - 1)], nice: false, padding: 12 },
    axis: {
      title: null,
      grid: false,
      values: periods.map((_, index) => index).filter((index) => (periods.length - 1 - index) % step === 0),
      labelExpr: `${JSON.stringify(periods.map(GRAINS[choice.grain].short))}[datum.value]`,
    },
  };
  const { places, height } = placed(events, width - AXES.width, periods.length);
  // Labels of events are above the highest point.
  const room = (HEIGHT - AXES.height) / (HEIGHT - AXES.height - height);
  const y = {
    field: "value",
    type: "quantitative",
    scale: { domain: [least, least + (greatest * 1.06 - least) * room || 1], nice: false, zero: true },
    axis: { title: null, domain: false, ticks: false, gridColor: "#e6e6e6", tickCount: 5, ...axisOf(unit, least, greatest) },
  };
  const line = { field: "line", type: "nominal" };
  const band = {
    data: { values: rules.filter((row) => row.kind === "usual") },
    mark: { type: "area", aria: false, color: "#e3e6e8", opacity: 1 },
    encoding: { x, y: { ...y, field: "lower" }, y2: { field: "upper" } },
  };
  const rule = (kind, look) => ({
    data: { values: rules.filter((row) => row.kind === kind) },
    mark: { type: "line", aria: false, stroke: look.colour, strokeDash: look.dash, strokeWidth: 1.5 },
    encoding: { x, y, detail: { field: "stretch", type: "nominal" } },
  });
  return {
    width: Math.max(120, width),
    height: HEIGHT,
    autosize: { type: "fit", contains: "padding" },
    background: "white",
    layer: [
      ...(rules.some((row) => row.kind === "usual") ? [band] : []),
      ...eventLayers(places, x),
      ...(rules.length ? [rule("usual", RULES.usual), rule("target", RULES.target)] : []),
      {
        data: { values: rows.filter((row) => row.value !== null && !row.provisional) },
        mark: { type: "line", aria: false, strokeWidth: size < 20 ? 1 : 2 },
        encoding: {
          x, y,
          detail: { field: "stretch", type: "nominal" },
          color: { ...line, legend: null, scale: scale("colour") },
          strokeDash: { ...line, legend: null, scale: scale("dash") },
        },
      },
      {
        data: { values: rows.filter((row) => row.value !== null) },
        mark: { type: "point", aria: false, opacity: 1, strokeWidth: size < 20 ? 1 : 1.5 },
        encoding: {
          x, y,
          stroke: { ...line, legend: null, scale: scale("colour") },
          fill: {
            condition: { test: "datum.provisional", value: "white" }, ...line, legend: null, scale: scale("colour"),
          },
          shape: {
            condition: { test: "datum.marked", value: "square" }, ...line, legend: null, scale: scale("shape"),
          },
          size: { condition: { test: "datum.marked", value: 110 }, value: size },
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

