"""JUnit: valid by a schema, one testcase for each probe, and nothing that a server says can break it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from tests.export.samples import MIB, door, ended, failed, findings, good, matrix, run
from tpcharness.export.junit import junit_text
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.store import MatrixStore

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd").read_text())


def stored(*results: Result) -> MatrixStore:
    store = MatrixStore()
    for result in results:
        store.add(result)
    return store


def parsed(store: MatrixStore, facts=None, found=()) -> ET.Element:
    """The document, valid by the schema."""
    text = "".join(junit_text(facts or run(), store, found))
    SCHEMA.validate(text)
    assert text.isascii()
    return ET.fromstring(text)


def only_case(*results: Result) -> ET.Element:
    (case,) = parsed(stored(*results)).iter("testcase")
    return case


@pytest.mark.parametrize(
    "broken",
    [
        '<testsuite name="x"/>',
        "<testsuites><case/></testsuites>",
        '<testsuites><testsuite name="" tests="x"/></testsuites>',
    ],
)
def test_the_schema_refuses_what_is_wrong(broken):
    assert not SCHEMA.is_valid(broken)


def test_a_suite_for_each_destination_and_one_for_the_doors():
    root = parsed(matrix(4), found=findings())
    assert [suite.get("name") for suite in root] == ["doors", "SITE-A", "SITE-B", "SITE-C", "SITE-D"]
    assert [suite.get("tests") for suite in root] == ["4", "6", "6", "6", "6"]
    broken = root[3]
    assert (broken.get("failures"), broken.get("errors"), broken.get("skipped")) == ("6", "0", "0")
    names = [case.get("name") for case in root[2].iter("testcase")]
    assert names[:2] == ["SITE-A -> SITE-B [https-pull]", "SITE-A -> SITE-B [https-push]"]
    assert names == sorted(names)
    assert {case.get("classname") for case in root[2].iter("testcase")} == {"tpcharness.SITE-B"}


def test_the_totals_are_those_of_the_testcases():
    root = parsed(matrix(4))
    for count, element in (("failures", "failure"), ("errors", "error")):
        assert int(root.get(count) or -1) == len(list(root.iter(element))) > 0
        for suite in root:
            assert int(suite.get(count) or 0) == len(list(suite.iter(element)))
    assert sum(int(suite.get("skipped") or 0) for suite in root) == len(list(root.iter("skipped"))) == 2
    assert int(root.get("tests") or 0) == len(list(root.iter("testcase"))) == 28


def test_a_failure_has_its_reason_its_blame_its_remedy_and_its_evidence():
    case = only_case(failed())
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "forbidden"
    assert failure.get("message", "").endswith("(blame destination SITE-B)")
    assert "tpcharness explain forbidden" in (failure.text or "")
    said = case.findtext("system-out", "")
    for text in (
        "asked: COPY https://site-b.example:2880/data/tpcharness/x/file",
        'answer: 403 Forbidden (XRootD/5.7.1 at pool.site-b.example:2880, after 1 redirect) — "no matching mapping',
        "token: write: storage.create:/tpcharness/x",
        "192.0.2.7",
        "when: 2026-11-22 12:00:00 UTC",
    ):
        assert text in said
    assert "Authorization" not in said


@pytest.mark.parametrize(
    ("outcome", "element"), [(Outcome.FAILURE, "failure"), (Outcome.ERROR, "error"), (Outcome.SKIPPED, "skipped")]
)
def test_every_outcome_has_its_element(outcome, element):
    case = only_case(ended(good(), outcome, Reason.INTERNAL, Blame.CLIENT))
    assert [child.tag for child in case] == [element, "system-out"]


def test_a_good_copy_with_a_warning_passes_and_says_it():
    case = only_case(good())
    assert [child.tag for child in case] == ["system-out"]
    assert case.findtext("system-out") == "warning: no marker for 7 s"
    assert len(only_case(replace(good(), warnings=()))) == 0


def test_several_sizes_are_told_apart_and_one_is_not_mentioned():
    names = [case.get("name") for case in parsed(stored(good(size=1024 * MIB), good(size=MIB))).iter("testcase")]
    assert names == ["SITE-A -> SITE-B [https-pull, 1 MiB]", "SITE-A -> SITE-B [https-pull, 1 GiB]"]


def test_the_last_attempt_decides():
    first = replace(failed(), probe_id="p")
    assert only_case(first, replace(good(probe_id="p", attempt=2), warnings=())).find("failure") is None


def test_the_run_stands_in_the_properties_and_an_end_that_is_missing_too():
    def properties(facts) -> dict[str | None, str | None]:
        (suite,) = parsed(stored(good()), facts)
        return {each.get("name"): each.get("value") for each in suite.iter("property")}

    assert properties(run())["run_id"] == "r1"
    assert properties(run())["ended"] == "complete"
    assert properties(run(ended_how=None))["ended"] == "incomplete"


def test_a_finding_stands_with_its_culprit():
    root = parsed(matrix(4), found=findings())
    with_finding = {
        suite.get("name"): each.get("value")
        for suite in root
        for each in suite.iter("property")
        if each.get("name") == "finding"
    }
    assert with_finding.keys() == {"doors", "SITE-C", "SITE-B"}


def test_nothing_at_all_is_valid_too():
    assert len(parsed(MatrixStore(), run(ended_how=None))) == 0


@given(st.text() | st.text("<>&'\"]"), st.text(st.characters(codec=None), max_size=40))
def test_whatever_a_server_says_the_document_stays_valid(said: str, name: str):
    result = replace(failed(name or "x", "SITE-B", body=said), hint=f"see <{said[::-1]}>", warnings=(said,))
    root = parsed(stored(result, door(name or "x")), replace(run(), harness=said, warnings=(said,)))
    assert len(list(root.iter("testcase"))) == 2


def test_text_is_capped_and_secrets_are_masked():
    body = "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln " + "x" * 100_000
    text = "".join(junit_text(run(), stored(failed(body=body)), ()))
    assert "eyJ" not in text
    assert len(text) < 10_000


def test_variants_are_testcases_of_their_own():
    root = parsed(stored(good(), failed(variant=Variant.HTTPS_PUSH)))
    assert len(list(root.iter("testcase"))) == 2
    assert len(list(root.iter("failure"))) == 1
