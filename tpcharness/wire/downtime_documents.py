"""Announced downtimes as the infrastructures publish them: GOCDB (EGI, WLCG) and OSG Topology.

Only what says that a service is away counts: "at risk" (GOCDB's WARNING) and "no significant outage expected" (OSG)
do not, because there a failure is news. Services are known by their hosts; a downtime that names none is left out,
and so is one that cannot be read, unless that is true of all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from tpcharness.model.downtime import Downtime
from tpcharness.wire.bounded_xml import parse_tree
from tpcharness.wire.errors import WireError

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_ELEMENTS = 400_000
MAX_TEXT = 300

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?", re.ASCII)
_EPOCH = re.compile(r"[0-9]{1,11}", re.ASCII)
_OSG_TIME = re.compile(
    r"([A-Za-z]{3})[a-z]* ([0-9]{1,2}), ([0-9]{4}) ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))? ?(AM|PM)? (?:UTC|GMT)",
    re.ASCII,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def parse_gocdb(body: bytes) -> list[Downtime]:
    """The answer of GOCDB's `get_downtime` or `get_downtime_nested_services`, earliest start first.

    Raises WireError for everything else. The former repeats a downtime for each service; here it is one.
    """
    root = parse_tree(body, "a GOCDB document", max_bytes=MAX_BODY_BYTES, max_elements=MAX_ELEMENTS)
    if root.tag.lower() not in {"results", "root"}:
        raise WireError("the document is XML, but not what GOCDB answers to get_downtime")
    return _downtimes(root.findall("DOWNTIME"), _from_gocdb)


def parse_osg(body: bytes) -> list[Downtime]:
    """The document `rgdowntime/xml` of OSG Topology, earliest start first; what is past is left out.

    Raises WireError for everything else.
    """
    root = parse_tree(body, "an OSG document", max_bytes=MAX_BODY_BYTES, max_elements=MAX_ELEMENTS)
    if root.tag != "Downtimes":
        raise WireError("the document is XML, but not OSG Topology's rgdowntime")
    parts = ("CurrentDowntimes", "FutureDowntimes")
    return _downtimes([entry for part in parts for entry in root.findall(f"{part}/Downtime")], _from_osg)


def _downtimes(entries: list[Element], read: Callable[[Element], Downtime | None]) -> list[Downtime]:
    merged: dict[tuple[datetime, datetime, str], tuple[Downtime, dict[str, None]]] = {}
    damaged = 0
    for entry in entries:
        try:
            downtime = read(entry)
        except (ValueError, OverflowError, OSError):
            damaged += 1
            continue
        if downtime is not None and downtime.hosts:
            key = (downtime.start, downtime.end, downtime.text)
            merged.setdefault(key, (downtime, {}))[1].update(dict.fromkeys(downtime.hosts))
    if damaged and damaged == len(entries):
        raise WireError("none of the downtimes in the document can be read")
    found = [
        Downtime(one.start, one.end, hosts=tuple(hosts), text=one.text, origin=one.origin)
        for one, hosts in merged.values()
    ]
    return sorted(found, key=lambda one: (one.start, one.end, one.text))


def _from_gocdb(entry: Element) -> Downtime | None:
    """Source: gocdb.github.io/api/read/get_downtime. Dates are epoch seconds, the FORMATED_ ones have no zone."""
    if _text(entry, "SEVERITY").upper() == "WARNING":
        return None
    start, end = (datetime.fromtimestamp(_epoch(_text(entry, name)), UTC) for name in ("START_DATE", "END_DATE"))
    # Beside the host an endpoint may have URLs of its own, on other hosts.
    urls = [_host_in((url.text or "").strip()) for url in entry.iterfind("AFFECTED_ENDPOINTS//URL")]
    hosts = _hosts([*(host.text or "" for host in entry.iter("HOSTNAME")), *urls])
    return _downtime(start, end, hosts, _text(entry, "DESCRIPTION"), "gocdb")


def _from_osg(entry: Element) -> Downtime | None:
    """Source: opensciencegrid/topology, src/schema/rgdowntime.xsd and Downtime in src/webapp/topology.py."""
    if _text(entry, "Severity").lower().startswith("no significant"):
        return None
    start, end = _osg_time(_text(entry, "StartTime")), _osg_time(_text(entry, "EndTime"))
    hosts = _hosts([_text(entry, "ResourceFQDN")])
    return _downtime(start, end, hosts, _text(entry, "Description"), "osg")


def _downtime(start: datetime, end: datetime, hosts: Iterator[str], text: str, origin: str) -> Downtime:
    if end <= start:
        raise ValueError("a downtime that ends before it begins")
    return Downtime(start, end, hosts=tuple(dict.fromkeys(hosts)), text=text[:MAX_TEXT], origin=origin)


def _epoch(text: str) -> int:
    if not _EPOCH.fullmatch(text):
        raise ValueError("not seconds since the epoch")
    return int(text)


def _osg_time(text: str) -> datetime:
    """ "Mar 07, 2017 15:00 PM UTC": Topology writes 24 hours with AM or PM behind; MyOSG, before it, wrote 12."""
    match = _OSG_TIME.fullmatch(text)
    if match is None:
        raise ValueError("not a time of OSG Topology")
    month, day, year, hour, minute, second, half = match.groups()
    hours = int(hour)
    if half == "PM" and hours < 12:
        hours += 12
    elif half == "AM" and hours == 12:
        hours = 0
    return datetime(
        int(year), _MONTHS.index(month.lower()) + 1, int(day), hours, int(minute), int(second or 0), tzinfo=UTC
    )


def _hosts(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        host = name.strip().lower().rstrip(".")
        if _HOST.fullmatch(host):
            yield host


def _host_in(url: str) -> str:
    """Empty for what is no URL: people type these, and one typing error must not undo a whole downtime."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _text(entry: Element, name: str) -> str:
    """An element's text on one line, without what could disturb a terminal."""
    text = " ".join((entry.findtext(name) or "").split())
    return "".join(char for char in text if char.isprintable())
