"""`/api/v1` against its own OpenAPI document."""

import json
import re

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.daemon.web.test_guards import status_of
from tpcharness.daemon.web.openapi import openapi_document, openapi_text

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
