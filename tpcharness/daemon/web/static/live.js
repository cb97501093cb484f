// Keeps a page fresh: listens for news, fetches the page again, and puts the parts that changed in place of the old.
// A reader without script sees the same page and reloads it by hand. Nothing is ever made from a string here.
"use strict";
const PATIENCE = 5000; // milliseconds between two fetches, however much news there is
const POLL = 30000; // without events, and for what changes with time alone
const root = document.documentElement;

let last = performance.now(), timer = 0, busy = false;

function refresh() {
  clearTimeout(timer);
  timer = 0;
  if (document.hidden || busy) return;
  busy = true;
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname + location.search);
  request.responseType = "document";
  request.timeout = POLL;
  request.onload = () => { if (request.status === 200 && request.response) replace(request.response); };
  request.onloadend = () => {
    busy = false;
    last = performance.now();
    root.classList.toggle("offline", request.status !== 200);
  };
  request.send();
}

function soon() {
  if (!timer) timer = setTimeout(refresh, Math.max(0, last + PATIENCE - performance.now()) + Math.random() * 500);
}

function replace(fresh) {
  const focused = document.activeElement, address = focused?.getAttribute?.("href");
  for (const old of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (!next || next.isEqualNode(withoutState(old))) continue;
    const scroll = old.querySelector(".scroll"), place = scroll && [scroll.scrollLeft, scroll.scrollTop];
    const open = [...old.querySelectorAll("details[open]")].map(keyOf);
    const within = old.contains(focused);
    old.replaceWith(document.adoptNode(next));
    for (const each of next.querySelectorAll("details")) if (open.includes(keyOf(each))) each.open = true;
    const inside = next.querySelector(".scroll");
    if (inside && place) [inside.scrollLeft, inside.scrollTop] = place;
    if (within && address) [...next.querySelectorAll("a")].find((a) => a.getAttribute("href") === address)?.focus({preventScroll: true});
  }
  document.title = fresh.title;
  document.querySelector("header time").replaceWith(document.adoptNode(fresh.querySelector("header time")));
}

const keyOf = (details) => details.id || details.querySelector("summary").textContent;

function withoutState(element) {
  const copy = element.cloneNode(true);
  for (const each of copy.querySelectorAll(".crossed")) { each.classList.remove("crossed"); if (!each.className) each.removeAttribute("class"); }
  const readout = copy.querySelector("#readout");
  if (readout && still !== null) readout.replaceChildren(...still.map((node) => node.cloneNode(true)));
  return copy;
}

function listen() {
  const events = new EventSource("/api/v1/events");
  events.addEventListener("version", () => soon());
  events.onopen = () => root.classList.remove("offline");
  events.onerror = () => { if (events.readyState === EventSource.CLOSED) setTimeout(listen, POLL); };
  addEventListener("pagehide", () => events.close());
}

// The matrix: row and column of the cell under the pointer or the focus stand out, arrow keys walk.
let crossed = [], still = null;
const placeOf = (target) => {
  const cell = target.closest?.("#grid td");
  return cell ? [cell.parentNode.sectionRowIndex, cell.cellIndex] : null;
};

function cross(place) {
  const grid = document.getElementById("grid"), readout = document.getElementById("readout");
  crossed.forEach((th) => { th.classList.remove("crossed"); if (!th.className) th.removeAttribute("class"); });
  crossed = [];
  if (still !== null && readout) { readout.replaceChildren(...still); still = null; }
  if (!place || !grid || !readout) return;
  const row = grid.tBodies[0].rows[place[0]], cell = row.cells[place[1]];
  crossed = [row.cells[0], grid.tHead.rows[0].cells[place[1]]];
  crossed.forEach((th) => th.classList.add("crossed"));
  still = [...readout.childNodes];
  const why = cell.querySelector("a")?.title || (cell.querySelector("a") ? "ok" : "no result");
  readout.replaceChildren(`${crossed[0].querySelector("bdi").textContent} \u2192 ${crossed[1].querySelector("bdi").textContent}: ${why}`);
}

document.addEventListener("mouseover", (event) => cross(placeOf(event.target)));
document.addEventListener("focusin", (event) => cross(placeOf(event.target)));
document.addEventListener("keydown", (event) => {
  const place = placeOf(event.target), step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
  if (!place || !step || event.altKey || event.metaKey || event.ctrlKey) return;
  const rows = document.getElementById("grid").tBodies[0].rows;
  for (let [r, c] = [place[0] + step[0], place[1] + step[1]]; rows[r]?.cells[c]; r += step[0], c += step[1]) {
    const link = rows[r].cells[c].querySelector("td a");
    if (link) { link.focus(); break; }
  }
  event.preventDefault();
});

function fillThemeSwitch() {
  const button = document.getElementById("theme");
  try { root.dataset.theme = localStorage.getItem("theme") ?? ""; } catch { /* no storage, no memory */ }
  if (!root.dataset.theme) delete root.dataset.theme;
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const say = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* as above */ }
    say();
  });
  button.hidden = false;
  say();
}

fillThemeSwitch();
if (document.querySelector("[data-live]")) {
  listen();
  setInterval(soon, POLL);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
}
