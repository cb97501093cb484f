"""The sentences of findings, in plain English; pure text, no judgement."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant

Variants = tuple[tuple[Variant, ...], tuple[Variant, ...]]
"""Those that fail, and all that were tried."""

_ACTIVE_VARIANTS = {Blame.SOURCE: Variant.HTTPS_PUSH, Blame.DESTINATION: Variant.HTTPS_PULL}
_ACTORS = {Blame.PATH: "the network between", Blame.ISSUER: "the token issuer", Blame.CLIENT: "our own side"}


def endpoint_down(name: str, reason: Reason, blame: Blame, cells: int, of: int) -> str:
    """SITE-C fails its door check: connection_refused - the endpoint's port ...; 12 of 12 cells there not tried."""
    # A missing token says nothing about the storage: it is not down, we cannot look.
    ours = blame in (Blame.ISSUER, Blame.CLIENT)
    what = f"{name} cannot be tested" if ours else f"{name} fails its door check"
    consequence = f"{cells} of {of} link probes there fail or were not tried for it" if cells else ""
    return _sentence(what, (reason,), _to_act((blame,), {Blame.DESTINATION: ""}), consequence)


def bad_line(
    name: str, role: Blame, partners: tuple[int, int], variants: Variants, reasons: Sequence[Reason], blame: Blame
) -> str:
    """SITE-C fails as destination from 4 of 4 sources (https-pull, https-push): no_space - the destination ..."""
    others = "to {} of {} destinations" if role is Blame.SOURCE else "from {} of {} sources"
    where = _variants(variants)
    failing, tried = variants
    if len(failing) < len(tried):
        where += f", where it is the {'active' if failing == (_ACTIVE_VARIANTS[role],) else 'passive'} party"
    what = f"{name} fails as {role} {others.format(*partners)} ({where})"
    return _sentence(what, reasons, _to_act((blame,), {role: ""}))


def single_link(
    source: str, destination: str, variants: Variants, reasons: Sequence[Reason], suspects: Collection[Blame]
) -> str:
    """SITE-A -> SITE-B fails (https-pull only): passive_tls_failed - the active ...; SITE-A or SITE-B has to act."""
    what = f"{source} -> {destination} fails ({_variants(variants)})"
    return _sentence(what, reasons, _to_act(suspects, {Blame.SOURCE: source, Blame.DESTINATION: destination}))


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
