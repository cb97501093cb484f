// The controls above the matrix, the switch of colours, printing; and the start of everything.

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
  if (VARIANTS.length > 1) [[PROTOCOLS ? "protocols" : "both", VARIANTS.map((_, v) => v)], ...VARIANTS.map((name, v) => [short(name), [v]])].forEach(
    ([name, numbers], n) => {
      const button = make("button", {type: "button", "aria-pressed": String(n === 0)}, name);
      button.addEventListener("click", () => {
        chosen = numbers;
        merged = PROTOCOLS && n === 0;
        [...byId("variants").children].forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
        draw();
      });
      byId("variants").append(button);
    });
  const signs = Object.keys(WORDS).filter((state) => present.has(state)).map((state) =>
    make("span", {className: `count ${state}`}, make("i", {}, isBad(state) || COUNT > CLOSE ? "" : MARKS[state]), WORDS[state]));
  const letters = Object.keys(LETTERS).filter((blame) => blamed.has(blame)).map((blame) => `${LETTERS[blame]} ${blame}`);
  if (PROTOCOLS) byId("legend").append(make("span", {},
    "Protocols: the left half is what works, the right half what does not; the letter is the best variant: ",
    ...Object.entries(data.letters).flatMap(([variant, letter]) => [make("span", {className: "whole"}, `${letter.toUpperCase()} ${variant},`), " "]),
    "= equally fast, ? no throughput to compare. "));
  byId("legend").append(
    VARIANTS.length > 1 && !PROTOCOLS ? `In each cell, from left: ${VARIANTS.map(short).join(", ")}. ` : "", ...signs,
    letters.length ? `${PROTOCOLS ? "Letter in one variant" : "Letter"}: who has to act \u2014 ${letters.join(", ")}` : "");
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
