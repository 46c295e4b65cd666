// The explorer: what is chosen in the form, its figures, and what the page shows of them.
//
// No figure is computed here. Texts are shown unchanged; values become numbers only for the places of points in a chart.
// Everything is inserted as text, never as markup, so a name in the data cannot act.
"use strict";

// Each file of figures puts its content here, under its key.
window.fcirFigures = {};

(async function () {
  // What fits: lines in a chart, each colour once with each dash, and columns in a table. The CSV file has all.
  const LINES = 12, COLUMNS = 30;
  const NOTHING = "\u2013";
  const UNITS = { count: "Number", percent: "Per cent", duration: "Time", hours: "Hours", days: "Days", ratio: "Ratio" };
  // What the page of a newer publication has.
  const REPLACED = "A newer publication has replaced this page; reload it.";

  const { create } = fcir;
  const element = (id) => document.getElementById(id);
  document.querySelector(".page").hidden = false;
  const form = element("choice");
  const fields = form.elements;
  const data = await fcir.unpacked(element("data").textContent);

  const chosen = (name) => [...fields[name].selectedOptions].map((option) => option.value);
  const titleOf = (name, code) => [...fields[name].options].find((option) => option.value === code).textContent;
  const counted = (number, one) => `${number.toLocaleString("en-GB")} ${one}${number === 1 ? "" : "s"}`;
  const listed = (words) => [words.slice(0, -1).join(", "), words[words.length - 1]].filter(Boolean).join(" and ");

  // ---- Periods. Days are texts such as 2022-08-31.

  const monthWords = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });
  const dayWords = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const short = (day) => monthWords.format(new Date(day)).replace("Sept", "Sep");
  const dayOf = (day) => `${Number(day.slice(8))} ${short(day)}`;
  const PERIOD = {
    month: short,
    week: (day) => `Week of ${dayOf(day)}`,
    day: (day) => dayWords.format(new Date(day)).replace(",", ""),
  };

  /** The first day of the period after one. */
  function next(day, grain) {
    const date = new Date(day);
    if (grain === "month") date.setUTCMonth(date.getUTCMonth() + 1);
    else date.setUTCDate(date.getUTCDate() + (grain === "week" ? 7 : 1));
    return date.toISOString().slice(0, 10);
  }

  // ---- Files of figures

  const read = new Map();

  /** The series of a force in a file: none if there is no such file, a text if it cannot be read. */
  function load(force, name) {
    const file = data.files[name][force];
    if (!file) return [];
    if (!read.has(file.key)) {
      read.set(file.key, new Promise((resolve) => {
        // A script, because a page opened from a disk may not fetch data.
        const script = create("script", { src: file.address });
        script.addEventListener("load", () => {
          const content = window.fcirFigures[file.key];
          resolve(content ? fcir.unpacked(content) : REPLACED);
        });
        script.addEventListener("error", () => resolve(
          `The figures of ${titleOf("force", force)} are not available: the folder explorer next to this page is missing.`));
        document.head.append(script);
      }));
    }
    return read.get(file.key);
  }

  // ---- The choice

  let range;
  let view;
  let series = [];
  let days = [];
  let showing = 0;

  /** Take the choice from the address; return what this publication does not have. */
  function follow() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    form.reset();
    const unknown = [];
    for (const name of new Set(wanted.keys())) {
      const codes = wanted.getAll(name);
      if (name === "compare") fields.compare.checked = true;
      // The members are known when their file has been read.
      else if (name === "member") fields.member.replaceChildren(...codes.map((code) => new Option(code, code, true, true)));
      else if (fields[name]?.options) {
        for (const option of fields[name].options) option.selected = codes.includes(option.value);
        unknown.push(...codes.filter((code) => code && !chosen(name).includes(code)));
        if (!fields[name].multiple && !fields[name].value) fields[name].selectedIndex = 0;
      }
    }
    return show(unknown.length ? `Not in this publication: ${unknown.join(", ")}.` : "");
  }

  /** Write the choice to the address: a page opened as a file may change only the part after "#". */
  function remember() {
    history.replaceState(null, "", `#${new URLSearchParams(new FormData(form))}`);
  }

  /** Show the choice, after its files are read; the first words of the status are given. */
  async function show(first = "") {
    showing += 1;
    const mine = showing;
    view = data.views[fields.view.value];
    range = [fields.from.value, fields.to.value].sort();
    fields.compare.disabled = !view.compared;
    element("comparison").hidden = !view.compared;
    element("comparison").lastElementChild.textContent = `Compare: ${view.compared_title.toLowerCase()}`;
    const forces = chosen("force");
    const loaded = await Promise.all(forces.map((force) => load(force, view.file)));
    if (mine !== showing) return;
    const faults = loaded.filter((found) => typeof found === "string");
    const found = loaded.flatMap((of, at) => (typeof of === "string" ? [] : of.map((one) => ({ ...one, force_code: forces[at] }))));
    choose(found.filter((one) => chosen("measure").includes(one.measure)));
    remember();
    element("shown").hidden = !series.length;
    element("status").textContent = [first, ...new Set(faults), summary()].filter(Boolean).join(" ");
    draw();
    if (series.length) {
      tabulate();
      define();
      element("sql").textContent = sql();
    }
  }

  /** Select the series of the choice, each with a name of what distinguishes it, and the periods of all. */
  function choose(found) {
    const members = [...new Set(found.map((one) => one.member ?? ""))].filter(Boolean).sort();
    const wanted = chosen("member").filter((member) => members.includes(member));
    element("members").hidden = !members.length;
    fields.member.replaceChildren(...members.map((name) => new Option(name, name, false, wanted.includes(name))));
    const periods = [view.period, ...(fields.compare.checked && view.compared ? [view.compared] : [])];
    const [begin, end] = [`${range[0]}-01`, next(`${range[1]}-01`, "month")];
    const order = Object.keys(data.measures);
    series = found.filter((one) => periods.includes(one.period) && (!wanted.length || wanted.includes(one.member)))
      .map((one) => ({ ...one, rows: rowsOf(one).filter(({ first_day: day }) => begin <= day && day < end) }))
      .filter((one) => one.rows.length)
      .sort((a, b) => order.indexOf(a.measure) - order.indexOf(b.measure));
    const first = series.map((one) => one.rows[0].first_day).sort()[0];
    const last = series.map((one) => one.rows[one.rows.length - 1].first_day).sort().pop();
    days = [];
    for (let day = first; day <= last; day = next(day, view.grain)) days.push(day);
    for (const one of series) {
      const byDay = new Map(one.rows.map((row) => [row.first_day, row]));
      one.cells = days.map((day) => byDay.get(day) ?? null);
      const { section_title: section, label } = data.measures[one.measure];
      const period = one.period === view.period ? view.title : view.compared_title;
      one.parts = [titleOf("force", one.force_code), section, label, period, one.member ?? ""];
    }
    const varies = (at) => series.some((one) => one.parts[at] !== series[0].parts[at]);
    for (const one of series) {
      one.name = one.parts.filter((_, at) => series.length > 1 && varies(at)).join(", ") || one.parts[2];
    }
    const common = series.length ? series[0].parts.filter((part, at) => part && !varies(at)) : [];
    const [from, to] = [short(begin), short(`${range[1]}-01`)];
    element("caption").textContent = [...common, from === to ? from : `${from} to ${to}`].join(", ");
  }

  /** The rows of a series, from its columns. */
  function rowsOf(one) {
    const columns = Object.entries(one).filter(([, values]) => Array.isArray(values));
    return one.first_day.map((_, at) => Object.fromEntries(columns.map(([name, values]) => [name, values[at]])));
  }

  function summary() {
    const lacking = ["measure", "force"].filter((name) => !chosen(name).length);
    if (lacking.length) return `Choose at least one ${lacking.join(" and one ")}.`;
    const without = chosen("measure").filter((code) => !series.some((one) => one.measure === code));
    const cells = series.flatMap((one) => one.cells).filter((cell) => cell?.value);
    const provisional = cells.filter((cell) => cell.is_provisional).length;
    return [
      series.length ? `${counted(cells.length, "figure")} in ${series.length.toLocaleString("en-GB")} series`
        + `${provisional ? `, ${provisional.toLocaleString("en-GB")} of them provisional` : ""}.` : "",
      without.length ? `No figures in this form (${view.title}) for: ${without.map((code) => data.measures[code].label).join("; ")}.` : "",
    ].join(" ").trim();
  }

  // ---- Charts

  /** Whether another formula came into force after the period before. */
  function isBroken(one, at) {
    const changes = data.formula_changes[one.force_code]?.[one.measure] ?? [];
    return at > 0 && changes.some((day) => days[at - 1] < day && day <= days[at]);
  }

  function chosenEvents() {
    const sections = new Set(series.map((one) => data.measures[one.measure].section));
    const end = next(days[days.length - 1], view.grain);
    const holidays = view.grain === "day" ? data.bank_holidays.map((event) => ({ ...event, isHoliday: true })) : [];
    const events = chosen("force").flatMap((force) => data.events[force] ?? [])
      .filter((event) => !event.sections.length || event.sections.some((section) => sections.has(section)));
    return [...events, ...holidays].filter(({ day }) => days[0] <= day && day < end).sort((a, b) => a.day.localeCompare(b.day))
      .map((event) => ({ ...event, label: `${event.label} (${dayOf(event.day)})`, at: days.findLastIndex((day) => day <= event.day) }));
  }

  /** What a chart of some series with the same unit shows. */
  function chartOf(lines, unit) {
    const grain = PERIOD[view.grain];
    const events = chosenEvents();
    const named = events.filter((event) => !event.isHoliday);
    named.forEach((event, at) => { event.number = at + 1; });
    const cells = series.length === 1 ? lines[0].cells : [];
    const newest = cells.findLastIndex((cell) => cell?.upper_limit);
    const { usual, lower_limit: lower, upper_limit: upper } = cells[newest] ?? {};
    const { usual_text: middle, lower_limit_text: low, upper_limit_text: high } = cells[newest] ?? {};
    const target = cells.findLast((cell) => cell?.target)?.target_text;
    const caption = element("caption").textContent;
    const isOne = new Set(series.map((one) => one.measure)).size === 1;
    const title = isOne ? data.measures[lines[0].measure].label : UNITS[unit] ?? unit;
    const eventWords = `Events: ${named.map((event) => `${event.number} ${event.label}`).join("; ")}.`;
    const given = lines[0].cells.map((cell, at) => ({ ...cell, day: days[at] })).filter((cell) => cell.value)
      .sort((a, b) => Number(a.value) - Number(b.value));
    const [least, greatest] = [given[0], given[given.length - 1]].map((cell) => `${cell.value_text} (${grain(cell.day)})`);
    return {
      title, unit, events, eventWords,
      subtitle: [caption.replace(`${title}, `, ""), form.dataset.origin].filter(Boolean).join(". "),
      labels: days.map(view.grain === "month" ? short : dayOf),
      lines: lines.map((one) => ({ name: one.name, points: one.cells.map((cell, at) => ({
        value: cell?.value ? Number(cell.value) : null,
        isProvisional: Boolean(cell?.is_provisional),
        verdict: cells.length ? cell?.verdict : "",
        isBroken: isBroken(one, at),
        title: `${one.name}, ${grain(days[at])}: ${cell?.value_text}${cell?.is_provisional ? " (provisional)" : ""}`,
      })) })),
      band: upper ? { first: Math.max(0, newest - 12), last: newest, usual: +usual, lower: +lower, upper: +upper } : null,
      bandWords: `Usual ${middle}; the year before would lead one to expect ${low} to ${high}`,
      targets: cells.map((cell) => (cell?.target ? Number(cell.target) : null)),
      targetWords: `Target ${target}`,
      alternative: `Line chart: ${lines.map((one) => one.name).join("; ")}. ${caption}. `
        + (lines.length === 1 ? `Lowest ${least}, highest ${greatest}. ` : "")
        + (named.length ? `${eventWords} ` : "") + "The table has the figures.",
    };
  }

  /** Draw one chart for each unit. */
  function draw() {
    const charts = [];
    const notes = new Set();
    for (const unit of new Set(series.map((one) => data.measures[one.measure].unit))) {
      const own = series.filter((one) => data.measures[one.measure].unit === unit);
      const lines = own.filter((one) => one.cells.some((cell) => cell?.value)).slice(0, LINES);
      if (!lines.length) continue;
      const chart = chartOf(lines, unit);
      const png = fcir.button("Download chart as PNG", () => fcir.savePng(fcirChart(chart, 900), fileOf("png")));
      charts.push(create("figure", {}, fcirChart(chart, Math.max(300, element("charts").clientWidth)), create("p", { class: "tools" }, png)));
      if (lines.length < own.length) {
        notes.add(`${lines.length} of ${own.length} series are drawn. The others have no data or did not fit; see the table.`);
      }
    }
    const changes = new Set(series.flatMap((one) => days.flatMap((_, at) => (isBroken(one, at) ? [short(days[at])] : []))));
    if (changes.size) notes.add(`Different formula since ${listed([...changes])}: figures before and after are not joined.`);
    element("charts").replaceChildren(...charts, ...[...notes].map((words) => create("p", { class: "small" }, words)));
  }

  // ---- Table, notes and definitions

  function figure(cell) {
    if (!cell?.value) return create("td", {}, NOTHING);
    if (!cell.is_provisional) return create("td", {}, cell.value_text);
    const share = `provisional: ${Math.floor(cell.share_of_days_loaded)}% of its days delivered`;
    return create("td", {}, create("em", {}, cell.value_text), " ", create("abbr", { title: share }, "[p]"));
  }

  function tabulate() {
    const listed = series.slice(0, COLUMNS);
    // One series has room for what it is judged by.
    const judged = series.length === 1
      ? [["target_text", "Target"], ["usual_text", "Usual"], ["lower_limit_text", "Expected from"],
        ["upper_limit_text", "Expected to"], ["verdict", "Verdict"],
        ["year_like_month_text", "Year, if its months left are like this one"]].filter(([name]) => series[0][name]) : [];
    const heads = [{ month: "Month", week: "Week", day: "Day" }[view.grain], ...listed.map((one) => one.name), ...judged.map(([, title]) => title)];
    const [head, body] = element("table").children;
    head.replaceChildren(create("tr", {}, ...heads.map((words) => create("th", { scope: "col" }, words))));
    body.replaceChildren(...days.map((day, at) => create("tr", {},
      create("th", { scope: "row" }, PERIOD[view.grain](day)), ...listed.map((one) => figure(one.cells[at])),
      ...judged.map(([name]) => {
        const words = series[0].cells[at]?.[name];
        return create("td", {}, (name === "verdict" ? data.verdicts[words] : words) || NOTHING);
      }))));
    const cells = series.flatMap((one) => one.cells);
    element("notes").replaceChildren(...[
      series.length > COLUMNS && `The table has ${COLUMNS} of ${series.length.toLocaleString("en-GB")} series; the CSV file has all.`,
      cells.some((cell) => cell?.value && cell.is_provisional)
        && "[p] Provisional: not every day that the figure covers has an accepted delivery. It will change.",
      cells.some((cell) => !cell?.value)
        && `${NOTHING} No figure: not all of the days that it covers were delivered, or there was nothing to divide by. It is not zero.`,
      cells.some((cell) => cell?.value && !cell.is_provisional && Number(cell.share_of_days_loaded) < 100)
        && "A year to date that began before the first delivery counts from that delivery on.",
    ].filter(Boolean).map((words) => create("li", {}, words)));
  }

  function define() {
    element("definitions").replaceChildren(...chosen("measure").flatMap((code) => {
      const { section_title: section, label, definition, numerator, denominator } = data.measures[code];
      const pages = chosen("force").filter((force) => data.addresses[force]?.[code]);
      const words = [definition, numerator && `${denominator ? "Numerator" : "Counted"}: ${numerator}.`, denominator && `Denominator: ${denominator}.`];
      const links = pages.flatMap((force) => [" ", create("a", { href: data.addresses[force][code] }, `Targets, formulas and history, ${titleOf("force", force)}`)]);
      return [create("dt", {}, `${section}, ${label}`), create("dd", {}, words.filter(Boolean).join(" "), ...links)];
    }));
  }

  // ---- Downloads and SQL

  const fileOf = (ending) => `fcir_${fields.view.value}_${range.join("_")}.${ending}`;

  // The rule of every published CSV file, from spreadsheet.py: what may be a formula, and what is a figure although it begins
  // like one.
  const FORMULA = new RegExp(`^${data.spreadsheet.formula}`);
  const FIGURE = new RegExp(`^${data.spreadsheet.figure}$`);

  /** A field of RFC 4180, with an apostrophe before a text that a spreadsheet would evaluate. */
  function field(value) {
    const text = String(value ?? "");
    const safe = FORMULA.test(text) && !FIGURE.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function csv() {
    const [, columns] = data.queries[view.file];
    const rows = series.flatMap((one) => one.rows.map((row) => columns.map((name) => (
      name === "is_provisional" ? Boolean(row[name]) : row[name] ?? (Array.isArray(one[name]) ? "" : one[name])))));
    return [columns, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
  }

  /** The query that gives the rows of the CSV file. */
  function sql() {
    const [query] = data.queries[view.file];
    const among = (name, of) => `${name} in (${[...new Set(of)].map((code) => `'${code.replaceAll("'", "''")}'`).join(", ")})`;
    const conditions = [
      among("measure", series.map((one) => one.measure)),
      among("force_code", series.map((one) => one.force_code)),
      among("period", series.map((one) => one.period)),
      ...(chosen("member").length ? [among("member", chosen("member"))] : []),
      `first_day >= date '${range[0]}-01'`,
      `first_day < date '${next(`${range[1]}-01`, "month")}'`,
    ];
    return `with figures as (\n    ${query.replaceAll("\n", "\n    ")}\n)\nselect *\nfrom figures\nwhere\n    ${conditions.join("\n    and ")}\n`
      + "order by all\n";
  }

  // ---- What happens

  element("search-measures").addEventListener("input", (event) => {
    for (const option of fields.measure.options) {
      const { section_title: section, label, synonyms, definition } = data.measures[option.value];
      option.hidden = !fcir.finds([section, label, option.value, synonyms ?? "", definition].join(" "), event.target.value);
    }
    for (const group of fields.measure.children) group.hidden = [...group.children].every((option) => option.hidden);
  });
  form.addEventListener("change", (event) => {
    if (event.target.name) show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  element("csv").addEventListener("click", () => fcir.save(new Blob([csv()], { type: "text/csv;charset=utf-8" }), fileOf("csv")));
  window.addEventListener("hashchange", () => {
    // An anchor within the page is not a choice, which the address keeps.
    if (location.hash.includes("=")) follow();
    else remember();
  });
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 150);
  });
  await follow();
  fields.measure.scrollTop = fields.measure.selectedOptions[0]?.offsetTop - fields.measure.offsetTop;
})();
