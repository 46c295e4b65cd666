// The CSV file and the link of the explorer.

const COLUMNS = ["force_code", "force_name", "measure", "section", "label", "unit", "figure", "grain", "split", "member",
  "period_start", "compared_with", "first_day", "last_day", "value", "display_value", "is_provisional", "days_loaded", "days",
  "target", "usual", "lower_limit", "upper_limit", "verdict", "events"];

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

/** The shown figures, one row each; a period that the marts do not have is left out. */
function csv() {
  const periods = chosenPeriods();
  const lines = [COLUMNS.join(",")];
  const events = chosenEvents();
  const named = periods.map((_, index) => events.filter(({ period }) => period === index).map(({ label }) => label).join("; "));
  for (const one of shown) {
    const measure = data.measures[one.measure];
    const force = data.forces[one.force];
    one.cells.forEach((cell, index) => {
      if (!cell) return;
      const [first, last] = covered(one, periods[index]);
      const judged = one.isBefore ? null : judgedPeriod(one, periods[index]);
      const value = (kind) => judged?.values[kind] ?? "";
      lines.push([
        name(force.code), name(force.name), name(measure.code), name(sectionTitle.get(measure.section)),
        name(measure.label), name(measure.unit), choice.figure, choice.grain, choice.split, name(one.member), periods[index],
        one.isBefore ? "year_before" : "", first, last, cell.value, name(cell.text), String(cell.provisional), cell.loaded,
        cell.days, value("target"), value("usual"), value("lower"), value("upper"), judged?.verdict ?? "",
        name(one.isBefore ? "" : named[index]),
      ].join(","));
    });
  }
  return `${lines.join("\r\n")}\r\n`;
}

function download() {
  const by = detailOf(choice)?.code ?? choice.figure;
  const file = `fcir_${by}_${data.months[choice.from].slice(0, 7)}_${data.months[choice.to].slice(0, 7)}.csv`;
  const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
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
