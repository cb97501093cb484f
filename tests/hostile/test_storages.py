"""Storages that mean harm: one clear reason each, within our limits, and nothing of theirs in any output."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from time import perf_counter

import pytest

from tests.hostile.tricks import BROKEN, ENDLESS, STREAMS, Case
from tests.support.hostile import Asked, Trick, hostile_storage, whole
from tests.support.house import House, open_house, shortened
from tests.support.outputs import assert_harmless, rendered
from tpcharness.model.endpoint import Link
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Blame, Outcome, Phase, Variant

LIMITS = shortened(
    request_seconds=2.0,
    response_seconds=1.5,
    first_marker_seconds=1.5,
    first_byte_seconds=1.5,
    no_progress_seconds=1.5,
    marker_silence_seconds=1.5,
    transfer_seconds=3.0,
)
MIB = 1024 * 1024
PHASES = {"OPTIONS": Phase.REQUEST, "MKCOL": Phase.REQUEST, "PUT": Phase.REQUEST} | {
    "HEAD": Phase.VERIFY,
    "GET": Phase.VERIFY,
    "DELETE": Phase.CLEANUP,
}


async def meet(house: House, method: str, trick: Trick) -> tuple[Result, float]:
    """One probe with a storage that plays one trick; and how long it took."""
    async with hostile_storage(house, **{method: trick}) as evil:
        like = house.endpoint("SITE-A")
        endpoint = evil.endpoint(like)
        context = ProbeContext("run", f"p-{method}-{evil.port}", 1, 1024, 0.0, house.clock, Nobody())
        start = perf_counter()
        if method == "COPY":
            result = await house.probes[Variant.HTTPS_PULL].run(Link(like, endpoint), context)
        else:
            result = await house.probes[Variant.DOOR].run(endpoint, context)
        return result, perf_counter() - start


async def meet_all(house: House, method: str, cases: Mapping[str, Case]) -> dict[str, Result]:
    """All of them, a few at a time."""
    places = asyncio.Semaphore(6)

    async def one(trick: Trick) -> tuple[Result, float]:
        async with places:
            return await meet(house, method, trick)

    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(one(case.trick)) for name, case in cases.items()}
    return {name: task.result()[0] for name, task in tasks.items()}


@pytest.mark.parametrize("cases", [BROKEN, STREAMS], ids=["broken", "streams"])
async def test_each_answer_to_a_copy_has_its_reason(cases: Mapping[str, Case], tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache") as house:
        results = await meet_all(house, "COPY", cases)
    assert {name: result.reason for name, result in results.items()} == {n: case.reason for n, case in cases.items()}
    assert {result.outcome for result in results.values()} == {Outcome.FAILURE}
    unclear = {name for name, result in results.items() if result.blame is not Blame.DESTINATION}
    assert unclear <= {"two-verdicts", "deadly-failure"}
    assert_harmless(rendered(list(results.values()), tmp_path))


@pytest.mark.parametrize("method", PHASES)
async def test_a_broken_answer_to_anything_is_the_storages_failure(method: str, tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache") as house:
        results = await meet_all(house, method, BROKEN)
    for name, result in results.items():
        case = BROKEN[name]
        expected = case.reason if PHASES[method] is Phase.REQUEST else _after_the_request(PHASES[method])
        assert (name, result.reason, result.blame) == (name, expected, Blame.DESTINATION)
    assert_harmless(rendered(list(results.values()), tmp_path))


def _after_the_request(phase: Phase) -> Reason:
    return Reason.VERIFY_FAILED if phase is Phase.VERIFY else Reason.CLEANUP_FAILED


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
async def test_what_has_no_end_costs_time_within_our_limits_and_no_memory(name: str, tmp_path: Path) -> None:
    case = ENDLESS[name]
    async with open_house(tmp_path, "dcache", limits=LIMITS) as house:
        await house.prepare(house.link("SITE-A", "SITE-A"))
        tracemalloc.start()
        try:
            result, seconds = await meet(house, "COPY", case.trick)
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert result.reason is case.reason
    assert grown < 16 * MIB
    assert seconds < 10.0
    assert_harmless(rendered([result], tmp_path))


async def test_redirects_share_one_limit(tmp_path: Path) -> None:
    """Ten hops that each come just in time would hold a probe ten times as long."""

    async def dawdling(asked: Asked) -> AsyncIterator[bytes]:
        await asyncio.sleep(LIMITS.response_seconds / 2)
        yield whole("307 Again", b"", f"Location: {asked.url}{asked.target}")

    async with open_house(tmp_path, "dcache", limits=LIMITS) as house:
        result, seconds = await meet(house, "COPY", dawdling)
    assert result.reason is Reason.NO_RESPONSE
    assert seconds < 4 * LIMITS.response_seconds
