"""The truth table of legacy doors: every manner of a gsiftp or SRM door, and what the audit of it must find.

What an expert concludes who sees the wire, and shows neither a certificate nor a token. `ok` is a door that is shut.
Where the wire cannot tell the legacy door from another service, or the door from the way to it, all causes stand here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant
from tpcharness.testbed.legacy.manners import Kind

_R, _IT, _WAY = Reason, Blame.DESTINATION, Blame.PATH
SHUT = ""
"""No fault at all."""

_REPLIES = "mail servers greet with these codes too, and nothing else names the service"
_CLOSED = "SRM doors want a certificate, and so do others"
_HIDDEN = "a web server that lets nobody in shows not what is behind it"
_GONE = "what hangs or closes may be an SRM's door or another's"
_FAILING = "a proxy that fails shows not what is behind it"
_FILTER = "a filter of the site's or one on the way: what is dropped looks the same"


@dataclass(frozen=True, slots=True)
class LegacyCell:
    """One door with one fault: reason and blame of each cause that the wire allows, the likeliest first."""

    kind: Kind
    fault: str
    causes: tuple[tuple[Reason, Blame], ...]
    why: str = ""

    def __str__(self) -> str:
        return f"{self.fault or 'shut'}@{self.variant}"

    @property
    def variant(self) -> Variant:
        return Variant.GSIFTP_DOOR if self.kind is Kind.GSIFTP else Variant.SRM_DOOR

    @property
    def reason(self) -> Reason:
        return self.causes[0][0]

    @property
    def blame(self) -> Blame:
        """Who must be blamed: nobody in particular where the causes differ in that."""
        blames = {blame for _, blame in self.causes}
        return next(iter(blames)) if len(blames) == 1 else Blame.UNDETERMINED

    @property
    def alternatives(self) -> frozenset[tuple[Reason, Blame]]:
        """What must stand beside it: the other causes, or all of them where nobody is blamed."""
        return frozenset(self.causes if self.blame is Blame.UNDETERMINED else self.causes[1:])

    @property
    def ambiguous(self) -> bool:
        return len(self.causes) > 1


def _sure(kind: Kind, fault: str, reason: Reason) -> LegacyCell:
    return LegacyCell(kind, fault, ((reason, _IT),))


def _or_another(kind: Kind, fault: str, why: str) -> LegacyCell:
    """The legacy door, or another service."""
    return LegacyCell(kind, fault, ((_R.LEGACY_ANSWERS, _IT), (_R.MALFORMED_RESPONSE, _IT)), why)


def _or_the_door(fault: str, reason: Reason, why: str) -> LegacyCell:
    """Something else is wrong, and it may be the SRM's own."""
    return LegacyCell(Kind.SRM, fault, ((reason, _IT), (_R.LEGACY_ANSWERS, _IT)), why)


def _shut(kind: Kind) -> LegacyCell:
    return LegacyCell(kind, SHUT, ((_R.OK, Blame.NOBODY),))


def _dropped(kind: Kind) -> LegacyCell:
    causes = ((_R.CONNECT_TIMEOUT, _IT), (_R.CONNECT_TIMEOUT, _WAY))
    return LegacyCell(kind, f"{kind}_dropped", causes, _FILTER)


LEGACY_CELLS: tuple[LegacyCell, ...] = (
    _shut(Kind.GSIFTP),
    _sure(Kind.GSIFTP, "gsiftp_gsi", _R.LEGACY_ANSWERS),
    _sure(Kind.GSIFTP, "gsiftp_plain", _R.LEGACY_ANSWERS),
    _or_another(Kind.GSIFTP, "gsiftp_quiet_banner", _REPLIES),
    _sure(Kind.GSIFTP, "gsiftp_quiet_gsi", _R.LEGACY_ANSWERS),
    _sure(Kind.GSIFTP, "gsiftp_long_greeting", _R.LEGACY_ANSWERS),
    _or_another(Kind.GSIFTP, "gsiftp_turns_away", _REPLIES),
    _or_another(Kind.GSIFTP, "gsiftp_breaks_off", _REPLIES),
    _or_another(Kind.GSIFTP, "gsiftp_endless_greeting", _REPLIES),
    _or_another(Kind.GSIFTP, "gsiftp_endless_line", _REPLIES),
    _sure(Kind.GSIFTP, "gsiftp_garbage", _R.MALFORMED_RESPONSE),
    _sure(Kind.GSIFTP, "gsiftp_ssh", _R.MALFORMED_RESPONSE),
    _sure(Kind.GSIFTP, "gsiftp_mail", _R.MALFORMED_RESPONSE),
    _sure(Kind.GSIFTP, "gsiftp_mail_busy", _R.MALFORMED_RESPONSE),
    _sure(Kind.GSIFTP, "gsiftp_mail_quiet", _R.MALFORMED_RESPONSE),
    _sure(Kind.GSIFTP, "gsiftp_news", _R.MALFORMED_RESPONSE),
    _sure(Kind.GSIFTP, "gsiftp_web", _R.MALFORMED_RESPONSE),
    _sure(Kind.GSIFTP, "gsiftp_closes", _R.CONNECTION_LOST),
    _sure(Kind.GSIFTP, "gsiftp_silent", _R.NO_RESPONSE),
    _dropped(Kind.GSIFTP),
    _shut(Kind.SRM),
    _sure(Kind.SRM, "srm_ping", _R.LEGACY_ANSWERS),
    _sure(Kind.SRM, "srm_other_path", _R.LEGACY_ANSWERS),
    _sure(Kind.SRM, "srm_httpg", _R.LEGACY_ANSWERS),
    _sure(Kind.SRM, "srm_fault", _R.LEGACY_ANSWERS),
    _or_the_door("srm_certificate", _R.TLS_HANDSHAKE, _CLOSED),
    _or_the_door("srm_certificate_old", _R.TLS_HANDSHAKE, _CLOSED),
    _or_the_door("srm_no_handshake", _R.TLS_HANDSHAKE, _GONE),
    _or_the_door("srm_slow_handshake", _R.TLS_TIMEOUT, _GONE),
    _or_the_door("srm_closes", _R.CONNECTION_LOST, _GONE),
    _or_the_door("srm_silent", _R.NO_RESPONSE, _GONE),
    _or_another(Kind.SRM, "srm_unauthorized", _HIDDEN),
    _or_another(Kind.SRM, "srm_forbidden", _HIDDEN),
    _or_another(Kind.SRM, "srm_no_certificate", _HIDDEN),
    _or_the_door("srm_busy", _R.OVERLOADED, _FAILING),
    _or_the_door("srm_gateway", _R.SERVER_ERROR, _FAILING),
    _sure(Kind.SRM, "srm_web", _R.MALFORMED_RESPONSE),
    _sure(Kind.SRM, "srm_bomb", _R.MALFORMED_RESPONSE),
    _sure(Kind.SRM, "srm_endless", _R.MALFORMED_RESPONSE),
    _sure(Kind.SRM, "srm_garbage", _R.MALFORMED_RESPONSE),
    _sure(Kind.SRM, "srm_no_tls", _R.MALFORMED_RESPONSE),
    _dropped(Kind.SRM),
)
