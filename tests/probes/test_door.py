"""The door probe: one endpoint alone, on every address it has."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest

from tests.support.clocks import FixedClock
from tests.support.house import KIB, open_house, shortened
from tpcharness.model.endpoint import AddressFamily, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Result, VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.net.resolver import Lookup
from tpcharness.payload.content import Content
from tpcharness.probes.door_check import door_failure
from tpcharness.probes.verification import Verification
from tpcharness.testbed.dialects.catalogue import DIALECTS

R = Reason
V4, OTHER_V4, V6 = "127.0.0.1", "127.0.0.2", "::1"


def has_ipv6() -> bool:
    """Whether this machine can listen on ::1, which containers may not."""
    try:
        with socket.create_server((V6, 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def named(*addresses: str) -> Lookup:
    """A name service in which every host has these addresses."""

    def lookup(_host: str, _port: int, family: int) -> list[str]:
        kinds = {socket.AF_INET: (V4, OTHER_V4), socket.AF_INET6: (V6,)}
        return [address for address in addresses if family == socket.AF_UNSPEC or address in kinds[family]]

    return lookup


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("size", [0, KIB, 300_000])
async def test_a_good_door(dialect: str, size: int, tmp_path: Path) -> None:
    async with open_house(tmp_path, dialect) as house:
        result = await house.door(size=size)
        assert (result.outcome, result.reason, result.blame) == (Outcome.OK, R.OK, Blame.NOBODY)
        assert (result.variant, result.subject, result.hint) == (Variant.DOOR, house.endpoint("SITE-A").subject, "")
        assert result.warnings == ()
        assert result.bytes == size
        # The content is read back as well: a storage may give back other bytes than its checksum says.
        assert (result.checksum.verified_by, result.checksum.found) == (VerifiedBy.READBACK, Content(size).adler32)
        assert {Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.REQUEST, Phase.VERIFY, Phase.CLEANUP} <= set(
            result.phases
        )
        steps = [method for method, _ in groupby(exchange.method for exchange in result.evidence.exchanges)]
        assert steps == ["OPTIONS", "MKCOL", "PUT", "HEAD", "GET", "DELETE", "HEAD"]
        assert result.implementation.destination
        assert result.implementation.source == ()
        assert await house.left() == ([], [])


@pytest.mark.parametrize(
    ("number", "suspects"),
    [(socket.EAI_NONAME, [Blame.DESTINATION]), (socket.EAI_AGAIN, [Blame.DESTINATION, Blame.CLIENT])],
)
async def test_a_resolver_that_is_silent_may_be_ours(tmp_path: Path, number: int, suspects: list[Blame]) -> None:
    silent = False

    def lookup(_host: str, _port: int, _family: int) -> list[str]:
        if silent:
            raise socket.gaierror(number, "no answer")
        return [V4]

    async with open_house(tmp_path, "dcache", lookup=lookup) as house:
        silent = True
        result = await house.door()
    assert result.reason is R.DNS_FAILURE
    assert ([cause.blame for cause in result.alternatives] or [result.blame]) == suspects
    assert (result.blame is Blame.UNDETERMINED) is (len(suspects) > 1)


async def test_facts_about_the_certificate(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache") as house:
        (facts,) = (await house.door()).evidence.tls
    assert facts.address == V4
    assert facts.version in ("TLSv1.2", "TLSv1.3")
    assert facts.names == ("localhost", "127.0.0.1", "::1")
    assert "testbed CA" in facts.issuer
    assert facts.not_before < datetime.now(UTC) < facts.not_after


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("tls_expired", R.TLS_EXPIRED), ("tls_untrusted", R.TLS_UNTRUSTED), ("tls_hostname", R.TLS_HOSTNAME)],
)
async def test_a_bad_certificate_is_named_and_shown(fault: str, reason: Reason, tmp_path: Path) -> None:
    async with open_house(tmp_path, "xrootd6", faults=(f"SITE-A={fault}",)) as house:
        result = await house.door()
        assert (result.outcome, result.reason, result.blame) == (Outcome.FAILURE, reason, Blame.DESTINATION)
        assert result.hint
        (facts,) = result.evidence.tls
        assert (facts.not_after < datetime.now(UTC)) == (fault == "tls_expired")
        assert ("elsewhere.invalid" in facts.names) == (fault == "tls_hostname")
        assert ("nobody knows" in facts.issuer) == (fault == "tls_untrusted")
        assert Phase.PREPARE not in result.phases
        assert house.ledger.entries == ()


FAULTS = [
    ("refuse", R.CONNECTION_REFUSED, "dcache"),
    ("token_refused_direct", R.UNAUTHENTICATED, "dcache"),
    ("token_refused_direct", R.FORBIDDEN, "xrootd6"),
    ("token_refused_direct", R.UNAUTHENTICATED, "storm"),
    ("drop_direct", R.CONNECTION_LOST, "dcache"),
    ("no_space", R.NO_SPACE, "dcache"),
    ("no_space", R.NO_SPACE, "storm"),
    ("checksum_wrong", R.CHECKSUM_MISMATCH, "dcache"),
    ("checksum_wrong", R.CHECKSUM_MISMATCH, "xrootd5"),
]


@pytest.mark.parametrize(("fault", "reason", "dialect"), FAULTS)
async def test_what_is_wrong_behind_the_door(fault: str, reason: Reason, dialect: str, tmp_path: Path) -> None:
    async with open_house(tmp_path, dialect) as house:
        house.grid.site("SITE-A").storage.faults.add(fault)
        result = await house.door()
        assert (result.outcome, result.reason, result.blame) == (Outcome.FAILURE, reason, Blame.DESTINATION)
        assert result.hint
        assert result.bytes is None
        assert await house.left() == ([], [])


async def test_a_full_xrootd5_hangs_up(tmp_path: Path) -> None:
    """It says nothing, so neither do we pretend to know."""
    async with open_house(tmp_path, "xrootd5") as house:
        house.grid.site("SITE-A").storage.faults.add("no_space")
        result = await house.door()
        assert (result.reason, result.blame) == (R.CONNECTION_LOST, Blame.DESTINATION)
        assert "disk" in result.reason.info.fix
        assert await house.left() == ([], [])


async def test_no_digest_is_a_warning_when_the_content_is_right(tmp_path: Path) -> None:
    async with open_house(tmp_path, "xrootd6") as house:
        house.grid.site("SITE-A").storage.faults.add("checksum_absent")
        result = await house.door()
        assert (result.outcome, result.checksum.verified_by) == (Outcome.OK, VerifiedBy.READBACK)
        assert [warning for warning in result.warnings if "adler32" in warning]


async def test_what_cannot_be_deleted_stays_in_the_ledger(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache") as house:
        house.grid.site("SITE-A").storage.faults.add("delete_refused")
        result = await house.door()
        assert (result.outcome, result.reason, result.blame) == (Outcome.FAILURE, R.CLEANUP_REFUSED, Blame.DESTINATION)
        (entry,), (left,) = house.ledger.entries, house.grid.leftovers()["SITE-A"]
        assert entry.url.endswith(left)


@pytest.mark.parametrize(("minutes", "warned"), [(0, False), (-5, True), (5, True)])
async def test_a_clock_that_is_off(minutes: int, warned: bool, tmp_path: Path) -> None:
    """Ours or theirs: tokens are refused by those whose clock differs."""
    clock = FixedClock(datetime.now(UTC) + timedelta(minutes=minutes))
    async with open_house(tmp_path, "pelican", clock=clock) as house:  # it sends a Date
        result = await house.door()
    assert result.outcome is Outcome.OK
    assert result.clock_offset_seconds == pytest.approx(-60 * minutes, abs=30)
    assert any("clock" in warning for warning in result.warnings) == warned


@pytest.mark.parametrize(("days_left", "warned"), [(1, True), (13, True), (15, False)])
async def test_a_certificate_that_is_about_to_expire(days_left: int, warned: bool, tmp_path: Path) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with open_house(tmp_path, "dcache", clock=clock) as house:
        (facts,) = (await house.door()).evidence.tls
        clock.time = facts.not_after - timedelta(days=days_left, minutes=1)
        result = await house.door()
    assert any(f"expires in {days_left} days" in warning for warning in result.warnings) == warned
    assert result.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("misbehaviour", "reason"),
    [
        ("down", R.ISSUER_UNREACHABLE),
        ("unavailable", R.ISSUER_UNREACHABLE),
        ("refuses", R.ISSUER_REFUSED),
        ("garbage", R.ISSUER_INVALID),
    ],
)
async def test_without_a_token_the_issuer_is_to_blame(misbehaviour: str, reason: Reason, tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", faults=(f"ISSUER={misbehaviour}",)) as house:
        result = await house.door()
        assert (result.outcome, result.reason, result.blame) == (Outcome.FAILURE, reason, Blame.ISSUER)
        assert result.evidence.tls  # as much of the door as can be seen without
        assert await house.left() == ([], [])


@pytest.mark.parametrize(
    "other", [OTHER_V4, pytest.param(V6, marks=pytest.mark.skipif(not has_ipv6(), reason="no ::1 here"))]
)
async def test_every_address_is_tried(other: str, tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", lookup=named(V4, other)) as house:
        storage = house.grid.site("SITE-A").storage
        # Nobody listens on the other address yet.
        result = await house.door()
        assert (result.reason, result.blame) == (R.CONNECTION_REFUSED, Blame.DESTINATION)
        assert [facts.address for facts in result.evidence.tls] == [V4]
        assert _places(result) == [V4] * 8 + [other]

        await storage.start(other, storage.port)
        result = await house.door()
        assert result.outcome is Outcome.OK
        assert [facts.address for facts in result.evidence.tls] == [V4, other]
        assert {V4, other} == set(_places(result))
        assert result.address_family is (AddressFamily.IPV6 if other == V6 else AddressFamily.IPV4)
        assert await house.left() == ([], [])


async def test_a_family_without_an_address(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", lookup=named(V4)) as house:
        endpoint = replace(house.endpoint("SITE-A"), address_family=AddressFamily.IPV6)
        result = await house.door(endpoint)
        assert (result.reason, result.blame) == (R.NO_ADDRESS_IN_FAMILY, Blame.DESTINATION)
        assert result.evidence.exchanges == ()


async def test_too_many_addresses_are_said_and_not_all_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpcharness.probes.door_check.MAX_ADDRESSES", 1)
    async with open_house(tmp_path, "dcache", lookup=named(V4, OTHER_V4)) as house:
        result = await house.door()
        assert result.outcome is Outcome.OK
        assert result.warnings == ("2 addresses; the first 1 were tried",)


async def test_a_door_that_hangs_is_given_up(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", limits=shortened(tls_seconds=0.3)) as house:
        with socket.create_server((V4, 0)) as mute:
            port = mute.getsockname()[1]
            endpoint = replace(house.endpoint("SITE-A"), https=f"https://localhost:{port}/dteam")
            result = await house.door(endpoint)
        assert (result.reason, result.blame) == (R.TLS_TIMEOUT, Blame.DESTINATION)


async def test_a_file_that_may_still_come_stays_noted(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", limits=shortened(request_seconds=0.5)) as house:
        house.grid.site("SITE-A").storage.faults.add("upload_unread")
        result = await house.door(size=KIB)
        assert (result.reason, result.blame) == (R.NO_RESPONSE, Blame.DESTINATION)
        assert any("may still be going on" in each for each in result.warnings)
        assert len(house.ledger.entries) == 1


async def test_a_door_is_an_endpoints(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", "dcache") as house:
        with pytest.raises(TypeError, match="a door is an endpoint's"):
            await house.door(Link(house.endpoint("SITE-A"), house.endpoint("SITE-B")))  # type: ignore[arg-type]


def _places(result: Result) -> list[str]:
    """Which address each exchange went to."""
    return [exchange.hops[-1].address for exchange in result.evidence.exchanges]


def test_bytes_that_come_back_changed_are_not_a_wrong_checksum() -> None:
    """What the door read itself is `content_mismatch`; what the storage only tells of good bytes is not."""
    wrong = Failure(Reason.CHECKSUM_MISMATCH, "changed")
    read = Checksum("adler32", "00000001", "00000002", VerifiedBy.READBACK)
    told = Checksum("adler32", "00000001", "00000001", VerifiedBy.READBACK)
    assert door_failure(Verification(wrong, read)).reason is Reason.CONTENT_MISMATCH
    assert door_failure(Verification(wrong, told)).reason is Reason.CHECKSUM_MISMATCH
