"""Seeds at storages that answer in unusual ways, byte by byte."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.payload_bench import ScriptedBench, new_trail, scripted_bench
from tests.support.scripted_server import Answer, SeenRequest, answer, never
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.payload.cleaning import forgotten
from tpcharness.payload.content import Content
from tpcharness.payload.ledger import LedgerError
from tpcharness.payload.seeds import SEED_LIFETIME_SECONDS, Seed

SIZE = 1000
SEED = "/vo/tpcharness/bench/seed-r1-1000"
GOOD_HEAD = answer(200, "", ("Content-Length", "1000"), ("Digest", f"adler32={Content(SIZE).adler32}"))
CREATED = answer(201)


async def ask(bench: ScriptedBench) -> Seed | Failure:
    return await bench.store.seed(bench.endpoint, SIZE, new_trail())


async def test_the_requests_and_their_tokens(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", GOOD_HEAD)
        assert isinstance(await ask(bench), Seed)
        put, head = bench.server.requests
        assert (put.line, head.line) == (f"PUT {SEED}", f"HEAD {SEED}")
        assert put.body == b"".join(Content(SIZE).chunks())
        assert (put.headers["content-length"], put.headers["expect"]) == ("1000", "100-continue")
        assert head.headers["want-digest"] == "adler32"
        assert (put.token, head.token) == ("seed", "seed")
        assert bench.tokens.asked[0].scopes == (
            "storage.create:/tpcharness/bench/seed-r1-1000",
            "storage.read:/tpcharness/bench/seed-r1-1000",
        )


@pytest.mark.parametrize("status", [404, 409])
async def test_a_missing_directory_is_made_and_the_upload_repeated(tmp_path: Path, status: int) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", answer(status, "no parent"), times=1).on("PUT *", CREATED)
        bench.server.on("MKCOL *", CREATED).on("HEAD *", GOOD_HEAD)
        assert isinstance(await ask(bench), Seed)
        assert bench.server.lines == [
            f"PUT {SEED}",
            "MKCOL /vo/tpcharness",
            "MKCOL /vo/tpcharness/bench",
            f"PUT {SEED}",
            f"HEAD {SEED}",
        ]
        assert {request.token for request in bench.server.requests if request.method == "MKCOL"} == {"directory"}


async def test_the_upload_is_repeated_once_only(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", answer(409)).on("MKCOL *", answer(405))
        failure = await ask(bench)
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.SEED_FAILED
        assert [line.split()[0] for line in bench.server.lines] == ["PUT", "MKCOL", "MKCOL", "PUT"]


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (answer(401), Reason.SEED_REFUSED),
        (answer(403, "permission denied"), Reason.SEED_REFUSED),
        (answer(507, "quota"), Reason.NO_SPACE),
        (answer(400), Reason.SEED_FAILED),
        (answer(500, "oops"), Reason.SEED_FAILED),
        (answer(503), Reason.SEED_FAILED),
        (answer(302, "", ("Location", "ftp://x/")), Reason.SEED_FAILED),
        (b"", Reason.SEED_FAILED),
        (b"SSH-2.0\r\n\r\n", Reason.SEED_FAILED),
        (never, Reason.SEED_FAILED),
    ],
    ids=["401", "403", "507", "400", "500", "503", "bad redirect", "closed", "no http", "silent"],
)
async def test_what_a_failed_upload_is_called(tmp_path: Path, put: Answer, reason: Reason) -> None:
    async with scripted_bench(tmp_path, limits=TimeLimits(transfer_seconds=0.3, request_seconds=0.3)) as bench:
        bench.server.on("PUT *", put)
        failure = await ask(bench)
        assert isinstance(failure, Failure)
        assert (failure.reason, failure.blame) == (reason, Blame.SOURCE)
        assert failure.detail
        assert bench.noted == [bench.endpoint.url(SEED)], "there may be debris"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (answer(404), Reason.SEED_FAILED),
        (answer(403), Reason.SEED_REFUSED),
        (answer(500), Reason.SEED_FAILED),
        (answer(200, "", ("Content-Length", "999")), Reason.SEED_CORRUPT),
        (answer(200, "", ("Content-Length", "1000"), ("Digest", "adler32=00000001")), Reason.SEED_CORRUPT),
        (answer(200, "", ("Content-Length", "many")), Reason.SEED_FAILED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Reason.SEED_FAILED),
    ],
    ids=["404", "403", "500", "size", "digest", "nonsense", "nothing said"],
)
async def test_what_a_wrong_look_is_called(tmp_path: Path, head: Answer, reason: Reason) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", head)
        failure = await ask(bench)
        assert isinstance(failure, Failure)
        assert (failure.reason, failure.blame) == (reason, Blame.SOURCE)


async def digest_for_ever_pending(request: SeenRequest) -> bytes:
    """DPM that never comes to an end with its checksum; the length is that of the answer."""
    if "want-digest" in request.headers:
        return answer(202, "", ("Content-Length", "0"))
    return answer(200, "", ("Content-Length", str(SIZE)))


@pytest.mark.parametrize(
    "head",
    [
        answer(200, "", ("Content-Length", "1000")),
        answer(200, "", ("Content-Length", "1000"), ("Digest", "md5=1B2M2Y8AsgTpgAmY7PhCfg==")),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDigest: ADLER32=C2BBDCD2\r\n\r\n",
        digest_for_ever_pending,
    ],
    ids=["size only", "another algorithm", "digest only", "for ever pending"],
)
async def test_half_an_answer_is_enough_when_it_is_right(tmp_path: Path, head: Answer) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", head)
        assert isinstance(await ask(bench), Seed)


@pytest.mark.parametrize(
    "first",
    [answer(404), answer(202), answer(200, "", ("Content-Length", "0"))],
    ids=["not visible yet", "digest pending (DPM)", "not finished yet"],
)
async def test_a_late_answer_is_waited_for(tmp_path: Path, first: bytes) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", first, times=1).on("HEAD *", GOOD_HEAD)
        assert isinstance(await ask(bench), Seed)
        assert [line.split()[0] for line in bench.server.lines] == ["PUT", "HEAD", "HEAD"]


async def test_looking_again_has_an_end(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", answer(404))
        await ask(bench)
        assert len(bench.server.requests) == 4


async def test_the_ledger_has_the_line_before_the_server_has_the_request(tmp_path: Path) -> None:
    noted: list[bool] = []

    async def look_into_the_ledger(request: SeenRequest) -> bytes:
        noted.append(request.target in (tmp_path / "ledger.jsonl").read_text())
        return CREATED

    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", look_into_the_ledger).on("HEAD *", GOOD_HEAD)
        await ask(bench)
    assert noted == [True]


async def test_without_a_ledger_nothing_is_sent(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.ledger._release()
        with pytest.raises(LedgerError):
            await ask(bench)
        with pytest.raises(LedgerError):
            await bench.registered()
        assert bench.server.requests == []


async def test_a_missing_token_is_the_token_sources_failure_and_nothing_is_sent(tmp_path: Path) -> None:
    refusal = Failure(Reason.ISSUER_REFUSED, "invalid_scope", Blame.ISSUER)
    async with scripted_bench(tmp_path) as bench:
        bench.tokens.refused["seed"] = refusal
        assert await ask(bench) == refusal
        assert (bench.server.requests, bench.noted, bench.store._seeds.files) == ([], [], ())


async def test_a_token_missing_for_the_second_upload_leaves_the_first_one_noted(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", answer(500))
        assert isinstance(await ask(bench), Failure)
        bench.store._seeds._findings.clear()
        bench.tokens.refused["seed"] = Failure(Reason.ISSUER_REFUSED, "invalid_scope", Blame.ISSUER)
        assert await ask(bench) == bench.tokens.refused["seed"]
        assert bench.noted == [bench.endpoint.url(SEED)]


async def test_an_empty_seed_does_not_wait(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", answer(200))
        assert isinstance(await bench.store.seed(bench.endpoint, 0, new_trail()), Seed)
        assert "expect" not in bench.server.requests[0].headers


async def test_a_second_upload_asks_for_the_right_to_replace_the_first(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", answer(500), times=1).on("PUT *", CREATED).on("HEAD *", GOOD_HEAD)
        assert isinstance(await ask(bench), Failure)
        bench.store._seeds._findings.clear()
        assert isinstance(await ask(bench), Seed)
        rights = [[scope.partition(":")[0] for scope in request.scopes] for request in bench.tokens.asked]
        assert rights[0] == ["storage.create", "storage.read"]
        assert rights[1] == ["storage.create", "storage.modify", "storage.read"]


async def test_the_next_probe_goes_on_when_the_uploading_one_is_cancelled(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on("PUT *", never, times=1).on("PUT *", CREATED).on("HEAD *", GOOD_HEAD)
        first, second = (asyncio.create_task(ask(bench)) for _ in range(2))
        while not bench.server.requests:
            await asyncio.sleep(0.01)
        first.cancel()
        assert isinstance(await second, Seed)
        assert first.cancelled()


async def test_a_seed_that_cannot_be_looked_at_for_once_is_not_forgotten(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, recheck_seconds=0.0) as bench:
        bench.server.on("PUT *", CREATED)
        bench.server.on("HEAD *", GOOD_HEAD, times=1).on("HEAD *", answer(503), times=1).on("HEAD *", GOOD_HEAD)
        assert isinstance(await ask(bench), Seed)
        failure = await ask(bench)
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.SEED_FAILED
        bench.store._seeds._findings.clear()
        assert isinstance(await ask(bench), Seed)
        assert [line.split()[0] for line in bench.server.lines] == ["PUT", "HEAD", "HEAD", "HEAD"]


async def test_a_seed_that_was_lost_is_made_again(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, recheck_seconds=0.0) as bench:
        bench.server.on("PUT *", CREATED)
        bench.server.on("HEAD *", GOOD_HEAD, times=1).on("HEAD *", answer(404), times=3).on("HEAD *", GOOD_HEAD)
        assert isinstance(await ask(bench), Seed)
        lost = await ask(bench)
        assert isinstance(lost, Failure)
        assert (lost.reason, lost.blame) == (Reason.SEED_LOST, Blame.NOBODY)
        again = await ask(bench)
        assert isinstance(again, Seed)
        assert bench.noted == [again.file.url]


async def test_a_seed_that_was_damaged_is_replaced_under_a_fresh_name(tmp_path: Path) -> None:
    """Without the right to overwrite, and without pulling the rug from under those who read it."""
    async with scripted_bench(tmp_path, recheck_seconds=0.0) as bench:
        damaged = answer(200, "", ("Content-Length", "999"))
        bench.server.on("PUT *", CREATED)
        bench.server.on("HEAD *", GOOD_HEAD, times=1).on("HEAD *", damaged, times=3).on("HEAD *", GOOD_HEAD)
        assert isinstance(await ask(bench), Seed)
        failure = await ask(bench)
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.SEED_CORRUPT
        bench.store._seeds._findings.clear()
        again = await ask(bench)
        assert isinstance(again, Seed)
        assert again.file.path == f"{SEED}-1"
        assert "storage.modify" not in " ".join(scope for asked in bench.tokens.asked for scope in asked.scopes)


async def test_a_seed_has_a_lifetime_and_the_old_one_is_cleaned_away_later(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, recheck_seconds=0.0) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", GOOD_HEAD)
        first = await ask(bench)
        assert isinstance(first, Seed)
        bench.clock.forward(SEED_LIFETIME_SECONDS - 60)
        assert await ask(bench) is first
        bench.clock.forward(60)
        second = await ask(bench)
        assert isinstance(second, Seed)
        assert (first.file.path, second.file.path) == (SEED, f"{SEED}-1")
        assert bench.noted == [first.file.url, second.file.url]

        def nobodys() -> list[str]:
            before = bench.clock.now() - timedelta(seconds=1500)
            return [entry.url for entry in forgotten(bench.ledger, bench.names, before)]

        assert nobodys() == [], "a probe may still be reading it"
        bench.clock.forward(1501)
        assert nobodys() == [first.file.url]


async def test_an_old_seed_that_is_in_use_is_looked_at_not_replaced(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, recheck_seconds=0.0) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", GOOD_HEAD)
        seed = await ask(bench)
        assert isinstance(seed, Seed)
        bench.clock.forward(2 * SEED_LIFETIME_SECONDS)
        assert await bench.store.recheck(seed, new_trail()) is None
        assert [line.split()[0] for line in bench.server.lines] == ["PUT", "HEAD", "HEAD"]


async def test_a_clock_that_is_set_back_spoils_no_seed(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, recheck_seconds=0.0) as bench:
        bench.server.on("PUT *", CREATED).on("HEAD *", GOOD_HEAD)
        seed = await ask(bench)
        bench.clock.forward(-400 * 86400)
        assert await ask(bench) is seed
