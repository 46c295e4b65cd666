// The controls of the explorer: they change the choice, and show what cannot be chosen and why.

// A list of more entries gets a search field.
const SEARCHED = 10;

const forms = {
  measures: element("measures"), forces: element("forces"), search: element("measure-search"),
  forceSearch: element("force-search"), breakdown: element("breakdown"), split: element("split"),
  members: element("members"), grain: element("grain"), from: element("from"), to: element("to"),
  figure: element("figure"), compare: element("compare"),
};

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
    create("input", { type: "checkbox", name, value: String(index) }), create("span", {}, text), create("small", { hidden: "" }));
}

/** Disable a box that is not ticked, and say why, if there is a reason. */
function refuse(label, reason) {
  const [box, , small] = label.children;
  box.disabled = Boolean(reason) && !box.checked;
  small.textContent = reason;
  small.hidden = !reason;
}

/** Fill a list with entries of value, title and the reason why it cannot be chosen, and say the reasons below it. */
function offer(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, title, reason]) => {
    const option = create("option", { value }, reason ? `${title} (${reason})` : title);
    option.disabled = Boolean(reason) && value !== chosen;
    return option;
  }));
  select.value = chosen;
  const reasons = new Map();
  for (const [value, title, reason] of entries) {
    if (reason && value !== chosen) reasons.set(reason, [...reasons.get(reason) ?? [], title]);
  }
  element(`${select.id}-absent`).textContent = [...reasons].map(([reason, refused]) => (
    // A reason that is a sentence names what it is about.
    /^[A-Z]/.test(reason) ? `${reason}.` : `${listed(refused)}: ${reason}.`)).join(" ");
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
  for (const select of [forms.from, forms.to]) {
    select.replaceChildren(...data.months.map((month, index) => create("option", { value: String(index) }, shortMonth(month))));
  }
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
  forms.split.addEventListener("change", () => chooseDetail({ split: forms.split.value, members: null }));
  forms.grain.addEventListener("change", () => chooseDetail({ grain: forms.grain.value }));
  forms.members.addEventListener("change", () => {
    const boxes = [...forms.members.querySelectorAll("input")];
    const ticked = boxes.filter((box) => box.checked);
    choice.members = ticked.length === boxes.length ? null : new Set(ticked.map((box) => box.value));
    show();
  });
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
  forms.compare.addEventListener("change", () => {
    choice.isCompared = forms.compare.checked;
    show();
  });
  element("download").addEventListener("click", download);
  element("copy").addEventListener("click", copyLink);
  element("to-result").addEventListener("click", () => {
    // A link to "#result" would replace the choice in the address.
    element("result").focus();
    element("result").scrollIntoView();
  });
  window.addEventListener("hashchange", () => {
    // An anchor within the page is not a choice, which the address keeps.
    if (location.hash.includes("=")) follow();
    else history.replaceState(null, "", `#${toHash(choice)}`);
  });
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 150);
  });
}

/** Choose a grain or a split. Only the month itself has one. */
function chooseDetail(changes) {
  Object.assign(choice, changes);
  if (detailOf(choice)) choice.figure = figureCodes[0];
  show();
}

/** Words in lower case, each with a space before it: " lost" finds "Lost calls", not "closest"; as the site's search. */
function plain(text) {
  return ` ${text.toLowerCase().replace(/[^\p{L}\p{N}%]+/gu, " ").trim()}`;
}

const searched = data.measures.map((measure) => plain(
  [sectionTitle.get(measure.section), measure.label, measure.code, measure.synonyms ?? "", measure.definition].join(" ")));

/** Show only measures with all words of the search in names, synonyms or definition; without a search, all. */
function search(hasStatus) {
  const words = plain(forms.search.value).split(" ").filter(Boolean);
  let matches = 0;
  for (const section of forms.measures.children) {
    let here = 0;
    for (const label of section.querySelectorAll("label")) {
      label.hidden = !words.every((word) => searched[label.firstChild.value].includes(` ${word}`));
      if (!label.hidden) here += 1;
    }
    section.hidden = !here;
    if (words.length) section.open = here > 0;
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
  for (const section of forms.measures.children) section.open = Boolean(section.querySelector(":checked"));
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
  const detail = detailOf(choice);
  for (const [name, chosen] of [["measure", choice.measures], ["force", choice.forces]]) {
    for (const box of document.querySelectorAll(`input[name=${name}]`)) box.checked = chosen.has(Number(box.value));
  }
  for (const section of forms.measures.children) {
    for (const label of section.querySelectorAll("label")) {
      const measure = Number(label.firstChild.value);
      const hasFigure = data.forces.some((_, force) => exists(measure, force, detail));
      refuse(label, hasFigure ? "" : detail?.absent ?? "No figures");
    }
    const ticked = section.querySelectorAll(":checked").length;
    const title = sectionTitle.get(section.dataset.section);
    section.firstChild.textContent = ticked ? `${title} (${ticked} ticked)` : title;
  }
  for (const label of forms.forces.children) {
    const force = Number(label.firstChild.value);
    const measures = choice.measures.size ? [...choice.measures] : [...data.measures.keys()];
    const hasFigure = measures.some((measure) => exists(measure, force, detail));
    refuse(label, hasFigure ? "" : "No figures of these measures");
  }
  const ofKind = (kind) => data.details.filter((one) => one.kind === kind)
    .map((one) => [one.code, one.title, whyNot(details.get(one.code))]);
  const ofFamily = (members) => (members.some((member) => data.forces.some((_, force) => exists(member, force, detail)))
    ? "" : detail ? `not by ${detail.title.toLowerCase()}` : "no figures");
  offer(forms.breakdown, [
    ["", "None", ""],
    ...(data.lines.length ? [["line", "Calls by line", ofFamily(data.lines.flat())]] : []),
    ...data.breakdowns.map((family) => [family.code, family.title, ofFamily(family.members)]),
  ], breakdownOf(choice.measures));
  offer(forms.split, [["", "None", ""], ...ofKind("split")], choice.split);
  offer(forms.grain, [["month", "Month", ""], ...ofKind("grain")], choice.grain);
  offer(forms.figure, data.figures.map(({ code, title }) => [code, code === figureCodes[0] ? ownFigure() : title,
    detail && code !== figureCodes[0] ? `not by ${detail.title.toLowerCase()}` : ""]), choice.figure);
  // One reason for all figures but the first needs no list.
  if (detail) element("figure-absent").textContent = `Other figures are not counted by ${detail.title.toLowerCase()}.`;
  forms.from.value = String(choice.from);
  forms.to.value = String(choice.to);
  element("figure-hint").textContent = detail?.kind === "grain" ? `The ${detail.title.toLowerCase()} itself.` : chosenFigure().meaning;
}

/** Offer the members of the chosen split, whose names are known only from its files. */
function fillMembers() {
  const detail = detailOf(choice);
  const names = detail?.kind === "split" ? membersOf(detail) : [];
  element("members-field").hidden = !names.length;
  element("members-title").textContent = names.length ? `${detail.title}s` : "";
  const focused = document.activeElement?.name === "member" ? document.activeElement.value : null;
  forms.members.replaceChildren(...names.map((name) => {
    const label = tick("member", name, name);
    label.firstChild.checked = !choice.members || choice.members.has(name);
    return label;
  }));
  // The list is new, so the keyboard would be lost.
  [...forms.members.querySelectorAll("input")].find((box) => box.value === focused)?.focus();
}

/** Offer the comparison if there is any figure of the year before. */
function fillCompare(shown) {
  const isThere = choice.isCompared
    || shown.some((one) => before(one, one.all, chosenPeriods()).cells.some((cell) => cell?.text));
  forms.compare.checked = choice.isCompared;
  forms.compare.disabled = !isThere;
  const { compared } = GRAINS[choice.grain];
  element("compare-hint").textContent = !shown.length ? "" : !isThere
    ? "There are no figures for the year before these." : compared ? `Compared with ${compared}.` : "";
}
