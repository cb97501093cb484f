"""Storages that mean harm to who sends or reads files: one clear reason each, within our limits, no memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from tests.hostile.tricks import BROKEN, Case
from tests.support.direct_bench import DOWNLOAD, UPLOAD, DirectBench, direct_bench
from tests.support.hostile import DEADLY, Asked, Trick, drip, forever, head, hostile_storage, says, whole
from tests.support.house import House, open_house, shortened
from tests.support.outputs import assert_harmless, rendered
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.payload.content import Content

KIB, MIB = 1024, 1024 * 1024
R = Reason
SIZE = 4 * KIB
FILE = b"".join(Content(SIZE).chunks())
LIMITS = shortened(
    request_seconds=2.0, response_seconds=1.5, first_byte_seconds=1.0, no_progress_seconds=1.0, transfer_seconds=3.0
)
MULTIPART = "Content-Type: multipart/byteranges; boundary=b"


def to_ranges(trick: Trick, *, several: bool = True) -> Trick:
    """The trick for a GET with a Range, with several of them if so; the file for everybody else."""

    async def choose(asked: Asked) -> AsyncIterator[bytes]:
        asks = asked.headers.get("range", "")
        if asks and ("," in asks) is several:
            async for piece in trick(asked):
                yield piece
        elif asks:
            first, last = map(int, asks.removeprefix("bytes=").split(",")[0].split("-"))
            part = FILE[first : last + 1]
            yield whole("206 Partial Content", part, f"Content-Range: bytes {first}-{last}/{SIZE}")
        else:
            yield whole("200 OK", FILE)

    return choose


def part(content_range: str, body: bytes) -> bytes:
    return b"\r\n--b\r\nContent-Range: %b\r\n\r\n%b" % (content_range.encode(), body)


def several(*parts: bytes, end: bytes = b"\r\n--b--\r\n") -> Trick:
    return to_ranges(says(whole("206 Partial Content", b"".join(parts) + end, MULTIPART)))


def single(*lines: str, body: bytes, status: str = "206 Partial Content") -> Trick:
    return to_ranges(says(whole(status, body, *lines)), several=False)


# Answers to a GET for the whole file.
DOWNLOADS: Mapping[str, Case] = {
    "shorter": Case(says(whole("200 OK", FILE[:-1])), R.CONTENT_MISMATCH),
    "longer": Case(says(whole("200 OK", FILE + b"x")), R.CONTENT_MISMATCH),
    "nothing": Case(says(whole("200 OK")), R.CONTENT_MISMATCH),
    "204": Case(says(head("204 No Content")), R.MALFORMED_RESPONSE),
    "206": Case(
        says(whole("206 Partial Content", FILE, f"Content-Range: bytes 0-{SIZE - 1}/{SIZE}")), R.MALFORMED_RESPONSE
    ),
    "cut": Case(says(head("200 OK", f"Content-Length: {SIZE}") + FILE[:100]), R.TRANSFER_CUT),
    "head-alone": Case(says(head("200 OK", f"Content-Length: {SIZE}")), R.TRANSFER_CUT),
    "gzip": Case(says(whole("200 OK", b"\x1f\x8b" + b"\0" * 9000, "Content-Encoding: gzip")), R.CONTENT_MISMATCH),
    "bad-chunk": Case(says(head("200 OK", "Transfer-Encoding: chunked") + b"zz\r\nhello\r\n"), R.MALFORMED_RESPONSE),
    "deadly": Case(says(whole("403 No", DEADLY)), R.FORBIDDEN),
    "too-busy": Case(says(whole("429 Slow down")), R.OVERLOADED),
}
# Answers to a GET for parts of it.
PARTS: Mapping[str, Case] = {
    "one-html": Case(single("Content-Type: text/html", body=b"<html>"), R.RANGE_WRONG),
    "one-no-content-range": Case(single(body=FILE[:64]), R.RANGE_WRONG),
    "one-negative": Case(single("Content-Range: bytes -1-2/4096", body=b"abc"), R.RANGE_WRONG),
    "one-of-a-longer-file": Case(single("Content-Range: bytes 1024-3071/9999", body=FILE[1024:3072]), R.RANGE_WRONG),
    "one-too-long": Case(single("Content-Range: bytes 1024-3071/4096", body=FILE[1024:3073]), R.RANGE_WRONG),
    "one-in-parts": Case(single(MULTIPART, body=part("bytes 1024-3071/4096", b"")), R.RANGE_WRONG),
    "one-refused": Case(single(body=b"no", status="416 Range Not Satisfiable"), R.RANGE_REFUSED),
    "one-forbidden": Case(single(body=DEADLY, status="403 No"), R.FORBIDDEN),
    "no-boundary": Case(
        to_ranges(says(whole("206 Partial Content", b"x", "Content-Type: multipart/byteranges"))), R.RANGE_WRONG
    ),
    "no-parts": Case(several(), R.RANGE_WRONG),
    "garbage": Case(several(bytes(range(256)) * 20), R.RANGE_WRONG),
    "deadly-head": Case(several(b"\r\n--b\r\n" + DEADLY + b"\r\n\r\n"), R.RANGE_WRONG),
    "head-of-1-mb": Case(several(b"\r\n--b\r\nX: " + b"y" * MIB), R.RANGE_WRONG),
    "10000-parts": Case(several(*[part("bytes 0-0/4096", FILE[:1])] * 10_000), R.RANGE_WRONG),
    "the-file-twice": Case(several(*[part("bytes 0-4095/4096", FILE)] * 2), R.RANGE_WRONG),
    "far-beyond": Case(several(part("bytes 0-999999999999999/9999999999999999", b"x")), R.RANGE_WRONG),
    "other-bytes": Case(several(part("bytes 0-4095/4096", bytes(SIZE))), R.CONTENT_MISMATCH),
    "unended": Case(several(part("bytes 0-4095/4096", FILE), end=b""), R.RANGE_WRONG),
    "cut": Case(
        to_ranges(says(head("206 Partial Content", "Content-Length: 9000", MULTIPART) + part("bytes 0-9/4096", b"x"))),
        R.TRANSFER_CUT,
    ),
}
# Answers to a PUT.
UPLOADS: Mapping[str, Case] = {
    "refused": Case(says(whole("403 No", DEADLY)), R.FORBIDDEN),
    "full": Case(says(whole("507 Full")), R.NO_SPACE),
    "too-large": Case(says(whole("413 Too large")), R.NO_SPACE),
    "status-999": Case(says(whole("999 Odd")), R.SERVER_ERROR),
    "yes-but-nothing-is-kept": Case(says(whole("201 Created")), R.NOT_VISIBLE),
}
# What has no end; only our own clocks end it.
ENDLESS: Mapping[str, tuple[Variant, str, Case]] = {
    "file": (DOWNLOAD, "GET", Case(forever(head("200 OK"), b"A"), R.CONTENT_MISMATCH)),
    "file-dripping": (DOWNLOAD, "GET", Case(drip(head("200 OK"), b"A"), R.DEADLINE)),
    "part-head": (DOWNLOAD, "GET", Case(to_ranges(forever(head("206 P", MULTIPART), b"A")), R.RANGE_WRONG)),
    "part": (
        DOWNLOAD,
        "GET",
        Case(
            to_ranges(forever(head("206 P", "Content-Range: bytes 1024-3071/4096"), b"A"), several=False), R.RANGE_WRONG
        ),
    ),
    "refusal": (DOWNLOAD, "GET", Case(forever(head("403 No"), b"A"), R.FORBIDDEN)),
    "refusal-of-a-put": (UPLOAD, "PUT", Case(forever(head("403 No"), b"A"), R.FORBIDDEN)),
    "continue": (UPLOAD, "PUT", Case(forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), R.NO_RESPONSE)),
}


async def meet(house: House, bench: DirectBench, variant: Variant, method: str, trick: Trick) -> Result:
    """One transfer with a storage that plays one trick."""
    async with hostile_storage(house, **{method: trick}) as evil:
        return await bench.run(variant, evil.endpoint(house.endpoint("SITE-A")), SIZE)


async def meet_all(folder: Path, variant: Variant, method: str, cases: Mapping[str, Case]) -> dict[str, Result]:
    """All of them, a few at a time; the results are looked at for anything harmful."""
    places = asyncio.Semaphore(6)
    async with (
        open_house(folder, "dcache") as house,
        direct_bench(_fresh(folder), house.grid.issuer, house.grid.authority.ca_file, limits=LIMITS) as bench,
    ):

        async def one(trick: Trick) -> Result:
            async with places:
                return await meet(house, bench, variant, method, trick)

        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(one(case.trick)) for name, case in cases.items()}
    results = {name: task.result() for name, task in tasks.items()}
    assert_harmless(rendered(list(results.values()), folder))
    return results


def _fresh(folder: Path) -> Path:
    """A second place for a ledger."""
    (folder / "direct").mkdir()
    return folder / "direct"


@pytest.mark.parametrize(
    ("variant", "method", "cases"),
    [(DOWNLOAD, "GET", DOWNLOADS), (DOWNLOAD, "GET", PARTS), (UPLOAD, "PUT", UPLOADS)],
    ids=["downloads", "parts", "uploads"],
)
async def test_each_answer_has_its_reason(
    variant: Variant, method: str, cases: Mapping[str, Case], tmp_path: Path
) -> None:
    results = await meet_all(tmp_path, variant, method, cases)
    assert {name: result.reason for name, result in results.items()} == {n: case.reason for n, case in cases.items()}
    assert {result.outcome for result in results.values()} == {Outcome.FAILURE}
    unclear = {name for name, result in results.items() if result.blame is not Blame.DESTINATION}
    assert unclear <= {"cut", "head-alone"}
    assert all(result.hint for result in results.values())


@pytest.mark.parametrize(("variant", "method"), [(DOWNLOAD, "GET"), (UPLOAD, "PUT")])
async def test_a_broken_answer_is_the_endpoints_failure(variant: Variant, method: str, tmp_path: Path) -> None:
    results = await meet_all(tmp_path, variant, method, BROKEN)
    found = {name: (result.reason, result.blame) for name, result in results.items()}
    expected = {name: (case.reason, Blame.DESTINATION) for name, case in BROKEN.items()}
    if variant is UPLOAD:  # that all was sent does not say that all has arrived
        expected |= dict.fromkeys(("nothing", "half-a-head"), (R.TRANSFER_CUT, Blame.UNDETERMINED))
    assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
async def test_what_has_no_end_costs_time_within_our_limits_and_no_memory(name: str, tmp_path: Path) -> None:
    variant, method, case = ENDLESS[name]
    async with (
        open_house(tmp_path, "dcache") as house,
        direct_bench(_fresh(tmp_path), house.grid.issuer, house.grid.authority.ca_file, limits=LIMITS) as bench,
    ):
        tracemalloc.start()
        start = perf_counter()
        try:
            result = await meet(house, bench, variant, method, case.trick)
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert result.reason is case.reason
    assert grown < 16 * MIB
    assert perf_counter() - start < 12.0
    assert_harmless(rendered([replace(result, warnings=())], tmp_path))
