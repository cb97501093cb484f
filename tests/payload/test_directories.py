"""Our directory at an endpoint, whatever servers say to MKCOL."""

import asyncio
from pathlib import Path

import pytest

from tests.support.payload_bench import new_trail, scripted_bench
from tests.support.scripted_server import Answer, answer
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason

UPPER, LOWER = "MKCOL /vo/tpcharness", "MKCOL /vo/tpcharness/bench"


@pytest.mark.parametrize(
    ("upper", "lower", "reason"),
    [
        (answer(201), answer(201), None),
        (answer(200), answer(200), None),
        (answer(405), answer(405), None),
        (answer(405), answer(201), None),
        (answer(409, "Resource already exists"), answer(409, "exists"), None),
        (answer(403, "not yours"), answer(201), None),
        (answer(403, "not yours"), answer(405), None),
        (answer(409, "no parent"), answer(409, "parent does not exist"), Reason.PARENT_MISSING),
        (answer(403), answer(403), Reason.FORBIDDEN),
        (answer(401), answer(401), Reason.UNAUTHENTICATED),
        (answer(201), answer(403), Reason.FORBIDDEN),
        (answer(507), answer(201), Reason.NO_SPACE),
        (answer(503), answer(201), Reason.OVERLOADED),
        (b"", answer(201), Reason.CONNECTION_LOST),
    ],
)
async def test_what_the_answers_mean(tmp_path: Path, upper: Answer, lower: Answer, reason: Reason | None) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on(UPPER, upper).on(LOWER, lower)
        failure = await bench.store.ensure_directory(bench.endpoint, new_trail())
        assert (failure.reason if failure else None) is reason
        assert failure is None or failure.blame is None, "only the caller knows the endpoint's part"


async def test_it_is_made_once_by_however_many_and_again_after_a_failure(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        bench.server.on(UPPER, answer(500), times=1).on("MKCOL *", answer(201))
        trail = new_trail()
        assert isinstance(await bench.store.ensure_directory(bench.endpoint, trail), Failure)
        outcomes = await asyncio.gather(*(bench.store.ensure_directory(bench.endpoint, trail) for _ in range(5)))
        assert outcomes == [None] * 5
        assert await bench.store.ensure_directory(bench.endpoint, trail) is None
        assert bench.server.lines == [UPPER, UPPER, LOWER]


async def test_a_redirect_to_the_name_with_a_slash_is_followed(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        for line in (UPPER, LOWER):
            bench.server.on(line, answer(301, "", ("Location", line.split()[1] + "/")))
            bench.server.on(f"{line}/", answer(405))
        assert await bench.store.ensure_directory(bench.endpoint, new_trail()) is None
