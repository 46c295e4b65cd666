// Events in the charts of the explorer: those that analysts list, and bank holidays in charts by day.

// Labels: size of the type, width of its average letter, height of a row, and number of rows; as in the papers.
const EVENT = { size: 12, letter: 6.5, row: 14, rows: 3 };
const HOLIDAY = "#a33a00";

// Pixels of a chart that its axes take, about.
const AXES = { width: 75, height: 30 };

/** The events of the chosen forces, sections and periods, by day: label, day, position of its period, whether a holiday. */
function chosenEvents() {
  const periods = chosenPeriods();
  const sections = new Set(shown.map((one) => data.measures[one.measure].section));
  const listedOf = (force) => (data.events[data.forces[force].code] ?? [])
    .filter((event) => !event.sections.length || event.sections.some((section) => sections.has(section)))
    .map((event) => ({ ...event, label: choice.forces.size > 1 ? `${event.label}, ${data.forces[force].name}` : event.label }));
  const holidays = choice.grain === "day" ? data.bank_holidays.map((event) => ({ ...event, isHoliday: true })) : [];
  return [...inOrder(choice.forces).flatMap(listedOf), ...holidays]
    .map((event) => ({ ...event, period: periods.findLastIndex((first) => first <= event.day) }))
    // Also the last period has an end.
    .filter(({ period, day }) => period >= 0 && day <= GRAINS[choice.grain].last(periods[period]))
    .sort((a, b) => a.day.localeCompare(b.day));
}

function eventWords({ label, day }) {
  return `${label} (${longDay(day)})`;
}

/** A sentence for each kind of event; none if there is none. */
function eventNotes(events) {
  const of = (isHoliday) => events.filter((event) => Boolean(event.isHoliday) === isHoliday).map(eventWords);
  return [["Marked in the chart", of(false)], ["Bank holidays of England", of(true)]]
    .filter(([, words]) => words.length).map(([title, words]) => `${title}: ${listed(words)}.`);
}

/** The rows of labels above a chart, and how far each is moved to stay inside; what has no room has a line only. */
function placed(events, width, count) {
  const ends = Array(EVENT.rows).fill(0);
  let rows = 0;
  const places = events.map((event) => {
    const at = (width * event.period) / Math.max(1, count - 1);
    const length = event.label.length * EVENT.letter;
    const start = Math.max(0, Math.min(at - length / 2, width - length));
    // The names of bank holidays would fill the rows.
    const row = event.isHoliday || length > width ? -1 : ends.findIndex((end) => start >= end);
    if (row >= 0) ends[row] = start + length + EVENT.letter;
    rows = Math.max(rows, row + 1);
    // At an edge it ends there, however wide the typeface is.
    const [align, shift] = start === 0 ? ["left", -at] : start === width - length ? ["right", width - at] : ["center", 0];
    return { ...event, row, label: row < 0 ? "" : event.label, align, shift, tip: eventWords(event) };
  });
  return { height: rows * EVENT.row, places: places.map((one) => ({ ...one, top: (rows - Math.max(0, one.row)) * EVENT.row })) };
}

/** Dotted lines with labels on a white ground above them; a triangle on the axis for a bank holiday. */
function eventLayers(places, x) {
  const top = { field: "top", type: "quantitative", axis: null, scale: null };
  const tooltip = { field: "tip", type: "nominal" };
  const label = { type: "text", aria: false, baseline: "bottom", fontSize: EVENT.size,
    align: { expr: "datum.align" }, dx: { expr: "datum.shift" } };
  const events = places.filter((one) => !one.isHoliday);
  const holidays = places.filter((one) => one.isHoliday);
  return [
    ...(events.length ? [
      {
        data: { values: events },
        mark: { type: "rule", aria: false, color: PAPER_GREY, strokeDash: [1, 2], strokeWidth: 1.4 },
        encoding: { x, y: top, y2: { value: "height" }, tooltip },
      },
      ...[{ stroke: "white", strokeWidth: 4, color: "white" }, { color: "#0b0c0c" }].map((look) => ({
        data: { values: events.filter((one) => one.label) },
        mark: { ...label, ...look },
        encoding: { x, y: top, text: { field: "label", type: "nominal" } },
      })),
    ] : []),
    ...(holidays.length ? [{
      data: { values: holidays },
      mark: { type: "point", aria: false, shape: "triangle-up", filled: true, color: HOLIDAY, size: 40, opacity: 1, yOffset: -5 },
      encoding: { x, y: { value: "height" }, tooltip },
    }] : []),
  ];
}
