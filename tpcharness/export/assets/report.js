// Draws the matrix and the evidence from the data block beside it (report_cells.py says what its fields are).
// Everything that a server said reaches the page as a text node; markup from strings is forbidden by the policy.
"use strict";
{
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const [SPEEDS, SLOWEST, STEP] = data.speeds;
const VARIANTS = Object.keys(data.rows);
const COUNT = data.endpoints.length;
const STATES = {"#": "failure", "!": "error", ".": "skipped", "~": "stale", " ": "absent"};
const WORDS = {ok: "ok", failure: "failed", error: "our own error", skipped: "not tried", stale: "too old to count",
  absent: "no result"};
const MARKS = {ok: "\u2713", skipped: "\u00b7", stale: "~", absent: " "};
const LETTERS = {source: "S", destination: "D", path: "P", issuer: "I", client: "C", undetermined: "?", nobody: "\u00d7"};
const ACTORS = {path: "the network between the two", issuer: "the token issuer", client: "whoever runs this harness",
  undetermined: "not certain", nobody: "nobody"};
const ROOMY = 14, CLOSE = 48; // endpoints, up to which a cell has room for its marks

// ---- the cells -----------------------------------------------------------------------------------------------

const indexOf = new Map(data.endpoints.map(([name], number) => [name, number]));
const detailNumbers = VARIANTS.map((variant) => {
  let next = 0;
  return data.rows[variant].map((row) => Array.from(row, (mark) => "#!.".includes(mark) ? next++ : -1));
});
const markAt = (v, i, j) => data.rows[VARIANTS[v]][i][j];
const stateAt = (v, i, j) => STATES[markAt(v, i, j)] || "ok";
const detailsAt = (v, i, j) => data.details[VARIANTS[v]][detailNumbers[v][i][j]] || [];
const verdictAt = (v, i, j) => data.parts[detailsAt(v, i, j)[0][0]];
const isBad = (state) => state === "failure" || state === "error";
const short = (variant) => variant.replace(/^https-/, "");

function speedText(mark) {
  const step = SPEEDS.indexOf(mark);
  if (step < 0) return "";
  const rate = SLOWEST * STEP ** step;
  const [unit, factor] = rate >= 1e9 ? ["GB/s", 1e9] : rate >= 1e6 ? ["MB/s", 1e6] : ["kB/s", 1e3];
  return `about ${Number((rate / factor).toPrecision(2))} ${unit}`;
}

function halfText(v, i, j) {
  const state = stateAt(v, i, j);
  if (state === "ok") return ["ok", speedText(markAt(v, i, j))].filter(Boolean).join(", ");
  if (detailNumbers[v][i][j] < 0) return WORDS[state];
  const [, reason, blame] = verdictAt(v, i, j);
  return `${WORDS[state]}, ${reason}${isBad(state) ? `, ${blame} has to act` : ""}`;
}

function cellText(i, j) {
  const link = `${data.endpoints[i][0]} to ${data.endpoints[j][0]}`;
  const known = VARIANTS.map((_, v) => v).filter((v) => i !== j || stateAt(v, i, j) !== "absent");
  return `${link}: ${known.map((v) => `${short(VARIANTS[v])} ${halfText(v, i, j)}`).join("; ") || "the same endpoint"}`;
}

// ---- small builders ------------------------------------------------------------------------------------------

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && typeof value !== "string" || name === "className") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}
const said = (text, className = "") => make("bdi", {className}, text);
const facts = (pairs) => make("dl", {className: "facts"}, ...pairs.filter(([, value]) => value && value !== "").map(
  ([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
const section = (title, ...children) => make("section", {}, make("h3", {}, title), ...children);

// ---- the matrix ----------------------------------------------------------------------------------------------

const grid = byId("grid");
let chosen = VARIANTS.map((_, v) => v);
let rows = [], columns = [], cells = [], focus = [0, 0], crossed = [];

const touches = (words, i) => {
  const text = data.endpoints[i].join(" ").toLowerCase();
  return words.length === 0 || words.some((word) => text.includes(word));
};
const wordsOf = (id) => byId(id).value.toLowerCase().split(/[\s,]+/).filter(Boolean);

function matcher() {
  const wanted = byId("show").value;
  if (wanted === "") return () => true;
  if (wanted === "*") return (v, i, j) => isBad(stateAt(v, i, j));
  return (v, i, j) => detailNumbers[v][i][j] >= 0 && verdictAt(v, i, j)[1] === wanted;
}

function ordered(numbers, badness) {
  const order = byId("order").value;
  if (order === "name") return numbers.sort((a, b) => data.endpoints[a][0].localeCompare(data.endpoints[b][0]));
  return order === "worst" ? numbers.sort((a, b) => badness[b] - badness[a] || a - b) : numbers;
}

function arrange(matches) {
  const all = data.endpoints.map((_, i) => i);
  const [from, to] = [wordsOf("from"), wordsOf("to")];
  const sources = all.filter((i) => touches(from, i)), destinations = all.filter((i) => touches(to, i));
  const bad = [new Float64Array(COUNT), new Float64Array(COUNT)], own = [new Set(), new Set()], kept = [new Set(), new Set()];
  for (const i of sources) for (const j of destinations) for (const v of chosen) {
    const state = stateAt(v, i, j);
    if (!matches(v, i, j)) continue;
    const weight = isBad(state) ? 1 : state === "skipped" ? 1e-3 : 0;
    bad[0][i] += weight; bad[1][j] += weight;
    if (isBad(state)) {
      const blame = verdictAt(v, i, j)[2];
      if (blame === "source") own[0].add(i);
      if (blame === "destination") own[1].add(j);
    }
    kept[0].add(i); kept[1].add(j);
  }
  const filtered = byId("show").value !== "";
  rows = ordered(sources.filter((i) => !filtered || kept[0].has(i)), bad[0]);
  columns = ordered(destinations.filter((j) => !filtered || kept[1].has(j)), bad[1]);
  return {bad, own};
}

function header(i, scope, {bad, own}) {
  const [name, site, host] = data.endpoints[i];
  const role = scope === "row" ? 0 : 1, count = Math.floor(bad[role][i]);
  const label = make("a", {title: [name, site, host].filter(Boolean).join("\n")}, said(name));
  if (data.doors[i]) label.href = fragment({endpoint: name});
  label.tabIndex = -1;
  const cell = make("th", {scope: scope === "row" ? "row" : "col", className: own[role].has(i) ? "own" : ""},
    make("span", {}, label, count ? make("b", {"aria-label": `, ${count} failing`}, String(count)) : ""));
  return cell;
}

function cellOf(i, j, matches, marks) {
  const cell = document.createElement("td");
  let classes = i === j ? "same" : "", text = "";
  chosen.forEach((v, place) => {
    const state = stateAt(v, i, j), matched = matches(v, i, j);
    const name = matched ? state : state === "absent" ? state : "dimmed";
    classes += ` ${place ? "b" : "a"}-${name}`;
    if (chosen.length === 1) classes += ` b-${name}`;
    text += !matched ? " " : isBad(state) ? LETTERS[verdictAt(v, i, j)[2]] : marks[state];
  });
  cell.className = classes;
  if (text.trim()) cell.textContent = text.replaceAll(" ", "\u00a0");
  cell.setAttribute("aria-label", cellText(i, j));
  cell.tabIndex = -1;
  return cell;
}

function draw() {
  const matches = matcher(), badness = arrange(matches);
  const size = Math.max(rows.length, columns.length);
  const [density, half, height, label] = size <= ROOMY ? ["roomy", 24, 30, 190] : size <= CLOSE ? ["close", 13, 21, 170]
    : ["dense", 8, 15, 150];
  const width = half * Math.max(2, chosen.length) + (chosen.length === 1 ? -half / 2 : 0);
  const marks = density === "dense" ? {...MARKS, ok: " "} : MARKS;
  grid.className = density;
  grid.style.setProperty("--half", `${width / chosen.length}px`);
  grid.style.setProperty("--height", `${height}px`);
  grid.style.width = `${label + columns.length * (width + 1)}px`;
  const widths = make("colgroup", {}, make("col"), ...columns.map(() => make("col")));
  [...widths.children].forEach((col, n) => { col.style.width = `${n ? width + 1 : label}px`; });
  const corner = make("th", {className: "corner"}, make("span", {}, "destination \u2192"), make("span", {}, "source \u2193"));
  const head = make("thead", {}, make("tr", {}, corner, ...columns.map((j) => header(j, "column", badness))));
  const body = document.createElement("tbody");
  cells = rows.map((i) => {
    const row = document.createElement("tr");
    const line = columns.map((j) => cellOf(i, j, matches, marks));
    row.append(header(i, "row", badness), ...line);
    body.append(row);
    return line;
  });
  grid.setAttribute("aria-rowcount", String(rows.length + 1));
  grid.setAttribute("aria-colcount", String(columns.length + 1));
  grid.replaceChildren(widths, head, body);
  crossed = [];
  focus = [0, 0];
  if (cells[0]?.[0]) cells[0][0].tabIndex = 0;
  byId("readout").textContent = rows.length && columns.length ? summary() : "No cell is left by these filters.";
}

const summary = () => `${rows.length} of ${COUNT} sources, ${columns.length} of ${COUNT} destinations. ` +
  "Click a cell, or move with the arrow keys and press Enter, for its evidence.";

const placeOf = (target) => {
  const cell = target.closest?.("td");
  return cell && grid.contains(cell) ? [cell.parentNode.sectionRowIndex, cell.cellIndex - 1] : null;
};

function cross(place) {
  crossed.forEach((th) => th.classList.remove("crossed"));
  crossed = place ? [grid.tBodies[0].rows[place[0]].cells[0], grid.tHead.rows[0].cells[place[1] + 1]] : [];
  crossed.forEach((th) => th.classList.add("crossed"));
  byId("readout").textContent = place ? cellText(rows[place[0]], columns[place[1]]).replace(" to ", " \u2192 ") : summary();
}

function moveTo(row, column) {
  if (!rows.length || !columns.length) return;
  cells[focus[0]][focus[1]].tabIndex = -1;
  focus = [Math.min(Math.max(row, 0), rows.length - 1), Math.min(Math.max(column, 0), columns.length - 1)];
  const cell = cells[focus[0]][focus[1]];
  cell.tabIndex = 0;
  cell.focus();
}

const openAt = ([row, column]) => openLink(rows[row], columns[column]);

function openLink(i, j) {
  const v = chosen.find((each) => isBad(stateAt(each, i, j))) ?? chosen.find((each) => stateAt(each, i, j) !== "absent");
  if (v === undefined) return;
  const [src, dst] = [data.endpoints[i][0], data.endpoints[j][0]];
  goTo({src, dst, variant: VARIANTS[v]});
}

grid.addEventListener("click", (event) => {
  const place = placeOf(event.target);
  if (place) { moveTo(...place); openAt(place); }
});
grid.addEventListener("mouseover", (event) => cross(placeOf(event.target)));
grid.addEventListener("mouseleave", () => cross(null));
grid.addEventListener("focusin", (event) => cross(placeOf(event.target)));
grid.addEventListener("keydown", (event) => {
  const place = placeOf(event.target);
  if (!place || event.altKey || event.metaKey) return;
  const [row, column] = place, far = event.ctrlKey ? Infinity : 0;
  const moves = {
    ArrowUp: [row - 1 - far, column], ArrowDown: [row + 1 + far, column],
    ArrowLeft: [row, column - 1 - far], ArrowRight: [row, column + 1 + far],
    PageUp: [row - 10, column], PageDown: [row + 10, column],
    Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? Infinity : row, Infinity],
  };
  if (event.key === "Enter" || event.key === " ") openAt(place);
  else if (event.key in moves) moveTo(...moves[event.key]);
  else return;
  event.preventDefault();
});

// ---- the evidence --------------------------------------------------------------------------------------------

const panel = byId("evidence");
let cameFrom = null;

function expand(number, words) {
  return data.texts[number].replace(/[\x01-\x07]/g, (mark) => words[mark.charCodeAt(0)] ?? "");
}

function wordsFor(probe, ends) {
  return ["", probe, ...ends.flatMap((i) => [data.bases[i], data.endpoints[i][2], data.endpoints[i][0]])];
}

const milliseconds = (value) => value === null ? "" : value < 1 ? "<1 ms" : value < 1000 ? `${value} ms`
  : `${(value / 1000).toPrecision(3)} s`;
const sizeText = (bytes) => {
  const unit = bytes ? Math.min(4, Math.floor(Math.log2(bytes) / 10)) : 0;
  return `${Number((bytes / 1024 ** unit).toPrecision(4))} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
};
const utc = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";

function phaseBar(times, failing, bad) {
  const shown = data.phases.map((name, n) => [name, times[n]]).filter(([, value]) => value !== null);
  const bar = make("div", {className: "bar", "aria-hidden": "true"});
  const list = make("ol", {className: "phases"});
  shown.forEach(([name, value], n) => {
    const className = bad && name === failing ? "failing" : `tone${n % 3}`;
    const piece = make("i", {className, title: `${name} ${milliseconds(value)}`});
    piece.style.flexGrow = String(Math.max(value, 0.2));
    bar.append(piece);
    list.append(make("li", {className}, make("i"), `${name} `, make("b", {}, milliseconds(value))));
  });
  return section("Where the time went", bar, list);
}

function exchangeItem(part, words, deciding) {
  const [phase, method, url, headers, status, statusText, server, hops, body, error] = part;
  const text = (number) => expand(number, words);
  const answer = status === null ? "no answer" : `${status} ${text(statusText)}`;
  const head = make("summary", {}, make("span", {className: "phase"}, phase), make("code", {}, said(`${text(method)} ${text(url)}`)),
    make("b", {className: status === null || status >= 400 || error ? "bad" : ""}, said(answer)));
  const lines = headers.map(([name, value]) => `${text(name)}: ${text(value)}\n`).join("");
  const way = hops.map(([host, code, by, address, location]) => make("li", {},
    said(`${text(host)}${text(address) ? ` [${text(address)}]` : ""} answered ${code ?? "nothing"}`),
    text(by) ? said(` \u2014 ${text(by)}`) : "", text(location) ? said(` \u2192 ${text(location)}`) : ""));
  const item = make("details", {className: "exchange"}, head,
    lines ? make("pre", {}, said(lines)) : null,
    facts([["Server", said(text(server))], ["Error", said(text(error), "bad")]].filter(([, value]) => value.textContent)),
    hops.length ? make("ol", {className: "hops"}, ...way) : null,
    text(body) ? make("pre", {className: "body"}, said(text(body))) : null);
  item.open = deciding;
  return make("li", {}, item);
}

function partyText(blame, ends) {
  if (ends.length === 1) return blame === "destination" ? data.endpoints[ends[0]][0] : ACTORS[blame] ?? blame;
  const end = {source: ends[0], destination: ends[1]}[blame];
  if (end === undefined) return ACTORS[blame] ?? blame;
  const [name, site] = data.endpoints[end];
  return `${name}, the ${blame}${site && site.toLowerCase() !== name.toLowerCase() ? ` (${site})` : ""}`;
}

function resultParts(detail, ends) {
  const [verdict, probe, offset, times, exchanges, tokens = [], tls = [], sourceRuns = 0, destinationRuns = 0, markers] = detail;
  const [outcome, reason, blame, others, hint, warnings, size, attempt, family, checksum, deciding, clock] = data.parts[verdict];
  const words = wordsFor(probe, ends), text = (number) => expand(number, words);
  const [sentence, who, fix, phase] = data.reasons[reason];
  const bad = isBad(outcome);
  const parts = [make("div", {className: `verdict ${outcome}`},
    make("p", {className: "badge"}, make("b", {}, WORDS[outcome]), " ", make("code", {}, reason), bad ? ` in phase ${phase}` : ""),
    make("p", {className: "sentence"}, sentence))];
  if (outcome !== "ok") parts.push(facts([
    ["Who has to act", bad ? make("span", {}, make("b", {}, said(partyText(blame, ends))), " ", make("span", {className: "quiet"}, who))
      : who],
    ["Fix", fix],
    ["Hint", text(hint) ? said(text(hint)) : ""],
    ["More", make("code", {}, `tpcharness explain ${reason}`)],
  ]));
  if (others.length) parts.push(section("It could also be", make("ul", {}, ...others.map(([other, party]) => make("li", {},
    make("code", {}, other), ` ${data.reasons[other][0]} `, make("span", {className: "quiet"}, said(`${partyText(party, ends)} would have to act`)))))));
  if (warnings.length) parts.push(section("Warnings", make("ul", {}, ...warnings.map((each) => make("li", {}, said(text(each)))))));
  if (times) parts.push(phaseBar(times, phase, bad));
  if (exchanges === undefined) {
    parts.push(make("p", {className: "note"}, "The exchanges of this cell were left out to keep this file small; " +
      "the run's JSON output has them."));
  } else if (exchanges.length) {
    parts.push(section("What was asked and answered", make("ol", {className: "exchanges"},
      ...exchanges.map((number, n) => exchangeItem(data.parts[number], words, n === deciding)))));
  }
  if (tokens.length) parts.push(section("Tokens", ...tokens.map((number) => {
    const [role, issuer, subject, audience, scope, expires] = data.parts[number];
    return facts([["Role", said(text(role))], ["Scope", said(text(scope))], ["Audience", said(text(audience))],
      ["Issuer", said(text(issuer))], ["Subject", said(text(subject))], ["Expires", expires]].filter(([, value]) => value.textContent ?? value));
  })));
  if (tls.length) parts.push(section("Certificates", ...tls.map((number) => {
    const [address, version, subject, issuer, names, begin, end, chain] = data.parts[number];
    return facts([["Address", said(text(address))], ["Subject", said(text(subject))], ["Issuer", said(text(issuer))],
      ["Names", said(text(names))], ["Valid", begin || end ? `${begin || "?"} to ${end || "?"}` : ""],
      ["TLS", said([text(version), chain ? `${chain} certificates sent` : ""].filter(Boolean).join(", "))],
    ].filter(([, value]) => value.textContent ?? value));
  })));
  const [algorithm, expected, found, verifiedBy] = checksum ?? [0, 0, 0, "none"];
  parts.push(section("Measured", facts([
    ["Started", utc(data.started + offset)],
    ["Size", sizeText(size)],
    ["Checksum", text(expected) || text(found)
      ? said(`${text(algorithm)} ${text(found) || "not found"}, expected ${text(expected) || "?"} (${verifiedBy})`) : ""],
    ["Markers", markers ? markersText(markers, text) : ""],
    ["Source runs", sourceRuns ? said(text(sourceRuns)) : ""],
    [ends.length === 1 ? "Runs" : "Destination runs", destinationRuns ? said(text(destinationRuns)) : ""],
    ["Address family", family],
    ["Clock", clock === null ? "" : `${clock >= 0 ? "+" : ""}${clock} s against ours`],
    ["Probe", make("code", {}, said(`${probe}${attempt > 1 ? `, attempt ${attempt}` : ""}`))],
  ])));
  return parts;
}

function markersText([count, claimed, first, silence, connections], text) {
  return said([`${count} seen`, claimed === null ? "" : `${sizeText(claimed)} claimed`,
    first === null ? "" : `first byte after ${milliseconds(first)}`,
    silence ? `longest silence ${milliseconds(silence)}` : "", text(connections)].filter(Boolean).join(", "));
}

function showPanel(title, tabs, ...parts) {
  const close = make("button", {type: "button", className: "close", "aria-label": "Close"}, "\u00d7");
  close.addEventListener("click", closePanel);
  const heading = make("h2", {id: "evidence-title", tabindex: "-1"}, ...title);
  if (panel.hidden) cameFrom = document.activeElement;
  panel.replaceChildren(make("div", {className: "panel-head"}, heading, close, tabs), make("div", {className: "panel-body"}, ...parts));
  panel.hidden = false;
  panel.scrollTop = 0;
  heading.focus({preventScroll: true});
}

function closePanel() {
  if (panel.hidden) return;
  panel.hidden = true;
  history.replaceState(null, "", location.pathname + location.search);
  if (cameFrom?.isConnected) cameFrom.focus({preventScroll: true});
}

function showLink(i, j, v) {
  const tabs = make("nav", {"aria-label": "Variants"}, ...VARIANTS.map((variant, n) => {
    const state = stateAt(n, i, j);
    const tab = make("a", {href: fragment({src: data.endpoints[i][0], dst: data.endpoints[j][0], variant})}, variant,
      make("span", {className: `count ${state}`}, make("i"), WORDS[state]));
    if (n === v) tab.setAttribute("aria-current", "true");
    return tab;
  }));
  const state = stateAt(v, i, j), details = detailsAt(v, i, j);
  const plain = state === "ok"
    ? `The copy arrived: size and checksum were read back from the destination. ${speedText(markAt(v, i, j))}`
    : state === "stale" ? "It was good, but too long ago to count." : "There is no result for this cell.";
  const parts = details.length ? details.flatMap((detail) => resultParts(detail, [i, j]))
    : [make("div", {className: `verdict ${state}`}, make("p", {className: "sentence"}, plain)),
      make("p", {className: "note"}, "This report keeps the details of cells that are not good; the run's JSON output has all.")];
  showPanel([said(data.endpoints[i][0]), " \u2192 ", said(data.endpoints[j][0])], tabs, ...parts);
}

function showEndpoint(i) {
  const [name, site, host] = data.endpoints[i];
  const where = facts([["Site", site ? said(site) : ""], ["Address", host ? said(host) : ""],
    ["Prefix", data.bases[i] ? said(data.bases[i]) : ""]]);
  showPanel([said(name), make("small", {}, " door check")], null, where, ...data.doors[i].flatMap((detail) => resultParts(detail, [i])));
}

// ---- deep links ----------------------------------------------------------------------------------------------

const fragment = (words) => `#${new URLSearchParams(words)}`;

function goTo(words) {
  history.replaceState(null, "", fragment(words));
  follow();
}

function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("endpoint")) {
    const i = indexOf.get(asked.get("endpoint"));
    if (i !== undefined && data.doors[i]) showEndpoint(i);
  } else if (asked.has("src")) {
    const i = indexOf.get(asked.get("src")), j = indexOf.get(asked.get("dst"));
    if (i === undefined || j === undefined) return;
    const asks = VARIANTS.indexOf(asked.get("variant"));
    if (asks >= 0) showLink(i, j, asks);
    else openLink(i, j);
  }
}
addEventListener("hashchange", follow);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closePanel(); });

// ---- controls, colours, print --------------------------------------------------------------------------------

function fillControls() {
  const counts = new Map();
  let bad = 0;
  const present = new Set(), blamed = new Set();
  VARIANTS.forEach((_, v) => data.rows[VARIANTS[v]].forEach((row, i) => Array.from(row).forEach((_mark, j) => {
    const state = stateAt(v, i, j);
    if (state !== "absent") present.add(state);
    if (detailNumbers[v][i][j] < 0) return;
    const [, reason, blame] = verdictAt(v, i, j);
    if (isBad(state)) { bad += 1; blamed.add(blame); }
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  })));
  const reasons = [...counts].sort((a, b) => b[1] - a[1]);
  byId("show").append(make("option", {value: ""}, "all cells"), bad ? make("option", {value: "*"}, `all failures (${bad})`) : "",
    ...reasons.map(([reason, count]) => make("option", {value: reason}, `${reason} (${count})`)));
  if (VARIANTS.length > 1) [["both", VARIANTS.map((_, v) => v)], ...VARIANTS.map((name, v) => [short(name), [v]])].forEach(
    ([name, numbers], n) => {
      const button = make("button", {type: "button", "aria-pressed": String(n === 0)}, n || VARIANTS.length === 2 ? name : "all");
      button.addEventListener("click", () => {
        chosen = numbers;
        [...byId("variants").children].forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
        draw();
      });
      byId("variants").append(button);
    });
  const signs = Object.keys(WORDS).filter((state) => present.has(state)).map((state) =>
    make("span", {className: `count ${state}`}, make("i", {}, isBad(state) || COUNT > CLOSE ? "" : MARKS[state]), WORDS[state]));
  const letters = Object.keys(LETTERS).filter((blame) => blamed.has(blame)).map((blame) => `${LETTERS[blame]} ${blame}`);
  byId("legend").append(
    VARIANTS.length > 1 ? `In each cell, from left: ${VARIANTS.map(short).join(", ")}. ` : "", ...signs,
    letters.length ? `Letter: who has to act \u2014 ${letters.join(", ")}` : "");
}

function fillThemeSwitch() {
  const button = byId("theme"), root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const say = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; say(); });
  button.hidden = false;
  say();
}

// A4 landscape, less its margins, at 96 pixels an inch; below the headings of its section.
const PAGE = [1040, 600];
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details.more:not([open])")];
  closed.forEach((each) => { each.open = true; });
  grid.style.zoom = String(Math.min(1, PAGE[0] / grid.offsetWidth, PAGE[1] / grid.offsetHeight));
});
addEventListener("afterprint", () => {
  closed.forEach((each) => { each.open = false; });
  grid.style.zoom = "";
});

fillThemeSwitch();
if (COUNT) {
  fillControls();
  for (const id of ["from", "to"]) byId(id).addEventListener("input", draw);
  for (const id of ["show", "order"]) byId(id).addEventListener("change", draw);
  document.querySelector("form.controls").addEventListener("submit", (event) => event.preventDefault());
  byId("app").hidden = false;
  draw();
  follow();
}
}
