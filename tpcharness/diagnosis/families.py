"""Which reasons may be one cause: the same trouble gets other names in pull and push mode, and from other servers."""

from __future__ import annotations

from tpcharness.model.reason import Reason

_R = Reason

TOKENS = frozenset({_R.UNAUTHENTICATED, _R.FORBIDDEN, _R.PASSIVE_UNAUTHENTICATED, _R.PASSIVE_FORBIDDEN})
UNREACHED = frozenset({_R.PASSIVE_REFUSED, _R.PASSIVE_TIMEOUT, _R.PASSIVE_UNREACHABLE, _R.PASSIVE_DNS_FAILURE})

_FAMILIES = (
    TOKENS | {_R.SEED_REFUSED, _R.VERIFY_REFUSED},
    # A connection that is not made and one on which nothing moves look alike to whoever waits.
    UNREACHED
    | {
        _R.PASSIVE_STALLED,
        _R.NO_RESPONSE,
        _R.NO_FIRST_MARKER,
        _R.NO_FIRST_BYTE,
        _R.NO_PROGRESS,
        _R.MARKER_SILENCE,
        _R.DEADLINE,
    },
    frozenset({_R.PASSIVE_CUT, _R.CONNECTION_LOST, _R.NO_VERDICT, _R.ABORTED}),
    frozenset({_R.PASSIVE_NOT_FOUND, _R.NOT_FOUND, _R.PARENT_MISSING}),
    frozenset({_R.PASSIVE_OVERLOADED, _R.OVERLOADED}),
    frozenset({_R.PASSIVE_ERROR, _R.SERVER_ERROR, _R.LOCAL_IO_ERROR, _R.TRANSFER_FAILED}),
    frozenset({_R.SIZE_MISMATCH, _R.CHECKSUM_MISMATCH, _R.CONTENT_MISMATCH, _R.SEED_CORRUPT, _R.NOT_VISIBLE}),
)
_FAMILY = {reason: min(members) for members in _FAMILIES for reason in members}

HEARSAY = frozenset(reason for reason in Reason if reason.startswith("passive_")) | {
    _R.SIZE_MISMATCH,
    _R.CHECKSUM_MISMATCH,
    _R.NOT_VISIBLE,
}
"""What is only the active party's word about the passive one, or a damage that either can have done.

One such cell blames one end, for that is likelier. A whole row or column of them may tell that it was the other: an
active party that loses the passive token gets a 403 everywhere, and a destination that stores rubbish is passive in
push mode.
"""


def family(reason: Reason) -> Reason:
    """One reason that stands for all that may be the same cause."""
    return _FAMILY.get(reason, reason)
