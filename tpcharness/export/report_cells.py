"""The matrix as data for the HTML report: one character per good cell, and everything known of the others.

A full mesh has tens of thousands of cells and thousands of failures, whose evidence differs in little but names.
So every text stands once, with what is the link's own (probe, names, hosts, prefixes) as placeholders; and so does
every exchange, token and verdict made of such texts. The page puts the link's own words back. That is exact:
a placeholder is a control character, and `shown` leaves none in any text.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from statistics import median
from urllib.parse import urlsplit

from tpcharness.export.document import Document
from tpcharness.export.failure_text import alarming, deciding_exchange
from tpcharness.export.protocols import FEW_VARIANTS, VARIANT_LETTERS, best_of
from tpcharness.model.endpoint import LinkSubject, Subject
from tpcharness.model.finding import Finding
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange, Markers, Result, TlsFacts, TokenFacts
from tpcharness.model.secret import redact
from tpcharness.model.variant import DEFAULT_VARIANTS, Phase, Variant
from tpcharness.results.run import EndpointFacts, RunFacts
from tpcharness.results.store import Cell, CellState, MatrixStore

SPEEDS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""A good cell's character: its throughput in steps of a quarter from 10 kB/s on; exact enough for "about"."""

SLOWEST, STEP = 1e4, 1.25

ABSENT, OK = " ", "+"
STATES = {CellState.FAILURE: "#", CellState.ERROR: "!", CellState.SKIPPED: ".", CellState.STALE: "~"}

MOST_EVIDENCE = 1_000_000
"""Bytes of evidence, about: what comes after keeps its verdict and loses its exchanges, and the page says so."""

LIMIT = 1000
_SHORTEST = 3


@lru_cache(maxsize=4096)
def shown(text: str, limit: int = LIMIT) -> str:
    """Foreign text for a page: without credentials, of at most `limit` characters, everything in it visible.

    Control, bidi, zero-width and other characters that cannot be seen are written as escapes (\\u202e): hiding them
    would hide what a server did. Line breaks stay. Not escaped for HTML: the template and the page do that.
    """
    text = redact(text[: 4 * limit]).replace("\r\n", "\n").expandtabs(4)
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def report_cells(run: RunFacts, store: MatrixStore, findings: Sequence[Finding], *, now: datetime | None) -> Document:
    """Everything that the page's script needs; the scripts in `assets` read exactly this.

    Doors are complete, also the good ones. What the findings point at keeps its evidence whatever the size.
    """
    known = {facts.name: facts for facts in run.endpoints}
    endpoints = [known.get(name, EndpointFacts(name)) for name in store.endpoints()]
    cells = {(cell.subject, cell.variant): cell for cell in store.cells(now=now)}
    doors = store.doors(now=now)
    pack = _Pack(run.started_at, endpoints)
    pack.learn((*doors.values(), *store.alone_cells(now=now), *cells.values()))
    typical = {finding.probe_id for finding in findings}
    first = {
        key: pack.details(cell)
        for key, cell in cells.items()
        if any(result.probe_id in typical for result in cell.results)
    }

    variants = store.variants() or DEFAULT_VARIANTS
    names = [facts.name for facts in endpoints]
    rows: dict[Variant, list[str]] = {variant: [] for variant in variants}
    details: dict[Variant, list[list[object]]] = {variant: [] for variant in variants}
    checked = [pack.details(doors[name]) if name in doors else None for name in names]
    alone: dict[str, list[list[object]]] = {name: [] for name in names}
    for cell in store.alone_cells(now=now):
        if cell.state is not CellState.OK:
            alone[str(cell.subject)].append([cell.variant.value, pack.details(cell)])
    for variant in variants:
        for source in names:
            row = ""
            for destination in names:
                key = LinkSubject(source, destination), variant
                found = cells.get(key)
                row += _character(found)
                if found is not None and found.state not in (CellState.OK, CellState.STALE):
                    details[variant].append(first.get(key) or pack.details(found))
            rows[variant].append(row)
    return {
        "endpoints": [[shown(facts.name, 200), shown(facts.site, 200), shown(facts.host, 200)] for facts in endpoints],
        "bases": pack.bases,
        "started": run.started_at.timestamp(),
        "speeds": [SPEEDS, SLOWEST, STEP],
        "phases": [phase.value for phase in Phase],
        "rows": rows,
        "details": details,
        "doors": checked,
        "alone": [alone[name] for name in names],
        "best": _best(names, variants, cells) if len(variants) > FEW_VARIANTS else [],
        "letters": {variant.value: VARIANT_LETTERS[variant] for variant in variants},
        "texts": pack.texts.items,
        "parts": pack.parts.items,
        "reasons": {
            reason.value: [reason.info.sentence, reason.info.who, reason.info.fix, reason.phase.value]
            for reason in sorted(pack.reasons)
        },
    }


def _best(
    names: Sequence[str], variants: Sequence[Variant], cells: Mapping[tuple[Subject, Variant], Cell]
) -> list[str]:
    """One character for each link, row by row: the best variant, or why there is none."""
    rows = []
    for source in names:
        links = [LinkSubject(source, destination) for destination in names]
        found = ([cell for variant in variants if (cell := cells.get((link, variant)))] for link in links)
        rows.append("".join(best_of(known).mark for known in found))
    return rows


def _character(cell: Cell | None) -> str:
    if cell is None:
        return ABSENT
    if cell.state is not CellState.OK:
        return STATES[cell.state]
    rates = [result.throughput for result in cell.results if result.throughput]
    if not rates:
        return OK
    step = round(math.log(median(rates) / SLOWEST, STEP))
    return SPEEDS[min(max(step, 0), len(SPEEDS) - 1)]


class _Pool:
    """Values that stand once and are spoken of by number."""

    def __init__(self, *first: Hashable) -> None:
        self._numbers: dict[Hashable, int] = {item: number for number, item in enumerate(first)}

    def put(self, item: Hashable) -> int:
        return self._numbers.setdefault(item, len(self._numbers))

    def __contains__(self, item: Hashable) -> bool:
        return item in self._numbers

    @property
    def items(self) -> list[Hashable]:
        return list(self._numbers)


@dataclass(slots=True)
class _Pack:
    """Packs results; the tuples below are read by position in `assets/evidence.js`."""

    started_at: datetime
    endpoints: Sequence[EndpointFacts]
    texts: _Pool = field(default_factory=lambda: _Pool(""))
    parts: _Pool = field(default_factory=_Pool)
    reasons: set[Reason] = field(default_factory=set)
    bases: list[str] = field(default_factory=list)
    _spent: int = 0
    _words: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def learn(self, cells: Iterable[Cell]) -> None:
        """Finds each endpoint's URL prefix in the URLs that we used there; empty where there was none."""
        found: dict[str, str] = {}
        for cell in cells:
            for exchange in (each for result in cell.results for each in result.evidence.exchanges):
                base, ours, _ = exchange.url.partition("/tpcharness/")
                if ours:
                    found.setdefault(_host(base), base)
        self.bases = [shown(found.get(facts.host, "")) for facts in self.endpoints]
        for facts, base in zip(self.endpoints, self.bases, strict=True):
            self._words[facts.name] = (base, shown(facts.host, 200), shown(facts.name, 200))

    def details(self, cell: Cell) -> list[object]:
        """The results of a cell that are not ok, worst first; of a cell that is ok, its first."""
        bad = [result for result in cell.results if not result.ok]
        return [self._detail(result) for result in bad or cell.results[:1]]

    def _detail(self, result: Result) -> list[object]:
        names = self._placeholders(result)
        whole = self._spent < MOST_EVIDENCE
        exchanges = result.evidence.exchanges
        deciding = deciding_exchange(result)
        checksum = result.checksum.algorithm, result.checksum.expected, result.checksum.found
        self.reasons |= {result.reason, *(other.reason for other in result.alternatives)}
        verdict = (
            result.outcome.value,
            result.reason.value,
            result.blame.value,
            tuple((other.reason.value, other.blame.value) for other in result.alternatives),
            self._text(result.hint, names) if whole else 0,
            tuple(self._text(warning, names) for warning in result.warnings) if whole else (),
            result.size_bytes,
            result.attempt,
            "" if result.address_family is None else result.address_family.value,
            (*(self._text(text, names) for text in checksum), result.checksum.verified_by.value) if whole else None,
            next((number for number, each in enumerate(exchanges) if each is deciding), -1),
            None if result.clock_offset_seconds is None else round(result.clock_offset_seconds, 2),
        )
        times = result.phases
        return [
            self._share(verdict),
            shown(result.probe_id, 80),
            round((result.started_at - self.started_at).total_seconds(), 1),
            [_milliseconds(times.get(phase)) for phase in Phase] if times else 0,
            *(self._evidence(result, names) if whole else ()),
        ]

    def _evidence(self, result: Result, names: Sequence[tuple[str, str]]) -> Iterator[object]:
        evidence, runs = result.evidence, result.implementation
        yield [self._share(self._exchange(each, names)) for each in evidence.exchanges]
        yield [self._share(self._token(each, names)) for each in evidence.tokens]
        yield [self._share(self._tls(each, names)) for each in evidence.tls]
        yield self._text(", ".join(runs.source), names)
        yield self._text(", ".join(runs.destination), names)
        if result.markers != Markers():
            yield self._markers(result.markers, names)

    def _exchange(self, exchange: Exchange, names: Sequence[tuple[str, str]]) -> Hashable:
        return (
            exchange.phase.value,
            self._text(exchange.method, names),
            self._text(exchange.url, names),
            tuple((self._text(key, names), self._text(value, names)) for key, value in exchange.request_headers),
            exchange.status,
            self._text(exchange.status_text, names),
            self._text(exchange.server, names),
            tuple(
                (
                    self._text(hop.host, names),
                    hop.status,
                    self._text(hop.server, names),
                    self._text(hop.address, names),
                    self._text(hop.location, names),
                )
                for hop in exchange.hops
            ),
            self._text(exchange.body_excerpt, names),
            self._text(exchange.error, names),
            alarming(exchange),
        )

    def _token(self, facts: TokenFacts, names: Sequence[tuple[str, str]]) -> Hashable:
        texts = (facts.role, facts.issuer, facts.subject_hash, ", ".join(facts.audience), facts.scope)
        return (*(self._text(text, names) for text in texts), _minute(facts.expires))

    def _tls(self, facts: TlsFacts, names: Sequence[tuple[str, str]]) -> Hashable:
        texts = (facts.address, facts.version, facts.subject, facts.issuer, ", ".join(facts.names))
        ends = _minute(facts.not_before), _minute(facts.not_after)
        return (*(self._text(text, names) for text in texts), *ends, facts.chain_length)

    def _markers(self, markers: Markers, names: Sequence[tuple[str, str]]) -> list[object]:
        return [
            markers.count,
            markers.bytes_claimed,
            _milliseconds(markers.first_byte_seconds),
            _milliseconds(markers.longest_silence_seconds),
            self._text(", ".join(markers.remote_connections), names),
        ]

    def _share(self, part: Hashable) -> int:
        if part not in self.parts:
            self._spent += 90
        return self.parts.put(part)

    def _text(self, text: str, names: Sequence[tuple[str, str]]) -> int:
        text = shown(text)
        for mark, name in names:
            text = text.replace(name, mark)
        if text not in self.texts:
            self._spent += len(text) if text.isascii() else 6 * len(text)  # JSON's \\u escapes
        return self.texts.put(text)

    def _placeholders(self, result: Result) -> list[tuple[str, str]]:
        """What is the result's own, longest first within each end: probe, then prefix, host and name of both ends."""
        subject = result.subject
        ends = (subject.source, subject.destination) if isinstance(subject, LinkSubject) else (subject.endpoint,)
        words = [shown(result.probe_id, 80), *(word for end in ends for word in self._words.get(end, ("", "", "")))]
        marks = [(chr(number), word) for number, word in enumerate(words, start=1)]
        return [(mark, word) for mark, word in marks if len(word) >= _SHORTEST and "\n" not in word]


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
