// The panel beside the page: all that is known of one cell or one door, and the links that lead there.

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
  const [phase, method, url, headers, status, statusText, server, hops, body, error, alarming] = part;
  const text = (number) => expand(number, words);
  const answer = status === null ? "no answer" : `${status} ${text(statusText)}`;
  const head = make("summary", {}, make("span", {className: "phase"}, phase), make("code", {}, said(`${text(method)} ${text(url)}`)),
    make("b", {className: alarming ? "bad" : ""}, said(answer)));
  const lines = headers.map(([name, value]) => `${text(name)}: ${text(value)}\n`).join("");
  const way = hops.map(([host, code, by, address, location]) => make("li", {},
    said(`${text(host)}${text(address) ? ` [${text(address)}]` : ""} answered ${code ?? "nothing"}`),
    text(by) ? said(` \u2014 ${text(by)}`) : "", text(location) ? said(` \u2192 ${text(location)}`) : ""));
  const item = make("details", {className: "exchange"}, head,
    lines ? make("pre", {}, said(lines)) : null,
    facts([["Server", said(text(server))], ["Error", said(text(error), "bad")]].filter(([, value]) => value.textContent)),
    hops.length ? make("ol", {className: hops.length > 1 ? "hops" : "hops only"}, ...way) : null,
    text(body) ? make("pre", {className: "body"}, said(text(body))) : null);
  if (deciding) item.classList.add("deciding");
  item.open = deciding;
  return make("li", {}, item);
}

// What stands between backticks is a command; NAME in it is the endpoint that has to be mended.
function coded(text, name) {
  return make("span", {}, ...text.split("`").map((piece, n) => n % 2 ? make("code", {}, said(piece.replace("NAME", name))) : piece));
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
    ["Fix", coded(fix, data.endpoints[{source: ends[0], destination: ends.at(-1)}[blame]]?.[0] ?? "NAME")],
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
  const doors = (data.doors[i] ?? []).flatMap((detail) => resultParts(detail, [i]));
  const alone = data.alone[i].flatMap(([variant, details]) =>
    [make("h3", {className: "alone"}, variant), ...details.flatMap((detail) => resultParts(detail, [i]))]);
  showPanel([said(name), make("small", {}, doors.length ? " door check" : " asked alone")], null, where, ...doors, ...alone);
}

const fragment = (words) => `#${new URLSearchParams(words)}`;

function goTo(words) {
  history.replaceState(null, "", fragment(words));
  follow();
}

function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("endpoint")) {
    const i = indexOf.get(asked.get("endpoint"));
    if (i !== undefined && (data.doors[i] || data.alone[i].length)) showEndpoint(i);
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
