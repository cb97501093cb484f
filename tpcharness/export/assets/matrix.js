// The matrix: a grid of cells in the order and choice of the controls, walked by mouse or keyboard.

const grid = byId("grid");
const labels = [];
let chosen = VARIANTS.map((_, v) => v), merged = PROTOCOLS;
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

// Left half: what works; right half: what does not, or the same again. The letter is the best variant's.
function mergedCell(i, j, matches, dense) {
  const known = chosen.filter((v) => stateAt(v, i, j) !== "absent");
  if (!known.length) return ["a-absent b-absent", ""];
  if (!known.some((v) => matches(v, i, j))) return ["a-dimmed b-dimmed", ""];
  const states = known.map((v) => stateAt(v, i, j));
  const worst = Object.keys(WORDS).filter((state) => state !== "ok").find((state) => states.includes(state)) ?? "ok";
  const good = states.includes("ok");
  return [`a-${good ? "ok" : worst} b-${worst}${good && worst !== "ok" ? "" : " plain"}`,
    good ? (dense ? "" : data.best[i][j]) : isBad(worst) ? "\u2717" : MARKS[worst]];
}

function cellOf(i, j, matches, marks) {
  const cell = document.createElement("td");
  if (merged) {
    const [classes, text] = mergedCell(i, j, matches, grid.className === "dense");
    cell.className = `${i === j ? "same " : ""}${classes}`;
    cell.textContent = text;
    cell.setAttribute("aria-label", labels[i * COUNT + j] ??= cellText(i, j));
    cell.tabIndex = -1;
    return cell;
  }
  let classes = i === j ? "same" : "", text = "";
  chosen.forEach((v, place) => {
    const state = stateAt(v, i, j), matched = matches(v, i, j);
    const name = matched ? state : state === "absent" ? state : "dimmed";
    classes += ` ${place ? "b" : "a"}-${name}`;
    if (chosen.length === 1) classes += ` b-${name}`;
    text += !matched ? " " : isBad(state) ? LETTERS[verdictAt(v, i, j)[2]] : marks[state];
  });
  cell.className = classes;
  if (chosen.every((v) => stateAt(v, i, j) === stateAt(chosen[0], i, j))) classes += " plain";
  if (text.trim()) cell.textContent = text.replaceAll(" ", "\u00a0");
  cell.setAttribute("aria-label", labels[i * COUNT + j] ??= cellText(i, j));
  cell.tabIndex = -1;
  return cell;
}

function draw() {
  const matches = matcher(), badness = arrange(matches);
  const size = Math.max(rows.length, columns.length);
  const [density, half, height, least, letters] = size <= ROOMY ? ["roomy", 24, 30, 190, 14]
    : size <= CLOSE ? ["close", 13, 21, 170, 12] : ["dense", 8, 15, 150, 10];
  const longest = Math.max(0, ...rows.map((i) => data.endpoints[i][0].length));
  const label = Math.max(least, Math.min(400, Math.round(0.62 * letters * longest) + 44)); // as in daemon/web/grid.py
  const shown = merged ? 2 : chosen.length;
  const width = half * Math.max(2, shown) + (shown === 1 ? -half / 2 : 0);
  const marks = density === "dense" ? {...MARKS, ok: " "} : MARKS;
  grid.className = density;
  grid.style.setProperty("--half", `${width / shown}px`);
  grid.style.setProperty("--height", `${height}px`);
  const widths = make("colgroup", {}, make("col"), ...columns.map(() => make("col")));
  [...widths.children].forEach((col, n) => { col.style.width = n ? `${width + 1}px` : `min(${label}px, 40vw)`; });
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
