// Draws a chart of the explorer as SVG, by the rules of the charts in papers (charts.py): values start at 0, months that were
// worse or better than usual are squares, provisional figures are hollow and not joined to the line.
"use strict";

const fcirChart = (function () {
  // Colours of the government statistics guidance. Lines of the same colour differ by dash and point, so a chart can be
  // read without colours.
  const COLOURS = ["#12436D", "#F46A25", "#28A197", "#801650", "#3D3D3D", "#A285D1"];
  const DASHES = ["none", "6 3"];
  const POINTS = ["M0-4a4 4 0 1 0 .01 0z", "M-4-4h8v8h-8z", "M0-5l4.5 8h-9z", "M0-5.5l4.5 5.5-4.5 5.5-4.5-5.5z",
    "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z", "M0 5l4.5-8h-9z"];
  const MARKED = "M-5-5h10v10h-10z";
  const HOLIDAY = "M0-6l4 6h-8z";
  const INK = "#0b0c0c", GREY = "#6f777b", BAND = "#e3e6e8", TARGET = "#F46A25", RED = "#a33a00";
  // Height between the axes, of a line of text, and the width of its average letter.
  const HEIGHT = 240, LINE = 18, LETTER = 6.4;
  const LEFT = 62, RIGHT = 36;
  // Possible seconds between two ticks.
  const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

  function node(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const path = (d, stroke, more = {}) => node("path", { d, stroke, fill: "none", "stroke-width": 1.5, ...more });
  const text = (x, y, words, more = {}) => node("text", { x, y, fill: INK, ...more }, words);

  function point(d, x, y, colour, { fill = colour, scale = 1, title = "" } = {}) {
    const more = { fill, transform: `translate(${x} ${y}) scale(${scale})`, "vector-effect": "non-scaling-stroke" };
    return node("path", { d, stroke: colour, "stroke-width": 1.5, ...more }, ...(title ? [node("title", {}, title)] : []));
  }

  /** A step of 1, 2 or 5 times a power of ten, so that there are at most five of them in a reach. */
  function round(reach) {
    const power = 10 ** Math.floor(Math.log10(reach / 5));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => reach / step <= 5);
  }

  /** Ticks of the axis of values, and the function that labels them. */
  function axis(unit, least, greatest) {
    const reach = greatest - least;
    const isTime = unit === "duration";
    const step = isTime ? SECONDS.find((one) => reach / one <= 5) ?? 86400 * round(reach / 86400) : round(reach);
    const numbers = new Intl.NumberFormat("en-GB", { notation: reach < 1e7 ? "standard" : "compact", maximumFractionDigits: 6 });
    const label = (value) => {
      if (!isTime) return numbers.format(value) + (unit === "percent" ? "%" : "");
      if (step > 86400) return `${numbers.format(value / 86400)} days`;
      if (step >= 3600 || !value) return step >= 3600 ? `${value / 3600}h` : "0s";
      const [minutes, seconds] = [Math.floor(value / 60), value % 60];
      return [minutes ? `${minutes}m` : "", seconds ? `${seconds}s` : ""].join(" ").trim();
    };
    const first = Math.ceil(least / step);
    return { label, ticks: Array.from({ length: Math.floor(greatest / step) - first + 1 }, (_, at) => (first + at) * step) };
  }

  /** A text in lines of at most so many letters. */
  function wrapped(words, letters) {
    return words.split(" ").reduce((lines, word) => {
      const longer = `${lines[lines.length - 1]} ${word}`.trim();
      return longer.length > letters ? [...lines, word] : [...lines.slice(0, -1), longer];
    }, [""]);
  }

  /** The path of a line, which begins again at a figure that is not joined to the one before. */
  function joined(points, x, y) {
    let isOpen = false;
    return points.map(({ value, isProvisional, isBroken }, at) => {
      const draws = value !== null && !isProvisional;
      const command = isOpen && !isBroken ? "L" : "M";
      isOpen = draws;
      return draws ? `${command}${x(at)},${y(value)}` : "";
    }).join("");
  }

  /**
   * Return a chart as SVG.
   *
   * `lines` have a `name` and, for each of the `labels` of the axis, a point: value or null, title, isProvisional, verdict,
   * and isBroken where another formula begins. `band` has the positions `first` and `last` and the values `usual`, `lower`
   * and `upper`; `targets` a value or null for each point; `events` their position `at`, `number`, label and `isHoliday`.
   */
  return function (chart, width) {
    const { title, subtitle, unit, labels, lines, band, targets, events, alternative } = chart;
    const points = lines.flatMap((line) => line.points);
    const values = [0, ...points.map((one) => one.value), ...targets, band?.lower, band?.upper].filter(Number.isFinite);
    const least = Math.min(...values);
    const highest = Math.max(...values);
    // An axis of percentages up to 95% would have few ticks.
    const greatest = unit === "percent" && highest > 80 && highest <= 100 ? 100 : highest * 1.06 || 1;
    const { ticks, label } = axis(unit, least, greatest);
    const inner = width - LEFT - RIGHT;
    const looks = lines.map((_, at) => ({
      colour: COLOURS[at % COLOURS.length], dash: DASHES[Math.floor(at / COLOURS.length) % 2], d: POINTS[at % POINTS.length] }));

    // The words above the chart, each with a sample of what they explain.
    const parts = [];
    let top = LINE;
    const say = (words, sample, left = 0, more = {}) => {
      if (sample) parts.push(node("g", { transform: `translate(${left + 20} ${top - 4})` }, ...sample));
      const indent = left + (sample ? 44 : 0);
      for (const line of wrapped(words, (width - indent) / LETTER)) {
        parts.push(text(indent, top, line, more));
        top += LINE;
      }
    };
    say(title, null, 0, { "font-weight": 600, "font-size": 16 });
    say(subtitle, null, 0, { fill: "#505a5f" });
    // Short names of lines stand side by side.
    const column = 64 + LETTER * Math.max(...lines.map(({ name }) => name.length));
    const columns = Math.max(1, Math.floor(width / column));
    lines.forEach(({ name }, at) => {
      const { colour, dash, d } = looks[at];
      if (at % columns) top -= LINE;
      const sample = [path("M-20 0H20", colour, { "stroke-width": 2, "stroke-dasharray": dash }), point(d, 0, 0, colour)];
      say(name, sample, (at % columns) * column);
    });
    if (band) {
      const area = node("rect", { x: -20, y: -6, width: 40, height: 12, fill: BAND });
      say(chart.bandWords, [area, path("M-20 0H20", GREY)]);
    }
    if (targets.some((value) => value !== null)) say(chart.targetWords, [path("M-20 0H20", TARGET, { "stroke-dasharray": "7 3" })]);
    if (points.some((one) => one.verdict)) say("Worse or better than usual", [point(MARKED, 0, 0, looks[0].colour)]);
    if (points.some((one) => one.isProvisional && one.value !== null)) {
      say("Hollow: provisional, days are missing", [point(POINTS[0], 0, 0, INK, { fill: "white" })]);
    }
    const named = events.filter((event) => !event.isHoliday);
    if (named.length) say(chart.eventWords, [path("M0-7V7", GREY, { "stroke-dasharray": "1 2" })]);
    if (events.length > named.length) say("Bank holiday", [point(HOLIDAY, 0, 4, RED)]);

    const start = top + (named.length ? 10 : 0);
    const x = (at) => LEFT + (labels.length > 1 ? (inner * at) / (labels.length - 1) : inner / 2);
    const y = (value) => start + HEIGHT * (greatest - value) / (greatest - least);
    const across = (value, stroke) => path(`M${LEFT - 6},${Math.round(y(value)) + 0.5}H${width - RIGHT + 6}`, stroke, { "stroke-width": 1 });
    const step = Math.ceil(labels.length / Math.min(12, Math.max(2, Math.floor(inner / 75))));
    // Points stay apart; those of two years of days are dots.
    const scale = Math.max(0.35, Math.min(1, inner / labels.length / 12));

    for (const value of ticks) {
      parts.push(across(value, value ? "#e6e6e6" : GREY), text(LEFT - 10, y(value) + 4, label(value), { "text-anchor": "end" }));
    }
    labels.forEach((words, at) => {
      if ((labels.length - 1 - at) % step) return;
      parts.push(path(`M${x(at)},${start + HEIGHT}v5`, GREY, { "stroke-width": 1 }),
        text(x(at), start + HEIGHT + 20, words, { "text-anchor": "middle" }));
    });
    if (band) {
      const [left, right] = [x(band.first), x(band.last)];
      parts.push(node("rect", { x: left, y: y(band.upper), width: right - left, height: y(band.lower) - y(band.upper), fill: BAND }),
        path(`M${left},${y(band.usual)}H${right}`, GREY));
    }
    for (const { at, number } of named) {
      parts.push(path(`M${x(at)},${start}V${start + HEIGHT}`, GREY, { "stroke-dasharray": "1 2" }),
        text(x(at), start - 4, number, { "text-anchor": "middle", "font-weight": 600 }));
    }
    const steps = targets.map((value, at) => {
      if (value === null) return "";
      return at && targets[at - 1] !== null ? `H${x(at)}V${y(value)}` : `M${x(at)},${y(value)}`;
    });
    parts.push(path(steps.join(""), TARGET, { class: "target", "stroke-dasharray": "7 3" }));
    lines.forEach((line, number) => {
      const { colour, dash, d } = looks[number];
      parts.push(path(joined(line.points, x, y), colour, { class: "line", "stroke-width": scale < 0.5 ? 1 : 2, "stroke-dasharray": dash }));
      line.points.forEach(({ value, isProvisional, verdict, title: words }, at) => {
        if (value === null) return;
        const fill = isProvisional ? "white" : colour;
        parts.push(point(verdict ? MARKED : d, x(at), y(value), colour, { fill, scale, title: words }));
      });
    });
    for (const event of events.filter((one) => one.isHoliday)) {
      parts.push(point(HOLIDAY, x(event.at), start + HEIGHT, RED, { title: event.label }));
    }

    const height = start + HEIGHT + 28;
    const ground = node("rect", { width, height, fill: "white" });
    return node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": alternative,
      "font-family": "Source Sans Pro, Segoe UI, Arial, sans-serif", "font-size": 13 }, ground, ...parts);
  };
})();
