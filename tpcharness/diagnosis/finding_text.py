"""The sentences of findings, in plain English; pure text, no judgement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tpcharness.diagnosis.parties import ACTIVE_VARIANTS
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import LEGACY_VARIANTS, Blame, Variant

Variants = tuple[tuple[Variant, ...], tuple[Variant, ...]]
"""Those that fail, and all that were tried."""

MOST_NAMES = 4

_ACTORS = {Blame.PATH: "the network between", Blame.ISSUER: "the token issuer", Blame.CLIENT: "our own side"}
_OTHERS = {
    FindingKind.NOT_REACHABLE: "cannot be reached by",
    FindingKind.REACHES_NOBODY: "does not reach",
    FindingKind.DOES_NOT_TRUST: "does not trust the certificates of",
    FindingKind.NOT_TRUSTED: "is not trusted by",
}
_ADVICE = {
    FindingKind.NOT_REACHABLE: "its door is open to us: look at its firewall and routes",
    FindingKind.REACHES_NOBODY: "other storages reach these partners: look at its firewall, routes and resolver",
    FindingKind.DOES_NOT_TRUST: "other storages trust these certificates: look at the CA and CRL files there",
    FindingKind.NOT_TRUSTED: "we trust its certificate, others do not: look at its chain",
}


def endpoint_down(name: str, door: Variant, reason: Reason, blame: Blame, cells: int, of: int) -> str:
    """SITE-C fails its door check: connection_refused - the endpoint's port ...; 12 of 12 cells there not tried."""
    # A missing token says nothing about the storage: it is not down, we cannot look.
    ours = blame in (Blame.ISSUER, Blame.CLIENT)
    what = f"{name} cannot be tested" if ours else f"{name} fails its {door} check"
    return _sentence(what, (reason,), _to_act((blame,), {Blame.DESTINATION: ""}), _lost(cells, of))


def refuses_tokens(name: str, door: Variant, issuer: str, accepted: int, reason: Reason, cells: int, of: int) -> str:
    """SITE-C refuses tokens of https://iam/ at its door, 11 other endpoints accept them: unauthenticated - ..."""
    others = f"{accepted} other endpoint{'s accept' if accepted > 1 else ' accepts'} them"
    return _sentence(f"{name} refuses tokens of {issuer} at its {door}, {others}", (reason,), _lost(cells, of))


def issuer_not_accepted(issuer: str, names: Sequence[str], reason: Reason, cells: int, of: int) -> str:
    """No endpoint accepts tokens of https://iam/ (SITE-A, SITE-B): unauthenticated - ...; the issuer or each ..."""
    act = "the token issuer or each of these endpoints has to act"
    return _sentence(f"No endpoint accepts tokens of {issuer} ({_names(names)})", (reason,), act, _lost(cells, of))


def no_tokens(
    issuer: str, names: Sequence[str], reasons: Sequence[Reason], blame: Blame, cells: int, of: int, *, ours: bool
) -> str:
    """No tokens from https://iam/ for 12 endpoints (SITE-A, ...): issuer_unreachable - ...; the token issuer ..."""
    if ours:
        what = f"Our own side fails at {_count(names, 'endpoint')} ({_names(names)})"
    else:
        what = f"No tokens{f' from {issuer}' if issuer else ''} for {_count(names, 'endpoint')} ({_names(names)})"
    return _sentence(what, reasons, _to_act((blame,), {}), _lost(cells, of))


def nobody_reached(names: Sequence[str], reasons: Sequence[Reason], cells: int, of: int) -> str:
    """None of 3 endpoints is reached (SITE-A, ...): dns_failure - ...; most likely our own network has to act; ..."""
    what = f"None of {_count(names, 'endpoint')} is reached ({_names(names)})"
    return _sentence(what, reasons, "most likely our own network or name server has to act", _lost(cells, of))


@dataclass(frozen=True, slots=True)
class Accused:
    """An endpoint that explains many cells. `shape` is what it does when it fails, `kind` what is wrong with it.

    `role` is the only one in which it fails, if there is one. `partners` that it fails with, of all; `share` of its
    cells that fail.
    """

    name: str
    kind: FindingKind
    shape: FindingKind
    role: Blame | None
    partners: tuple[int, int]
    share: float
    variants: Variants
    reasons: tuple[Reason, ...]
    blame: Blame
    detail: str = ""

    @property
    def where(self) -> str:
        """The cells, in the words of modes."""
        if self.shape is FindingKind.BAD_AS_ACTIVE:
            return "pull into it, push out of it"
        if self.shape is FindingKind.BAD_AS_PASSIVE:
            return "pull from it, push into it"
        failing, tried = self.variants
        where = _variants(self.variants)
        if self.role and len(failing) < len(tried):
            parts = {"active" if variant in ACTIVE_VARIANTS[self.role] else "passive" for variant in failing}
            if len(parts) == 1:
                where += f", where it is the {parts.pop()} party"
        return where

    @property
    def when(self) -> str:
        """In which role or party, and with how many."""
        some, of_all = self.partners
        if self.role is Blame.SOURCE:
            return f"as source to {some} of {of_all} destinations"
        if self.role is Blame.DESTINATION:
            return f"as destination from {some} of {of_all} sources"
        often = "whenever" if self.share == 1 else "nearly always when" if self.share >= 0.5 else "often when"
        party = {
            FindingKind.BAD_AS_ACTIVE: f"{often} it is the active party",
            FindingKind.BAD_AS_PASSIVE: f"{often} it is the passive party",
        }.get(self.shape, "as source and as destination")
        return f"{party}, with {some} of {of_all} partners"


def bad_endpoint(accused: Accused) -> str:
    """SITE-C fails as destination from 4 of 4 sources (https-pull, https-push): no_space - the destination has ...

    SITE-D fails whenever it is the active party, with 11 of 11 partners (pull into it, push out of it): ...
    SITE-E cannot be reached by 11 of 11 other storages (pull from it, push into it): passive_timeout - ...
    """
    kind = accused.kind
    if kind in _OTHERS:
        some, of_all = accused.partners
        what = f"{accused.name} {_OTHERS[kind]} {some} of {of_all} other storages"
    else:
        refuses = kind is FindingKind.REFUSES_TOKENS
        what = f"{accused.name} {'refuses the tokens that it is shown' if refuses else 'fails'} {accused.when}"
    ends = {Blame.SOURCE: "", Blame.DESTINATION: ""}
    act = _to_act((accused.blame,), {accused.role: ""} if accused.role else ends)
    return _sentence(f"{what} ({accused.where})", accused.reasons, accused.detail, _ADVICE.get(kind, ""), act)


def issued_by(authority: str, count: int) -> str:
    return f"{'all of them were' if count > 1 else 'it was'} issued by {authority}"


def unclear(candidates: Sequence[tuple[str, Blame]], variants: Variants, reasons: Sequence[Reason]) -> str:
    """SITE-A as source or SITE-C as destination fails (https-pull only): ...; the matrix cannot tell which."""
    who = " or ".join(f"{name} as {role}" for name, role in candidates)
    return _sentence(f"{who} fails ({_variants(variants)})", reasons, "the matrix cannot tell which has to act")


def implementation_pair(
    servers: tuple[str, str], words: tuple[str, str], count: tuple[int, int], reasons: Sequence[Reason]
) -> str:
    """dCache/9.2 as active party fails with StoRM/1.11 as passive party (2 and 3 endpoints): ...; each works ..."""
    (one, other), (as_one, as_other) = servers, words
    what = f"{one} as {as_one} fails with {other} as {as_other} ({count[0]} and {count[1]} endpoints)"
    return _sentence(what, reasons, "each of them works with others: tell the developers of both")


def block(
    sources: Sequence[str], destinations: Sequence[str], variants: Variants, reasons: Sequence[Reason], blame: Blame
) -> str:
    """3 sources (A, B, C) fail to 2 destinations (X, Y) (https-pull only): ...; the network between has to act."""
    if set(sources) == set(destinations):
        what = f"{_names(sources)} fail with each other ({_variants(variants)})"
    else:
        what = f"{_names(sources)} fail to {_names(destinations)} ({_variants(variants)})"
    return _sentence(what, reasons, "all of them work with others", _to_act((blame,), {}))


def block_both_ways(
    one: Sequence[str], other: Sequence[str], variants: Variants, reasons: Sequence[Reason], blame: Blame
) -> str:
    """A, B and X, Y fail with each other both ways."""
    what = f"{_names(one)} on one side and {_names(other)} on the other fail both ways ({_variants(variants)})"
    return _sentence(what, reasons, "all of them work with others", _to_act((blame,), {}))


def everything(endpoints: int, variants: Variants, reasons: Sequence[Reason], blame: Blame) -> str:
    """Nothing works between any of the 12 endpoints (https-pull only): ...; it is not certain who has to act."""
    what = f"Nothing works between any of the {endpoints} endpoints ({_variants(variants)})"
    return _sentence(what, reasons, _to_act((blame,), {}))


def single_link(
    source: str, destination: str, variants: Variants, reasons: Sequence[Reason], suspects: Collection[Blame]
) -> str:
    """SITE-A -> SITE-B fails (https-pull only): passive_tls_failed - the active ...; SITE-A or SITE-B has to act."""
    what = f"{source} -> {destination} fails ({_variants(variants)})"
    return _sentence(what, reasons, _to_act(suspects, {Blame.SOURCE: source, Blame.DESTINATION: destination}))


def bad_path(one: str, other: str, variants: Variants, reasons: Sequence[Reason], blame: Blame) -> str:
    """SITE-A <-> SITE-B fails both ways (https-pull, https-push): ...; the network between has to act."""
    return _sentence(f"{one} <-> {other} fails both ways ({_variants(variants)})", reasons, _to_act((blame,), {}))


def fails_alone(name: str, variants: Sequence[Variant], reasons: Sequence[Reason], blame: Blame) -> str:
    """SITE-C fails webdav-upload, asked alone: no_space - the destination has no space left, ..."""
    gone = set(variants) <= set(LEGACY_VARIANTS)
    which = ", ".join(variants)
    what = f"{name} still has what should be gone ({which})" if gone else f"{name} fails {which}, asked alone"
    return _sentence(what, reasons, _to_act((blame,), {Blame.DESTINATION: ""}))


def _lost(cells: int, of: int) -> str:
    return f"{cells} of {of} link probes there fail or were not tried for it" if cells else ""


def _count(names: Sequence[str], word: str) -> str:
    return f"{len(names)} {word}{'s' if len(names) != 1 else ''}"


def _names(names: Sequence[str]) -> str:
    """All of a few; of many the first, and how many more."""
    if len(names) <= MOST_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"


def _variants(variants: Variants) -> str:
    failing, tried = variants
    return ", ".join(failing) + (" only" if len(failing) < len(tried) else "")


def _sentence(what: str, reasons: Sequence[Reason], *consequences: str) -> str:
    main, *others = reasons
    cause = _in_sentence(main.info.sentence)
    also = f"also {', '.join(others)}" if others else ""
    return f"{what}: {'; '.join(filter(None, (f'{main} - {cause}', also, *consequences)))}."


def _in_sentence(sentence: str) -> str:
    """A sentence of the table for use after a dash: abbreviations keep their capitals."""
    keep = sentence[1:2].isupper()
    return (sentence if keep else sentence[:1].lower() + sentence[1:]).rstrip(".")


def _to_act(suspects: Collection[Blame], ends: dict[Blame, str]) -> str:
    """Who has to act, if that is not clear from the rest; an end that is called "" is."""
    if Blame.UNDETERMINED in suspects:
        return "it is not certain who has to act"
    names = [{**_ACTORS, **ends}.get(blame, "") for blame in Blame if blame in suspects]
    return f"{' or '.join(names)} has to act" if all(names) else ""
