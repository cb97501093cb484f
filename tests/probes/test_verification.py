"""What makes a copy good: size and checksum read back from the destination, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.house import LOOKS_SECONDS, House, open_house
from tests.support.payload_bench import LIMITS, RoleTokens, new_trail
from tests.support.scripted_server import Answer, ScriptedServer, SeenRequest, answer
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.variant import Blame, Outcome
from tpcharness.net.client import HttpClient
from tpcharness.payload.content import Content
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadFile
from tpcharness.probes.verification import Verification, Verifier
from tpcharness.wire.copy_request import Mode

R = Reason
CONTENT = Content(5000)
BODY = b"".join(CONTENT.chunks())
RIGHT = ("Digest", f"adler32={CONTENT.adler32}")
OTHER = ("Digest", "adler32=01020304")
LENGTH = ("Content-Length", str(len(BODY)))


def head(*headers: tuple[str, str], status: int = 200) -> bytes:
    """An answer to HEAD: a length of a body that does not come."""
    return answer(status, b"", *headers)


async def verify(*heads: Answer, get: Answer = b"", read: bool = False) -> tuple[Verification, list[str]]:
    """What comes of a destination that answers the HEADs so, the last one again and again; and what it was asked."""
    async with ScriptedServer() as server, HttpClient(user_agent="test", limits=LIMITS) as client:
        for one in heads[:-1]:
            server.on("HEAD *", one, times=1)
        server.on("HEAD *", heads[-1]).on("GET *", get)
        endpoint = Endpoint("SITE-B", f"{server.url}/vo", scope_base="/vo")
        verifier = Verifier(Errands(client, RoleTokens()), LOOKS_SECONDS)
        file = PayloadFile(endpoint, "/vo/tpcharness/x/copy")
        found = await verifier.verify(file, len(BODY), CONTENT.adler32, new_trail(), read=read)
        return found, [request.method for request in server.requests]


async def test_a_digest_will_do() -> None:
    found, asked = await verify(head(LENGTH, RIGHT))
    assert found.failure is None
    assert (found.size, found.warnings, asked) == (len(BODY), (), ["HEAD"])
    assert (found.checksum.found, found.checksum.verified_by) == (CONTENT.adler32, VerifiedBy.DIGEST)


@pytest.mark.parametrize("written", [CONTENT.adler32.upper(), CONTENT.adler32.lstrip("0")])
async def test_a_checksum_is_a_number(written: str) -> None:
    found, _ = await verify(head(LENGTH, ("Digest", f"ADLER32={written}")))
    assert found.failure is None


@pytest.mark.parametrize(
    ("heads", "reason"),
    [
        ([head(("Content-Length", "4999"), RIGHT)], R.SIZE_MISMATCH),
        ([head(("Content-Length", "0"))], R.SIZE_MISMATCH),
        ([head(LENGTH, OTHER)], R.CHECKSUM_MISMATCH),
        ([head(status=404)], R.NOT_VISIBLE),
        ([head(status=410)], R.NOT_VISIBLE),
        ([head(status=401)], R.VERIFY_REFUSED),
        ([head(status=403)], R.VERIFY_REFUSED),
        ([head(status=500)], R.VERIFY_FAILED),
        ([b""], R.VERIFY_FAILED),
    ],
    ids=["short", "empty", "other-sum", "absent", "gone", "who", "no", "broken", "hung-up"],
)
async def test_what_is_wrong_with_a_destination(heads: list[bytes], reason: Reason) -> None:
    found, asked = await verify(*heads)
    assert found.failure is not None
    assert found.failure.reason is reason
    assert found.checksum.expected == CONTENT.adler32
    assert "GET" not in asked


@pytest.mark.parametrize(
    "before",
    [head(status=404), head(("Content-Length", "17")), head(status=202)],
    ids=["not-there-yet", "still-growing", "sum-under-way"],
)
async def test_a_file_may_be_late(before: bytes) -> None:
    found, asked = await verify(before, before, head(LENGTH, RIGHT))
    assert found.failure is None
    assert asked == ["HEAD"] * 3


@pytest.mark.parametrize(
    "headers",
    [(LENGTH,), (LENGTH, ("Digest", "md5=XrY7u+Ae7tCTyyK7j1rNww==")), (LENGTH, ("Digest", "adler32=nonsense"))],
    ids=["none", "another", "garbled"],
)
async def test_without_a_usable_digest_the_file_is_read_back(headers: tuple[tuple[str, str], ...]) -> None:
    found, asked = await verify(head(*headers), get=answer(200, BODY))
    assert found.failure is None
    assert (found.size, asked) == (len(BODY), ["HEAD", "GET"])
    assert (found.checksum.found, found.checksum.verified_by) == (CONTENT.adler32, VerifiedBy.READBACK)
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    ("get", "reason"),
    [
        (answer(200, BODY[:-1]), R.SIZE_MISMATCH),
        (answer(200, BODY + b"x"), R.SIZE_MISMATCH),
        (answer(200, BODY * 100), R.SIZE_MISMATCH),
        (answer(200, BODY[:-1] + bytes([BODY[-1] ^ 1])), R.CHECKSUM_MISMATCH),
        (answer(403), R.VERIFY_REFUSED),
        (answer(404), R.VERIFY_FAILED),
        (answer(200, BODY[:100], LENGTH), R.VERIFY_FAILED),
    ],
    ids=["short", "longer", "endless", "other-byte", "refused", "vanished", "cut"],
)
async def test_what_is_read_back_is_judged(get: bytes, reason: Reason) -> None:
    found, _ = await verify(head(LENGTH), get=get)
    assert found.failure is not None
    assert found.failure.reason is reason


async def test_a_digest_is_not_believed_where_the_content_is_asked_for() -> None:
    """A door's file is read back as well."""
    spoilt = bytes([BODY[0] ^ 1]) + BODY[1:]
    found, asked = await verify(head(LENGTH, RIGHT), get=answer(200, spoilt), read=True)
    assert found.failure is not None
    assert (found.failure.reason, asked) == (R.CHECKSUM_MISMATCH, ["HEAD", "GET"])
    assert found.checksum.verified_by is VerifiedBy.READBACK


async def test_too_big_to_be_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpcharness.probes.verification.MAX_READBACK_BYTES", len(BODY) - 1)
    found, asked = await verify(head(LENGTH))
    assert found.failure is not None
    assert found.failure.reason is R.CHECKSUM_UNAVAILABLE
    assert (found.checksum.found, found.checksum.verified_by, asked) == ("", VerifiedBy.NONE, ["HEAD"])


async def test_no_length_is_no_size() -> None:
    """A head without Content-Length says nothing of the size, so it is counted."""

    async def chunked(_request: SeenRequest) -> bytes:
        return b"HTTP/1.1 200 OK\r\nDigest: adler32=%s\r\nTransfer-Encoding: chunked\r\n\r\n" % CONTENT.adler32.encode()

    found, asked = await verify(chunked, get=answer(200, BODY))
    assert found.failure is None
    assert (found.size, asked) == (len(BODY), ["HEAD", "GET"])


async def test_a_token_that_is_not_to_be_had_keeps_its_name(tmp_path: Path) -> None:
    missing = Failure(R.ISSUER_REFUSED, "no", Blame.ISSUER)
    async with ScriptedServer() as server, HttpClient(user_agent="test", limits=LIMITS) as client:
        verifier = Verifier(Errands(client, RoleTokens({"verify": missing})), LOOKS_SECONDS)
        file = PayloadFile(Endpoint("SITE-B", f"{server.url}/vo", scope_base="/vo"), "/vo/x")
        found = await verifier.verify(file, 1, "00000001", new_trail())
        assert (found.failure, server.requests) == (missing, [])


async def _pull(house: House, fault: str) -> tuple[Outcome, Reason, Blame, VerifiedBy]:
    await house.prepare(house.link())
    house.grid.site("SITE-B").storage.faults.add(fault)
    result = await house.copy(Mode.PULL)
    return result.outcome, result.reason, result.blame, result.checksum.verified_by


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("checksum_absent", (Outcome.OK, R.OK, Blame.NOBODY, VerifiedBy.READBACK)),
        ("checksum_wrong", (Outcome.FAILURE, R.CHECKSUM_MISMATCH, Blame.DESTINATION, VerifiedBy.DIGEST)),
    ],
)
async def test_a_copy_to_a_storage_with_odd_digests(
    fault: str, seen: tuple[Outcome, Reason, Blame, VerifiedBy], tmp_path: Path
) -> None:
    async with open_house(tmp_path, "dcache", "xrootd6") as house:
        assert await _pull(house, fault) == seen
        assert await house.left() == ([], [])


async def test_a_copy_that_cannot_be_deleted_is_not_called_good(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", "xrootd6") as house:
        seen = await _pull(house, "delete_refused")
        assert seen == (Outcome.FAILURE, R.CLEANUP_REFUSED, Blame.DESTINATION, VerifiedBy.DIGEST)
        (left,) = house.grid.leftovers()["SITE-B"]
        assert [entry.url.endswith(left) for entry in house.ledger.entries].count(True) == 1


@pytest.mark.parametrize(
    ("site", "fault", "reason", "blame"),
    [
        ("SITE-A", "token_refused_direct", R.SEED_REFUSED, Blame.SOURCE),
        ("SITE-A", "drop_direct", R.SEED_FAILED, Blame.SOURCE),
        ("SITE-A", "checksum_wrong", R.SEED_CORRUPT, Blame.SOURCE),
        ("SITE-A", "no_space", R.NO_SPACE, Blame.SOURCE),
        ("SITE-A", "refuse", R.CONNECTION_REFUSED, Blame.SOURCE),
        ("SITE-B", "token_refused_direct", R.UNAUTHENTICATED, Blame.DESTINATION),
        ("SITE-B", "drop_direct", R.CONNECTION_LOST, Blame.DESTINATION),
        ("SITE-B", "refuse", R.CONNECTION_REFUSED, Blame.DESTINATION),
    ],
)
async def test_what_fails_before_the_copy_is_that_ends_alone(
    site: str, fault: str, reason: Reason, blame: Blame, tmp_path: Path
) -> None:
    async with open_house(tmp_path, "dcache", "dcache") as house:
        house.grid.site(site).storage.faults.add(fault)
        for mode in Mode:
            result = await house.copy(mode)
            assert (result.outcome, result.reason, result.blame) == (Outcome.FAILURE, reason, blame)
            assert "COPY" not in {exchange.method for exchange in result.evidence.exchanges}
            assert result.evidence.exchanges
            assert result.hint
        house.grid.site(site).storage.faults.clear()


async def test_a_seed_that_is_gone_is_nobodys_failure(tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache", "dcache") as house:
        await house.prepare(house.link())
        (seed,) = house.grid.leftovers()["SITE-A"]
        house.grid.site("SITE-A").storage.files.remove(seed)
        result = await house.copy(Mode.PULL)
        assert (result.outcome, result.reason, result.blame) == (Outcome.SKIPPED, R.SEED_LOST, Blame.NOBODY)
        assert (await house.copy(Mode.PULL)).outcome is Outcome.OK  # with a new one
        assert await house.left() == ([], [])
