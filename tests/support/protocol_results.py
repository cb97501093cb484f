"""Single results of endpoints and links, for comparing variants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tests.support.matrices import DESTINATION, GOOD, VAGUE
from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative, Result
from tpcharness.model.variant import Blame, Outcome, Variant

BIG = 10**9


def alone(name: str, variant: Variant, reason: Reason = Reason.OK, blame: Blame = DESTINATION) -> Result:
    """One endpoint, asked alone."""
    good = reason is Reason.OK
    return replace(
        GOOD,
        probe_id=f"{name}-{variant}",
        subject=EndpointSubject(name),
        variant=variant,
        outcome=Outcome.OK if good else Outcome.FAILURE,
        reason=reason,
        blame=Blame.NOBODY if good else blame,
    )


def link(
    ends: str,
    variant: Variant,
    reason: Reason = Reason.OK,
    blame: Blame = VAGUE,
    alternatives: Iterable[Blame] = (),
) -> Result:
    """One copy; `ends` are two letters."""
    good = reason is Reason.OK
    return replace(
        GOOD,
        probe_id=f"{ends}-{variant}",
        subject=LinkSubject(*ends),
        variant=variant,
        outcome=Outcome.OK if good else Outcome.FAILURE,
        reason=reason,
        blame=Blame.NOBODY if good else blame,
        alternatives=tuple(Alternative(reason, each) for each in alternatives),
    )


def fast(result: Result, megabytes_per_second: float) -> Result:
    """The same with a gigabyte at this speed."""
    seconds = BIG / 1e6 / megabytes_per_second
    return replace(result, size_bytes=BIG, bytes=BIG, throughput=BIG / seconds, transfer_seconds=seconds)
