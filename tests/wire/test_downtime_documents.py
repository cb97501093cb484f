"""Downtimes of GOCDB and OSG: real shapes, odd ones, and hostile ones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import Endpoint
from tpcharness.wire.downtime_documents import MAX_BODY_BYTES, parse_gocdb, parse_osg
from tpcharness.wire.errors import WireError


def gocdb_entry(
    host: str = "door.site.example", severity: str = "OUTAGE", start: str = "1656288000", more: str = ""
) -> str:
    """In the shape of the example at gocdb.github.io/api/read/get_downtime."""
    return f"""
  <DOWNTIME ID="32578" PRIMARY_KEY="113653G0" CLASSIFICATION="SCHEDULED">
    <PRIMARY_KEY>113653G0</PRIMARY_KEY>
    <HOSTNAME>{host}</HOSTNAME>
    <SERVICE_TYPE>webdav</SERVICE_TYPE>
    <ENDPOINT>{host}webdav</ENDPOINT>
    <HOSTED_BY>SITE-A</HOSTED_BY>
    <GOCDB_PORTAL_URL>https://goc.example/portal/index.php?Page_Type=Downtime&amp;id=32578</GOCDB_PORTAL_URL>
    {more or "<AFFECTED_ENDPOINTS/>"}
    <SEVERITY>{severity}</SEVERITY>
    <DESCRIPTION>Upgrade of
      the pools &lt;b&gt;all&lt;/b&gt;</DESCRIPTION>
    <INSERT_DATE>1656137042</INSERT_DATE>
    <START_DATE>{start}</START_DATE>
    <END_DATE>1656374400</END_DATE>
    <FORMATED_START_DATE>2022-06-27 00:00</FORMATED_START_DATE>
    <FORMATED_END_DATE>2022-06-28 00:00</FORMATED_END_DATE>
  </DOWNTIME>"""


def gocdb(*entries: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<results>{"".join(entries)}\n</results>\n'.encode()


def osg_entry(
    host: str = "xrootd.site.example", start: str = "Jun 27, 2022 00:00 AM UTC", severity: str = "Outage"
) -> str:
    """In the shape of rgdowntime.xsd in opensciencegrid/topology."""
    return f"""
    <Downtime>
      <ID>1234567890</ID>
      <ResourceID>1105</ResourceID>
      <ResourceGroup><GroupName>SITE</GroupName><GroupID>413</GroupID></ResourceGroup>
      <ResourceName>SITE_XROOTD</ResourceName>
      <ResourceFQDN>{host}</ResourceFQDN>
      <StartTime>{start}</StartTime>
      <EndTime>Jun 28, 2022 21:30 PM UTC</EndTime>
      <Class>SCHEDULED</Class>
      <Severity>{severity}</Severity>
      <CreatedTime>Jun 20, 2022 15:04 PM UTC</CreatedTime>
      <UpdateTime>Not Available</UpdateTime>
      <Services><Service><ID>142</ID><Name>XRootD component</Name><Description>door</Description></Service></Services>
      <Description>power work</Description>
    </Downtime>"""


def osg(current: str = "", future: str = "", past: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Downtimes xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="https://x.example/rgdowntime.xsd">
  <PastDowntimes>{past}</PastDowntimes>
  <CurrentDowntimes>{current}</CurrentDowntimes>
  <FutureDowntimes>{future}</FutureDowntimes>
</Downtimes>""".encode()


START = datetime(2022, 6, 27, tzinfo=UTC)


def test_gocdb_repeats_a_downtime_for_each_service_and_it_is_one_here() -> None:
    document = gocdb(gocdb_entry(), gocdb_entry(), gocdb_entry("Pool1.Site.EXAMPLE."))
    assert parse_gocdb(document) == [
        Downtime(
            START,
            datetime(2022, 6, 28, tzinfo=UTC),
            hosts=("door.site.example", "pool1.site.example"),
            text="Upgrade of the pools <b>all</b>",
            origin="gocdb",
        )
    ]


def test_gocdb_with_nested_services_and_urls_of_endpoints() -> None:
    services = "<SERVICES><SERVICE><HOSTNAME>a.example</HOSTNAME></SERVICE></SERVICES>"
    urls = "<AFFECTED_ENDPOINTS><ENDPOINT><URL>https://b.example:2880/x</URL></ENDPOINT></AFFECTED_ENDPOINTS>"
    (downtime,) = parse_gocdb(gocdb(gocdb_entry(more=services + urls)))
    assert downtime.hosts == ("door.site.example", "a.example", "b.example")


def test_a_url_that_is_none_does_not_undo_the_downtime() -> None:
    urls = "<AFFECTED_ENDPOINTS><ENDPOINT><URL>https://[b.example/x</URL></ENDPOINT></AFFECTED_ENDPOINTS>"
    (downtime,) = parse_gocdb(gocdb(gocdb_entry(more=urls)))
    assert downtime.hosts == ("door.site.example",)


def test_who_is_only_at_risk_is_not_away() -> None:
    assert parse_gocdb(gocdb(gocdb_entry(severity="WARNING"))) == []
    risk = "No Significant Outage Expected (you shouldn't notice)"
    assert parse_osg(osg(osg_entry(severity=risk))) == []
    assert len(parse_osg(osg(osg_entry(severity="Intermittent Outage (may be up for some of the time)")))) == 1


def test_a_document_without_downtimes_is_fine() -> None:
    for document in (b"<results/>", b'<?xml version="1.0"?>\n<results>\n</results>', b"<ROOT></ROOT>"):
        assert parse_gocdb(document) == []
    assert parse_osg(osg()) == []
    assert parse_osg(b"<Downtimes/>") == []


def test_osg_has_present_and_future_downtimes() -> None:
    document = osg(osg_entry(), osg_entry("b.example", "Jun 28, 2022 12:15 PM UTC"), osg_entry("past.example"))
    assert parse_osg(document) == [
        Downtime(
            START,
            datetime(2022, 6, 28, 21, 30, tzinfo=UTC),
            hosts=("xrootd.site.example",),
            text="power work",
            origin="osg",
        ),
        Downtime(
            datetime(2022, 6, 28, 12, 15, tzinfo=UTC),
            datetime(2022, 6, 28, 21, 30, tzinfo=UTC),
            hosts=("b.example",),
            text="power work",
            origin="osg",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("Jun 27, 2022 13:00 PM UTC", 13),
        ("Jun 27, 2022 01:00 PM UTC", 13),
        ("Jun 27, 2022 01:00 AM UTC", 1),
        ("Jun 27, 2022 12:00 PM UTC", 12),
        ("Jun 27, 2022 12:00 AM UTC", 0),
        ("Jun 27, 2022 00:00 AM UTC", 0),
        ("June 7, 2022 09:00:00 GMT", 9),
    ],
)
def test_the_two_ways_in_which_osg_writes_a_time(text: str, hour: int) -> None:
    (downtime,) = parse_osg(osg(osg_entry(start=text)))
    assert (downtime.start.month, downtime.start.hour) == (6, hour)


@pytest.mark.parametrize("start", ["", "soon", "-1", "99999999999999", "99999999999", "1656374400", "١٦٥٦٢٨٨٠٠٠"])
def test_one_damaged_downtime_does_not_hide_the_others(start: str) -> None:
    damaged = gocdb_entry("bad.example", start=start)
    (downtime,) = parse_gocdb(gocdb(damaged, gocdb_entry()))
    assert downtime.hosts == ("door.site.example",)
    with pytest.raises(WireError, match="none of the downtimes"):
        parse_gocdb(gocdb(damaged))


@pytest.mark.parametrize(
    "start", ["Feb 30, 2022 00:00 AM UTC", "Foo 1, 2022 00:00 AM UTC", "Jun 27, 2022 25:00 UTC", "x"]
)
def test_times_that_cannot_be(start: str) -> None:
    with pytest.raises(WireError, match="none of the downtimes"):
        parse_osg(osg(osg_entry(start=start)))


@pytest.mark.parametrize("host", ["", "*", "a b", "x" * 300, "a/../b", "<i>x</i>"])
def test_what_is_no_host_touches_nobody(host: str) -> None:
    assert parse_gocdb(gocdb(gocdb_entry(host))) == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "not well-formed"),
        (b"<!DOCTYPE html><html><body>Sorry</body></html>", "DTD"),
        (b"<html><body>Sorry</body></html>", "is XML, but not"),
        (b"<results><DOWNTIME>", "not well-formed"),
        (b'<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><results>&b;</results>', "DTD"),
        (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><results/>', "DTD"),
        (b"<results>" + b"<a>" * 100 + b"</a>" * 100 + b"</results>", "too many elements"),
        (b"<results>" + b"<a/>" * 500_000 + b"</results>", "too many elements"),
        (b"<results>" + b"x" * 70_000 + b"</results>", "too long"),
        (b" " * (MAX_BODY_BYTES + 1), "of more than"),
        (b'<?xml version="1.0" encoding="nonsense"?><results/>', "encoding|not well-formed"),
        (b"\xff\xfe\x00", "encoding|not well-formed"),
    ],
)
def test_hostile_documents_are_refused(document: bytes, message: str) -> None:
    for parse in (parse_gocdb, parse_osg):
        with pytest.raises(WireError, match=message):
            parse(document)


def test_texts_are_short_and_on_one_line() -> None:
    entry = gocdb_entry().replace("Upgrade of", "\u202e\u0085 " + "long " * 200)
    (downtime,) = parse_gocdb(gocdb(entry))
    assert len(downtime.text) == 300
    assert downtime.text.isprintable()


@given(st.binary(max_size=300) | st.text(alphabet="<>/DOWNTIMEresults&;\"' ", max_size=200).map(str.encode))
def test_whatever_comes_is_a_list_or_a_wire_error(document: bytes) -> None:
    for parse in (parse_gocdb, parse_osg):
        try:
            assert isinstance(parse(document), list)
        except WireError:
            pass


def test_a_downtime_touches_endpoints_by_host_or_name() -> None:
    endpoint = Endpoint("SITE-A-DISK", "https://Door.Site.example:2880/x")
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert Downtime(start, end, hosts=("door.site.example",)).touches(endpoint)
    assert Downtime(start, end, endpoints=("SITE-A*",)).touches(endpoint)
    assert not Downtime(start, end, endpoints=("SITE-A",), hosts=("site.example",)).touches(endpoint)
    downtime = Downtime(start, end)
    assert (downtime.active(start), downtime.active(end)) == (True, False)
