"""What only ever grows: the counters behind the metrics, kept by the names and labels that they are exported with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome

CounterKey = tuple[str, tuple[str, ...]]
"""A family, and the values of its labels in the order of `LABELS`."""

BYTES = "tpcharness_transfer_bytes_total"
SECONDS = "tpcharness_transfer_seconds_total"
PROBES = "tpcharness_endpoint_probes_total"
FAILURES = "tpcharness_endpoint_failures_total"
BLAMED = "tpcharness_endpoint_blamed_total"
PHASE_SUM = "tpcharness_endpoint_phase_seconds_sum"
PHASE_COUNT = "tpcharness_endpoint_phase_seconds_count"
CLEANUP_FAILURES = "tpcharness_cleanup_failures_total"

LABELS: Mapping[str, tuple[str, ...]] = {
    BYTES: ("source", "destination", "variant"),
    SECONDS: ("source", "destination", "variant"),
    PROBES: ("endpoint", "role", "variant", "outcome"),
    FAILURES: ("endpoint", "role", "variant", "reason"),
    BLAMED: ("endpoint", "variant", "reason"),
    PHASE_SUM: ("endpoint", "role", "variant", "phase"),
    PHASE_COUNT: ("endpoint", "role", "variant", "phase"),
    CLEANUP_FAILURES: ("endpoint",),
}
"""Every family that is kept. Public: only added, for the history keeps them by these names and this order."""

SOURCE = Blame.SOURCE.value
DESTINATION = Blame.DESTINATION.value
"""The roles. An endpoint that is probed alone is the destination: we are its client, as in a result's blame."""


def increments(result: Result) -> dict[CounterKey, float]:
    """By how much this one result raises which counters; the same for the same result, always.

    What was skipped counts as a probe with that outcome, and as nothing else. Bytes and seconds count only when the
    copy was verified, so that their quotient is a rate that was really reached. An error of ours is nobody's failure.
    """
    variant = result.variant.value
    subject = result.subject
    roles: tuple[tuple[str, str], ...]
    if isinstance(subject, LinkSubject):
        roles = ((subject.source, SOURCE), (subject.destination, DESTINATION))
    else:
        roles = ((subject.endpoint, DESTINATION),)
    grown: dict[CounterKey, float] = {}
    for endpoint, role in roles:
        grown[PROBES, (endpoint, role, variant, result.outcome.value)] = 1.0
        if result.outcome is Outcome.SKIPPED:
            continue
        if result.outcome is Outcome.FAILURE:
            grown[FAILURES, (endpoint, role, variant, result.reason.value)] = 1.0
            if result.blame.value == role:
                grown[BLAMED, (endpoint, variant, result.reason.value)] = 1.0
        for phase, seconds in result.phases.items():
            grown[PHASE_SUM, (endpoint, role, variant, phase.value)] = seconds
            grown[PHASE_COUNT, (endpoint, role, variant, phase.value)] = 1.0
    if isinstance(subject, LinkSubject) and result.ok and result.bytes is not None and result.transfer_seconds:
        labels = (subject.source, subject.destination, variant)
        grown[BYTES, labels] = float(result.bytes)
        grown[SECONDS, labels] = result.transfer_seconds
    if _left_its_file(result):
        grown[CLEANUP_FAILURES, (roles[-1][0],)] = 1.0
    return grown


def _left_its_file(result: Result) -> bool:
    """Whether the probe's payload file is still at the destination: its reason, or a warning beside a worse one."""
    return result.reason in _OF_CLEANUP or any(text.partition(":")[0] in _OF_CLEANUP for text in result.warnings)


_OF_CLEANUP = frozenset({Reason.CLEANUP_REFUSED, Reason.CLEANUP_FAILED, Reason.STILL_WRITING})


class Counters:
    """A sink that adds up `increments`. A counter that was never raised is absent, not 0.

    Bounded by what is configured, not by time: there is one number per family and set of labels that was ever seen.
    """

    def __init__(self) -> None:
        self._families: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in LABELS}

    def add(self, result: Result) -> None:
        """Counts one result. A retried probe counts once per attempt: each of them has asked the storages."""
        for (family, labels), step in increments(result).items():
            values = self._families[family]
            values[labels] = values.get(labels, 0.0) + step

    def load(self, kept: Mapping[CounterKey, float]) -> None:
        """Adds what an earlier life has counted. Families that are not known (a newer history's) are left out."""
        for (family, labels), value in kept.items():
            values = self._families.get(family)
            if values is not None:
                values[labels] = values.get(labels, 0.0) + value

    def value(self, key: CounterKey) -> float:
        """What it stands at, 0 when it was never raised. Raises KeyError for a family that does not exist."""
        family, labels = key
        return self._families[family].get(labels, 0.0)

    def items(self, family: str) -> Iterator[tuple[tuple[str, ...], float]]:
        """The label values and numbers of one family, in the order in which they were first seen.

        Safe while results come in: it goes over a copy. Raises KeyError for a family that does not exist.
        """
        return iter(tuple(self._families[family].items()))

    def values_of(self, family: str) -> Mapping[tuple[str, ...], float]:
        """The live numbers of one family by label values, to look up many. Raises KeyError for an unknown family."""
        return self._families[family]
