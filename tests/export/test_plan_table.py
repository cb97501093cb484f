from tests.export.screen import Screen
from tpcharness.export.plan_table import PlanReport
from tpcharness.model.endpoint import Endpoint, EndpointSubject, Link, LinkSubject
from tpcharness.model.plan import Dropped, DropReason, Plan, PlannedProbe
from tpcharness.model.variant import DEFAULT_VARIANTS, Variant

MIB = 1024 * 1024
ENDPOINTS = [Endpoint(f"SITE-{letter}", f"https://{letter}.example/data") for letter in "ABCD"]
PLAN = Plan(
    doors=tuple(PlannedProbe(endpoint, Variant.DOOR, 1024) for endpoint in ENDPOINTS),
    links=tuple(
        PlannedProbe(Link(a, b), variant, MIB)
        for a in ENDPOINTS
        for b in ENDPOINTS
        if a != b
        for variant in DEFAULT_VARIANTS
    ),
    dropped=(
        *(
            Dropped(LinkSubject(e.name, e.name), variant, DropReason.SAME_ENDPOINT)
            for e in ENDPOINTS
            for variant in DEFAULT_VARIANTS
        ),
        Dropped(EndpointSubject("SITE-E"), Variant.DOOR, DropReason.NO_TOKENS, "[tokens.x] is not defined"),
    ),
)


def test_a_plan_says_what_would_happen_and_ends_with_its_sum():
    scopes = [f"SITE-{i}: storage.read:/x" for i in range(30)]
    text = Screen(100).show(PlanReport(PLAN, scopes, ["https://a.example/data/tpcharness/x/seed"])).text
    assert "https-pull     12      1 MiB    12 MiB" in text
    assert "token scopes that would be asked for (30):" in text
    assert "SITE-19: storage.read:/x" in text
    assert "SITE-20:" not in text
    assert "... and 10 more" in text
    assert "files that would be written, and removed again (1):" in text
    assert (
        text.splitlines()[-1] == "4 doors and 24 link probes on 4 endpoints, 24 MiB to copy; nothing has been touched"
    )


def test_what_is_asked_of_endpoints_alone_has_rows_of_its_own():
    upload, legacy = (Variant.WEBDAV_UPLOAD, MIB), (Variant.GSIFTP_DOOR, 0)
    alone = tuple(PlannedProbe(endpoint, *work) for work in (upload, legacy) for endpoint in ENDPOINTS[:2])
    lines = Screen(100).show(PlanReport(Plan(alone=alone))).lines
    assert [line.split() for line in lines[:3]] == [
        ["variant", "probes", "size", "each", "together"],
        ["gsiftp-door", "2", "—", "—"],
        ["webdav-upload", "2", "1", "MiB", "2", "MiB"],
    ]
    assert lines[-1].startswith("0 doors, 4 endpoint probes and 0 link probes on 2 endpoints, 2 MiB to copy;")


def test_what_is_left_out_is_grouped_by_why():
    text = Screen(300).show(PlanReport(PLAN)).text
    assert "left out (9):" in text
    assert "  8 same endpoint (SITE-A -> SITE-A https-pull, " in text
    assert ", and 3 more)" in text
    assert "  1 no tokens: [tokens.x] is not defined (SITE-E door)" in text
    assert "token scopes" not in text


def test_who_lacks_something_is_named_once():
    pairs = [("A", "B", "srm of A and B"), ("A", "C", "srm of A"), ("C", "B", "srm of B"), ("B", "C", "srm of B")]
    dropped = [
        Dropped(LinkSubject(source, destination), Variant.GFAL_SRM_SRM, DropReason.NOT_CONFIGURED, detail)
        for source, destination, detail in pairs
    ]
    dropped.append(Dropped(LinkSubject("A", "B"), Variant.ROOT_PULL, DropReason.NO_ROOT_DOOR, "A and B"))
    text = Screen(300).show(PlanReport(Plan(dropped=tuple(dropped)))).text
    assert "  4 not configured: srm of A, B (A -> B gfal-srm-srm, " in text
    assert "  1 no root door: A, B (A -> B root-pull)" in text


def test_an_empty_plan():
    assert Screen(100).show(PlanReport(Plan())).lines == [
        "0 doors and 0 link probes on 0 endpoints, 0 B to copy; nothing has been touched"
    ]
