"""The plan: everything accounted for, nothing twice, and nobody hit in a burst."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.engine.mesh import PlanFilter
from tpcharness.engine.plan import ScheduleTooLarge, make_plan, schedule_of
from tpcharness.model.endpoint import Endpoint, EndpointSubject, Link, LinkSubject
from tpcharness.model.plan import Dropped, DropReason, Plan, PlannedProbe, ScheduledProbe
from tpcharness.model.settings import MIB, ProbeSelection
from tpcharness.model.variant import LINK_VARIANTS, Variant

PULL, PUSH = Variant.HTTPS_PULL, Variant.HTTPS_PUSH
PULL_ONLY = ProbeSelection(variants=(PULL,))


def endpoint(name: str, https: str = "") -> Endpoint:
    return Endpoint(name, https or f"https://{name.lower()}.example:1094/vo")


def mesh(size: int) -> list[Endpoint]:
    return [endpoint(f"SITE-{number:03}") for number in range(size)]


def planned(plan: Plan) -> list[tuple[str, str, Variant, int]]:
    found = []
    for probe in plan.links:
        assert isinstance(probe.subject, Link)
        found.append((probe.subject.source.name, probe.subject.destination.name, probe.variant, probe.size_bytes))
    return found


def ends(probe: PlannedProbe) -> set[str]:
    assert isinstance(probe.subject, Link)
    return {probe.subject.source.name, probe.subject.destination.name}


def doors(plan: Plan) -> list[str]:
    return [str(probe.subject.subject) for probe in plan.doors]


def test_a_full_mesh_has_every_ordered_pair_once_per_variant() -> None:
    plan = make_plan(mesh(4), [ProbeSelection()])
    names = [each.name for each in mesh(4)]
    expected = {(a, b, v, MIB) for a in names for b in names if a != b for v in (PULL, PUSH)}
    assert len(plan.links) == len(expected)
    assert set(planned(plan)) == expected
    assert plan.dropped == ()
    assert doors(plan) == names
    assert {probe.variant for probe in plan.doors} == {Variant.DOOR}


def test_one_endpoint_or_none_makes_an_empty_plan() -> None:
    assert make_plan([], [ProbeSelection()]) == Plan()
    assert make_plan(mesh(1), [ProbeSelection()]) == Plan()
    assert make_plan(mesh(5), []) == Plan()


def test_names_must_be_unique() -> None:
    with pytest.raises(ValueError, match="not unique"):
        make_plan([endpoint("A"), endpoint("A", "https://other.example/x")], [ProbeSelection()])


@pytest.mark.parametrize(
    "other",
    [
        "https://one.example/vo/data",
        "https://ONE.example:443/vo/data/",
        "https://one.example//vo//data",
        "https://one.example/vo/d%61ta",
    ],
)
def test_two_names_of_one_place_are_never_copied_onto_each_other(other: str) -> None:
    endpoints = [endpoint("A", "https://one.example/vo/data"), endpoint("B", other), endpoint("C")]
    plan = make_plan(endpoints, [PULL_ONLY])
    assert {drop.subject: drop.why for drop in plan.dropped} == {
        LinkSubject("A", "B"): DropReason.SAME_STORAGE,
        LinkSubject("B", "A"): DropReason.SAME_STORAGE,
    }
    assert len(plan.links) == 4


def test_two_areas_of_one_host_are_two_storages() -> None:
    endpoints = [endpoint("A", "https://one.example/vo/a"), endpoint("B", "https://one.example/vo/b")]
    assert len(make_plan(endpoints, [PULL_ONLY]).links) == 2


def test_opted_out_endpoints_are_left_in_peace_in_every_role() -> None:
    plan = make_plan(mesh(4), [PULL_ONLY], opt_out=["SITE-002"])
    assert "SITE-002" not in doors(plan)
    assert all("SITE-002" not in ends(probe) for probe in plan.links)
    assert Counter(drop.why for drop in plan.dropped) == {DropReason.OPTED_OUT: 6}
    assert {drop.detail for drop in plan.dropped} == {"SITE-002"}


def test_the_filters_pick() -> None:
    plan = make_plan(
        mesh(5),
        [ProbeSelection()],
        filters=PlanFilter(sources=("SITE-00[01]",), destinations=("SITE-004",), variants=(PUSH,), sizes=(5, 7)),
    )
    assert set(planned(plan)) == {(s, "SITE-004", PUSH, n) for s in ("SITE-000", "SITE-001") for n in (5, 7)}
    assert doors(plan) == ["SITE-000", "SITE-001", "SITE-004"]
    assert {drop.why for drop in plan.dropped} == {DropReason.FILTERED}
    assert len(plan.dropped) == 5 * 4 * 2 - 2


def test_the_endpoint_filter_keeps_links_at_either_end() -> None:
    plan = make_plan(mesh(4), [PULL_ONLY], filters=PlanFilter(endpoints=("SITE-001",)))
    assert len(plan.links) == 6
    assert all("SITE-001" in ends(probe) for probe in plan.links)


def test_a_probe_of_an_endpoint_with_itself_is_explained() -> None:
    filters = PlanFilter(sources=("SITE-001",), destinations=("SITE-001",))
    plan = make_plan(mesh(3), [PULL_ONLY], filters=filters)
    assert plan.links == ()
    itself = LinkSubject("SITE-001", "SITE-001")
    assert [drop.why for drop in plan.dropped if drop.subject == itself] == [DropReason.SAME_ENDPOINT]


def test_doors_alone_can_be_asked_for() -> None:
    filters = PlanFilter(endpoints=("SITE-00[12]",), variants=(Variant.DOOR,))
    plan = make_plan(mesh(4), [ProbeSelection()], opt_out=("SITE-002",), filters=filters)
    assert doors(plan) == ["SITE-001"]
    assert plan.links == ()
    assert Dropped(EndpointSubject("SITE-002"), Variant.DOOR, DropReason.OPTED_OUT, "SITE-002") in plan.dropped
    assert Dropped(EndpointSubject("SITE-000"), Variant.DOOR, DropReason.FILTERED) in plan.dropped


def test_a_selection_may_ask_for_the_door_of_an_endpoint_without_partners() -> None:
    plan = make_plan(mesh(1), [ProbeSelection(variants=(Variant.DOOR, PULL))])
    assert doors(plan) == ["SITE-000"]


def test_overlapping_selections_are_probed_once_and_sizes_add_up() -> None:
    star = ProbeSelection(variants=(PULL,), sources=("SITE-000",), sizes=(MIB, 2 * MIB))
    plan = make_plan(mesh(3), [PULL_ONLY, star])
    assert len(plan.links) == 6 + 2
    assert len(set(planned(plan))) == len(plan.links)


names = st.sampled_from([f"SITE-{number:03}" for number in range(9)] + ["*", "SITE-00[1-4]", "NOBODY"])
globs = st.lists(names, max_size=3).map(tuple)
selections = st.lists(
    st.builds(
        ProbeSelection,
        variants=st.lists(st.sampled_from(LINK_VARIANTS), min_size=1, unique=True).map(tuple),
        sources=globs,
        destinations=globs,
        sizes=st.lists(st.sampled_from((1, 2, 3)), min_size=1, unique=True).map(tuple),
    ),
    max_size=3,
)
filters_ = st.builds(
    PlanFilter,
    sources=globs,
    destinations=globs,
    endpoints=globs,
    variants=st.lists(st.sampled_from(LINK_VARIANTS), unique=True).map(tuple),
)


@given(st.integers(0, 9), selections, globs, filters_)
def test_planned_and_dropped_are_together_all_and_share_nothing(
    size: int, chosen: list[ProbeSelection], opt_out: tuple[str, ...], filters: PlanFilter
) -> None:
    endpoints = mesh(size)
    plan = make_plan(endpoints, chosen, opt_out=opt_out, filters=filters)

    def matches(name: str, patterns: tuple[str, ...]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    offered = {
        (a.name, b.name, variant)
        for selection in chosen
        for variant in selection.variants
        for a in endpoints
        for b in endpoints
        if a != b and matches(a.name, selection.sources) and matches(b.name, selection.destinations)
    }
    subjects = [cell[:3] for cell in planned(plan)]
    dropped = [
        (drop.subject.source, drop.subject.destination, drop.variant)
        for drop in plan.dropped
        if isinstance(drop.subject, LinkSubject) and drop.why is not DropReason.SAME_ENDPOINT
    ]
    assert len(planned(plan)) == len(set(planned(plan)))
    assert len(dropped) == len(set(dropped))
    assert set(subjects) | set(dropped) == offered
    assert not set(subjects) & set(dropped)
    assert set(doors(plan)) == {name for probe in plan.links for name in ends(probe)}
    assert plan == make_plan(endpoints, chosen, opt_out=opt_out, filters=filters)


@given(st.integers(2, 24), st.sampled_from([(PULL,), (PULL, PUSH)]))
def test_a_full_mesh_never_hits_an_endpoint_in_a_burst(size: int, variants: tuple[Variant, ...]) -> None:
    links = make_plan(mesh(size), [ProbeSelection(variants=variants)]).links
    quiet = max(1, size // 2 - 1)
    for start in range(len(links)):
        once = Counter(name for probe in links[start : start + quiet] for name in ends(probe))
        assert max(once.values()) == 1
        twice = Counter(name for probe in links[start : start + size // 2] for name in ends(probe))
        assert max(twice.values()) <= 2


def test_the_whole_mesh_is_seen_in_one_variant_before_the_next_begins() -> None:
    variants = [probe.variant for probe in make_plan(mesh(7), [ProbeSelection()]).links]
    assert variants == [PULL] * 42 + [PUSH] * 42


def test_roles_are_balanced_in_each_half_of_a_pass() -> None:
    links = planned(make_plan(mesh(10), [PULL_ONLY]))
    sources = Counter(source for source, *_ in links[:45])
    assert set(sources.values()) <= {3, 4, 5, 6}


def test_the_largest_mesh_is_complete() -> None:
    plan = make_plan(mesh(170), [ProbeSelection()])
    assert len(plan.links) == len(set(planned(plan))) == 57_460
    assert len(plan.doors) == 170


def schedule(
    size: int, chosen: list[ProbeSelection], intervals: list[float], opt_out: tuple[str, ...] = ()
) -> tuple[ScheduledProbe, ...]:
    return schedule_of(mesh(size), chosen, intervals, opt_out, 900.0)


def test_a_schedule_has_the_doors_and_links_of_the_plan() -> None:
    found = schedule(4, [ProbeSelection()], [3600.0], ("SITE-003",))
    plan = make_plan(mesh(4), [ProbeSelection()], opt_out=("SITE-003",))
    assert [one.probe for one in found] == [*plan.doors, *plan.links]
    assert [one.interval_seconds for one in found] == [900.0] * 3 + [3600.0] * 12


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_selected_twice_runs_at_the_shorter_interval(turned: bool) -> None:
    star = ProbeSelection(variants=(PULL,), sources=("SITE-000",), sizes=(MIB, 7))
    chosen, intervals = [PULL_ONLY, star], [7200.0, 60.0]
    if turned:
        chosen, intervals = chosen[::-1], intervals[::-1]
    found = schedule(3, chosen, intervals)
    links = {planned(Plan(links=(one.probe,)))[0]: one.interval_seconds for one in found[3:]}
    assert len(links) == len(found) - 3 == 8
    assert {cell: seconds for cell, seconds in links.items() if seconds == 60.0} == {
        ("SITE-000", away, PULL, size): 60.0 for away in ("SITE-001", "SITE-002") for size in (MIB, 7)
    }


def test_ten_thousand_endpoints_by_mistake_are_refused_at_once() -> None:
    with pytest.raises(ScheduleTooLarge, match=r"99,990,000 links between 10,000 endpoints.* at most 200,000; name"):
        schedule(10_000, [PULL_ONLY], [3600.0])


@pytest.mark.slow
def test_many_selections_together_can_be_too_many() -> None:
    halves = [ProbeSelection(variants=(PULL,), sizes=(size,)) for size in (1, 2)]
    with pytest.raises(ScheduleTooLarge, match=r"200,000"):
        schedule(330, halves, [1.0, 1.0])
