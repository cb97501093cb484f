from dataclasses import replace
from datetime import timedelta

from tests.export.samples import NOON
from tpcharness.model.endpoint import Endpoint, Link, LinkSubject
from tpcharness.model.plan import Dropped, DropReason, Plan, PlannedProbe
from tpcharness.model.variant import Variant
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts

A = Endpoint("SITE-A", "https://a.example:2880/data", site="Site-A", tokens="secret-source")
B = Endpoint("SITE-B", "https://b.example/data")
DROPPED = Dropped(LinkSubject("SITE-A", "SITE-A"), Variant.HTTPS_PULL, DropReason.SAME_ENDPOINT)
PLAN = Plan(
    doors=(PlannedProbe(A, Variant.DOOR, 10), PlannedProbe(B, Variant.DOOR, 10)),
    alone=(PlannedProbe(A, Variant.WEBDAV_UPLOAD, 500), PlannedProbe(B, Variant.SRM_DOOR, 0)),
    links=(PlannedProbe(Link(A, B), Variant.HTTPS_PULL, 1000),),
    dropped=(DROPPED,),
)


def begin() -> RunFacts:
    return RunFacts.begin(PLAN, run_id="r", started_at=NOON, version="1", harness="h", config_path="endpoints.toml")


def test_a_run_begins_with_what_its_plan_says():
    run = begin()
    assert run.endpoints == (
        EndpointFacts("SITE-A", "Site-A", "a.example:2880"),
        EndpointFacts("SITE-B", "", "b.example"),
    )
    assert (run.planned_doors, run.planned_alone, run.planned_links) == (2, 2, 1)
    assert (run.planned, run.planned_bytes) == (5, 1500)
    assert run.dropped == (DROPPED,)
    assert run.ended is None
    assert run.duration_seconds is None


def test_a_run_ends():
    run = replace(begin(), warnings=("one",)).finish(RunEnd.DEADLINE, NOON + timedelta(seconds=90), ("two",))
    assert run.ended is RunEnd.DEADLINE
    assert run.duration_seconds == 90
    assert run.warnings == ("one", "two")


def test_a_clock_that_was_set_back_gives_no_negative_duration():
    assert begin().finish(RunEnd.COMPLETE, NOON - timedelta(hours=1)).duration_seconds == 0
