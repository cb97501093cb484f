"""From a reason and a blame to an outcome: whose failure a failure is."""

from __future__ import annotations

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome

NOT_TRIED = frozenset({Reason.ENDPOINT_DOWN, Reason.NOT_REACHED, Reason.SEED_LOST, Reason.CANCELLED})


def outcome_of(reason: Reason, blame: Blame) -> Outcome:
    """`error` is what we bear ourselves, `failure` what a storage, an issuer or the path does (design 4)."""
    if reason is Reason.OK:
        return Outcome.OK
    if reason in NOT_TRIED:
        return Outcome.SKIPPED
    if reason is Reason.INTERNAL or blame is Blame.CLIENT:
        return Outcome.ERROR
    return Outcome.FAILURE
