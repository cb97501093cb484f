// Draws the matrix and the evidence from the data block beside it (report_cells.py says what its fields are).
// Everything that a server said reaches the page as a text node; markup from strings is forbidden by the policy.
"use strict";
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
const BEST_WORDS = {"=": "the best are equally fast", "?": "no throughput to compare", " ": "none works"};
const PROTOCOLS = data.best.length > 0; // so many variants that a cell shows which of them work, and the best one
const ROOMY = 14, CLOSE = 48; // endpoints, up to which a cell has room for its marks

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

function bestText(i, j) {
  const mark = data.best[i][j];
  const name = Object.keys(data.letters).find((variant) => data.letters[variant].toUpperCase() === mark);
  return name ? `best: ${name}` : BEST_WORDS[mark];
}

function cellText(i, j) {
  const link = `${data.endpoints[i][0]} to ${data.endpoints[j][0]}`;
  const known = VARIANTS.map((_, v) => v).filter((v) => i !== j || stateAt(v, i, j) !== "absent");
  const best = PROTOCOLS && known.length ? `; ${bestText(i, j)}` : "";
  return `${link}: ${known.map((v) => `${short(VARIANTS[v])} ${halfText(v, i, j)}`).join("; ") || "the same endpoint"}${best}`;
}

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
