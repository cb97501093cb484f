"""`/probe` on paper: who may, what is answered, and what it costs."""

import asyncio
from dataclasses import replace

import pytest

from tests.daemon.web.test_guards import status_of
from tests.support.scraped import types_of
from tpcharness.daemon.web.probe_now import HEADER, exposition
from tpcharness.export.metrics.catalogue import ON_DEMAND, PROBE_DURATION, PROBE_RESULT_CODE, PROBE_SUCCESS
from tpcharness.model.variant import Phase
from tpcharness.results.latest import duration_seconds


def samples(text):
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if not line.startswith("#")
    }


async def ask(session, query, **headers):
    return await status_of(session, f"/probe?{query}", headers=headers)


def cell_of(made, state):
    return next(cell for cell in made.store.cells() if cell.state == state and cell.variant == "https-pull")


async def test_a_good_probe_is_a_success(guarded, four):
    paper, session = guarded
    cell = cell_of(four, "ok")
    before = paper.running.latest.version
    status, text = await ask(session, f"source={cell.subject.source}&destination={cell.subject.destination}")
    assert status == 200
    found = samples(text)
    assert found["tpcharness_probe_success"] == 1
    assert found["tpcharness_probe_result_code"] == 0
    assert found["tpcharness_probe_bytes"] == cell.worst.bytes
    assert found['tpcharness_probe_phase_seconds{phase="transfer"}'] == cell.worst.phases["transfer"]
    assert paper.running.latest.version == before + 1  # it counts like any other


async def test_names_and_texts_are_those_of_the_catalogue(guarded, four):
    _, session = guarded
    cell = cell_of(four, "ok")
    _, text = await ask(session, f"source={cell.subject.source}&destination={cell.subject.destination}")
    told = types_of(text.encode())
    wanted = [PROBE_SUCCESS, PROBE_RESULT_CODE, PROBE_DURATION, *ON_DEMAND]
    assert told == {metric.name: (metric.kind, metric.help) for metric in wanted}
    assert samples(text)[PROBE_DURATION.name] == pytest.approx(duration_seconds(cell.worst))


async def test_a_probe_s_wait_for_its_place_is_not_its_duration(four):
    result = cell_of(four, "ok").worst
    waited = replace(result, phases={**result.phases, Phase.QUEUED: 100.0})
    assert samples(exposition(waited).decode())[PROBE_DURATION.name] == pytest.approx(duration_seconds(result))


async def test_a_bad_one_names_its_code(guarded, four):
    _, session = guarded
    cell = cell_of(four, "failure")
    status, text = await ask(session, f"source={cell.subject.source}&destination={cell.subject.destination}")
    assert status == 200
    assert samples(text)["tpcharness_probe_success"] == 0
    assert samples(text)["tpcharness_probe_result_code"] == cell.worst.code


async def test_a_door_is_one_endpoint(guarded):
    _, session = guarded
    for query in ("source=SITE-A&variant=door", "destination=SITE-A&variant=door"):
        status, text = await ask(session, query)
        assert status == 200
        assert samples(text)["tpcharness_probe_success"] == 1


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "Name both ends"),
        ("source=SITE-A", 400, "Name both ends"),
        ("source=SITE-A&destination=SITE-B&target=x", 400, "target"),
        ("source=SITE-A&destination=SITE-B&variant=x", 400, "https-pull"),
        ("source=SITE-A&destination=SITE-B&size=big", 400, "bytes"),
        ("source=SITE-A&destination=SITE-A", 404, "not configured"),
        ("source=SITE-A&destination=https://evil.example/", 404, "not configured"),
        ("source=SITE-A&destination=SITE-B&size=17", 404, "not configured"),
    ],
)
async def test_only_what_is_configured_is_probed(guarded, query, status, said):
    paper, session = guarded
    before = paper.running.latest.version
    found, text = await ask(session, query)
    assert found == status
    assert said in text
    assert paper.running.latest.version == before


async def test_the_same_twice_is_too_much(guarded):
    paper, session = guarded
    paper.go.clear()
    query = "source=SITE-A&destination=SITE-B"
    first = asyncio.create_task(ask(session, query))
    while not paper.running.service.status().in_flight:
        await asyncio.sleep(0.005)
    status, text = await ask(session, query)
    assert status == 429
    assert "No place now" in text
    paper.go.set()
    assert (await first)[0] == 200


async def test_it_answers_before_prometheus_gives_up(guarded):
    paper, session = guarded
    paper.go.clear()
    status, text = await ask(session, "source=SITE-A&destination=SITE-B", **{HEADER: "0.6"})
    assert status == 504
    assert "scrape_timeout" in text
    paper.go.set()
    for wrong in ("soon", ""):
        assert (await ask(session, "source=SITE-A&destination=SITE-B", **{HEADER: wrong}))[0] == 400
    assert (await ask(session, "source=SITE-A&destination=SITE-B", **{HEADER: "nan"}))[0] == 200
