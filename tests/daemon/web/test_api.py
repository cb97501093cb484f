"""`/api/v1` against its own OpenAPI document."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.daemon.web.test_guards import status_of
from tpcharness.daemon.web.openapi import openapi_document, openapi_text
from tpcharness.model.downtime import Downtime
from tpcharness.model.secret import Secret

LINK = "source=SITE-A&destination=SITE-B"


def schema_of(path):
    """The schema of a path's good answer, with all definitions beside it."""
    document = openapi_document()
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**answer, "components": document["components"]})


def test_the_document_is_openapi_3_1():
    validate(json.loads(openapi_text()))
    assert openapi_document()["openapi"].startswith("3.1")


async def test_it_is_served_and_names_every_route(site):
    paper, session = site
    async with session.get("/api/v1/openapi.json") as answer:
        document = await answer.json()
    assert document == openapi_document()
    from tpcharness.daemon.web.app import make_app

    served = {route.resource.canonical for route in make_app(paper.running).router.routes() if route.resource}
    assert set(document["paths"]) == {path for path in served if path.startswith("/api/")}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1", ""),
        ("/api/v1/status", ""),
        ("/api/v1/endpoints", ""),
        ("/api/v1/links", ""),
        ("/api/v1/links", f"{LINK}&variant=https-pull"),
        ("/api/v1/links", "state=failure"),
        ("/api/v1/findings", ""),
        ("/api/v1/results", ""),
        ("/api/v1/results", f"{LINK}&outcome=ok&outcome=failure&limit=1"),
        ("/api/v1/results", "endpoint=SITE-A&variant=door&since=2020-01-01T00:00:00Z&until=2100-01-01"),
        ("/api/v1/rollups", LINK),
        ("/api/v1/rollups", "step=day"),
        ("/api/v1/downtimes", ""),
    ],
)
async def test_answers_are_what_the_document_says(site, path, query):
    _, session = site
    async with session.get(f"{path}?{query}") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        document = await answer.json()
    schema_of(path).validate(document)
    listed = [value for value in document.values() if isinstance(value, list)]
    assert path in ("/api/v1/status", "/api/v1/downtimes") or any(listed)


async def test_one_result_has_its_evidence(site, four):
    _, session = site
    result = next(cell for cell in four.store.cells() if cell.state == "failure").worst
    async with session.get(f"/api/v1/results/{result.run_id}/{result.probe_id}") as answer:
        document = await answer.json()
    schema_of("/api/v1/results/{run_id}/{probe_id}").validate(document)
    assert document["evidence"]["exchanges"][-1]["url"] == result.evidence.exchanges[-1].url
    assert (await status_of(session, "/api/v1/results/no/such"))[0] == 404


async def test_the_root_lists_every_route(site):
    _, session = site
    async with session.get("/api/v1") as answer:
        routes = (await answer.json())["routes"]
    assert {route["path"] for route in routes} == set(openapi_document()["paths"])
    assert all(route["summary"] for route in routes)


async def test_one_endpoint_or_the_nearest(site):
    _, session = site
    path = "/api/v1/endpoints/{name}"
    async with session.get("/api/v1/endpoints/SITE-A") as answer:
        assert answer.status == 200
        document = await answer.json()
    schema_of(path).validate(document)
    assert document["name"] == "SITE-A"
    for name, near in (("SITE-AA", "SITE-A"), ("%3Cb%3E%1b", None)):
        async with session.get(f"/api/v1/endpoints/{name}", headers={"Accept": "text/html"}) as answer:
            assert answer.status == 404
            assert answer.content_type == "application/json"
            told = await answer.json()
        assert told["nearest"] == near
        assert told["error"].startswith("There is no endpoint")
        assert "\x1b" not in told["error"]


async def test_pages_of_results_lead_on(site, four):
    _, session = site
    seen, path = [], "/api/v1/results?limit=7"
    while path:
        async with session.get(path) as answer:
            document = await answer.json()
        seen += [result["probe_id"] for result in document["results"]]
        path = f"/api/v1/results?limit=7&before={document['next']}" if document["next"] else ""
    assert len(seen) == len(set(seen)) == len(four.store.results())


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("results?limit=0", "1 to 1000"),
        ("results?limit=x", "whole number"),
        ("results?variant=teleport", "https-pull"),
        ("results?outcome=maybe", "failure"),
        ("results?since=yesterday", "2026-11-22T14:00:00Z"),
        ("results?before=%00", "next"),
        ("results?endpoint=A&source=B", "does not go together"),
        ("rollups?step=century", "hour"),
        ("rollups?since=1000-01-01", "at most"),
        ("rollups?until=0001-01-01", "our time"),
        ("rollups?since=0001-01-01T00:00:00%2B23:59&until=0001-01-02", "our time"),
        ("results?until=9999-12-31T23:59:59-23:59", "our time"),
        ("links?variant=x", "https-push"),
        ("results/a/b?attempt=x", "whole number"),
    ],
)
async def test_a_senseless_question_is_told_why(site, query, said):
    _, session = site
    status, text = await status_of(session, f"/api/v1/{query}")
    assert status == 400
    assert said in text
    assert not re.search(r"Traceback|File \"", text)


async def test_a_living_secret_is_in_no_answer(site, four):
    """Whoever wrote it there: a storage, or a document about downtimes."""
    paper, session = site
    secret = Secret("canary-4712-very-secret-value")
    word = secret.reveal()
    result = next(cell for cell in four.store.cells() if cell.state == "failure").worst
    exchange = replace(result.evidence.exchanges[-1], body_excerpt=word, url=f"https://x.example/?a={word}")
    evidence = replace(result.evidence, exchanges=(exchange,))
    await paper.add(replace(result, hint=word, warnings=(word,), evidence=evidence))
    now, hour = paper.clock.now(), timedelta(hours=1)
    name = result.subject.source
    paper.running.schedule.set_downtimes([Downtime(now - hour, now + hour, (name,), (), word, word)])
    paper.running.findings = tuple(replace(each, sentence=word) for each in paper.running.findings)
    one = f"results/{result.run_id}/{result.probe_id}"
    for path in ("endpoints", "downtimes", "findings", "links", "results?limit=1000", one):
        status, text = await status_of(session, f"/api/v1/{path}")
        assert (status, "canary-4712" in text) == (200, False), path
