"""Places: all at once or none, per role, per host, and over all."""

from __future__ import annotations

import pytest

from tpcharness.engine.limits import Limits
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.settings import RunLimits
from tpcharness.model.variant import Variant


def endpoint(name: str, host: str = "", max_transfers: int = 1) -> Endpoint:
    return Endpoint(name, f"https://{host or name.lower()}/vo", max_transfers=max_transfers)


def link(source: Endpoint, destination: Endpoint) -> PlannedProbe:
    return PlannedProbe(Link(source, destination), Variant.HTTPS_PULL, 1)


def door(of: Endpoint) -> PlannedProbe:
    return PlannedProbe(of, Variant.DOOR, 1)


A, B, C, D = map(endpoint, "ABCD")


def test_an_endpoint_is_bounded_in_each_role_apart() -> None:
    limits = Limits(RunLimits())
    assert limits.try_acquire(link(A, B))
    assert not limits.try_acquire(link(A, C))
    assert not limits.try_acquire(link(C, B))
    assert limits.try_acquire(link(B, A))
    limits.release(link(A, B))
    assert limits.try_acquire(link(A, C))


def test_who_gets_nothing_holds_nothing() -> None:
    limits = Limits(RunLimits())
    assert limits.try_acquire(link(A, B))
    assert not limits.try_acquire(link(C, B))
    assert limits.try_acquire(link(C, D))


def test_doors_count_at_their_host() -> None:
    limits = Limits(RunLimits(per_host=1))
    assert limits.try_acquire(door(A))
    assert not limits.try_acquire(link(A, B))
    limits.release(door(A))
    assert limits.try_acquire(link(A, B))
    assert not limits.try_acquire(door(B))


def test_endpoints_of_one_host_share_its_places() -> None:
    limits = Limits(RunLimits(per_host=1))
    first, second = endpoint("X", "one.example:443"), endpoint("Y", "one.example:443")
    assert limits.try_acquire(link(first, second)), "a link within one host needs one place there"
    assert not limits.try_acquire(link(second, A))
    assert limits.try_acquire(link(A, B))


def test_the_whole_run_is_bounded() -> None:
    limits = Limits(RunLimits(concurrency=1))
    assert limits.try_acquire(link(A, B))
    assert limits.exhausted
    assert not limits.try_acquire(link(C, D))
    limits.release(link(A, B))
    assert limits.try_acquire(link(C, D))


@pytest.mark.parametrize("limits", [RunLimits(concurrency=0), RunLimits(per_host=0)])
def test_limits_under_which_nothing_could_run_are_refused(limits: RunLimits) -> None:
    with pytest.raises(ValueError, match="nothing could ever run"):
        Limits(limits)


def test_an_endpoint_under_which_nothing_could_run_is_refused() -> None:
    with pytest.raises(ValueError, match="Z as source"):
        Limits(RunLimits()).try_acquire(link(endpoint("Z", max_transfers=0), A))
