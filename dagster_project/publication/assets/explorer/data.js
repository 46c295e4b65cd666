// The data of the explorer: what is in the page, the files beside it, and the words for periods.
//
// No figure is computed by these scripts. Texts are shown unchanged; values become numbers only for the height of chart
// points. Everything is inserted as text, never as markup, so a name in the data cannot run.

/** The content of JSON as gzip in Base64. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

const data = await unpacked(document.getElementById("data").textContent);

const NOTHING = "\u2013";

const element = (id) => document.getElementById(id);
const figureCodes = data.figures.map((figure) => figure.code);
const sectionTitle = new Map(data.sections.map((section) => [section.code, section.title]));
const details = new Map(data.details.map((detail) => [detail.code, { ...detail, measures: new Set(detail.measures) }]));

// ---- Words

// Made once: each takes longer than the formatting of a hundred days.
const monthWords = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
const weekdayWords = new Intl.DateTimeFormat("en-GB", { weekday: "short", timeZone: "UTC" });

function longMonth(day) {
  return monthWords.format(new Date(day));
}

function shortMonth(day) {
  return longMonth(day).replace(/^(...)[a-z]*/, "$1");
}

function longDay(day) {
  return `${Number(day.slice(8))} ${longMonth(day)}`;
}

/** `August 2022 to January 2023`, or `1 August 2022 to 7 August 2022` if the days are not whole months. */
function span(first, last) {
  const isWhole = first.endsWith("-01") && dayAfter(last, 1).endsWith("-01");
  const words = isWhole ? longMonth : longDay;
  return words(first) === words(last) ? words(first) : `${words(first)} to ${words(last)}`;
}

function counted(number, one, many) {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? one : many}`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `a, b and c`. */
function listed(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}` : words.join("");
}

// ---- Periods. Days are texts such as 2022-08-31.

function dayAfter(day, number) {
  return new Date(Date.parse(day) + number * 86400000).toISOString().slice(0, 10);
}

function lastDay(month) {
  const [year, number] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
}

function yearBefore(day) {
  return `${Number(day.slice(0, 4)) - 1}${day.slice(4)}`;
}

// A week is compared with the one 52 weeks earlier, and a day with the same weekday, as in the papers.
const YEAR_OF_WEEKS = -364;

const GRAINS = {
  month: {
    title: "Month",
    days: ({ from, to }) => data.months.slice(from, to + 1),
    before: yearBefore,
    compared: "",
    last: lastDay,
    long: longMonth,
    short: shortMonth,
  },
  week: {
    title: "Week",
    days: (chosen) => daysOf(chosen, 7),
    before: (day) => dayAfter(day, YEAR_OF_WEEKS),
    compared: "the week 52 weeks earlier",
    last: (day) => dayAfter(day, 6),
    long: (day) => `Week of ${longDay(day)}`,
    short: (day) => `${Number(day.slice(8))} ${shortMonth(day)}`,
  },
  day: {
    title: "Day",
    days: (chosen) => daysOf(chosen, 1),
    before: (day) => dayAfter(day, YEAR_OF_WEEKS),
    compared: "the same weekday 52 weeks earlier",
    last: (day) => day,
    long: (day) => `${weekdayWords.format(new Date(day))} ${longDay(day)}`,
    short: (day) => `${Number(day.slice(8))} ${shortMonth(day)}`,
  },
};

/** The days of the chosen months, or their Mondays. */
function daysOf({ from, to }, step) {
  const days = [];
  const last = lastDay(data.months[to]);
  let day = data.months[from];
  // Day 0 of the calendar of JavaScript is a Sunday.
  if (step === 7) day = dayAfter(day, (8 - new Date(day).getUTCDay()) % 7);
  for (; day <= last; day = dayAfter(day, step)) days.push(day);
  return days;
}

// ---- Figures

// Each file of a detail puts its content here, under "FORCE DETAIL DIGEST".
window.fcirDetails = {};

// The same by "FORCE DETAIL", unpacked; null if the file cannot be read.
const read = new Map();

// In place of a content if the file has another one: it belongs to a newer publication than the page.
const REPLACED = {};

/** The address of the file of a detail and force that is still to be read. */
function unread(detail, force) {
  const { code } = data.forces[force];
  return detail.files[code] && !read.has(`${code} ${detail.code}`) ? detail.files[code] : null;
}

/** Read the file of a detail and force: a script, because a page opened from a disk may not fetch data. */
function readFile(detail, force) {
  const { code } = data.forces[force];
  const key = `${code} ${detail.code} ${detail.digests[code]}`;
  return new Promise((resolve) => {
    const script = document.createElement("script");
    const end = async (isRead) => {
      const content = window.fcirDetails[key];
      delete window.fcirDetails[key];
      const found = content ? await unpacked(content) : REPLACED;
      read.set(`${code} ${detail.code}`, isRead ? found : null);
      script.remove();
      resolve();
    };
    script.addEventListener("load", () => end(true));
    script.addEventListener("error", () => end(false));
    script.src = unread(detail, force);
    document.head.append(script);
  });
}

/** What the marts have of a measure and force: members of a detail to their columns, or the months of a figure. */
function columnsOf(force, measure, figure, detail) {
  const { code } = data.forces[force];
  if (detail) return read.get(`${code} ${detail.code}`)?.[data.measures[measure].code] ?? {};
  return { "": data.cells[figure][code]?.[data.measures[measure].code] };
}

/** The figures of a series by first day: text and value (both "" without a figure). */
function cellsOf(columns) {
  if (!columns) return new Map();
  return new Map(columns.first.map((first, at) => [first, {
    text: columns.text[at] ?? "",
    value: columns.value[at] ?? "",
    // A figure that lacks only the days before the first delivery shows that day instead of a mark.
    provisional: columns.provisional[at] && !columns.since?.[at],
    since: columns.since?.[at] ?? "",
    loaded: String(columns.loaded[at]),
    days: String(columns.days[at] ?? ""),
  }]));
}
